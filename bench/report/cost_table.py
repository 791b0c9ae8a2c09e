"""The table of what runs cost: measured time and memory, of which no two machines agree."""

import pandas as pd

from bench.report.aggregate import COST_COLUMNS
from bench.report.render import Cell, Section, Table

COST_SHOWN = {
    "run": "run",
    "train_device": "device",
    "train_seconds": "training (s)",
    "train_cpu_seconds": "training (CPU s)",
    "train_peak_mib": "training (MiB)",
    "upscale_seconds": "upscaling (s)",
    "upscale_peak_mib": "upscaling (MiB)",
}


def cost_table(costs: pd.DataFrame) -> Table:
    """Seconds and MiB of every run, all text."""
    records = tuple(costs[list(COST_COLUMNS)].itertuples(index=False, name=None))
    shown = costs[list(COST_SHOWN)].itertuples(index=False, name=None)
    grid = tuple(
        (Cell(run), Cell(device or "–"), *(Cell(text or "–", value=text) for text in numbers))
        for run, device, *numbers in shown
    )
    return Table("cost", "Cost", COST_COLUMNS, records, (Section("", tuple(COST_SHOWN.values()), grid, labels=2),))
