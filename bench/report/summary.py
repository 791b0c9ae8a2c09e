"""What a report says in words: the headline, what was compared, how it was trained."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import pandas as pd

from bench.metrics import Metric
from bench.report.aggregate import DISTORTION, KERNEL, PERCEPTUAL, Mean, Scores, difference, methods_of
from bench.report.render import Cell, Section
from bench.report.rules import WORDS
from bench.report.statistics import MIN_SEEDS
from bench.report.tables import rank, show_difference, show_mean, unit_of
from bench.report.verdicts import Verdict

REFERENCE = "bicubic"
MEASURED_COST = "Measured on the machine of each run: these numbers differ from run to run."


def headline(scores: Scores) -> list[str]:
    """Plain sentences: the best mean of the first metric of each kind, and what stands behind a mean."""
    lines = []
    kinds = {"Blur kernels": KERNEL} if estimates_only(scores) else {"Distortion": DISTORTION, "Perception": PERCEPTUAL}
    for title, wanted in kinds.items():
        metric = scores.first_available(wanted)
        if metric is None:
            lines.append(f"**{title}**: no metric of this kind has a value for every method.")
            continue
        sentences = [_best(scores, dataset, metric) for dataset in scores.setting.datasets]
        lines.append(f"**{title}** (`{metric}`, {scores.metrics[metric].better} is better): {'; '.join(sentences)}.")
    stale = [entrant.label for entrant in scores.measured if scores.awaits_retraining(entrant.name)]
    lines += [f"Await retraining, so that their numbers will change: {', '.join(stale)}."] if stale else []
    return [*lines, basis(scores)]


def basis(scores: Scores) -> str:
    """What stands behind a mean."""
    seeds = sorted({len(entrant.runs) for entrant in scores.entrants})
    counts = " to ".join(dict.fromkeys((str(seeds[0]), str(seeds[-1]))))
    noun = "seed" if seeds[-1] == 1 else "seeds"
    text = f"Every number is a mean over pictures and {counts} {noun}"
    return f"{text}; nothing here is a test of significance." if seeds[-1] < MIN_SEEDS else f"{text}."


def tally(verdicts: Sequence[Verdict]) -> str:
    """'Of 12 claims of the papers and of this project, 5 hold, 1 is contradicted, ...': all five words, and how many
    verdicts are of networks that will change."""
    counts = Counter(verdict.status for verdict in verdicts)
    clauses = [f"{counts[status]} {one if counts[status] == 1 else more}" for status, (one, more, _) in WORDS.items()]
    noun = "claim" if len(verdicts) == 1 else "claims"
    judged = [verdict for verdict in verdicts if verdict.status != "not tested"]
    stale = sum(verdict.stale for verdict in judged)
    rest = f" For {stale} of the {len(judged)} judged, a run awaits retraining." if stale else ""
    return f"Of {len(verdicts)} {noun} of the papers and of this project, {', '.join(clauses)}.{rest}"


def estimates_only(scores: Scores) -> bool:
    """Whether the setting measures blur kernels and no pictures."""
    return all(metric in KERNEL for metric in scores.setting.metrics)


def _best(scores: Scores, dataset: str, metric: str) -> str:
    """'edsr is best on Set5 (30.71 dB, 2.28 dB above bicubic)'.

    All methods that tie are named; where bicubic is best, the runner-up is named instead of it.
    """
    info = scores.metrics[metric]
    means = {entrant.label: scores.mean(entrant, dataset, metric) for entrant in scores.measured}
    marks = dict(zip(means, rank(list(means.values()), info.better), strict=True))
    best = [name for name, mark in marks.items() if mark == "leading"]
    if not best:
        return f"no two methods differ on {dataset}" if len(means) > 1 else f"only {next(iter(means))} ran on {dataset}"
    other = name = scores.best_control(dataset, metric)
    if not other or other in best:
        other = next(name for name, mark in marks.items() if mark == "second")
        name = f"the runner-up, {other}"
    mean = means[best[0]]
    text = f"{' and '.join(best)} {'is' if len(best) == 1 else 'are'} best on {dataset} ({show_mean(mean, info)}"
    return f"{_with_unit(text, info)}{_lead(mean, means[other], info, name)})"


def _lead(mean: Mean, other: Mean, info: Metric, name: str) -> str:
    """', 2.28 dB above bicubic', or nothing where the two cannot be compared."""
    lead = difference(mean, other)
    if lead is None:
        return ""
    size = _with_unit(show_difference(lead, info).lstrip("+−±"), info)
    return f", {size} {'above' if lead > 0 else 'below'} {name}"


def _with_unit(text: str, info: Metric) -> str:
    return f"{text} {unit_of(info)}".rstrip()


def compared(every: Sequence[Scores], spent: pd.DataFrame) -> Section:
    """What was compared, a row a property; what differs between settings is listed for each."""
    runs = pd.concat([scores.runs for scores in every])
    rows = {
        "data sets": _each(every, _pictures),
        "scale, degradation": "; ".join(dict.fromkeys(scores.setting.title for scores in every)),
        "methods": f"{len(methods_of(runs))}",
        "ablation variants": f"{sum(not variant.label for scores in every for variant in scores.variants)}",
        "trained on": _distinct(runs[~runs["iterations"].isin(("", "0"))]["train_set"]),
        "iterations": iterations_of(every),
        "seeds": _distinct(runs["seed"]),
        "device": _distinct(spent["train_device"], "; "),
        "perceptual network": _distinct(runs["perceptual"], "; "),
    }
    return Section("", ("", ""), tuple((Cell(name), Cell(text)) for name, text in rows.items()), labels=2)


def _pictures(scores: Scores) -> str:
    """'Set5 (5 pictures), Set14 (14 pictures)'."""
    images = scores.frame.groupby("dataset")["image"].nunique()
    return ", ".join(f"{dataset} ({images[dataset]} pictures)" for dataset in scores.setting.datasets)


def _each(every: Sequence[Scores], describe: Callable[[Scores], str]) -> str:
    """The text of every setting: once where all have the same, else each behind the setting's title."""
    texts = {scores.setting.title: describe(scores) for scores in every}
    first = next(iter(texts.values()))
    return first if set(texts.values()) == {first} else "; ".join(f"{title}: {text}" for title, text in texts.items())


def _distinct(values: Iterable[object], join: str = ", ") -> str:
    """The values that occur, in order, numbers with digit groups; a dash for none."""
    found = list(dict.fromkeys(str(value) for value in values if str(value)))
    if all(value.isdigit() for value in found):
        found = [f"{number:,}" for number in sorted(map(int, found))]
    return join.join(found) or "–"


def iterations_of(every: Sequence[Scores]) -> str:
    """How long the trained runs of all settings are: '2,000', '300 to 2,000', or a dash where none is."""
    runs = pd.concat([scores.runs for scores in every])
    found = sorted({int(text) for text in runs["iterations"] if text.isdigit() and int(text) > 0})
    return " to ".join(dict.fromkeys(f"{number:,}" for number in (found[:1] + found[-1:]))) or "–"


def disclaimer(every: Sequence[Scores]) -> str:
    """How long these runs are, against the papers' own schedules; empty where no schedule is known."""
    known = every[0].suite.paper_training
    if not any(method in known for scores in every for method in methods_of(scores.runs)):
        return ""
    return (
        f"Trained here for {iterations_of(every)} iterations; what the papers did "
        "is under [Training](#training-here-and-in-the-papers). Where a run is shorter than its paper's, its numbers "
        "compare methods under this budget: they do not reproduce the paper's, and a method that needs long training "
        "is at a disadvantage."
    )


def training(every: Sequence[Scores]) -> Section:
    """Every method's schedule here and in its paper, from the first setting that it is in."""
    header = ("method", "iterations", "batch", "patch", "trained on", "in the paper", "paper")
    rows: dict[str, tuple[Cell, ...]] = {}
    for scores in every:
        for entrant in scores.entrants:
            method, run = entrant.method, scores.runs.loc[entrant.runs[0]]
            here = [str(run[column]) for column in ("iterations", "batch", "patch", "train_set")]
            trained = here[0] not in ("", "0")
            at_test = scores.suite.at_test.get(entrant.name)
            untrained = [f"at test time, up to {at_test[1]:,}" if at_test else "", "", "", ""]
            here = [f"{int(text):,}" if text.isdigit() else text for text in here] if trained else untrained
            texts = (method, *here, scores.suite.paper_training.get(method, ""), str(run["paper"]))
            if trained or method not in rows:
                rows.setdefault(method, tuple(Cell(text or "–") for text in texts))
    return Section("", header, tuple(rows.values()), labels=len(header))


def deviations(every: Sequence[Scores]) -> list[str]:
    """What differs from the papers on purpose, a line a deviation."""
    methods = dict.fromkeys(name for scores in every for name in methods_of(scores.runs))
    found = every[0].suite.deviations
    return [f"**{name}**: {line}" for name in methods for line in found.get(name, ())]


def tracing(scores: Scores) -> tuple[str, str]:
    """From a number in a table back to the code and data that made it: words, then commands."""
    name, setting = scores.suite.name, scores.setting
    cell = f"methods{scores.suffix} {scores.entrants[-1].label} {setting.datasets[0]}/{setting.metrics[0]}"
    return (
        "The column `runs` of `tables/*.csv` names the runs behind a row. Each run's scores, picture by picture, are "
        "in `scores/`; its settings are a row of `runs.csv`; commit, code, data, environment and device are "
        "lines of `records/`. The chain behind one number, and a check of all of them:",
        f"python -m bench why results/{name} {cell}\npython -m bench verify results/{name}",
    )
