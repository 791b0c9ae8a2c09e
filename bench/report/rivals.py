"""One's own method against each of the others: difference, interval, test, seed noise, budget, and where it stands."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from bench.errors import BadInput
from bench.report.aggregate import DISTORTION, Scores, Variant, cell_of
from bench.report.render import NA, Table
from bench.report.rules import LEVEL, MARGINS
from bench.report.statistics import MIN_SEEDS, ONE_PAIR, TWO_WAY, Effect, equivalence
from bench.report.tables import full, heading, section_of, show_effect, show_mean, show_size, table_of
from bench.report.verdict_tables import show_p
from bench.report.verdicts import adjust, budget_mismatch, measure, paired_scores

ELSEWHERE = "elsewhere"  # as runs.csv has it of what others trained
BETTER, WORSE, ALIKE, UNDECIDED, UNTESTED = "better", "worse", "alike", "undecided", "not tested"
LEGEND = (
    "Difference: {mine} − the other, the mean over seeds and pictures of all data sets with its 95 % interval; of "
    f"fewer than {MIN_SEEDS} seeds the interval is over pictures only, and is tested only where nothing of the two is "
    "random. p: of no difference, Holm's correction over the others, a metric at a time. *alike*: significantly within "
    "the margin, by two one-sided tests. Seed noise: within how much the difference of a single pair of runs lies in "
    "19 of 20 cases."
)


@dataclass(frozen=True)
class Duel:
    """Mine against one rival on one metric, on all data sets together. noise: 95 % of the differences of single seeds
    are within +-noise of their mean; NaN for one seed."""

    scores: Scores
    mine: Variant
    rival: Variant
    metric: str
    effect: Effect | None
    why: str
    p: float
    p_alike: float
    noise: float


def rivals_table(every: Sequence[Scores]) -> Table | None:
    """Every rival on every metric, then where mine stands; None where nobody's own method is compared."""
    mine, rows, standing, records = every[0].suite.mine, [], [], []
    for scores in every if mine else ():
        for metric in scores.setting.metrics:
            duels = list(_duels(scores, mine, metric))
            verdicts = _verdicts(duels)
            pairs = list(zip(duels, verdicts, strict=True))
            rows += [_shown(duel, *verdict) for duel, verdict in pairs if duel.effect is not None]
            records += [_record(duel, *verdict) for duel, verdict in pairs]
            standing += _standing(scores, metric, [(duel, word) for duel, (word, _) in pairs])
    if not records:
        return None
    title = f"{mine.removesuffix('.default')} against the others"
    sections = [section_of("", standing, labels=2)] if standing else []
    sections += [section_of("Each of the others", rows, labels=3)] if rows else []
    return table_of("rivals", title, records, sections, legend=LEGEND.format(mine=mine.removesuffix(".default")))


def closest(scores: Scores) -> list[Variant]:
    """Those whose differences choose what is shown of the pictures: mine and the best of the others, or all."""
    metric = scores.first_available(DISTORTION) or scores.setting.metrics[0]
    labels = (best_rival(scores, metric), label_of_mine(scores))
    return [entrant for entrant in scores.measured if not labels[1] or entrant.label in labels]


def label_of_mine(scores: Scores) -> str:
    """Empty where nobody's own method is compared here."""
    return next((entrant.label for entrant in scores.measured if entrant.name == scores.suite.mine), "")


def best_rival(scores: Scores, metric: str) -> str:
    """The label of the entrant with the best mean over the data sets but mine; empty where there is none."""
    others = (entrant for entrant in scores.measured if entrant.name != scores.suite.mine)
    return scores.best(others, scores.setting.datasets, metric)


def _duels(scores: Scores, mine: str, metric: str) -> Iterator[Duel]:
    every = scores.entrants
    for own in [entrant for entrant in every if entrant.name == mine]:
        for rival in [entrant for entrant in every if entrant.name != mine]:
            effect, why = measure(scores, own.name, rival.name, metric)
            p = p_alike = noise = math.nan
            fixed = all(entrant.method in scores.suite.deterministic for entrant in (own, rival))
            if effect is not None:
                differences = paired_scores(scores, own.name, rival.name, metric)
                if effect.kind == TWO_WAY or (effect.kind == ONE_PAIR and fixed):
                    p, p_alike = effect.p, equivalence(differences, MARGINS[metric][0])
                if len(differences) > 1:
                    noise = 1.96 * float(np.nanmean(differences, axis=1).std(ddof=1))
            yield Duel(scores, own, rival, metric, effect, why, p, p_alike, 0.0 if fixed else noise)


def _verdicts(duels: Sequence[Duel]) -> list[tuple[str, float | None]]:
    """(word, p after Holm's correction) of each of the duels on one metric."""
    adjusted = adjust([duel.p for duel in duels])
    tested = sum(p is not None for p in adjusted)
    words = []
    for duel, p in zip(duels, adjusted, strict=True):
        if p is None or duel.effect is None:
            words.append(UNTESTED)
        elif min(1.0, tested * duel.p_alike) < LEVEL:
            words.append(ALIKE)
        elif p < LEVEL:
            words.append(BETTER if duel.scores.metrics[duel.metric].sign * duel.effect.mean > 0 else WORSE)
        else:
            words.append(UNDECIDED)
    return list(zip(words, adjusted, strict=True))


def _shown(duel: Duel, word: str, p: float | None) -> dict[str, str]:
    info, effect = duel.scores.metrics[duel.metric], duel.effect
    assert effect is not None
    by_set = {}
    for dataset in duel.scores.setting.datasets if len(duel.scores.setting.datasets) > 1 else ():
        own = measure(duel.scores, duel.mine.name, duel.rival.name, duel.metric, (dataset,))[0]
        by_set[dataset] = NA if own is None else show_effect(own, info)
    return {
        "metric": heading(info),
        "against": duel.rival.label,
        f"{duel.mine.label} is": word,
        "difference [95 %]": show_effect(effect, info),
        "p": show_p(p),
        "beyond seed noise": _beyond(duel),
        "seeds × pictures": show_size(effect),
        **by_set,
        "budget": _budget(duel),
    }


def _beyond(duel: Duel) -> str:
    """Whether the difference is larger than what another pair of seeds could make of it."""
    assert duel.effect is not None
    if math.isnan(duel.noise):
        return "unknown: one seed"
    if not duel.noise:
        return "yes: nothing is random"
    size = f"±{duel.noise:.2g}"
    return f"yes: {size}" if abs(duel.effect.mean) > duel.noise else f"no: {size}"


def _budget(duel: Duel) -> str:
    """What is unequal in training; empty where nothing is."""
    runs = duel.scores.runs
    trained = {e.label: cell_of(runs, e.runs[0], "train_set") for e in (duel.mine, duel.rival)}
    others = [label for label, sets in trained.items() if sets == ELSEWHERE]
    if others:
        return f"{' and '.join(others)}: trained elsewhere, on what and how long is not known here"
    if not all(trained.values()):
        return ""
    try:
        return budget_mismatch(runs, duel.mine.name, duel.rival.name)
    except BadInput as error:
        return str(error)


def _record(duel: Duel, word: str, p: float | None) -> dict[str, object]:
    effect, setting = duel.effect, duel.scores.setting.name
    numbers = (effect.mean, effect.low, effect.high) if effect else (None, None, None)
    return {
        "comparison": f"{setting} {duel.metric} {duel.rival.name}",
        **{"setting": setting, "metric": duel.metric, "better": duel.mine.name, "worse": duel.rival.name},
        **dict(zip(("difference", "low", "high"), numbers, strict=True)),
        **{"p": duel.p, "p_adjusted": p, "p_alike": duel.p_alike, "seed_noise": full(duel.noise), "verdict": word},
        "seeds": str(effect.seeds) if effect else "",
        "pictures": str(effect.pictures) if effect else "",
        **{"budget": _budget(duel), "note": effect.note if effect else duel.why},
    }


def _standing(scores: Scores, metric: str, judged: Sequence[tuple[Duel, str]]) -> list[dict[str, str]]:
    """A row a data set: my mean and rank; on the first of them, who is significantly behind, alike and ahead."""
    info, rows = scores.metrics[metric], []
    groups = {
        "significantly worse": [duel.rival.label for duel, word in judged if word == BETTER],
        "not told apart": [duel.rival.label for duel, word in judged if word in (ALIKE, UNDECIDED)],
        "significantly better": [duel.rival.label for duel, word in judged if word == WORSE],
        UNTESTED: [duel.rival.label for duel, word in judged if word == UNTESTED],
    }
    for dataset in scores.setting.datasets if judged else ():
        mine = scores.mean(judged[0][0].mine, dataset, metric)
        others = [scores.mean(duel.rival, dataset, metric).value for duel, _ in judged]
        if mine.value is None:
            continue
        known = [other for other in others if other is not None]
        ahead = sum(info.sign * other > info.sign * mine.value for other in known)
        row = {"metric": heading(info), "data set": dataset, "mean": show_mean(mine, info)}
        row["rank"] = f"{ahead + 1} of {len(known) + 1}"
        rows.append({**row, **{f"{word} (all sets)": ", ".join(names) or "–" for word, names in groups.items()}})
    return rows
