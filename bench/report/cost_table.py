"""The table of what runs cost: measured time and memory, of which no two machines agree."""

from __future__ import annotations

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
    """Seconds and MiB of every run."""
    records = tuple(tuple(str(row[column]) for column in COST_COLUMNS) for _, row in costs.iterrows())
    grid = tuple(tuple(_cost_cell(str(row[column]), column) for column in COST_SHOWN) for _, row in costs.iterrows())
    return Table("cost", "Cost", COST_COLUMNS, records, (Section("", tuple(COST_SHOWN.values()), grid, labels=2),))


def _cost_cell(text: str, column: str) -> Cell:
    return Cell(text or "–", value=text if column not in ("run", "train_device") else "")
