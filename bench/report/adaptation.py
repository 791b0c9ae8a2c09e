"""What adapting DRN to unpaired LR gains over networks that know bicubic pairs alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bench.errors import BadInput
from bench.report.aggregate import Scores
from bench.report.render import Cell, Section, Table
from bench.report.statistics import TWO_WAY, Effect, effect, paired
from bench.report.tables import NA, show_difference

ADAPTED = "drn-adapt.default"
OTHERS = {
    "bicubic.default": "bicubic interpolation",
    "srresnet.default": "SRResNet, bicubic pairs",
    "drn.default": "DRN, bicubic pairs",
    "drn.without-t91": "DRN, bicubic pairs without the unpaired pictures: where adapting starts",
}
METRICS = ("psnr_y", "lr_psnr")
COLUMNS = (
    "comparison",
    "setting",
    "better",
    "worse",
    "metric",
    "mean_better",
    "mean_worse",
    "gain",
    "low",
    "high",
    "p",
    "seeds",
    "pictures",
)
HEADER = (
    "setting",
    "adapted DRN against",
    "metric",
    "adapted",
    "the other",
    "gain",
    "95 % interval",
    "seeds × pictures",
)


def adaptation_table(every: Sequence[Scores]) -> Table | None:
    """A row for each setting, network and metric; None where nothing was adapted."""
    records, grid, scales = [], [], set()
    for scores in every:
        names = set(scores.runs["method"] + "." + scores.runs["variant"])
        for other in OTHERS if ADAPTED in names else ():
            for metric in (name for name in METRICS if name in scores.setting.metrics):
                found = _against(scores, other, metric)
                if found is None:
                    continue
                record, cells = _row(scores, other, metric, found)
                records.append(record)
                grid.append(cells)
                scales.add(f"×{scores.setting.scale}")
    if not records:
        return None
    legend = (
        f"Here at {' and '.join(sorted(scales))}; the paper adapts at ×8, and its figures were not at hand. Means over "
        "the pictures of all data sets and over seeds. A gain above 0 is for the adapted network; intervals over seeds "
        "and pictures, or over pictures alone where there are fewer than three seeds (in brackets)."
    )
    section = Section("", HEADER, tuple(grid), labels=3)
    return Table("adaptation", "Adapting to unpaired LR", COLUMNS, tuple(records), (section,), legend=legend)


def _against(scores: Scores, other: str, metric: str) -> Effect | None:
    try:
        frame = scores.frame[scores.frame["metric"] == metric]
        return effect(paired(frame, ADAPTED, other, metric, scores.setting.datasets))
    except BadInput:
        return None


def _row(scores: Scores, other: str, metric: str, found: Effect) -> tuple[tuple[str, ...], tuple[Cell, ...]]:
    frame, info = scores.frame[scores.frame["metric"] == metric], scores.metrics[metric]
    names = frame["method"] + "." + frame["variant"]
    means = [float(np.nanmean(frame[names == name]["value"])) for name in (ADAPTED, other)]
    numbers = (*means, found.mean, found.low, found.high, found.p)
    name = scores.setting.name
    texts = [NA if np.isnan(number) else f"{number:.6f}" for number in numbers]
    record = (f"{name} {other} {metric}", name, ADAPTED, other, metric, *texts, str(found.seeds), str(found.pictures))
    gain, low, high = (show_difference(value, info) for value in (found.mean, found.low, found.high))
    interval = f"{low} to {high}" if found.kind == TWO_WAY else f"({low} to {high})"
    size = f"{found.seeds} × {found.pictures}"
    shown = (scores.setting.title, OTHERS[other], metric, *(f"{mean:.2f}" for mean in means), gain, interval, size)
    return record, tuple(Cell(text) for text in shown)
