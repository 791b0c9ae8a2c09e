"""The page's charts: perception-distortion planes, sweeps, differences of variants, training curves."""

import math
from collections.abc import Sequence
from html import escape
from itertools import product

from matplotlib.transforms import Bbox

from bench.metrics import Metric
from bench.report import Sweep, chart_data
from bench.report.aggregate import DISTORTION, Scores, methods_of
from bench.report.chart_data import Spot
from bench.report.losses import F64, Panels
from bench.report.perception_distortion import limits
from bench.report.rules import LEVEL
from bench.report.statistics import TWO_WAY
from bench.report.svg import SERIES, Scale, drawing, element, frame, labels, line, mark, number, polyline, text
from bench.report.tables import heading, show_difference, show_value
from bench.report.verdicts import VariantEffect

WIDE, HIGH = 640, 470
ROW = 20
LOSS_WIDE, LOSS_HIGH = 300, 190


def tradeoff_charts(scores: Scores) -> list[str]:
    """A perception-distortion plane a data set; none without both metrics."""
    metrics = chart_data.tradeoff_metrics(scores)
    return [_tradeoff(scores, dataset, metrics) for dataset in scores.setting.datasets] if metrics else []


def _tradeoff(scores: Scores, dataset: str, metrics: tuple[str, str]) -> str:
    spots = list(chart_data.spots_of(scores, dataset, metrics).values())
    x, y, framed = _framed(scores, dataset, metrics, [(spot, spot.entrant) for spot in spots])
    infos = [scores.metrics[metric] for metric in metrics]
    front = chart_data.front_of(spots, [info.better for info in infos])
    parts = [framed, polyline([(x.at(s.x), y.at(s.y)) for s in front], "front")]
    parts += [_spot(spot, x, y, infos) for spot in sorted(spots, key=lambda spot: spot.entrant)]
    named = [(x.at(s.x), y.at(s.y), s.label) for s in spots if s.entrant]
    others = [(_held(x, s.x), _held(y, s.y)) for s in spots if not s.entrant]
    box = Bbox.from_extents(x.start, y.end, x.end, y.start)
    title = f"{dataset}: {metrics[0]} against {metrics[1]}; Pareto front: {', '.join(s.label for s in front)}"
    return drawing(WIDE, HIGH, title, *parts, labels(named, others, box))


def _framed(
    scores: Scores, dataset: str, metrics: tuple[str, str], spots: Sequence[tuple[Spot, bool]]
) -> tuple[Scale, Scale, str]:
    """The scales of a plane and its frame with the axes' names; the frame holds every spot that is marked True."""
    x = Scale(*limits([(spot.x, inside) for spot, inside in spots]), 60, WIDE - 16)
    y = Scale(*limits([(spot.y, inside) for spot, inside in spots]), HIGH - 48, 34)
    names = [
        f"{heading(scores.metrics[metric])[:-2]}, better {arrows[scores.metrics[metric].better == 'lower']}"
        for metric, arrows in zip(metrics, ("→←", "↑↓"), strict=True)
    ]
    return x, y, frame(x, y, (names[0], f"{dataset}: {names[1]}"))


def _held(scale: Scale, value: float) -> float:
    """The pixel of a value, at the edge where it is beyond."""
    return scale.at(min(max(value, scale.low), scale.high))


def _spot(spot: Spot, x: Scale, y: Scale, infos: Sequence[Metric]) -> str:
    """A marker with its intervals."""
    across, down = _held(x, spot.x), _held(y, spot.y)
    title = f"{spot.label}: {_value(spot.x, spot.x_half, infos[0])}, {_value(spot.y, spot.y_half, infos[1])}"
    parts = []
    if spot.entrant and spot.x_half is not None:
        parts.append(line(x.at(spot.x - spot.x_half), down, x.at(spot.x + spot.x_half), down, "interval"))
    if spot.entrant and spot.y_half is not None:
        parts.append(line(across, y.at(spot.y - spot.y_half), across, y.at(spot.y + spot.y_half), "interval"))
    inside = x.low <= spot.x <= x.high and y.low <= spot.y <= y.high
    role = "" if inside else "hollow"
    radius, role = (6.0, role) if spot.entrant else (3.4, f"small {role}")
    parts.append(mark(across, down, spot.order, radius, role, title))
    return "".join(parts)


def _value(mean: float, half: float | None, info: Metric) -> str:
    interval = "" if half is None else f" ± {show_value(half, info)}"
    return f"{info.key} {show_value(mean, info)}{interval}"


def path_charts(scores: Scores) -> list[str]:
    """From one network to another in the plane, a chart a data set that has such runs."""
    metrics = chart_data.tradeoff_metrics(scores)
    if metrics is None:
        return []
    found = {dataset: chart_data.paths_of(scores, dataset, metrics) for dataset in scores.setting.datasets}
    return [_path_chart(scores, dataset, metrics, paths) for dataset, paths in found.items() if paths]


def _path_chart(
    scores: Scores, dataset: str, metrics: tuple[str, str], paths: dict[str, list[tuple[float, Spot]]]
) -> str:
    spots = [(spot, True) for points in paths.values() for _, spot in points]
    x, y, framed = _framed(scores, dataset, metrics, spots)
    parts = [framed]
    for series, (axis, points) in enumerate(paths.items(), start=1):
        name = axis.replace("-", " ")
        pixels = [(x.at(spot.x), y.at(spot.y)) for _, spot in points]
        parts.append(polyline(pixels, f"curve s{series}" + (" dashed" if series > 1 else "")))
        for (alpha, spot), (across, down) in zip(points, pixels, strict=True):
            parts.append(mark(across, down, series, 5.0, "", f"{name}, alpha {alpha:g}: {spot.x:.4f}, {spot.y:.4f}"))
            parts += [text(across + 9, down - 7, f"{alpha:g}", "label")] if series == 1 else []
        parts.append(mark(WIDE - 190, 46 + 20 * series, series, 5.0, "", axis))
        parts.append(text(WIDE - 178, 50 + 20 * series, name, "label"))
    return drawing(WIDE, HIGH, f"{dataset}: interpolation between two networks", *parts)


def difference_charts(scores: Scores, effects: Sequence[VariantEffect]) -> list[str]:
    """Every variant's difference to its default with its interval, a chart a metric."""
    found = [(metric, chart_data.effects_of(effects, metric)) for metric in scores.first_metrics]
    return [_differences(scores.metrics[metric], rows) for metric, rows in found if rows]


def _differences(info: Metric, rows: chart_data.Effects) -> str:
    names = 8 + 6.6 * max(len(f"{row.method}.{row.variant}") for row, _ in rows)
    height = 56 + ROW * len(rows)
    reach = max(max(abs(effect.low), abs(effect.high)) for _, effect in rows) or 1.0
    x = Scale(-reach, reach, names + 8, WIDE - 14)
    y = Scale(0, 1, height - 28, 26)
    better = "→" if info.better == "higher" else "←"
    title = f"{heading(info)[:-2]}: difference to the default, better {better}"
    parts = [frame(x, y, ("", ""), (6, 0)), text(names + 8, 14, title, "axis")]
    parts.append(line(x.at(0), y.start, x.at(0), y.end, "zero"))
    for index, (row, effect) in enumerate(rows):
        down, name = 26 + ROW * (index + 0.5), f"{row.method}.{row.variant}"
        significant = row.p_adjusted is not None and row.p_adjusted < LEVEL
        role = ("gain" if info.sign * effect.mean > 0 else "loss") if significant else "open"
        low, high = show_difference(effect.low, info), show_difference(effect.high, info)
        p = f"false-discovery rate {row.p_adjusted:.3f}" if row.p_adjusted is not None else "not tested"
        title = f"{name} ({row.axis}): {show_difference(effect.mean, info)}, 95 % interval {low} to {high}, {p}"
        dot = f"dot {role}{'' if effect.kind == TWO_WAY else ' hollow'}"
        parts.append(text(names, down + 4, name, "label", "end"))
        parts.append(line(x.at(effect.low), down, x.at(effect.high), down, f"interval {role}"))
        shown = element("title", escape(title))
        parts.append(element("circle", shown, cx=x.at(effect.mean), cy=down, r=4.0, class_=dot))
    return drawing(WIDE, height, f"Differences to the default in {info.key}", *parts)


def sweep_charts(scores: Scores) -> list[str]:
    """A metric along each sweep, a chart a sweep and data set."""
    metric = scores.first_available(DISTORTION)
    if metric is None:
        return []
    pairs = product(chart_data.sweeps_of(scores), scores.setting.datasets)
    return [_sweep(scores, sweep, dataset, metric) for sweep, dataset in pairs]


def _sweep(scores: Scores, sweep: Sweep, dataset: str, metric: str) -> str:
    """Equal steps along the knob's values: they often span decades, and begin with 0."""
    points = chart_data.curve_of(scores, sweep, dataset, metric)
    if not points:
        return ""
    info, (wide, high) = scores.metrics[metric], (420, 300)
    spans = [value + sign * (half or 0.0) for _, value, half, _ in points for sign in (-1, 1)]
    room = 0.15 * (max(spans) - min(spans)) or 0.01
    x = Scale(-0.4, len(points) - 0.6, 56, wide - 12)
    y = Scale(min(spans) - room, max(spans) + room, high - 48, 34)
    parts = [frame(x, y, ("", f"{sweep.method} on {dataset}: {heading(info)}"), (0, 4))]
    parts.append(polyline([(x.at(step), y.at(point[1])) for step, point in enumerate(points)], "curve s1"))
    for step, (knob, value, half, variant) in enumerate(points):
        across, title = x.at(step), f"{variant}, {sweep.knob} {knob:g}: {_value(value, half, info)}"
        parts += [line(across, y.at(value - half), across, y.at(value + half), "interval")] if half else []
        parts.append(mark(across, y.at(value), 1, 5.0, "hollow" if variant == "default" else "", title))
        parts.append(text(across, high - 30, f"{knob:g}", "tick", "middle"))
    parts.append(text((56 + wide) / 2, high - 10, f"{sweep.knob} (hollow: the default)", "axis", "middle"))
    return drawing(wide, high, f"{sweep.method}, {dataset}: {metric} along {sweep.knob}", *parts)


def loss_charts(scores: Scores, panels: Panels) -> list[str]:
    """Small multiples of the losses: the default in colour, a line a seed, its variants grey, one seed each."""
    methods = methods_of(scores.runs)
    charts = []
    for (method, loss), curves in panels.items():
        firsts = {variant: number for number, (variant, _, _) in reversed(list(enumerate(curves)))}
        shown = [curve for n, curve in enumerate(curves) if curve[0] == "default" or firsts[curve[0]] == n]
        charts.append(_loss(f"{method}: {loss}", shown, methods.index(method) % SERIES))
    return charts


def _loss(title: str, curves: Sequence[tuple[str, F64, F64]], series: int) -> str:
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
        parts.append(polyline(points, f"curve s{series}" if variant == "default" else "curve rest"))
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
