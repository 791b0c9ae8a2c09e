"""The claims and the effects as tables: CSV with every digit, and for a reader the interval beside each difference."""

from collections.abc import Iterable, Mapping, Sequence

from bench.metrics import Metric
from bench.report.aggregate import Scores
from bench.report.render import Cell, Section, Table
from bench.report.rules import LEVEL, MARGINS, WORDS
from bench.report.statistics import Effect
from bench.report.tables import decimals, heading, show_effect, show_size, table_of
from bench.report.verdicts import VariantEffect, Verdict

EFFECT_COLUMNS = (
    *("difference", "low", "high", "boot_low", "boot_high", "p", "p_adjusted"),
    *("detectable", "df", "seeds", "pictures", "kind"),
)
SHOWN = ("difference [95 %]", "p", "detectable", "seeds × pictures")
EXPLAINED = (
    "Difference: the mean over seeds and pictures of all data sets, with its 95 % interval; seeds and pictures are "
    "random effects. The CSV also has the interval of the crossed bootstrap. With fewer than three seeds the interval "
    "is over pictures only, and nothing is tested. p: of no difference, after the correction; intervals and p allow "
    "for skewness, p for more of it than so few pictures show. Simulated with the spreads of suite cpu, single "
    "intervals cover 93.5 to 99 %, most with three seeds; on five pictures as skewed as some here, down to 89 %.",
    "Detectable: the smallest true difference that a design of this size and spread finds with a power of 0.8, at the "
    "corrected level.",
)
PER_METRIC = (
    "p: the false-discovery rate (Benjamini and Hochberg) over the variants of all methods, a metric at a time; the "
    "axes explore, they claim nothing."
)
PER_TABLE = (
    f"Verdicts at {LEVEL:.0%}, corrected by Bonferroni over the tested claims of a family: a paper's, or the sanity "
    "controls, which are those against a method with nothing random."
)
UNEQUAL = (
    "Trained unequally: a verdict stands only where the winner had no more of anything; else the claim is not tested."
)


def effects_table(scores: Scores, effects: Sequence[VariantEffect]) -> Table | None:
    """Every variant's difference to its default, a section a metric; None for a setting without such variants."""
    if not effects:
        return None
    sections = []
    for metric in dict.fromkeys(row.metric for row in effects if row.effect is not None):
        info = scores.metrics[metric]
        lines = [
            (f"{row.method}.{row.variant}", row.axis, *_shown(row.effect, row, info), notes_of(row))
            for row in effects
            if row.metric == metric and row.effect is not None
        ]
        sections.append(_section(heading(info), ("variant", "axis", *SHOWN, "note"), lines, 2))
    records = [
        {"method": r.method, "variant": r.variant, "axis": r.axis, "metric": r.metric}
        | _numbers(r)
        | {"budget": r.budget, "note": r.note}
        for r in effects
    ]
    title = f"Every variant against its default, {scores.setting.title}"
    return table_of(f"effects{scores.suffix}", title, records, sections, (*EXPLAINED, PER_METRIC))


def claims_table(verdicts: Sequence[Verdict], every: Sequence[Scores]) -> Table:
    """The claims that were measured, then each data set's intervals, then those without a result and why."""
    infos = {metric: info for scores in every for metric, info in scores.metrics.items()}
    measured, rest = [], []
    for v in verdicts:
        about = (v.claim_id, v.text, v.status)
        if v.effect is None:
            rest.append((*about, v.note, v.source))
        else:
            sides = (f"{v.better} − {v.worse}", v.metric, v.setting)
            alike = show_p(v.p_equal_adjusted)
            measured.append((*about, *sides, *_shown(v.effect, v, infos[v.metric]), alike, notes_of(v), v.source))
    by_set = [
        (v.claim_id, v.metric, dataset, show_effect(effect, infos[v.metric]), show_size(effect))
        for v in verdicts
        for dataset, effect in v.sets
    ]
    claim = ("claim", "sentence", "verdict")
    sections = (
        _section("", (*claim, "between", "metric", "setting", *SHOWN, "p (alike)", "note", "source"), measured, 6),
        _section("Set by set: intervals, no verdicts", ("claim", "metric", "set", SHOWN[0], SHOWN[-1]), by_set, 3),
        _section("Without a result", (*claim, "why", "source"), rest, 5),
        _families(verdicts),
        _margins(dict.fromkeys(v.metric for v in verdicts if v.metric in infos), infos),
    )
    shown = [section for section in sections if section.rows]
    notes = (*EXPLAINED, PER_TABLE, UNEQUAL, *(f"*{word}*: {means}." for word, (*_, means) in WORDS.items()))
    return table_of("claims", "What the papers claim, and what was found", list(map(_record, verdicts)), shown, notes)


def _record(v: Verdict) -> dict[str, object]:
    return {
        **{"claim": v.claim_id, "family": v.family, "status": v.status, "better": v.better, "worse": v.worse},
        **{"metric": v.metric, "setting": v.setting, **_numbers(v), "margin": MARGINS[v.metric][0]},
        **{"p_equal": v.p_equal, "p_equal_adjusted": v.p_equal_adjusted, "budget": v.budget, "note": v.note},
        **{"sentence": v.text, "source": v.source},
    }


def _section(title: str, header: tuple[str, ...], rows: Iterable[tuple[str, ...]], labels: int) -> Section:
    return Section(title, header, tuple(tuple(map(Cell, row)) for row in rows), labels=labels)


def _families(verdicts: Sequence[Verdict]) -> Section:
    """How many claims each family has, and how many of them were tested: what their p values are multiplied by."""
    names = dict.fromkeys(v.family for v in verdicts)
    rows = []
    for name in names:
        mine = [v for v in verdicts if v.family == name]
        rows.append((name, str(len(mine)), str(sum(v.p_adjusted is not None for v in mine))))
    return _section("Families", ("family", "claims", "tested together"), rows, 1)


def _margins(metrics: Iterable[str], infos: Mapping[str, Metric]) -> Section:
    """The largest difference of each metric that is not relevant, and why."""
    rows = ((heading(infos[metric]), f"{MARGINS[metric][0]:g}", MARGINS[metric][1]) for metric in metrics)
    return _section("Margins, set beforehand", ("metric", "no relevant difference within ±", "because"), rows, 1)


def _shown(effect: Effect, row: VariantEffect | Verdict, info: Metric) -> tuple[str, ...]:
    """The cells under SHOWN."""
    found = f"{effect.detectable(row.level):.{decimals(info)}f}"
    return show_effect(effect, info), show_p(row.p_adjusted), found, show_size(effect)


def show_p(p: float | None) -> str:
    return "–" if p is None else "< 0.001" if p < 0.001 else f"{p:.3f}"


def notes_of(row: VariantEffect | Verdict) -> str:
    """The note, and after it what was unequal in training."""
    return "; ".join(filter(None, (row.note, row.budget and f"trained unequally: {row.budget}")))


def _numbers(row: VariantEffect | Verdict) -> dict[str, object]:
    """Under EFFECT_COLUMNS; p as it enters the correction; None without an effect."""
    effect = row.effect
    if effect is None:
        return dict.fromkeys(EFFECT_COLUMNS)
    p = row.p if isinstance(row, Verdict) else effect.p
    interval = (effect.mean, effect.low, effect.high, effect.boot_low, effect.boot_high)
    design = (effect.detectable(row.level), effect.df, effect.seeds, effect.pictures, effect.kind)
    return dict(zip(EFFECT_COLUMNS, (*interval, p, row.p_adjusted, *design), strict=True))
