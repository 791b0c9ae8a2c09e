"""The claims and the effects as tables: CSV with every digit, and for a reader the interval beside each difference."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd

from bench.report import MetricInfo
from bench.report.aggregate import Scores
from bench.report.render import Cell, Section, Table
from bench.report.statistics import Effect
from bench.report.tables import NA, decimals, full, heading, show_difference
from bench.report.verdicts import Row, Verdict, ablation_effects

EFFECT_COLUMNS = (
    *("difference", "low", "high", "boot_low", "boot_high", "p", "p_holm"),
    *("detectable", "df", "seeds", "pictures", "kind"),
)
SHOWN = ("difference [95 %]", "p (Holm)", "detectable", "seeds × pictures")
EXPLAINED = (
    "Difference: the mean over seeds and pictures of all data sets, with its 95 % interval by a model in which both "
    "are random; in the CSV the crossed bootstrap's too. Fewer than three seeds: an interval over pictures only, not "
    "tested.",
    "Detectable: the smallest true difference that a design of this size and spread finds with probability 0.8, before "
    "the correction.",
)
PER_METRIC = "p: of no difference, corrected by Holm over the variants of all methods, a metric at a time."
PER_TABLE = (
    "Verdicts at 5 %, two-sided, corrected by Holm over all claims with three seeds or more. Undecided: not "
    "significant after the correction, or not tested."
)


def effects_table(scores: Scores, everything: pd.DataFrame | None = None) -> Table | None:
    """Every variant's difference to its default, a section a metric; None for a setting without such variants.

    everything: the runs of all settings, to find in them how a network taken from another setting was trained.
    """
    rows = ablation_effects(scores, everything)
    sections = []
    for metric in dict.fromkeys(row.metric for row in rows if row.effect is not None):
        mine = [(row, row.effect) for row in rows if row.metric == metric and row.effect is not None]
        info = scores.metrics[metric]
        lines = [(f"{r.method}.{r.variant}", r.axis, *_shown(one, r.p_holm, info), _notes(r)) for r, one in mine]
        sections.append(_section(heading(info), ("variant", "axis", *SHOWN, "note"), lines, 2))
    if not rows:
        return None
    return Table(
        name=f"effects{scores.suffix}",
        title=f"Every variant against its default, {scores.setting.title}",
        columns=("method", "variant", "axis", "metric", *EFFECT_COLUMNS, "budget", "note"),
        records=tuple((r.method, r.variant, r.axis, r.metric, *_cells(r), r.budget, r.note) for r in rows),
        sections=tuple(sections),
        footnotes=(*EXPLAINED, PER_METRIC),
    )


def claims_table(verdicts: Sequence[Verdict], every: Sequence[Scores]) -> Table:
    """The claims that were measured, then each data set's intervals, then those without a result and why."""
    infos = {metric: info for scores in every for metric, info in scores.metrics.items()}
    main = [_line(v, v.effect, infos[v.metric]) for v in verdicts if v.effect is not None]
    each = [
        (v.claim_id, v.metric, place, _interval(one, infos[v.metric]), _size(one))
        for v in verdicts
        for place, one in v.sets
    ]
    rest = [(v.claim_id, v.text, v.status, v.note, v.source) for v in verdicts if v.effect is None]
    claim = ("claim", "sentence", "verdict")
    sections = (
        _section("", (*claim, "between", "metric", "setting", *SHOWN, "note", "source"), main, 6),
        _section("Set by set: intervals, no verdicts", ("claim", "metric", "set", SHOWN[0], SHOWN[-1]), each, 3),
        _section("Without a result", (*claim, "why", "source"), rest, 5),
    )
    about = ("claim", "status", "better", "worse", "metric", "setting")
    return Table(
        name="claims",
        title="What the papers claim, and what was found",
        columns=(*about, *EFFECT_COLUMNS, "budget", "note", "sentence", "source"),
        records=tuple(_record(v) for v in verdicts),
        sections=tuple(section for section in sections if section.rows),
        footnotes=(*EXPLAINED, PER_TABLE),
    )


def _line(v: Verdict, one: Effect, info: MetricInfo) -> tuple[str, ...]:
    between = f"{v.better} − {v.worse}"
    return (
        v.claim_id,
        v.text,
        v.status,
        between,
        v.metric,
        v.setting,
        *_shown(one, v.p_holm, info),
        _notes(v),
        v.source,
    )


def _record(v: Verdict) -> tuple[str, ...]:
    about = (v.claim_id, v.status, v.better, v.worse, v.metric, v.setting)
    return (*about, *_cells(v), v.budget, v.note, v.text, v.source)


def _section(title: str, header: tuple[str, ...], rows: Iterable[tuple[str, ...]], labels: int) -> Section:
    return Section(title, header, tuple(tuple(map(Cell, row)) for row in rows), labels=labels)


def _shown(one: Effect, p_holm: float | None, info: MetricInfo) -> tuple[str, ...]:
    """The cells under SHOWN."""
    p = "–" if p_holm is None else "< 0.001" if p_holm < 0.001 else f"{p_holm:.3f}"
    return _interval(one, info), p, f"{one.detectable:.{decimals(info)}f}", _size(one)


def _interval(one: Effect, info: MetricInfo) -> str:
    """'+0.12 [−0.03, +0.27]'."""
    low, high = (show_difference(value, info) for value in (one.low, one.high))
    return f"{show_difference(one.mean, info)} [{low}, {high}]"


def _size(one: Effect) -> str:
    return f"{one.seeds} × {one.pictures}"


def _notes(found: Row | Verdict) -> str:
    """The note, and after it what was unequal in training."""
    budget = f"trained unequally: {found.budget}" if found.budget else ""
    return "; ".join(filter(None, (found.note, budget)))


def _cells(found: Row | Verdict) -> tuple[str, ...]:
    """The cells under EFFECT_COLUMNS; p as it enters Holm's correction; n/a without an effect."""
    one = found.effect
    if one is None:
        return (NA,) * len(EFFECT_COLUMNS)
    p = found.p if isinstance(found, Verdict) else one.p
    numbers = (one.mean, one.low, one.high, one.boot_low, one.boot_high, p, found.p_holm, one.detectable, one.df)
    return (*map(full, numbers), str(one.seeds), str(one.pictures), one.kind)
