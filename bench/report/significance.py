"""Which best means are significantly better than the second: the only ones that a table sets in bold."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bench.errors import BadInput
from bench.report.aggregate import Entrant, Scores
from bench.report.render import Mark
from bench.report.statistics import TWO_WAY, effect, holm, paired

LEVEL = 0.05
LEGEND = (
    "**Bold**: the best mean of its column, significantly better than the second on the pictures of all data sets "
    "together (three seeds or more, two-sided, 5 % after Holm's correction over the table). <u>Underlined</u>: the "
    "best mean, not significantly. *Italic*: the second best."
)
UNTESTED = "<u>Underlined</u>: the best of its row; *italic*: the second best. Nothing here is tested."
Column = tuple[str, str]
"""(dataset, metric)"""


def decided(scores: Scores, every: Sequence[Entrant], marks: dict[Column, list[Mark]]) -> set[Column]:
    """The columns whose one leader is significantly better than the one after it; marks: a column's, by entrant."""
    pairs: dict[Column, tuple[str, str, str]] = {}
    for (dataset, metric), column in marks.items():
        names = {
            mark: [f"{one.method}.{one.variant}" for one, m in zip(every, column, strict=True) if m == mark]
            for mark in column
        }
        if len(names.get("leading", [])) == 1 and names.get("second"):
            pairs[dataset, metric] = (metric, names["leading"][0], names["second"][0])
    values = {pair: _p_value(scores, *pair) for pair in dict.fromkeys(pairs.values())}
    tested = {pair: p for pair, p in values.items() if not math.isnan(p)}
    adjusted = dict(zip(tested, holm(list(tested.values())), strict=True))
    return {column for column, pair in pairs.items() if adjusted.get(pair, 1.0) < LEVEL}


def _p_value(scores: Scores, metric: str, leader: str, second: str) -> float:
    """Of no difference on all pictures; 1 where the leader is the worse one there; NaN where nothing can be tested."""
    frame = scores.frame[scores.frame["metric"] == metric]
    try:
        found = effect(paired(frame, leader, second, metric, scores.setting.datasets))
    except BadInput:
        return math.nan
    if found.kind != TWO_WAY:
        return math.nan
    ahead = found.mean > 0 if scores.metrics[metric].better == "higher" else found.mean < 0
    return found.p if ahead else 1.0
