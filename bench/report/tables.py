"""Scores -> tables: methods, ablations, pictures and costs, six decimals for the CSV, rounded for the reader.

The same scores give the same bytes, except in `cost`, which is measured time and memory.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import product
from statistics import fmean

import pandas as pd

from bench.report import MetricInfo
from bench.report.aggregate import (
    COST_COLUMNS,
    Entrant,
    Key,
    Mean,
    Scores,
    cell_of,
    difference,
    entrants,
    methods_of,
    runs_of,
    variants_of,
    widen,
)
from bench.report.render import Cell, Mark, Section, Table
from bench.report.significance import LEGEND, UNTESTED, decided

ARROWS = {"higher": "↑", "lower": "↓"}
NA = "n/a"
COST_SHOWN = {
    "run": "run",
    "train_device": "device",
    "train_seconds": "training (s)",
    "train_cpu_seconds": "of it processor (s)",
    "train_peak_mib": "training (MiB)",
    "upscale_seconds": "upscaling (s)",
    "upscale_peak_mib": "upscaling (MiB)",
}
MAX_REASONS = 4


def method_table(scores: Scores) -> Table:
    """Every entrant of a setting, a section a data set; the best and second best of each column marked."""
    every = entrants(scores.runs)
    labels = _labels(scores, [(one.method, one.variant) for one in every])
    columns = list(product(scores.setting.datasets, scores.setting.metrics))
    records = []
    for one in every:
        values = (full(scores.means[one.method, one.variant, *column].value) for column in columns)
        records.append((one.label, *_about(scores, one.method, one.variant, ("runs", *labels)), *values))
    marks = _marks(scores, every)
    sections: list[Section] = []
    for dataset in scores.setting.datasets:
        grid = [[Cell(one.label), *map(Cell, _shown(scores, one.method, one.variant, labels))] for one in every]
        for metric in scores.setting.metrics:
            means = [scores.means[one.method, one.variant, dataset, metric] for one in every]
            for row, mean, mark in zip(grid, means, marks[dataset, metric], strict=True):
                row.append(Cell(show_mean(mean, scores.metrics[metric]), mark, full(mean.value)))
        header = ("method", *labels, *_headings(scores))
        sections.append(Section(dataset, header, tuple(map(tuple, grid)), labels=len(labels) - 1))
    return Table(
        name=f"methods{scores.suffix}",
        title=f"Methods, {scores.setting.title}",
        columns=("method", "runs", *labels, *map("/".join, columns)),
        records=tuple(records),
        sections=tuple(sections),
        footnotes=footnotes(scores, [(one.method, one.variant, *column) for one in every for column in columns]),
        legend=LEGEND,
    )


def _marks(scores: Scores, every: Sequence[Entrant]) -> dict[tuple[str, str], list[Mark]]:
    """The marks of every (dataset, metric), one an entrant; 'best' only where it is significant."""
    marks: dict[tuple[str, str], list[Mark]] = {}
    for dataset, metric in product(scores.setting.datasets, scores.setting.metrics):
        means = [scores.means[one.method, one.variant, dataset, metric] for one in every]
        marks[dataset, metric] = rank(means, scores.metrics[metric].better)
    for column in decided(scores, every, marks):
        marks[column] = ["best" if mark == "leading" else mark for mark in marks[column]]
    return marks


def ablation_tables(scores: Scores) -> list[Table]:
    """One table for every method that has variants beside its default."""
    found = [(name, [v for _, v in variants_of(scores.runs, name)]) for name in methods_of(scores.runs)]
    return [_ablation(scores, name) for name, variants in found if len(variants) > 1 and "default" in variants]


def _ablation(scores: Scores, method: str) -> Table:
    """The default first, then the variants axis by axis, each with its difference to the default."""
    variants = variants_of(scores.runs, method)
    labels = _labels(scores, [(method, variant) for _, variant in variants])
    columns = list(product(scores.setting.datasets, scores.setting.metrics))
    records = []
    for axis, variant in variants:
        values = (text for column in columns for text in _with_gap(scores, (method, variant, *column)))
        records.append((variant, axis, *_about(scores, method, variant, ("runs", *labels)), *values))
    axes = list(dict.fromkeys(axis for axis, variant in variants if variant != "default"))
    lead = tuple(f"**{axis}**: {scores.suite.question(method, axis) or 'no question given'}" for axis in axes)
    sections: list[Section] = []
    for dataset in scores.setting.datasets:
        grid = []
        for place, (axis, variant) in enumerate(variants):
            first = place == 0 or variants[place - 1][0] != axis
            texts = (axis if first else "", variant, *_shown(scores, method, variant, labels))
            shown = [_show_gap(scores, (method, variant, dataset, metric)) for metric in scores.setting.metrics]
            grid.append((*map(Cell, texts), *shown))
        header = ("axis", "variant", *labels, *_headings(scores))
        sections.append(Section(dataset, header, tuple(grid), labels=len(labels), lead=() if sections else lead))
    gaps = (text for column in columns for text in ("/".join(column), "/".join(column) + " difference"))
    return Table(
        name=f"ablation-{method}{scores.suffix}",
        title=f"Ablations of {method}, {scores.setting.title}",
        columns=("variant", "axis", "runs", *labels, *gaps),
        records=tuple(records),
        sections=tuple(sections),
        footnotes=(
            "In brackets: the difference to the default, between the two means shown.",
            *footnotes(scores, [(method, variant, *column) for _, variant in variants for column in columns]),
        ),
    )


def image_table(scores: Scores) -> Table:
    """CSV: every run on every picture. Shown: the entrants, a grid of pictures x methods a data set and metric."""
    wide = widen(scores.frame)
    records = [(*map(str, key), *map(full, values)) for key, values in zip(wide.index, wide.to_numpy(), strict=True)]
    every = entrants(scores.runs)
    columns = list(product(scores.setting.datasets, scores.setting.metrics))
    sections = [
        _image_section(scores, wide, every, column)
        for column in columns
        if any(scores.means[one.method, one.variant, *column].value is not None for one in every)
    ]
    return Table(
        name=f"per-image{scores.suffix}",
        title=f"Every picture, mean over seeds, {scores.setting.title}",
        columns=("run", "dataset", "image", *map(str, wide.columns)),
        records=tuple(records),
        sections=tuple(sections),
        footnotes=footnotes(scores, [(one.method, one.variant, *column) for one in every for column in columns]),
        legend=UNTESTED,
    )


def _image_section(scores: Scores, wide: pd.DataFrame, every: Sequence[Entrant], where: tuple[str, str]) -> Section:
    """Pictures x methods for one data set and metric."""
    dataset, metric = where
    info = scores.metrics[metric]
    column: dict[tuple[str, str, str], float] = dict(wide[metric])
    grid = []
    for image in dict.fromkeys(image for _, place, image in column if place == dataset):
        means = [_mean_over_seeds([column[run, dataset, image] for run in one.runs], image) for one in every]
        cells = zip(means, rank(means, info.better), strict=True)
        grid.append((Cell(image), *(Cell(show_mean(mean, info), mark, full(mean.value)) for mean, mark in cells)))
    return Section(f"{dataset}: {heading(info)}", ("picture", *(one.label for one in every)), tuple(grid))


def _mean_over_seeds(values: Sequence[float], image: str) -> Mean:
    """The mean of one picture; n/a as soon as one seed is."""
    known = not any(math.isnan(value) for value in values)
    return Mean(fmean(values) if known else None, (image,) if known else (), 1, len(values))


def cost_table(costs: pd.DataFrame) -> Table:
    """Seconds and MiB of every run: measured, so no two machines agree on them."""
    records = tuple(tuple(str(row[column]) for column in COST_COLUMNS) for _, row in costs.iterrows())
    grid = tuple(tuple(_cost_cell(str(row[column]), column) for column in COST_SHOWN) for _, row in costs.iterrows())
    return Table("cost", "Cost", COST_COLUMNS, records, (Section("", tuple(COST_SHOWN.values()), grid, labels=2),))


def _cost_cell(text: str, column: str) -> Cell:
    return Cell(text or "–", value=text if column not in ("run", "train_device") else "")


def rank(means: Sequence[Mean], better: str) -> list[Mark]:
    """leading and second among the means over the most pictures; equal to six decimals is equal."""
    most = max(means, key=lambda mean: len(mean.pictures)).pictures
    sign = -1.0 if better == "higher" else 1.0
    places = [
        None if mean.value is None or mean.pictures != most else sign * round(mean.value, 6) + 0.0 for mean in means
    ]
    ladder = sorted({place for place in places if place is not None})
    if len(ladder) < 2:
        return ["" for _ in places]
    marks: dict[float | None, Mark] = {ladder[0]: "leading", ladder[1]: "second"}
    return [marks.get(place, "") for place in places]


def full(value: float | None) -> str:
    """Six decimals for the CSV; n/a where there is no value."""
    return NA if value is None or math.isnan(value) else f"{round(float(value), 6) + 0.0:.6f}"


def decimals(info: MetricInfo) -> int:
    """How many decimals a reader needs: 2 for dB, 3 for the no-reference scores, which reach 10, else 4."""
    if info.unit == "dB":
        return 2
    return 3 if info.key.partition("_")[0] in ("niqe", "ma", "pi") else 4


def show_mean(mean: Mean, info: MetricInfo) -> str:
    """A mean, rounded; with the number of pictures in it where some have no value."""
    if mean.value is None:
        return NA
    text = f"{mean.value:.{decimals(info)}f}".replace("-", "−")
    return text if len(mean.pictures) == mean.of else f"{text} ({len(mean.pictures)}/{mean.of})"


def show_difference(gap: float, info: MetricInfo) -> str:
    """Rounded as the metric is, with its sign, and ± where it rounds to zero."""
    text = f"{abs(gap):.{decimals(info)}f}"
    sign = "±" if float(text) == 0 else "+" if gap > 0 else "−"
    return sign + text


def heading(info: MetricInfo) -> str:
    """A column title: key, unit where it has one, and which way is better."""
    unit = f" ({unit_of(info)})" if unit_of(info) else ""
    return f"{info.key}{unit} {ARROWS[info.better]}"


def unit_of(info: MetricInfo) -> str:
    """The unit, empty for a pure number."""
    return "" if info.unit == "1" else info.unit


def _headings(scores: Scores) -> list[str]:
    return [heading(scores.metrics[metric]) for metric in scores.setting.metrics]


def _labels(scores: Scores, rows: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """The text columns of a table of (method, variant): the perceptual network only where one of them has it."""
    seen = any(_about(scores, method, variant, ("perceptual",)) != [""] for method, variant in rows)
    return (*(("perceptual",) if seen else ()), "parameters", "seeds")


def _about(scores: Scores, method: str, variant: str, columns: Sequence[str]) -> list[str]:
    """What runs.csv says of a variant; `runs` are the names behind it, `seeds` their number."""
    names = runs_of(scores.runs, method, variant)
    counted = {"runs": " ".join(names), "seeds": str(len(names))}
    return [counted[column] if column in counted else cell_of(scores.runs, names[0], column) for column in columns]


def _shown(scores: Scores, method: str, variant: str, labels: Sequence[str]) -> list[str]:
    """The same for a reader: digit groups in a number of parameters, a dash for nothing."""
    pairs = zip(labels, _about(scores, method, variant, labels), strict=True)
    return [f"{int(text):,}" if label == "parameters" and text.isdigit() else text or "–" for label, text in pairs]


def _with_gap(scores: Scores, key: Key) -> tuple[str, str]:
    """(mean, difference to the default) for the CSV; the default's own difference is empty."""
    method, variant, dataset, metric = key
    base = scores.means.get((method, "default", dataset, metric))
    return full(scores.means[key].value), "" if variant == "default" else full(difference(scores.means[key], base))


def _show_gap(scores: Scores, key: Key) -> Cell:
    """The mean, and beside it the difference to the default."""
    method, variant, dataset, metric = key
    info = scores.metrics[metric]
    gap = difference(scores.means[key], scores.means.get((method, "default", dataset, metric)))
    text = show_mean(scores.means[key], info)
    text += "" if gap is None or variant == "default" else f" ({show_difference(gap, info)})"
    return Cell(text, value=full(scores.means[key].value))


def footnotes(scores: Scores, keys: Iterable[Key]) -> tuple[str, ...]:
    """How every metric was measured, then why values are n/a: each reason once, with the data sets it concerns."""
    lines = []
    for metric in scores.setting.metrics:
        info = scores.metrics[metric]
        unit = f"{unit_of(info)}, " if unit_of(info) else ""
        protocol, origin = info.protocol.rstrip("."), info.source.rstrip(".")
        lines.append(f"`{metric}` ({unit}{info.better} is better): {protocol}. Source: {origin}.")
    found: dict[str, dict[str, list[str]]] = {}
    partial = False
    for method, variant, dataset, metric in keys:
        mean = scores.means[method, variant, dataset, metric]
        partial = partial or 0 < len(mean.pictures) < mean.of
        place = f"some pictures of {dataset}" if mean.pictures else dataset
        for reason in mean.reasons:
            places = found.setdefault(metric, {}).setdefault(reason, [])
            places += [place] if place not in places else []
    for metric, reasons in found.items():
        listed = list(reasons.items())[:MAX_REASONS]
        lines += [f"`{metric}` is {NA} on {', '.join(places)}: {reason.rstrip('.')}." for reason, places in listed]
        if len(reasons) > MAX_REASONS:
            lines.append(f"`{metric}`: {len(reasons) - MAX_REASONS} more reasons are in scores/.")
    if partial:
        lines.append(
            "A count such as (3/4): the mean is over the pictures that have a value; it is compared only with its like."
        )
    return tuple(lines)
