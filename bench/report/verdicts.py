"""Tests: which claims of the papers hold, how far each variant is from its default, which best means are significant.

All tests are on the pictures of all data sets together, at 5 % after Holm's correction: over every claim that can be
tested, over the variants of all methods a metric at a time, over the leaders of a table. Fewer than three seeds give
intervals and no verdict.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from bench.api import Claim
from bench.errors import BadInput
from bench.report.aggregate import Entrant, Scores, methods_of, runs_of, variant_names, variants_of
from bench.report.render import NA, Mark
from bench.report.statistics import F64, TWO_WAY, Effect, holm, paired
from bench.report.statistics import effect as estimate_effect

Status = Literal["holds", "contradicted", "undecided", "not run"]
Column = tuple[str, str]
"""(data set, metric)"""
LEVEL = 0.05
TOLERANCE = 0.02  # budgets that differ by more are marked


@dataclass(frozen=True)
class Verdict:
    """One claim, judged. effect: better - worse on all sets' pictures; sets: the same of each data set.

    p: of no difference, or of one equal to the claim's margin; NaN where it is not tested. lead: how far the mean is
    on the claimed side, past the margin. budget: how the two were trained differently, empty if they were not.
    """

    claim_id: str
    text: str
    source: str
    better: str
    worse: str
    metric: str
    status: Status
    effect: Effect | None = None
    p: float = math.nan
    p_holm: float | None = None
    lead: float = 0.0
    note: str = ""
    budget: str = ""
    setting: str = ""
    sets: tuple[tuple[str, Effect], ...] = ()


@dataclass(frozen=True)
class VariantEffect:
    """A variant against its default on one metric, on all sets' pictures; `note` says why there is no effect."""

    method: str
    variant: str
    axis: str
    metric: str
    effect: Effect | None
    p_holm: float | None
    note: str
    budget: str


def judge(claims: Sequence[Claim], every: Sequence[Scores]) -> list[Verdict]:
    """A verdict for each claim, in the order given. every: the settings of a suite, the main one first."""
    runs = pd.concat([scores.runs for scores in every])
    drafts = [_draft(claim, every, runs) for claim in claims]
    adjusted = adjust([draft.p for draft in drafts])
    return [_decide(draft, p_holm) for draft, p_holm in zip(drafts, adjusted, strict=True)]


def adjust(p_values: Sequence[float]) -> list[float | None]:
    """Holm's correction over those that were tested; None for those that were not, which are NaN."""
    adjusted = iter(holm([p for p in p_values if not math.isnan(p)]))
    return [None if math.isnan(p) else next(adjusted) for p in p_values]


def _decide(draft: Verdict, p_holm: float | None) -> Verdict:
    if p_holm is None:
        return draft
    status: Status = "undecided" if p_holm >= LEVEL else "holds" if draft.lead > 0 else "contradicted"
    return replace(draft, p_holm=p_holm, status=status)


def _draft(claim: Claim, every: Sequence[Scores], runs: pd.DataFrame) -> Verdict:
    """The verdict before Holm's correction: 'not run', or 'undecided' with what was measured."""
    blank = Verdict(claim.id, claim.text, claim.source, claim.better, claim.worse, claim.metric, "not run")
    scores, why = _setting_of(claim, every)
    if scores is None:
        return replace(blank, note=why)
    blank = replace(blank, setting=scores.setting.name)
    effect, why = measure(scores, claim.better, claim.worse, claim.metric)
    if effect is None:
        return replace(blank, note=why, status="not run" if why.startswith(NA) else "undecided")
    datasets = scores.setting.datasets if len(scores.setting.datasets) > 1 else ()
    by_set = ((name, measure(scores, claim.better, claim.worse, claim.metric, (name,))[0]) for name in datasets)
    p, lead = _test_margin(claim, scores, effect)
    notes = (effect.note, "" if claim.pooled else "speaks of single sets: not judged on all of them together")
    return replace(
        blank,
        status="undecided",
        effect=effect,
        p=p if effect.kind == TWO_WAY and claim.pooled else math.nan,
        lead=lead,
        note="; ".join(filter(None, notes)),
        budget=budget_mismatch(scores.runs, claim.better, claim.worse, runs),
        sets=tuple((name, found) for name, found in by_set if found is not None),
    )


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


def _test_margin(claim: Claim, scores: Scores, effect: Effect) -> tuple[float, float]:
    """The p value of a lead equal to the margin, and the lead past it; the sign is the metric's better direction."""
    sign = 1.0 if scores.metrics[claim.metric].better == "higher" else -1.0
    if claim.margin:
        differences = paired_scores(scores, claim.better, claim.worse, claim.metric)
        past = estimate_effect(sign * differences - claim.margin)
        return past.p, past.mean
    return effect.p, sign * effect.mean


def budget_mismatch(runs: pd.DataFrame, a: str, b: str, everything: pd.DataFrame | None = None) -> str:
    """What differs by more than 2 % in how '<method>.<variant>' a and b were trained; empty where nothing does.

    Iterations and HR pixels seen (iterations x batch x patch^2), the runs that a run starts from included; those, and
    the trained network of a run that trains none itself, are looked up in `everything`, which defaults to `runs`.
    """
    known = runs if everything is None else everything
    budgets = [_budget(runs, known[~known.index.duplicated()], name) for name in (a, b)]
    quantities = zip(("iterations", "HR pixels seen"), *budgets, strict=True)
    marks = [f"{what} {x:,} against {y:,}" for what, x, y in quantities if abs(x - y) > TOLERANCE * max(x, y)]
    return "; ".join(marks)


def _budget(runs: pd.DataFrame, known: pd.DataFrame, name: str) -> tuple[int, int]:
    """(iterations, HR pixels seen) of a variant's first run, with those of the runs before it."""
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
    runs = scores.runs
    variants = [(m, axis, v) for m in methods_of(runs) for axis, v in variants_of(runs, m) if v != "default"]
    variants = [(m, axis, v) for m, axis, v in variants if runs_of(runs, m)]
    budgets = [budget_mismatch(runs, f"{m}.{v}", f"{m}.default", everything) for m, _, v in variants]
    rows = []
    for metric in scores.setting.metrics:
        effects = [measure(scores, f"{m}.{v}", f"{m}.default", metric) for m, _, v in variants]
        adjusted = adjust([effect.p if effect and effect.kind == TWO_WAY else math.nan for effect, _ in effects])
        for (m, axis, v), (effect, why), p_holm, budget in zip(variants, effects, adjusted, budgets, strict=True):
            rows.append(VariantEffect(m, v, axis, metric, effect, p_holm, effect.note if effect else why, budget))
    return rows


def significant_columns(scores: Scores, entrants: Sequence[Entrant], marks: dict[Column, list[Mark]]) -> set[Column]:
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
    return effect.p if (effect.mean > 0) == (scores.metrics[metric].better == "higher") else 1.0
