"""What the scores say of the papers' claims, and how far every variant is from its default, with intervals.

A claim is judged on the pictures of all data sets together, with Holm's correction over every claim that could be
tested, at 5 %; a single set shows its interval alone. Fewer than three seeds give no verdict.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np
import pandas as pd

from bench.errors import BadInput
from bench.report.aggregate import Scores, methods_of, runs_of, variants_of
from bench.report.statistics import TWO_WAY, Effect, effect, holm, paired
from bench.report.tables import NA

Status = Literal["holds", "contradicted", "undecided", "not run"]
LEVEL = 0.05
TOLERANCE = 0.02  # budgets that differ by more are marked


class Claimed(Protocol):
    """A claim as bench.api.Claim has it: better and worse are '<method>.<variant>'; scale 0, degradation '': any."""

    @property
    def id(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def better(self) -> str: ...
    @property
    def worse(self) -> str: ...
    @property
    def metric(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def scale(self) -> int: ...
    @property
    def degradation(self) -> str: ...
    @property
    def margin(self) -> float: ...
    @property
    def pooled(self) -> bool: ...


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
class Row:
    """A variant against its default on one metric, on all sets' pictures; `note` says why there is no effect."""

    method: str
    variant: str
    axis: str
    metric: str
    effect: Effect | None
    p_holm: float | None
    note: str
    budget: str


def judge(claims: Sequence[Claimed], every: Sequence[Scores]) -> list[Verdict]:
    """A verdict for each claim, in the order given. every: the settings of a suite, the main one first."""
    runs = pd.concat([scores.runs for scores in every])
    drafts = [_measure(claim, every, runs) for claim in claims]
    tested = [draft for draft in drafts if not math.isnan(draft.p)]
    adjusted = dict(zip([id(draft) for draft in tested], holm([draft.p for draft in tested]), strict=True))
    return [_decide(draft, adjusted.get(id(draft))) for draft in drafts]


def _decide(draft: Verdict, p_holm: float | None) -> Verdict:
    if p_holm is None:
        return draft
    status: Status = "undecided" if p_holm >= LEVEL else "holds" if draft.lead > 0 else "contradicted"
    return replace(draft, p_holm=p_holm, status=status)


def _measure(claim: Claimed, every: Sequence[Scores], runs: pd.DataFrame) -> Verdict:
    """The verdict before Holm's correction: 'not run', or 'undecided' with what was measured."""
    blank = Verdict(claim.id, claim.text, claim.source, claim.better, claim.worse, claim.metric, "not run")
    scores, why = _setting_of(claim, every)
    if scores is None:
        return replace(blank, note=why)
    blank = replace(blank, setting=scores.setting.name)
    found, note = _effect(scores, claim.better, claim.worse, claim.metric)
    if found is None:
        return replace(blank, note=note, status="not run" if note.startswith(NA) else "undecided")
    each = ((place, _effect(scores, claim.better, claim.worse, claim.metric, (place,))[0]) for place in _sets(scores))
    tested, lead = _against_margin(claim, scores, found)
    notes = (found.note, "" if claim.pooled else "speaks of single sets: not judged on all of them together")
    return replace(
        blank,
        status="undecided",
        effect=found,
        p=tested if found.kind == TWO_WAY and claim.pooled else math.nan,
        lead=lead,
        note="; ".join(filter(None, notes)),
        budget=budget_mismatch(scores.runs, claim.better, claim.worse, runs),
        sets=tuple((place, one) for place, one in each if one is not None),
    )


def _setting_of(claim: Claimed, every: Sequence[Scores]) -> tuple[Scores | None, str]:
    """The first setting of the claim's scale and degradation that has both sides, or None and why there is none."""
    why = f"nothing was run at x{claim.scale or ' any scale'} {claim.degradation or 'any degradation'}"
    for scores in every:
        setting = scores.setting
        if claim.scale not in (0, setting.scale) or claim.degradation not in ("", setting.degradation):
            continue
        names = set(scores.runs["method"] + "." + scores.runs["variant"])
        lacking = [name for name in (claim.better, claim.worse) if name not in names]
        if not lacking and claim.metric in setting.metrics:
            return scores, ""
        why = f"{' and '.join(lacking)} not run" if lacking else f"{claim.metric} is not among the suite's metrics"
    return None, why


def _sets(scores: Scores) -> tuple[str, ...]:
    """The data sets to show one by one: none where there is but one."""
    return scores.setting.datasets if len(scores.setting.datasets) > 1 else ()


def _effect(
    scores: Scores, better: str, worse: str, metric: str, sets: Sequence[str] = ()
) -> tuple[Effect | None, str]:
    """The effect on these data sets, or on all; None with the reason, which begins with n/a where values lack."""
    frame = scores.frame[scores.frame["metric"] == metric]
    try:
        table = paired(frame, better, worse, metric, sets or scores.setting.datasets)
        if np.isnan(table).any(axis=0).all():
            names = frame["method"] + "." + frame["variant"]
            notes = [str(note) for note in frame[names.isin((better, worse)) & frame["value"].isna()]["note"]]
            return None, f"{NA}: {notes[0] if notes else 'the two have no picture in common'}"
        return effect(table), ""
    except BadInput as error:
        return None, str(error)


def _against_margin(claim: Claimed, scores: Scores, found: Effect) -> tuple[float, float]:
    """The p value of a lead equal to the margin, and the lead past it; the sign is the metric's better direction."""
    sign = 1.0 if scores.metrics[claim.metric].better == "higher" else -1.0
    if not claim.margin:
        return found.p, sign * found.mean
    table = sign * paired(scores.frame, claim.better, claim.worse, claim.metric, scores.setting.datasets)
    past = effect(table - claim.margin)
    return past.p, past.mean


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
    mine = runs[runs["method"] + "." + runs["variant"] == name]
    if mine.empty:
        raise BadInput(f"{name}: no such variant among the runs; run it, or compare another")
    run = str(mine["run"].iloc[0])
    if not _number(runs.at[run, "iterations"]):
        same = known[known["method"] + "." + known["variant"] == name]
        trained = same[[_number(text) > 0 for text in same["iterations"]]]
        run = str(trained["run"].iloc[0]) if len(trained) else run
    iterations, pixels = 0, 0
    while run in known.index:
        steps, batch, patch = (_number(known.at[run, column]) for column in ("iterations", "batch", "patch"))
        iterations, pixels = iterations + steps, pixels + steps * batch * patch**2
        run = str(known.at[run, "warm_start"])
    return iterations, pixels


def _number(text: object) -> int:
    """A cell of runs.csv as a number; empty is 0."""
    return int(str(text)) if str(text).isdigit() else 0


def ablation_effects(scores: Scores, everything: pd.DataFrame | None = None) -> list[Row]:
    """Every variant against its method's default on every metric, all sets' pictures together.

    Holm's correction is over the variants of all methods, a metric at a time. everything: as in `budget_mismatch`.
    """
    pairs = [(m, axis, v) for m in methods_of(scores.runs) for axis, v in variants_of(scores.runs, m) if v != "default"]
    pairs = [pair for pair in pairs if runs_of(scores.runs, pair[0])]
    budgets = {(m, v): budget_mismatch(scores.runs, f"{m}.{v}", f"{m}.default", everything) for m, _, v in pairs}
    rows = []
    for metric in scores.setting.metrics:
        found = [_effect(scores, f"{m}.{v}", f"{m}.default", metric) for m, _, v in pairs]
        tested = [one.p for one, _ in found if one is not None and one.kind == TWO_WAY]
        adjusted = iter(holm(tested))
        for (m, axis, v), (one, note) in zip(pairs, found, strict=True):
            p_holm = next(adjusted) if one is not None and one.kind == TWO_WAY else None
            rows.append(Row(m, v, axis, metric, one, p_holm, one.note if one else note, budgets[m, v]))
    return rows
