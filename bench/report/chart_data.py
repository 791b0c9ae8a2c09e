"""What the charts show, before anyone draws it: variants in the perception-distortion plane, sweeps, effects."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bench.report import Sweep
from bench.report.aggregate import Scores, methods_of
from bench.report.statistics import Effect
from bench.report.verdicts import VariantEffect

BETWEEN = "alpha"  # a sweep of this knob goes from one network to another, and is shown in the plane
Effects = list[tuple[VariantEffect, Effect]]


@dataclass(frozen=True)
class Spot:
    """A variant in the plane of two metrics. order: its method's in the setting, which decides colour and marker.

    entrant: it stands for its method, and is named. x_half, y_half: half of the 95 % interval over seeds, where there
    are three or more.
    """

    x: float
    y: float
    label: str
    order: int
    entrant: bool
    x_half: float | None = None
    y_half: float | None = None


def tradeoff_metrics(scores: Scores) -> tuple[str, str] | None:
    """The first distortion and the first perceptual metric that every entrant has; None unless there are both."""
    metrics = scores.first_metrics
    return (metrics[0], metrics[1]) if len(metrics) == 2 else None


def spots_of(scores: Scores, dataset: str, metrics: tuple[str, str]) -> dict[tuple[str, str], Spot]:
    """(method, variant) -> its spot, of every variant that has two finite means on the data set."""
    orders = {method: order for order, method in enumerate(methods_of(scores.runs))}
    spots = {}
    for variant in scores.variants:
        x, y = (scores.mean(variant, dataset, metric) for metric in metrics)
        if x.value is None or y.value is None or not (math.isfinite(x.value) and math.isfinite(y.value)):
            continue
        about = (variant.label or variant.name, orders[variant.method], bool(variant.label))
        spots[variant.key] = Spot(x.value, y.value, *about, x.half_width, y.half_width)
    return spots


def front_of(spots: Sequence[Spot], better: Sequence[str]) -> list[Spot]:
    """The entrants that no other beats in one quality without losing in the other, by x (Pareto front)."""
    signs = tuple(1.0 if way == "higher" else -1.0 for way in better)
    points = [(spot, (signs[0] * spot.x, signs[1] * spot.y)) for spot in spots if spot.entrant]
    front = [spot for spot, (x, y) in points if not any(u >= x and v >= y and (u, v) != (x, y) for _, (u, v) in points)]
    return sorted(front, key=lambda spot: (spot.x, spot.y))


def paths_of(scores: Scores, dataset: str, metrics: tuple[str, str]) -> dict[str, list[tuple[float, Spot]]]:
    """Axis -> (alpha, spot) from one network to the other; a path without its ends shares those of its method's others.

    At alpha 0 and 1 every kind of interpolation is the same network.
    """
    spots = spots_of(scores, dataset, metrics)
    sweeps = [sweep for sweep in scores.suite.sweeps if sweep.knob == BETWEEN]
    paths = {}
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


def effects_of(effects: Sequence[VariantEffect], metric: str) -> Effects:
    """The variants that have an effect on a metric."""
    return [(row, row.effect) for row in effects if row.metric == metric and row.effect is not None]
