"""Scores -> tables: methods, ablations and pictures, six decimals for the CSV, rounded for the reader.

The same scores give the same bytes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from statistics import fmean

import pandas as pd

from bench.metrics import Metric
from bench.metrics.means import PSNR_CEILING
from bench.report.aggregate import (
    Entrant,
    Key,
    Mean,
    Scores,
    awaits_retraining,
    cell_of,
    difference,
    entrants,
    methods_of,
    runs_of,
    variants_of,
    widen,
)
from bench.report.render import NA, Cell, Mark, Section, Table
from bench.report.statistics import Effect
from bench.report.verdicts import significant_columns

ARROWS = {"higher": "↑", "lower": "↓"}
LEGEND = (
    "**Bold**: the best mean of its column, significantly better than the second best on the pictures of all data sets "
    "together (three seeds or more, two-sided, 5 % after Holm's correction over the table). <u>Underlined</u>: the "
    "best mean, not significantly. *Italic*: the second best."
)
UNTESTED = "<u>Underlined</u>: the best of its row; *italic*: the second best. Nothing here is tested."
IN_BRACKETS = "In brackets: the difference to the default, between the two means shown."
MAX_REASONS = 4


def method_table(scores: Scores) -> Table:
    """Every entrant of a setting, a section a data set; the best and second best of each column marked."""
    every = entrants(scores.runs)
    labels = _labels(scores, [(entrant.method, entrant.variant) for entrant in every])
    columns = _columns(scores)
    records = []
    for entrant in every:
        values = (full(scores.mean(entrant, *column).value) for column in columns)
        records.append((entrant.label, *_about(scores, entrant.method, entrant.variant, ("runs", *labels)), *values))
    marks = _marks(scores, every)
    sections = []
    for dataset in scores.setting.datasets:
        grid = []
        for number, entrant in enumerate(every):
            label = entrant.label + _awaiting(scores, entrant.method, entrant.variant)
            texts = (label, *_shown(scores, entrant.method, entrant.variant, labels))
            means = (
                _cell(scores.mean(entrant, dataset, metric), scores.metrics[metric], marks[dataset, metric][number])
                for metric in _computed(scores)
            )
            grid.append((*map(Cell, texts), *means))
        header = ("method", *labels, *_headings(scores))
        sections.append(Section(dataset, header, tuple(grid), labels=len(labels) - 1))
    return Table(
        name=f"methods{scores.suffix}",
        title=f"Methods, {scores.setting.title}",
        columns=("method", "runs", *labels, *map("/".join, columns)),
        records=tuple(records),
        sections=tuple(sections),
        footnotes=footnotes(scores, [(entrant.method, entrant.variant) for entrant in every]),
        legend=LEGEND,
    )


def _columns(scores: Scores) -> list[tuple[str, str]]:
    """(data set, metric) of a table's columns."""
    return list(product(scores.setting.datasets, scores.setting.metrics))


def _computed(scores: Scores) -> list[str]:
    """The metrics that have a value anywhere in a setting; what is shown of the others is why they have none."""
    known = {metric for (*_, metric), mean in scores.means.items() if mean.value is not None}
    return [metric for metric in scores.setting.metrics if metric in known]


def _cell(mean: Mean, info: Metric, mark: Mark = "") -> Cell:
    return Cell(show_mean(mean, info), mark, full(mean.value))


def _marks(scores: Scores, every: Sequence[Entrant]) -> dict[tuple[str, str], list[Mark]]:
    """The marks of every (data set, metric), one an entrant; 'best' only where it is significant."""
    marks = {
        column: rank([scores.mean(entrant, *column) for entrant in every], scores.metrics[column[1]].better)
        for column in _columns(scores)
    }
    for column in significant_columns(scores, every, marks):
        marks[column] = ["best" if mark == "leading" else mark for mark in marks[column]]
    return marks


def ablation_tables(scores: Scores) -> list[Table]:
    """One table for every method that has variants beside its default."""
    variants = {name: [v for _, v in variants_of(scores.runs, name)] for name in methods_of(scores.runs)}
    return [_ablation(scores, name) for name, own in variants.items() if len(own) > 1 and "default" in own]


def _ablation(scores: Scores, method: str) -> Table:
    """The default first, then the variants axis by axis, each with its difference to the default."""
    variants = variants_of(scores.runs, method)
    names = [(method, variant) for _, variant in variants]
    labels = _labels(scores, names)
    columns = _columns(scores)
    records = []
    for axis, variant in variants:
        values = (text for column in columns for text in _with_difference(scores, (method, variant, *column)))
        records.append((variant, axis, *_about(scores, method, variant, ("runs", *labels)), *values))
    questions = scores.suite.questions
    axes = list(dict.fromkeys(axis for axis, variant in variants if variant != "default"))
    lead = tuple(f"**{axis}**: {questions.get(f'{method}.{axis}', 'no question given')}" for axis in axes)
    sections: list[Section] = []
    for dataset in scores.setting.datasets:
        grid = []
        for number, (axis, variant) in enumerate(variants):
            first = number == 0 or variants[number - 1][0] != axis
            name = variant + _awaiting(scores, method, variant)
            texts = (axis if first else "", name, *_shown(scores, method, variant, labels))
            means = (_show_difference(scores, (method, variant, dataset, metric)) for metric in _computed(scores))
            grid.append((*map(Cell, texts), *means))
        header = ("axis", "variant", *labels, *_headings(scores))
        sections.append(Section(dataset, header, tuple(grid), labels=len(labels), lead=() if sections else lead))
    headings = (text for column in columns for text in ("/".join(column), "/".join(column) + " difference"))
    return Table(
        name=f"ablation-{method}{scores.suffix}",
        title=f"Ablations of {method}, {scores.setting.title}",
        columns=("variant", "axis", "runs", *labels, *headings),
        records=tuple(records),
        sections=tuple(sections),
        footnotes=(IN_BRACKETS, *footnotes(scores, names)),
    )


def image_table(scores: Scores) -> Table:
    """CSV: every run on every picture. Shown: the entrants, a grid of pictures x methods a data set and metric."""
    wide = widen(scores.frame)
    every = entrants(scores.runs)
    return Table(
        name=f"per-image{scores.suffix}",
        title=f"Every picture, mean over seeds, {scores.setting.title}",
        columns=("run", "dataset", "image", *map(str, wide.columns)),
        records=tuple(
            (*map(str, key), *map(full, values)) for key, values in zip(wide.index, wide.to_numpy(), strict=True)
        ),
        sections=tuple(
            _image_section(scores, wide, every, column)
            for column in _columns(scores)
            if any(scores.mean(entrant, *column).value is not None for entrant in every)
        ),
        footnotes=footnotes(scores, [(entrant.method, entrant.variant) for entrant in every]),
        legend=UNTESTED,
    )


def _image_section(scores: Scores, wide: pd.DataFrame, every: Sequence[Entrant], column: tuple[str, str]) -> Section:
    """Pictures x methods for one data set and metric."""
    dataset, metric = column
    info = scores.metrics[metric]
    values: dict[tuple[str, str, str], float] = dict(wide[metric])
    grid = []
    for image in dict.fromkeys(image for _, owner, image in values if owner == dataset):
        means = [_mean_over_seeds([values[run, dataset, image] for run in entrant.runs], image) for entrant in every]
        cells = zip(means, rank(means, info.better), strict=True)
        grid.append((Cell(image), *(_cell(mean, info, mark) for mean, mark in cells)))
    return Section(f"{dataset}: {heading(info)}", ("picture", *(entrant.label for entrant in every)), tuple(grid))


def _mean_over_seeds(values: Sequence[float], image: str) -> Mean:
    """The mean of one picture; n/a as soon as one seed is."""
    known = not any(math.isnan(value) for value in values)
    return Mean(fmean(values) if known else None, (image,) if known else (), 1, len(values))


def rank(means: Sequence[Mean], better: str) -> list[Mark]:
    """leading and second among the means over the most pictures; equal to six decimals is equal."""
    most = max(means, key=lambda mean: len(mean.pictures)).pictures
    sign = -1.0 if better == "higher" else 1.0
    keys = [
        None if mean.value is None or mean.pictures != most else sign * round(mean.value, 6) + 0.0 for mean in means
    ]
    ladder = sorted({key for key in keys if key is not None})
    if len(ladder) < 2:
        return ["" for _ in keys]
    marks: dict[float | None, Mark] = {ladder[0]: "leading", ladder[1]: "second"}
    return [marks.get(key, "") for key in keys]


def full(value: float | None) -> str:
    """Six decimals for the CSV; n/a where there is no value."""
    return NA if value is None or math.isnan(value) else f"{round(float(value), 6) + 0.0:.6f}"


def decimals(info: Metric) -> int:
    """How many decimals a reader needs: 2 for dB, 3 for the no-reference scores, which reach 10, else 4."""
    if info.unit == "dB":
        return 2
    return 3 if info.key.partition("_")[0] in ("niqe", "ma", "pi") else 4


def show_value(value: float | None, info: Metric) -> str:
    """Rounded as the metric is; n/a where there is no value."""
    return NA if value is None or math.isnan(value) else f"{value:.{decimals(info)}f}".replace("-", "−")


def show_mean(mean: Mean, info: Metric) -> str:
    """A mean, rounded; with the number of pictures in it where some have no value."""
    text = show_value(mean.value, info)
    return text if mean.value is None or len(mean.pictures) == mean.of else f"{text} ({len(mean.pictures)}/{mean.of})"


def show_difference(difference: float, info: Metric) -> str:
    """Rounded as the metric is, with its sign, and ± where it rounds to zero."""
    text = f"{abs(difference):.{decimals(info)}f}"
    return ("±" if float(text) == 0 else "+" if difference > 0 else "−") + text


def show_effect(effect: Effect, info: Metric) -> str:
    """The mean with its 95 % interval: '+0.12 [−0.03, +0.27]'."""
    mean, low, high = (show_difference(value, info) for value in (effect.mean, effect.low, effect.high))
    return f"{mean} [{low}, {high}]"


def show_size(effect: Effect) -> str:
    return f"{effect.seeds} × {effect.pictures}"


def heading(info: Metric) -> str:
    """A column title: key, unit where it has one, and which way is better."""
    unit = f" ({unit_of(info)})" if unit_of(info) else ""
    return f"{info.key}{unit} {ARROWS[info.better]}"


def unit_of(info: Metric) -> str:
    """The unit, empty for a pure number."""
    return "" if info.unit == "1" else info.unit


def _headings(scores: Scores) -> list[str]:
    return [heading(scores.metrics[metric]) for metric in _computed(scores)]


def _labels(scores: Scores, rows: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """The text columns of a table of (method, variant): the perceptual network only where one of them has it."""
    seen = any(_about(scores, method, variant, ("perceptual",)) != [""] for method, variant in rows)
    return (*(("perceptual",) if seen else ()), "parameters", "seeds")


def _about(scores: Scores, method: str, variant: str, columns: Sequence[str]) -> list[str]:
    """What runs.csv has of a variant; `runs` are the names behind it, `seeds` their number."""
    names = runs_of(scores.runs, method, variant)
    counted = {"runs": " ".join(names), "seeds": str(len(names))}
    return [counted[column] if column in counted else cell_of(scores.runs, names[0], column) for column in columns]


def _shown(scores: Scores, method: str, variant: str, labels: Sequence[str]) -> list[str]:
    """The same for a reader: digit groups in a number of parameters, a dash for nothing."""
    pairs = zip(labels, _about(scores, method, variant, labels), strict=True)
    return [f"{int(text):,}" if label == "parameters" and text.isdigit() else text or "–" for label, text in pairs]


def _awaiting(scores: Scores, method: str, variant: str) -> str:
    """What follows the name of a row whose runs are to be trained again."""
    return ", awaits retraining" if awaits_retraining(scores, method, variant) else ""


def _difference(scores: Scores, key: Key) -> float | None:
    """To the default; None of the default itself, or where the two means are not comparable."""
    method, variant, dataset, metric = key
    default = scores.means.get((method, "default", dataset, metric))
    return None if variant == "default" else difference(scores.means[key], default)


def _with_difference(scores: Scores, key: Key) -> tuple[str, str]:
    """(mean, difference to the default) for the CSV; the default's own difference is empty."""
    return full(scores.means[key].value), "" if key[1] == "default" else full(_difference(scores, key))


def _show_difference(scores: Scores, key: Key) -> Cell:
    """The mean, and beside it the difference to the default."""
    info, found = scores.metrics[key[3]], _difference(scores, key)
    cell = _cell(scores.means[key], info)
    return cell if found is None else replace(cell, text=f"{cell.text} ({show_difference(found, info)})")


def footnotes(scores: Scores, variants: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """How every metric was measured, then why values are n/a: each reason once, with the data sets it concerns.

    variants: (method, variant) of the table's rows.
    """
    lines, computed = [], _computed(scores)
    for metric in computed:
        info = scores.metrics[metric]
        unit = f"{unit_of(info)}, " if unit_of(info) else ""
        protocol, origin = info.protocol.rstrip("."), info.source.rstrip(".")
        lines.append(f"`{metric}` ({unit}{info.better} is better): {protocol}. Source: {origin}.")
        capped = int((scores.frame["capped"] & (scores.frame["metric"] == metric)).sum())
        if capped:
            lines.append(f"`{metric}`: {capped} scores above {PSNR_CEILING:.0f} dB, identical pictures, count as that.")
    reasons: dict[str, dict[str, dict[str, None]]] = {}  # metric -> reason -> data sets
    partial = False
    for (method, variant), (dataset, metric) in product(variants, _columns(scores)):
        mean = scores.means[method, variant, dataset, metric]
        partial = partial or 0 < len(mean.pictures) < mean.of
        for reason in mean.reasons:
            where = f"some pictures of {dataset}" if mean.pictures else dataset
            reasons.setdefault(metric, {}).setdefault(reason, {})[where] = None
    absent: dict[tuple[str, ...], list[str]] = {}  # reasons -> metrics
    for metric in [metric for metric in reasons if metric not in computed]:
        absent.setdefault(tuple(reasons.pop(metric)), []).append(f"`{metric}`")
    for why, metrics in absent.items():
        lines.append(f"Left out, {NA} throughout: {', '.join(metrics)}: {'; '.join(why[:MAX_REASONS]).rstrip('.')}.")
    for metric, found in reasons.items():
        listed = list(found.items())[:MAX_REASONS]
        lines += [f"`{metric}` is {NA} on {', '.join(where)}: {reason.rstrip('.')}." for reason, where in listed]
        if len(found) > MAX_REASONS:
            lines.append(f"`{metric}`: {len(found) - MAX_REASONS} more reasons are in scores/.")
    awaiting: dict[str, list[str]] = {}  # reason -> rows
    for method, variant in variants:
        awaiting.setdefault(awaits_retraining(scores, method, variant), []).append(f"{method}.{variant}")
    lines += [f"Awaits retraining: {', '.join(rows)}: {why}." for why, rows in awaiting.items() if why]
    if partial:
        lines.append(
            "A count such as (3/4): the mean is over the pictures that have a value, and is compared only with means "
            "over the same pictures."
        )
    return tuple(lines)
