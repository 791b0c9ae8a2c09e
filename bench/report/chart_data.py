"""What the charts show, before anyone draws it: points in the plane, sweeps of a knob, differences of variants."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bench.report import Sweep
from bench.report.aggregate import DISTORTION, PERCEPTUAL, Scores, entrants, first_available, methods_of, variants_of
from bench.report.render import Table

BETWEEN = "alpha"  # a sweep of this knob goes from one network to another, and is shown in the plane


@dataclass(frozen=True)
class Spot:
    """A variant in the plane. place: its method's in the setting. entrant: it stands for its method, and is named.

    x_half, y_half: half of the 95 % interval over seeds, where there are three or more.
    """

    x: float
    y: float
    label: str
    place: int
    entrant: bool
    x_half: float | None = None
    y_half: float | None = None
    variant: str = ""
    method: str = ""


@dataclass(frozen=True)
class Difference:
    """A variant's difference to its default, as the table of effects has it; interval and p may be absent."""

    method: str
    variant: str
    axis: str
    mean: float
    low: float
    high: float
    p_holm: float | None
    tested: bool


def plane_metrics(scores: Scores) -> tuple[str | None, str | None]:
    """The first distortion and the first perceptual metric that every entrant has."""
    return first_available(scores, DISTORTION), first_available(scores, PERCEPTUAL)


def spots_of(scores: Scores, dataset: str, metrics: tuple[str, str]) -> list[Spot]:
    """Every variant that has two finite means on the data set."""
    labels = {(one.method, one.variant): one.label for one in entrants(scores.runs)}
    spots = []
    for place, method in enumerate(methods_of(scores.runs)):
        for _, variant in variants_of(scores.runs, method):
            x, y = (scores.means[method, variant, dataset, metric] for metric in metrics)
            if any(mean.value is None or not math.isfinite(mean.value) for mean in (x, y)):
                continue
            key = (method, variant)
            spots.append(
                Spot(
                    x=x.value or 0.0,
                    y=y.value or 0.0,
                    label=labels.get(key, f"{method}.{variant}"),
                    place=place,
                    entrant=key in labels,
                    x_half=x.half_width,
                    y_half=y.half_width,
                    variant=variant,
                    method=method,
                )
            )
    return spots


def front_of(spots: Sequence[Spot], better: tuple[str, str]) -> list[Spot]:
    """The entrants that no other beats in one quality without losing in the other, by x (Pareto front)."""
    signs = tuple(1.0 if way == "higher" else -1.0 for way in better)
    good = [(signs[0] * spot.x, signs[1] * spot.y) for spot in spots]
    front = [
        spot
        for spot, mine in zip(spots, good, strict=True)
        if spot.entrant
        and not any(
            other.entrant and theirs[0] >= mine[0] and theirs[1] >= mine[1] and theirs != mine
            for other, theirs in zip(spots, good, strict=True)
        )
    ]
    return sorted(front, key=lambda spot: (spot.x, spot.y))


def paths_of(scores: Scores, dataset: str, metrics: tuple[str, str]) -> dict[str, list[tuple[float, Spot]]]:
    """Axis -> (alpha, spot) from one network to the other; a path without its ends shares those of its method's others.

    At alpha 0 and 1 every kind of interpolation is the same network.
    """
    spots = {(spot.method, spot.variant): spot for spot in spots_of(scores, dataset, metrics)}
    paths = {}
    sweeps = [sweep for sweep in scores.suite.sweeps if sweep.knob == BETWEEN]
    for sweep in sweeps:
        points = {alpha: spots[sweep.method, v] for v, alpha in sweep.values.items() if (sweep.method, v) in spots}
        for other in sweeps:
            for variant, alpha in other.values.items():
                if other.method == sweep.method and alpha in (0.0, 1.0) and (other.method, variant) in spots:
                    points.setdefault(alpha, spots[other.method, variant])
        if len(points) > 2:
            paths[sweep.axis] = sorted(points.items(), key=lambda item: item[0])
    return paths


def sweeps_of(scores: Scores) -> list[Sweep]:
    """The sweeps to draw as curves of a metric over the knob: those with three variants in this setting."""
    run = set(zip(scores.runs["method"], scores.runs["variant"], strict=True))
    return [
        sweep
        for sweep in scores.suite.sweeps
        if sweep.knob != BETWEEN and sum((sweep.method, variant) in run for variant in sweep.values) > 2
    ]


def curve_of(scores: Scores, sweep: Sweep, dataset: str, metric: str) -> list[tuple[float, float, float | None, str]]:
    """(knob, mean, half of the interval over seeds, variant) along a sweep."""
    found = []
    for variant, number in sweep.values.items():
        mean = scores.means.get((sweep.method, variant, dataset, metric))
        if mean is not None and mean.value is not None and math.isfinite(mean.value):
            found.append((number, mean.value, mean.half_width, variant))
    return found


def differences_of(effects: Table, metric: str) -> list[Difference]:
    """The rows of an effects table that have an effect on a metric, in its order."""
    place = {column: number for number, column in enumerate(effects.columns)}
    found = []
    for row in effects.records:
        mean, low, high, p_holm = (_number(row[place[name]]) for name in ("difference", "low", "high", "p_holm"))
        if row[place["metric"]] == metric and mean is not None and low is not None and high is not None:
            method, variant, axis = (row[place[name]] for name in ("method", "variant", "axis"))
            tested = row[place["kind"]] == "two-way"
            found.append(Difference(method, variant, axis, mean, low, high, p_holm, tested))
    return found


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
