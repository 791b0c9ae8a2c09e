"""Tests: which claims of the papers hold, how far each variant is from its default, which best means are significant.

All tests are on the pictures of all data sets together; fewer than three seeds give intervals and no verdict. Claims:
each is tested for a difference and for the absence of a relevant one. At most one of the two hypotheses is true, so
Bonferroni's correction over the claims of a family bounds the chance of any wrong verdict there; Holm's would not gain,
as every claim keeps a hypothesis. Variants of the axes explore: their false-discovery rate is bounded (Benjamini &
Hochberg, JRSS B 57, 1995), a metric at a time; as variants share their default, the tests are positively dependent
(Benjamini & Yekutieli, Annals of Statistics 29, 2001). Leaders of a table: Holm's correction.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import stats

from bench.api import Claim
from bench.errors import BadInput
from bench.report.aggregate import Scores, Variant, variant_names
from bench.report.render import NA, Mark
from bench.report.rules import LEVEL, MARGINS, SANITY, Status
from bench.report.statistics import F64, MIN_SEEDS, TWO_WAY, Effect, equivalence, holm, paired
from bench.report.statistics import effect as estimate_effect

Column = tuple[str, str]
"""(data set, metric)"""
TOLERANCE = 0.02  # budgets that differ by more are marked


@dataclass(frozen=True)
class Verdict:
    """One claim, judged. effect: better - worse on all sets' pictures; sets: the same of each data set.

    p: of no difference; p_equal: of a relevant one; both NaN where nothing is tested. p_adjusted, p_equal_adjusted,
    level: after and under the correction over the family. lead: how far the mean is on the claimed side, in the
    metric's better direction. budget: how the two were trained differently, empty if they were not;
    spared: the side that had no more of anything, 'better' or 'worse', else 'neither'; empty beside a control.
    stale: whether a side awaits retraining.
    """

    claim_id: str
    text: str
    source: str
    better: str
    worse: str
    metric: str
    family: str
    status: Status
    effect: Effect | None = None
    p: float = math.nan
    p_equal: float = math.nan
    p_adjusted: float | None = None
    p_equal_adjusted: float | None = None
    level: float = LEVEL
    lead: float = 0.0
    note: str = ""
    budget: str = ""
    spared: str = ""
    setting: str = ""
    stale: bool = False
    sets: tuple[tuple[str, Effect], ...] = ()


@dataclass(frozen=True)
class VariantEffect:
    """A variant against its default on one metric, on all sets' pictures; `note` says why there is no effect.

    p_adjusted: the false-discovery rate at which it counts as found. level: of the test that a further one would need.
    """

    method: str
    variant: str
    axis: str
    metric: str
    effect: Effect | None
    p_adjusted: float | None
    level: float
    note: str
    budget: str


def judge(claims: Sequence[Claim], every: Sequence[Scores]) -> list[Verdict]:
    """A verdict for each claim, in the order given. every: the settings of a suite, the main one first."""
    runs = pd.concat([scores.runs for scores in every])
    drafts = [_draft(claim, every, runs) for claim in claims]
    tests = Counter(draft.family for draft in drafts if not math.isnan(draft.p))
    return [_decide(draft, tests[draft.family]) for draft in drafts]


def _decide(draft: Verdict, tests: int) -> Verdict:
    """The verdict of a claim in a family of so many that were tested."""
    if math.isnan(draft.p):
        return draft
    differs = min(1.0, tests * draft.p)
    alike = 1.0 if math.isnan(draft.p_equal) else min(1.0, tests * draft.p_equal)
    status: Status = "undecided"
    if alike < LEVEL:
        status = "no relevant difference"
    elif differs < LEVEL:
        status = "holds" if draft.lead > 0 else "contradicted"
    winner = {"holds": "better", "contradicted": "worse"}.get(status, "")
    if draft.budget and draft.spared not in ("", winner):  # had the winner less, it would win all the more with as much
        status = "not tested"
    note = f"unequal budget; {draft.note}".strip("; ") if status == "not tested" else draft.note
    return replace(draft, status=status, p_adjusted=differs, p_equal_adjusted=alike, level=LEVEL / tests, note=note)


def adjust(p_values: Sequence[float]) -> list[float | None]:
    """Holm's correction over those that were tested; None for those that were not, which are NaN."""
    adjusted = iter(holm([p for p in p_values if not math.isnan(p)]))
    return [None if math.isnan(p) else next(adjusted) for p in p_values]


def _draft(claim: Claim, every: Sequence[Scores], runs: pd.DataFrame) -> Verdict:
    """The verdict before the correction: 'not tested' with the reason, and what was measured."""
    suite, sides = every[0].suite, (claim.better, claim.worse)
    controlled = any(side.partition(".")[0] in suite.deterministic for side in sides)
    method = claim.id.partition(".")[0]
    family = SANITY if controlled else suite.papers.get(method, method)
    blank = Verdict(claim.id, claim.text, claim.source, *sides, claim.metric, family, "not tested")
    scores, why = _setting_of(claim, every)
    if scores is None:
        return replace(blank, note=f"not run: {why}")
    blank = replace(blank, setting=scores.setting.name)
    effect, why = measure(scores, *sides, claim.metric)
    if effect is None:
        return replace(blank, note=why)
    datasets = scores.setting.datasets if len(scores.setting.datasets) > 1 else ()
    by_set = ((name, measure(scores, *sides, claim.metric, (name,))[0]) for name in datasets)
    few = "" if effect.kind == TWO_WAY else f"{effect.seeds} of {MIN_SEEDS} seeds or more"
    sizes = [suite.sizes[side] for side in sides if side in suite.sizes] if claim.sized else []
    other = f"another size: {' and '.join(sizes)}" if sizes else ""
    differences = paired_scores(scores, *sides, claim.metric)
    tested = not (few or other)
    return replace(
        blank,
        effect=effect,
        p=effect.p if tested else math.nan,
        p_equal=equivalence(differences, MARGINS[claim.metric][0]) if tested else math.nan,
        lead=scores.metrics[claim.metric].sign * effect.mean,
        note="; ".join(filter(None, (few, other, "" if few else effect.note, _stale(scores, sides)))),
        budget=budget_mismatch(scores.runs, *sides, runs),
        stale=bool(_stale(scores, sides)),
        spared="" if controlled else _spared(*(_budget(scores.runs, runs, side) for side in sides)),
        sets=tuple((name, found) for name, found in by_set if found is not None),
    )


def _stale(scores: Scores, sides: Sequence[str]) -> str:
    """Which sides await retraining."""
    stale = [side for side in sides if scores.awaits_retraining(side)]
    return f"{' and '.join(stale)} await{'' if stale[1:] else 's'} retraining" if stale else ""


def _setting_of(claim: Claim, every: Sequence[Scores]) -> tuple[Scores | None, str]:
    """The first setting of the claim's scale and degradation that has both sides, or None and why there is none."""
    why = f"nothing was run at x{claim.scale or ' any scale'} {claim.degradation or 'any degradation'}"
    for scores in every:
        setting = scores.setting
        if claim.scale not in (0, setting.scale) or claim.degradation not in ("", setting.degradation):
            continue
        names = set(variant_names(scores.runs))
        lacking = [name for name in (claim.better, claim.worse) if name not in names]
        if not lacking and claim.metric in setting.metrics:
            return scores, ""
        why = f"{' and '.join(lacking)} not run" if lacking else f"{claim.metric} is not among the suite's metrics"
    return None, why


def paired_scores(scores: Scores, better: str, worse: str, metric: str, datasets: Sequence[str] = ()) -> F64:
    """better - worse, (seeds, pictures), on these data sets or on all; see `paired`."""
    chosen = datasets or scores.setting.datasets
    return paired(scores.frame, better, worse, metric, chosen, scores.suite.deterministic)


def measure(
    scores: Scores, better: str, worse: str, metric: str, datasets: Sequence[str] = ()
) -> tuple[Effect | None, str]:
    """The effect on these data sets, or on all; None with the reason, which begins with n/a where values lack."""
    try:
        table = paired_scores(scores, better, worse, metric, datasets)
        if np.isnan(table).any(axis=0).all():
            frame = scores.frame[(scores.frame["metric"] == metric) & scores.frame["value"].isna()]
            notes = frame[variant_names(frame).isin((better, worse))]["note"].map(str).tolist()
            return None, f"{NA}: {notes[0] if notes else 'the two have no picture in common'}"
        return estimate_effect(table), ""
    except BadInput as error:
        return None, str(error)


def budget_mismatch(runs: pd.DataFrame, a: str, b: str, everything: pd.DataFrame | None = None) -> str:
    """What differs by more than 2 % in how '<method>.<variant>' a and b were trained; empty where nothing does.

    Iterations and HR pixels seen (iterations x batch x patch^2), the runs that a run starts from included; those, and
    the trained network of a run that trains none itself, are looked up in `everything`, which defaults to `runs`.
    """
    budgets = [_budget(runs, runs if everything is None else everything, name) for name in (a, b)]
    quantities = zip(("iterations", "HR pixels seen"), *budgets, strict=True)
    marks = [f"{what} {x:,} against {y:,}" for what, x, y in quantities if abs(x - y) > TOLERANCE * max(x, y)]
    return "; ".join(marks)


def _spared(better: tuple[int, int], worse: tuple[int, int]) -> str:
    """The side with no more iterations and no more pixels than the other."""
    pairs = list(zip(better, worse, strict=True))
    return "better" if all(x <= y for x, y in pairs) else "worse" if all(x >= y for x, y in pairs) else "neither"


def _budget(runs: pd.DataFrame, known: pd.DataFrame, name: str) -> tuple[int, int]:
    """(iterations, HR pixels seen) of a variant's first run, with those of the runs before it."""
    known = known[~known.index.duplicated()]
    mine = runs[variant_names(runs) == name]
    if mine.empty:
        raise BadInput(f"{name}: no such variant among the runs; run it, or compare another")
    run = str(mine["run"].iloc[0])
    if not _count(runs.at[run, "iterations"]):
        same = known[variant_names(known) == name]
        trained = same[[_count(text) > 0 for text in same["iterations"]]]
        run = str(trained["run"].iloc[0]) if len(trained) else run
    iterations, pixels = 0, 0
    while run in known.index:
        steps, batch, patch = (_count(known.at[run, column]) for column in ("iterations", "batch", "patch"))
        iterations, pixels = iterations + steps, pixels + steps * batch * patch**2
        run = str(known.at[run, "warm_start"])
    return iterations, pixels


def _count(text: object) -> int:
    """A cell of runs.csv as a number; empty is 0."""
    return int(str(text)) if str(text).isdigit() else 0


def ablation_effects(scores: Scores, everything: pd.DataFrame | None = None) -> list[VariantEffect]:
    """Every variant against its method's default on every metric. everything: as in `budget_mismatch`."""
    bases = {v.method: v.name for v in scores.variants if v.variant == "default"}
    variants = [v for v in scores.variants if v.method in bases and v.variant != "default"]
    budgets = [budget_mismatch(scores.runs, v.name, bases[v.method], everything) for v in variants]
    rows = []
    for metric in scores.setting.metrics:
        effects = [measure(scores, v.name, bases[v.method], metric) for v in variants]
        tested = [effect.p for effect, _ in effects if effect and effect.kind == TWO_WAY]
        rates = [float(rate) for rate in stats.false_discovery_control(tested)] if tested else []
        level = LEVEL * max(1, sum(rate < LEVEL for rate in rates)) / max(1, len(rates))
        left = iter(rates)
        for v, (effect, why), budget in zip(variants, effects, budgets, strict=True):
            rate = next(left) if effect and effect.kind == TWO_WAY else None
            note = effect.note if effect else why
            rows.append(VariantEffect(v.method, v.variant, v.axis, metric, effect, rate, level, note, budget))
    return rows


def significant_columns(scores: Scores, entrants: Sequence[Variant], marks: dict[Column, list[Mark]]) -> set[Column]:
    """The columns of a table whose one leader is significantly better than the runner-up. marks: by entrant."""
    pairs: dict[Column, tuple[str, str, str]] = {}
    for (dataset, metric), column in marks.items():
        first, second = (
            [entrant.name for entrant, mark in zip(entrants, column, strict=True) if mark == wanted]
            for wanted in ("leading", "second")
        )
        if len(first) == 1 and second:
            pairs[dataset, metric] = (metric, first[0], second[0])
    distinct = list(dict.fromkeys(pairs.values()))
    adjusted = dict(zip(distinct, adjust([_p_ahead(scores, *pair) for pair in distinct]), strict=True))
    return {column for column, pair in pairs.items() if (p := adjusted[pair]) is not None and p < LEVEL}


def _p_ahead(scores: Scores, metric: str, leader: str, second: str) -> float:
    """Of no difference on all pictures; 1 where the leader is the worse one there; NaN where nothing can be tested."""
    effect, _ = measure(scores, leader, second, metric)
    if effect is None or effect.kind != TWO_WAY:
        return math.nan
    return effect.p if scores.metrics[metric].sign * effect.mean > 0 else 1.0
