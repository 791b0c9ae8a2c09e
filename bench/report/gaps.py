"""How much of the gap between assuming a kernel and knowing it an estimate closes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bench.errors import BadInput
from bench.report import Setting
from bench.report.aggregate import Scores
from bench.report.render import Cell, Section, Table
from bench.report.statistics import F64, RESAMPLES, paired
from bench.report.tables import NA

FLOOR, OURS, CEILING = "zssr.default", "zssr.estimated", "zssr.true"
METRICS = ("psnr_y", "ssim_y")
COLUMNS = (
    "comparison",
    "setting",
    "metric",
    "better",
    "worse",
    "ceiling",
    "better_minus_worse",
    "ceiling_minus_worse",
    "closed",
    "low",
    "high",
    "seeds",
    "pictures",
)
HEADER = (
    "setting",
    "metric",
    "estimated − bicubic",
    "true − bicubic",
    "gap closed",
    "95 % interval",
    "seeds × pictures",
)
NOTE = (
    f"`{OURS}` between `{FLOOR}` (0 %) and `{CEILING}` (100 %), on the pictures of all data sets. Below 0 %: worse "
    "than assuming the bicubic kernel. The interval is a bootstrap over seeds and pictures, drawn independently, of "
    "the ratio of mean differences."
)


def gap_table(every: Sequence[Scores]) -> Table | None:
    """A row for each setting and metric that has all three; None where none has."""
    records, grid = [], []
    for scores in every:
        for metric in (name for name in METRICS if name in scores.setting.metrics):
            try:
                sets = scores.setting.datasets
                over, whole = (paired(scores.frame, one, FLOOR, metric, sets) for one in (OURS, CEILING))
            except BadInput:
                continue
            known = ~np.isnan(over).any(axis=0) & ~np.isnan(whole).any(axis=0)
            if over.shape != whole.shape or not known.any():
                continue
            record, cells = _row(scores.setting, metric, over[:, known], whole[:, known])
            records.append(record)
            grid.append(cells)
    if not records:
        return None
    title = "The gap between assuming and knowing the blur kernel"
    return Table(
        "gap-kernels", title, COLUMNS, tuple(records), (Section("", HEADER, tuple(grid), labels=2),), legend=NOTE
    )


def _row(setting: Setting, metric: str, over: F64, whole: F64) -> tuple[tuple[str, ...], tuple[Cell, ...]]:
    """over, whole: estimate and truth above the floor, (seeds, pictures)."""
    gains = float(over.mean()), float(whole.mean())
    closed, low, high = ratio(over, whole)
    known = [NA if np.isnan(value) else f"{value:.6f}" for value in (closed, low, high)]
    size = over.shape
    sides = (OURS, FLOOR, CEILING)
    record = (
        f"{setting.name} {metric}",
        setting.name,
        metric,
        *sides,
        *(f"{gain:.6f}" for gain in gains),
        *known,
        *map(str, size),
    )
    digits = 3 if metric == "psnr_y" else 4
    shown = [f"{gain:+.{digits}f}".replace("-", "−") for gain in gains]
    percent = NA if np.isnan(closed) else _percent(closed)
    between = NA if np.isnan(low) else f"{_percent(low)} to {_percent(high)}"
    texts = (setting.title, metric, *shown, percent, between, f"{size[0]} × {size[1]}")
    return record, tuple(Cell(text) for text in texts)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %".replace("-", "−")


def ratio(over: F64, whole: F64, seed: int = 0) -> tuple[float, float, float]:
    """mean(over) / mean(whole) and its 95 % interval; NaN where the truth is no better than the floor, in the mean or
    in more than one resample of forty."""
    if not whole.mean() > 0:
        return float("nan"), float("nan"), float("nan")
    rng = np.random.default_rng(seed)
    rows, columns = (rng.multinomial(n, np.full(n, 1 / n), RESAMPLES) / n for n in over.shape)
    above, gap = (((rows @ table) * columns).sum(axis=1) for table in (over, whole))
    closed = float(over.mean() / whole.mean())
    if (gap <= 0).mean() > 1 / 40:
        return closed, float("nan"), float("nan")
    low, high = np.quantile(above[gap > 0] / gap[gap > 0], (0.025, 0.975))
    return closed, float(low), float(high)
