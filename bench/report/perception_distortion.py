"""The perception-distortion plane: a panel a data set, every variant of every method in it."""

import math
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from bench.report.aggregate import DISTORTION, PERCEPTUAL, Scores
from bench.report.chart_data import Spot, front_of, spots_of, tradeoff_metrics
from bench.report.style import COLOURS, DPI, MARKERS, Drawn, panels_of
from bench.report.tables import heading

LARGE: Any = {"markersize": 8.0, "markeredgewidth": 0.5, "alpha": 1.0, "zorder": 4}
SMALL: Any = {"markersize": 4.5, "markeredgewidth": 1.0, "alpha": 0.75, "zorder": 3}


def draw_tradeoff(scores: Scores) -> Drawn:
    """Distortion against perceptual quality, a panel a data set: defaults large and labelled, variants small."""
    name, title = "perception-distortion", "Perception and distortion"
    metrics = tradeoff_metrics(scores)
    if metrics is None:
        lacking = PERCEPTUAL if scores.first_available(DISTORTION) else DISTORTION
        return Drawn(name, title, missing=f"no metric of {', '.join(lacking)} has a value for every method")
    datasets = scores.setting.datasets
    figure, panels = tradeoff_panels(len(datasets))
    drawn = [
        (axes, _draw_panel(axes, scores, dataset, metrics)) for axes, dataset in zip(panels, datasets, strict=True)
    ]
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axes, spots in drawn:
        _label(axes, spots)
    return Drawn(
        name,
        title,
        f"`{metrics[0]}` against `{metrics[1]}`, means over pictures and seeds; the arrows on the axes point to the "
        "better side. Large: defaults, with 95 % intervals over seeds where there are three or more. Small, in the "
        "same colour: their ablation variants; hollow at the edge: variants beyond the frame. Dashed: the Pareto front "
        "of the defaults.",
        figure,
    )


def tradeoff_panels(count: int) -> tuple[Figure, list[Axes]]:
    """A figure of that many planes, two a line."""
    columns = min(2, count)
    width = 5.0 * columns + (1.5 if columns == 1 else 0)
    figure = Figure(figsize=(width, 4.2 * math.ceil(count / columns)), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, panels_of(figure, count, columns)


def look(order: int) -> tuple[str, str]:
    """(colour, marker) of the method of this order; its own up to 56 methods."""
    return COLOURS[order % len(COLOURS)], MARKERS[(order + order // len(COLOURS)) % len(MARKERS)]


def _draw_panel(axes: Axes, scores: Scores, dataset: str, metrics: tuple[str, str]) -> list[Spot]:
    """One data set. Returns the spots."""
    spots = list(spots_of(scores, dataset, metrics).values())
    left, right = limits([(spot.x, spot.entrant) for spot in spots])
    low, high = limits([(spot.y, spot.entrant) for spot in spots])
    axes.set(xlim=(left, right), ylim=(low, high), title=dataset)
    for spot in spots:
        x, y = min(max(spot.x, left), right), min(max(spot.y, low), high)
        colour, marker = look(spot.order)
        face = colour if (x, y) == (spot.x, spot.y) else "white"
        if spot.entrant:
            axes.errorbar(x, y, xerr=spot.x_half, yerr=spot.y_half, color=colour, elinewidth=1.0, zorder=3)
        edge, style = ("white", LARGE) if spot.entrant else (colour, SMALL)
        axes.plot(x, y, marker=marker, color=colour, markerfacecolor=face, markeredgecolor=edge, clip_on=False, **style)
    front = front_of(spots, [scores.metrics[metric].better for metric in metrics])
    axes.plot([s.x for s in front], [s.y for s in front], "--", color="#808080", linewidth=0.9, zorder=2)
    name_axes(axes, scores, metrics)
    return spots


def name_axes(axes: Axes, scores: Scores, metrics: tuple[str, str]) -> None:
    """The metrics on the axes, with arrows to the better side."""
    for axis, metric, arrows in zip((axes.xaxis, axes.yaxis), metrics, ("→←", "↑↓"), strict=True):
        info = scores.metrics[metric]
        axis.set_label_text(f"{heading(info)[:-2]}   better {arrows[info.better == 'lower']}")


def limits(values: Sequence[tuple[float, bool]]) -> tuple[float, float]:
    """An interval that holds every entrant, and the variants no further off than the entrants' own spread."""
    leading = [value for value, entrant in values if entrant] or [value for value, _ in values] or [0.0, 1.0]
    low, high = min(leading), max(leading)
    reach = 0.75 * (high - low) or max(abs(high) * 0.05, 0.01)
    near = [value for value, _ in values if low - reach <= value <= high + reach] or [low, high]
    margin = 0.12 * (max(near) - min(near)) or reach
    return min(near) - margin, max(near) + margin


def _label(axes: Axes, spots: Sequence[Spot]) -> None:
    """Names beside the defaults, each at the nearest place where it covers no marker, label or frame."""
    frame = axes.get_window_extent()
    taken = [Bbox.from_bounds(x - 9, y - 9, 18, 18) for x, y in axes.transData.transform([(s.x, s.y) for s in spots])]
    for spot in spots:
        if not spot.entrant:
            continue
        at, colour = (spot.x, spot.y), look(spot.order)[0]
        label = axes.annotate(spot.label, at, (0, 0), textcoords="offset pixels", va="bottom", color=colour, size=8.5)
        extent = label.get_window_extent()
        x, y = axes.transData.transform(at)
        right, up = free_place((x, y), (extent.width, extent.height), taken, frame)
        label.set_position((right, up))
        taken.append(Bbox.from_bounds(x + right, y + up, extent.width, extent.height))


def free_place(
    here: tuple[float, float], size: tuple[float, float], taken: Sequence[Bbox], frame: Bbox
) -> tuple[float, float]:
    """Offset in pixels of a label's lower left corner from its point."""
    best, least = (12.0, 0.0), math.inf
    for radius in (12, 20, 32, 48, 70):
        for angle in (0, 180, 90, 270, 45, 315, 135, 225):
            cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
            offset = (radius * cos + (cos - 1) / 2 * size[0], radius * sin + (sin - 1) / 2 * size[1])
            box = Bbox.from_bounds(here[0] + offset[0], here[1] + offset[1], *size)
            overlaps = [Bbox.intersection(box, other) for other in taken]
            cost = sum(part.width * part.height for part in overlaps if part is not None)
            inside = Bbox.intersection(box, frame)
            cost += size[0] * size[1] - (inside.width * inside.height if inside is not None else 0.0)
            if cost < least - 1e-6:
                best, least = offset, cost
            if least == 0:
                return best
    return best
