"""The page's charts: perception-distortion planes, sweeps, differences of variants, training curves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from matplotlib.transforms import Bbox

from bench.report import MetricInfo, Sweep
from bench.report.aggregate import Scores, methods_of
from bench.report.chart_data import (
    Difference,
    Spot,
    curve_of,
    differences_of,
    front_of,
    paths_of,
    plane_metrics,
    spots_of,
    sweeps_of,
)
from bench.report.losses import F64, Panels
from bench.report.perception_distortion import limits
from bench.report.render import Table
from bench.report.svg import (
    Scale,
    drawing,
    element,
    frame,
    labels,
    line,
    mark,
    number,
    polyline,
    text,
)
from bench.report.tables import decimals, heading, show_difference
from bench.report.trends import MIXED

WIDE, HIGH = 640, 470
ROW = 20
LOSS_WIDE, LOSS_HIGH = 300, 190


def planes(scores: Scores) -> list[str]:
    """A plane a data set; none without both metrics."""
    x, y = plane_metrics(scores)
    if x is None or y is None:
        return []
    return [_plane(scores, dataset, (x, y)) for dataset in scores.setting.datasets]


def _plane(scores: Scores, dataset: str, metrics: tuple[str, str]) -> str:
    spots = spots_of(scores, dataset, metrics)
    infos = (scores.metrics[metrics[0]], scores.metrics[metrics[1]])
    x = Scale(*limits([(spot.x, spot.entrant) for spot in spots]), 60, WIDE - 16)
    y = Scale(*limits([(spot.y, spot.entrant) for spot in spots]), HIGH - 48, 34)
    front = front_of(spots, (infos[0].better, infos[1].better))
    parts = [frame(x, y, (_axis(infos[0], "→←"), f"{dataset}: {_axis(infos[1], '↑↓')}"))]
    parts.append(polyline([(x.at(s.x), y.at(s.y)) for s in front], "front"))
    parts += [_spot(spot, x, y, infos) for spot in sorted(spots, key=lambda spot: spot.entrant)]
    named = [(x.at(s.x), y.at(s.y), s.label) for s in spots if s.entrant]
    others = [(_held(x, s.x), _held(y, s.y)) for s in spots if not s.entrant]
    box = Bbox.from_extents(x.start, y.end, x.end, y.start)
    told = f"{dataset}: {metrics[0]} against {metrics[1]}; Pareto front: {', '.join(s.label for s in front)}"
    return drawing(WIDE, HIGH, told, *parts, labels(named, others, box))


def _held(scale: Scale, value: float) -> float:
    """The pixel of a value, at the edge where it is beyond."""
    return scale.at(min(max(value, scale.low), scale.high))


def _axis(info: MetricInfo, arrows: str) -> str:
    """'psnr_y (dB), better →'."""
    return f"{heading(info)[:-2]}, better {arrows[info.better == 'lower']}"


def _spot(spot: Spot, x: Scale, y: Scale, infos: tuple[MetricInfo, MetricInfo]) -> str:
    """A marker with its intervals."""
    across, down = _held(x, spot.x), _held(y, spot.y)
    told = f"{spot.label}: {_value(spot.x, spot.x_half, infos[0])}, {_value(spot.y, spot.y_half, infos[1])}"
    parts = []
    if spot.entrant and spot.x_half is not None:
        parts.append(line(x.at(spot.x - spot.x_half), down, x.at(spot.x + spot.x_half), down, "interval"))
    if spot.entrant and spot.y_half is not None:
        parts.append(line(across, y.at(spot.y - spot.y_half), across, y.at(spot.y + spot.y_half), "interval"))
    inside = x.low <= spot.x <= x.high and y.low <= spot.y <= y.high
    role = "" if inside else "hollow"
    parts.append(
        mark(across, down, spot.place, 6.0 if spot.entrant else 3.4, role if spot.entrant else f"small {role}", told)
    )
    return "".join(parts)


def _value(mean: float, half: float | None, info: MetricInfo) -> str:
    digits = decimals(info)
    interval = f" ± {half:.{digits}f}" if half is not None else ""
    return f"{info.key} {mean:.{digits}f}{interval}".replace("-", "−")


def path_charts(scores: Scores) -> list[str]:
    """From one network to another in the plane, a chart a data set that has such runs."""
    x, y = plane_metrics(scores)
    if x is None or y is None:
        return []
    charts = []
    for dataset in scores.setting.datasets:
        paths = paths_of(scores, dataset, (x, y))
        if paths:
            charts.append(_path_chart(scores, dataset, (x, y), paths))
    return charts


def _path_chart(
    scores: Scores, dataset: str, metrics: tuple[str, str], paths: dict[str, list[tuple[float, Spot]]]
) -> str:
    infos = (scores.metrics[metrics[0]], scores.metrics[metrics[1]])
    spots = [spot for points in paths.values() for _, spot in points]
    x = Scale(*limits([(spot.x, True) for spot in spots]), 60, WIDE - 16)
    y = Scale(*limits([(spot.y, True) for spot in spots]), HIGH - 48, 34)
    parts = [frame(x, y, (_axis(infos[0], "→←"), f"{dataset}: {_axis(infos[1], '↑↓')}"))]
    for place, (axis, points) in enumerate(paths.items(), start=1):
        at = [(x.at(spot.x), y.at(spot.y)) for _, spot in points]
        parts.append(polyline(at, f"curve s{place}" + (" dashed" if place > 1 else "")))
        for (alpha, spot), (across, down) in zip(points, at, strict=True):
            told = f"{MIXED.get(axis, axis)}, alpha {alpha:g}: {spot.x:.4f}, {spot.y:.4f}"
            parts.append(mark(across, down, place, 5.0, "", told))
            parts += [text(across + 9, down - 7, f"{alpha:g}", "label")] if place == 1 else []
        parts.append(mark(WIDE - 190, 46 + 20 * place, place, 5.0, "", axis))
        parts.append(text(WIDE - 178, 50 + 20 * place, MIXED.get(axis, axis), "label"))
    return drawing(WIDE, HIGH, f"{dataset}: interpolation between two networks", *parts)


def difference_charts(scores: Scores, effects: Table | None) -> list[str]:
    """Every variant's difference to its default with its interval, a chart a metric."""
    if effects is None:
        return []
    found = [(metric, differences_of(effects, metric)) for metric in plane_metrics(scores) if metric]
    return [_differences(scores.metrics[metric], rows) for metric, rows in found if rows]


def _differences(info: MetricInfo, rows: Sequence[Difference]) -> str:
    names = 8 + 6.6 * max(len(f"{row.method}.{row.variant}") for row in rows)
    height = 56 + ROW * len(rows)
    reach = max(max(abs(row.low), abs(row.high), abs(row.mean)) for row in rows) or 1.0
    x = Scale(-reach, reach, names + 8, WIDE - 14)
    y = Scale(0, 1, height - 28, 26)
    parts = [frame(x, y, ("", ""), (6, 0))]
    better = "→" if info.better == "higher" else "←"
    parts += [text(names + 8, 14, f"{heading(info)[:-2]}: difference to the default, better {better}", "axis")]
    parts.append(line(x.at(0), y.start, x.at(0), y.end, "zero"))
    for place, row in enumerate(rows):
        at = 26 + ROW * (place + 0.5)
        helps = (row.mean > 0) == (info.better == "higher")
        sure = row.p_holm is not None and row.p_holm < 0.05
        role = ("gain" if helps else "loss") if sure else "open"
        told = f"{row.method}.{row.variant} ({row.axis}): {show_difference(row.mean, info)}, 95 % interval "
        told += f"{show_difference(row.low, info)} to {show_difference(row.high, info)}"
        told += f", p {row.p_holm:.3f} after Holm" if row.p_holm is not None else ", not tested"
        parts.append(text(names, at + 4, f"{row.method}.{row.variant}", "label", "end"))
        parts.append(line(x.at(row.low), at, x.at(row.high), at, f"interval {role}"))
        dot = element("circle", element("title", escape(told)), cx=x.at(row.mean), cy=at, r=4.0,
                      class_=f"dot {role}{'' if row.tested else ' hollow'}")  # fmt: skip
        parts.append(dot)
    return drawing(WIDE, height, f"Differences to the default in {info.key}", *parts)


def sweep_charts(scores: Scores) -> list[str]:
    """A metric along each sweep, a chart a sweep and data set."""
    metric = plane_metrics(scores)[0]
    if metric is None:
        return []
    places = [(sweep, dataset) for sweep in sweeps_of(scores) for dataset in scores.setting.datasets]
    return [_sweep(scores, sweep, dataset, metric) for sweep, dataset in places]


def _sweep(scores: Scores, sweep: Sweep, dataset: str, metric: str) -> str:
    """Equal steps along the knob's values: they often span decades, and begin with 0."""
    points = curve_of(scores, sweep, dataset, metric)
    if not points:
        return ""
    info, (wide, high) = scores.metrics[metric], (420, 300)
    spans = [value + sign * (half or 0.0) for _, value, half, _ in points for sign in (-1, 1)]
    room = 0.15 * (max(spans) - min(spans)) or 0.01
    x = Scale(-0.4, len(points) - 0.6, 56, wide - 12)
    y = Scale(min(spans) - room, max(spans) + room, high - 48, 34)
    parts = [frame(x, y, ("", f"{sweep.method} on {dataset}: {heading(info)}"), (0, 4))]
    parts.append(polyline([(x.at(place), y.at(point[1])) for place, point in enumerate(points)], "curve s1"))
    for place, (knob, value, half, variant) in enumerate(points):
        at = (x.at(place), y.at(value))
        told = f"{variant}, {sweep.knob} {knob:g}: {_value(value, half, info)}"
        parts += [line(at[0], y.at(value - half), at[0], y.at(value + half), "interval")] if half else []
        parts.append(mark(*at, 1, 5.0, "hollow" if variant == "default" else "", told))
        parts.append(text(at[0], high - 30, f"{knob:g}", "tick", "middle"))
    parts.append(text((56 + wide) / 2, high - 10, f"{sweep.knob} (hollow: the default)", "axis", "middle"))
    return drawing(wide, high, f"{sweep.method}, {dataset}: {metric} along {sweep.knob}", *parts)


def loss_charts(scores: Scores, panels: Panels) -> list[str]:
    """Small multiples of the losses: the default in colour, a line a seed, its variants grey, one seed each."""
    methods = methods_of(scores.runs)
    charts = []
    for (method, loss), curves in panels.items():
        seen: set[str] = set()
        shown = []
        for variant, steps, values in curves:
            if variant == "default" or variant not in seen:
                shown.append((variant, steps, values))
            seen.add(variant)
        charts.append(_loss(f"{method}: {loss}", shown, methods.index(method) % 8))
    return charts


def _loss(title: str, curves: Sequence[tuple[str, F64, F64]], place: int) -> str:
    low = min(float(values.min()) for _, _, values in curves)
    high = max(float(values.max()) for _, _, values in curves)
    last = max(float(steps[-1]) for _, steps, _ in curves)
    log = low > 0 and high / low > 3
    room = 1.0 if log else 0.05 * (high - low) or abs(high) * 0.05 or 0.01
    bounds = (low / 1.05, high * 1.05) if log else (low - room, high + room)
    x = Scale(0, last or 1.0, 54, LOSS_WIDE - 16)
    y = Scale(*bounds, LOSS_HIGH - 28, 24, log)
    parts = [frame(x, y, ("", ""), (3, 3)), text(8, 13, title, "axis")]
    for variant, steps, values in reversed(curves):
        points = [(x.at(float(s)), y.at(float(v))) for s, v in zip(steps, values, strict=True) if math.isfinite(v)]
        parts.append(polyline(points, f"curve s{place}" if variant == "default" else "curve rest"))
    return drawing(LOSS_WIDE, LOSS_HIGH, f"Training curve, {title}", *parts)


def interval_bar(mean: float, low: float, high: float, status: str) -> str:
    """A claim's difference on a line about zero, the claimed side on the right; as long as its own reach."""
    reach = max(abs(low), abs(high), abs(mean)) * 1.1 or 1.0
    x = Scale(-reach, reach, 4, 156)
    parts = [line(80, 2, 80, 22, "zero"), line(x.at(low), 12, x.at(high), 12, f"interval {status}")]
    parts.append(element("circle", cx=x.at(mean), cy=12.0, r=4.0, class_=f"dot {status}"))
    shown = "".join(parts)
    return f'<svg class="bar" viewBox="0 0 160 24" aria-hidden="true" width="160" height="24">{shown}</svg>'


def stack(counts: Sequence[tuple[str, int]]) -> str:
    """A bar of parts, as long as their numbers."""
    total = sum(count for _, count in counts) or 1
    parts, at = [], 0.0
    for role, count in counts:
        wide = 300 * count / total
        parts.append(element("rect", x=at, y=0, width=number(max(wide - 2, 0)), height=12, rx=2, class_=role))
        at += wide
    head = '<svg class="stack" viewBox="0 0 300 12" aria-hidden="true" preserveAspectRatio="none">'
    return f"{head}{''.join(parts)}</svg>"
