"""Scores -> tables: methods, ablations and pictures, six decimals for the CSV, rounded for the reader.

The same scores give the same bytes.
"""

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby, product
from statistics import fmean

import pandas as pd

from bench.metrics import Metric
from bench.metrics.means import PSNR_CEILING
from bench.report.aggregate import KERNEL, Key, Mean, Scores, Variant, cell_of, difference, widen
from bench.report.render import NA, Cell, Mark, Section, Table
from bench.report.statistics import Effect
from bench.report.verdicts import significant_columns
from bench.runtime.results import add_counts

ARROWS = {"higher": "↑", "lower": "↓"}
LEGEND = (
    "**Bold**: the best mean of its column, significantly better than the second best on the pictures of all data sets "
    "together (three seeds or more, two-sided, 5 % after Holm's correction over the table). <u>Underlined</u>: the "
    "best mean, not significantly. *Italic*: the second best."
)
UNTESTED = "<u>Underlined</u>: the best of its row; *italic*: the second best. Nothing here is tested."
IN_BRACKETS = "In brackets: the difference to the default, between the two means shown."
NUMBERS = ("parameters", "seeds")  # columns of numbers before the means
DEAD = "dead_generators"  # likewise, of methods that train several for a blur kernel
COUNTED_DEAD = (
    f"`{DEAD}`: of all generators of all pictures and seeds, those that came to no kernel or whose gain fell to almost "
    f"nothing. A picture's kernel is the mean of the others; of a picture that has no others the metrics are {NA}. The "
    f"column is {NA} where they were not counted."
)
MAX_REASONS = 4


def table_of(
    name: str,
    title: str,
    records: Sequence[Mapping[str, object]],
    sections: Sequence[Section],
    footnotes: Sequence[str] = (),
    legend: str = "",
) -> Table:
    """A table whose CSV has a line a record, its columns the first one's keys; floats and None as in `full`."""
    lines = (tuple(full(v) if isinstance(v, float | None) else str(v) for v in record.values()) for record in records)
    return Table(name, title, tuple(records[0]), tuple(lines), tuple(sections), tuple(footnotes), legend)


def section_of(title: str, rows: Sequence[Mapping[str, str]], labels: int) -> Section:
    """A grid with a line a row, its header the first one's keys."""
    return Section(title, tuple(rows[0]), tuple(tuple(map(Cell, row.values())) for row in rows), labels)


def method_table(scores: Scores) -> Table:
    """Every entrant of a setting, a section a data set; the best and second best of each column marked."""
    every, columns = scores.entrants, _columns(scores)
    cells = _marked(scores, every)
    rows = {entrant: {"method": entrant.label} for entrant in every}
    labels = _labels(scores, every)
    records = [
        {**row, **_about(scores, v, ("runs", *labels)), **{"/".join(c): cells[*v.key, *c].value for c in columns}}
        for v, row in rows.items()
    ]
    title = f"Methods, {scores.setting.title}"
    grids = _grids(scores, rows, labels, cells)
    return table_of(f"methods{scores.suffix}", title, records, grids, footnotes(scores, every), LEGEND)


def _grids(
    scores: Scores,
    rows: Mapping[Variant, Mapping[str, str]],
    labels: Sequence[str],
    cells: Mapping[Key, Cell],
) -> list[Section]:
    """A grid a data set. rows: a variant's first columns, which `labels` and the means follow."""
    grids, computed = [], _computed(scores)
    for dataset in scores.setting.datasets:
        grid = []
        for variant, row in rows.items():
            *others, label = row.values()
            label += ", awaits retraining" if scores.awaits_retraining(variant.name) else ""
            means = (cells[*variant.key, dataset, metric] for metric in computed)
            grid.append((*map(Cell, (*others, label, *_shown(scores, variant, labels))), *means))
        header = (*next(iter(rows.values())), *labels)
        headings = (heading(scores.metrics[metric]) for metric in computed)
        grids.append(Section(dataset, (*header, *headings), tuple(grid), labels=header.index(NUMBERS[0])))
    return grids


def _columns(scores: Scores) -> list[tuple[str, str]]:
    """(data set, metric) of a table's columns."""
    return list(product(scores.setting.datasets, scores.setting.metrics))


def _computed(scores: Scores) -> list[str]:
    """The metrics that have a value anywhere in a setting; what is shown of the others is why they have none."""
    known = {metric for (*_, metric), mean in scores.means.items() if mean.value is not None}
    return [metric for metric in scores.setting.metrics if metric in known]


def _cell(mean: Mean, info: Metric, mark: Mark = "") -> Cell:
    return Cell(show_mean(mean, info), mark, full(mean.value))


def _marked(scores: Scores, every: Sequence[Variant]) -> dict[Key, Cell]:
    """The means of the entrants with their marks; 'best' only where it is significant."""
    means = {column: [scores.mean(entrant, *column) for entrant in every] for column in _columns(scores)}
    marks = {column: rank(means[column], scores.metrics[column[1]].better) for column in means}
    significant, cells = significant_columns(scores, every, marks), {}
    for column, places in marks.items():
        for entrant, mean, mark in zip(every, means[column], places, strict=True):
            sure: Mark = "best" if mark == "leading" and column in significant else mark
            cells[*entrant.key, *column] = _cell(mean, scores.metrics[column[1]], sure)
    return cells


def ablation_tables(scores: Scores) -> list[Table]:
    """One table for every method that has variants beside its default."""
    methods = groupby(scores.variants, key=lambda variant: variant.method)
    every = [(method, list(variants)) for method, variants in methods]
    return [_ablation(scores, method, own) for method, own in every if len(own) > 1 and own[0].variant == "default"]


def _ablation(scores: Scores, method: str, variants: Sequence[Variant]) -> Table:
    """The default first, then the variants axis by axis, each with its difference to the default."""
    rows, records, cells, axes = {}, [], {}, [""]
    labels = _labels(scores, variants)
    for variant in variants:
        axis = variant.axis
        record = {"variant": variant.variant, "axis": axis, **_about(scores, variant, ("runs", *labels))}
        for column in _columns(scores):
            cell, gap = _compare_with_default(scores, (*variant.key, *column))
            cells[*variant.key, *column] = cell
            record |= {"/".join(column): cell.value, f"{'/'.join(column)} difference": gap}
        records.append(record)
        rows[variant] = {"axis": axis if axis != axes[-1] else "", "variant": variant.variant}
        axes.append(axis)
    questions = {axis: scores.suite.questions.get(f"{method}.{axis}", "no question given") for axis in axes[2:]}
    grids = _grids(scores, rows, labels, cells)
    grids[0] = replace(grids[0], lead=tuple(f"**{axis}**: {question}" for axis, question in questions.items()))
    title = f"Ablations of {method}, {scores.setting.title}"
    notes = (IN_BRACKETS, *footnotes(scores, variants))
    return table_of(f"ablation-{method}{scores.suffix}", title, records, grids, notes)


def _compare_with_default(scores: Scores, key: Key) -> tuple[Cell, str]:
    """The mean, beside it the difference to the default; and that for the CSV, empty for the default itself."""
    method, variant, dataset, metric = key
    info = scores.metrics[metric]
    cell = _cell(scores.means[key], info)
    if variant == "default":
        return cell, ""
    gap = difference(scores.means[key], scores.means.get((method, "default", dataset, metric)))
    return (cell if gap is None else replace(cell, text=f"{cell.text} ({show_difference(gap, info)})")), full(gap)


def image_table(scores: Scores) -> Table:
    """CSV: every run on every picture. Shown: the entrants, a grid of pictures x methods a data set and metric."""
    wide = widen(scores.frame)
    every = scores.entrants
    sections = [
        _image_section(scores, wide, every, column)
        for column in _columns(scores)
        if any(scores.mean(entrant, *column).value is not None for entrant in every)
    ]
    title = f"Every picture, mean over seeds, {scores.setting.title}"
    notes = footnotes(scores, every)
    records = [{str(name): value for name, value in row.items()} for row in wide.reset_index().to_dict("records")]
    return table_of(f"per-image{scores.suffix}", title, records, sections, notes, UNTESTED)


def _image_section(scores: Scores, wide: pd.DataFrame, every: Sequence[Variant], column: tuple[str, str]) -> Section:
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


def _labels(scores: Scores, variants: Collection[Variant]) -> tuple[str, ...]:
    """The first columns of a table: the perceptual network only where one of the variants has it, dead generators only
    where one of them trains some."""
    seen = any(_about(scores, variant, ("perceptual",))["perceptual"] for variant in variants)
    return (*(("perceptual",) if seen else ()), *NUMBERS, *((DEAD,) if _count_dead(scores, variants) else ()))


def _count_dead(scores: Scores, variants: Iterable[Variant]) -> bool:
    """Whether one of the variants estimates blur kernels by training."""
    return set(scores.setting.metrics) <= set(KERNEL) and any(v.name in scores.suite.at_test for v in variants)


def _about(scores: Scores, variant: Variant, columns: Sequence[str]) -> dict[str, str]:
    """What runs.csv has of a variant; `runs` are the names behind it, `seeds` their number."""
    runs = variant.runs
    counted = {"runs": " ".join(runs), "seeds": str(len(runs))}
    counted[DEAD] = add_counts([cell_of(scores.runs, run, DEAD) for run in runs])
    if trained := scores.suite.at_test.get(variant.name):
        counted["parameters"] = str(trained[0])
    return {c: counted[c] if c in counted else cell_of(scores.runs, runs[0], c) for c in columns}


def _shown(scores: Scores, variant: Variant, labels: Sequence[str]) -> list[str]:
    """The same for a reader: digit groups in a number of parameters, how long those of test time are trained, a dash
    for nothing."""
    about, trained = _about(scores, variant, labels), scores.suite.at_test.get(variant.name)
    more = f" at test time, up to {trained[1]:,} iterations a picture" if trained else ""
    if trained and DEAD in about:
        about[DEAD] = about[DEAD] or NA
    return [
        f"{int(text):,}{more}" if label == "parameters" and text.isdigit() else text or "–"
        for label, text in about.items()
    ]


def footnotes(scores: Scores, variants: Collection[Variant]) -> tuple[str, ...]:
    """How every metric was measured, then why values of the variants are n/a."""
    lines = [COUNTED_DEAD] if _count_dead(scores, variants) else []
    for metric in _computed(scores):
        info = scores.metrics[metric]
        unit = f"{unit_of(info)}, " if unit_of(info) else ""
        protocol, origin = info.protocol.rstrip("."), info.source.rstrip(".")
        lines.append(f"`{metric}` ({unit}{info.better} is better): {protocol}. Source: {origin}.")
        capped = int((scores.frame["capped"] & (scores.frame["metric"] == metric)).sum())
        if capped:
            lines.append(f"`{metric}`: {capped} scores above {PSNR_CEILING:.0f} dB, identical pictures, count as that.")
    lines += _absences(scores, variants)
    awaiting: dict[str, list[str]] = {}  # reason -> rows
    for variant in variants:
        awaiting.setdefault(scores.awaits_retraining(variant.name), []).append(variant.name)
    lines += [f"Awaits retraining: {', '.join(rows)}: {why}." for why, rows in awaiting.items() if why]
    means = (scores.mean(variant, *column) for variant, column in product(variants, _columns(scores)))
    if any(0 < len(mean.pictures) < mean.of for mean in means):
        lines.append(
            "A count such as (3/4): the mean is over the pictures that have a value, and is compared only with means "
            "over the same pictures."
        )
    return tuple(lines)


def _absences(scores: Scores, variants: Collection[Variant]) -> Iterator[str]:
    """Why values are n/a: each reason once, with the data sets it concerns."""
    reasons: dict[str, dict[str, dict[str, None]]] = {}  # metric -> reason -> data sets
    for variant, (dataset, metric) in product(variants, _columns(scores)):
        mean = scores.mean(variant, dataset, metric)
        for reason in mean.reasons:
            where = f"some pictures of {dataset}" if mean.pictures else dataset
            reasons.setdefault(metric, {}).setdefault(reason, {})[where] = None
    absent: dict[tuple[str, ...], list[str]] = {}  # reasons -> metrics
    computed = _computed(scores)
    for metric in [metric for metric in reasons if metric not in computed]:
        absent.setdefault(tuple(reasons.pop(metric)), []).append(f"`{metric}`")
    for why, metrics in absent.items():
        yield f"Left out, {NA} throughout: {', '.join(metrics)}: {'; '.join(why[:MAX_REASONS]).rstrip('.')}."
    for metric, found in reasons.items():
        for reason, places in list(found.items())[:MAX_REASONS]:
            yield f"`{metric}` is {NA} on {', '.join(places)}: {reason.rstrip('.')}."
        if len(found) > MAX_REASONS:
            yield f"`{metric}`: {len(found) - MAX_REASONS} more reasons are in scores/."
