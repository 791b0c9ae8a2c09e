"""One cell: what is printed, what was measured, and what may be said of the two.

A printed set mean is compared with the mean over the very same pictures, so another draw of pictures cannot excuse a
gap: a figure is reproduced where the mean is significantly within the metric's margin of it, over seeds alone. The
interval shown beside the difference is over pictures too, as everywhere else in a report.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.data.datasets import DATASETS
from bench.metrics import METRICS
from bench.report.aggregate import Mean, Scores, average
from bench.report.papers.declared import CONDITIONS, PICTURES, Column, Mismatch, PaperRow, mismatches
from bench.report.papers.reported import Reported
from bench.report.rules import LEVEL, MARGINS
from bench.report.statistics import MIN_SEEDS, Effect, effect

NOT_RUN, NOT_SCORED, NOT_AVAILABLE = "not run", "not scored", "n/a"
ONLY_SHOWN, NO_FIGURE = "only shown as pictures", "no figure at hand"
REPRODUCED, NOT_REPRODUCED, UNDECIDED = "reproduced", "not reproduced", "undecided"
MATCHES, DIFFERS, OTHER = "matches", "differs", "other conditions"
VERDICTS = (
    *(REPRODUCED, NOT_REPRODUCED, UNDECIDED, MATCHES, DIFFERS, OTHER),
    *(ONLY_SHOWN, NO_FIGURE, NOT_AVAILABLE, NOT_SCORED, NOT_RUN),
)
EXPLAINED = {(f"bicubic.default/Set5/{key}", scale) for key in ("psnr_y", "ssim_y") for scale in (2, 3, 4)}
"""Printed figures that luma alone explains to the last digit; checked where the pictures are."""

Where = tuple[int, str, str, str, str]
"""(scale, degradation, '<method>.<variant>', data set, metric)"""


@dataclass(frozen=True)
class Measured:
    """One metric of one variant: its mean, and values (seeds, pictures) of the pictures that every seed has a value
    for. dataset: where."""

    mean: Mean
    values: NDArray[np.float64]
    dataset: str
    runs: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """A cell of a paper's table."""

    row: PaperRow
    column: Column
    reported: Reported | None
    measured: Measured | None
    verdict: str
    mismatches: tuple[Mismatch, ...] = ()
    effect: Effect | None = None


@dataclass(frozen=True)
class Measurements:
    """Everything measured, by place, and runs.csv of all settings; of two settings with one place, the first counts.

    deterministic: methods of which one run stands for every seed.
    """

    groups: Mapping[Where, pd.DataFrame]
    runs: pd.DataFrame
    deterministic: tuple[str, ...]


def gather(every: Sequence[Scores]) -> Measurements:
    """The scores of all settings, by place."""
    groups: dict[Where, pd.DataFrame] = {}
    for scores in every:
        setting = (scores.setting.scale, scores.setting.degradation)
        for key, group in scores.frame.groupby(["method", "variant", "dataset", "metric"], sort=False):
            method, variant, dataset, metric = (str(part) for part in key)
            groups.setdefault((*setting, f"{method}.{variant}", dataset, metric), group)
    runs = pd.concat([scores.runs for scores in every]) if every else pd.DataFrame(columns=["run"])
    return Measurements(groups, runs[~runs.index.duplicated()], every[0].suite.deterministic if every else ())


def measure(measurements: Measurements, ours: str, column: Column) -> Measured | None:
    """What was measured for a column; None where there is no such run or no such picture."""
    for dataset in (column.dataset, *column.measured_on):
        stems = PICTURES.get(dataset)
        whole = dataset.partition("/")[0] if stems else dataset
        group = measurements.groups.get((column.scale, column.degradation, ours, whole, column.metric))
        if group is not None and stems:
            group = group[group["image"].isin(stems)]
        if group is not None and len(group):
            (mean,) = average(group, METRICS).values()
            runs = tuple(map(str, group["run"].unique()))
            values = group[group["image"].isin(mean.pictures)]["value"].to_numpy(np.float64)
            return Measured(mean, values.reshape(len(runs), -1), dataset, runs)  # run by run in one order of pictures
    return None


def compare(
    measurements: Measurements, row: PaperRow, column: Column, reported: Reported | None, only_shown: bool
) -> Comparison:
    """Measured against printed, with what differs in the making of the two."""
    measured = measure(measurements, row.ours, column) if row.ours else None
    if measured is None:
        here = (column.scale, column.degradation, row.ours) in {where[:3] for where in measurements.groups}
        return Comparison(row, column, reported, None, NOT_SCORED if here else NOT_RUN)
    if measured.mean.value is None:
        return Comparison(row, column, reported, measured, NOT_AVAILABLE)
    if reported is None:
        return Comparison(row, column, None, measured, ONLY_SHOWN if only_shown else NO_FIGURE)
    found = _mismatches(measurements, row, column, measured)
    if found:
        verdict = f"{OTHER}: {', '.join(dict.fromkeys(mismatch.word for mismatch in found))}"
    elif row.ours.partition(".")[0] in measurements.deterministic:
        verdict = _match(row.ours, column, reported.covers(measured.mean.value))
    else:
        verdict = _reproduced(measured, column, reported)
    return Comparison(row, column, reported, measured, verdict, found, _interval(measured, column, reported))


def _mismatches(measurements: Measurements, row: PaperRow, column: Column, measured: Measured) -> tuple[Mismatch, ...]:
    """What of the pictures and of the training is not as in the paper, over all seeds."""
    found = _pictures(column, measured)
    for run in measured.runs if row.conditions else ():
        found += mismatches(measurements.runs, run, CONDITIONS[row.conditions], column.scale)
    if not row.conditions:
        found.append(Mismatch("unknown", "how the paper made this row is not known here"))
    return tuple(dict.fromkeys(found))


def _pictures(column: Column, measured: Measured) -> list[Mismatch]:
    """What differs in the test pictures."""
    if measured.dataset != column.dataset:
        return [Mismatch("test pictures", f"scored on {measured.dataset} degraded here, not on {column.dataset}")]
    known = DATASETS.get(column.dataset)
    count = 1 if column.dataset in PICTURES else known.count if known else measured.mean.of
    if measured.values.shape[1] == count:
        return []
    return [Mismatch("test pictures", f"{measured.values.shape[1]} of the {count} pictures of {column.dataset}")]


def _match(ours: str, column: Column, covered: bool) -> str:
    """The verdict on a deterministic method: the printed digits, or not."""
    if covered:
        return MATCHES
    explained = (f"{ours}/{column.dataset}/{column.metric}", column.scale) in EXPLAINED
    return f"{DIFFERS}: printed of luma alone" if explained else DIFFERS


def _reproduced(measured: Measured, column: Column, reported: Reported) -> str:
    """The verdict where all conditions agree: whether the mean is within the margin of the printed figure, by two
    one-sided tests over seeds on the very pictures of the paper."""
    seeds = len(measured.runs)
    if seeds < MIN_SEEDS:
        return f"{UNDECIDED}: {'one seed' if seeds == 1 else f'{seeds} seeds'}"
    gaps = measured.values.mean(axis=1) - reported.value  # (seeds,)
    if not np.isfinite(gaps).all():
        return NOT_REPRODUCED
    margin = MARGINS[column.metric][0]
    over_seeds = effect(gaps[np.newaxis, :], level=1 - 2 * LEVEL)
    if -margin < over_seeds.low and over_seeds.high < margin:
        return REPRODUCED
    return UNDECIDED if over_seeds.low <= margin and over_seeds.high >= -margin else NOT_REPRODUCED


def _interval(measured: Measured, column: Column, reported: Reported) -> Effect | None:
    """The difference with its interval; None for a single picture, an infinite value or a mean that is quadratic."""
    values = measured.values
    if values.shape[1] < 2 or not np.isfinite(values).all() or METRICS[column.metric].mean == "quadratic":
        return None
    return effect(values - reported.value)
