"""The perception-distortion plane: a panel a data set, every variant of every method in it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from bench.report.aggregate import DISTORTION, PERCEPTUAL, Scores, entrants, first_available, methods_of, variants_of
from bench.report.canvas import COLOURS, DPI, MARKERS, Drawn, save
from bench.report.tables import heading


def draw_plane(scores: Scores, folder: Path) -> Drawn:
    """Distortion against perceptual quality, a panel a data set: defaults large and labelled, variants small."""
    name, title = f"perception-distortion{scores.suffix}", "Perception and distortion"
    x, y = first_available(scores, DISTORTION), first_available(scores, PERCEPTUAL)
    if x is None or y is None:
        wanted = DISTORTION if x is None else PERCEPTUAL
        return Drawn(name, title, "", f"no metric of {', '.join(wanted)} has a value for every method")
    datasets = scores.setting.datasets
    columns = min(2, len(datasets))
    lines = math.ceil(len(datasets) / columns)
    figure = Figure(figsize=(5.0 * columns + (1.5 if columns == 1 else 0), 4.2 * lines), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    grid = list(figure.subplots(lines, columns, squeeze=False).flat)
    panels = [(axes, _draw_panel(axes, scores, place, (x, y))) for axes, place in zip(grid, datasets, strict=False)]
    for spare in grid[len(datasets) :]:
        spare.set_axis_off()
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axes, spots in panels:
        _label(axes, spots)
    save(figure, folder, name)
    return Drawn(
        name,
        title,
        f"`{x}` against `{y}`, means over pictures and seeds; the arrows on the axes point to the better side. Large: "
        "defaults. Small, in the same colour: their ablation variants; hollow at the edge: variants beyond the frame.",
    )


@dataclass(frozen=True)
class Spot:
    """A variant in the plane. place: its method's in the suite. entrant: it stands for its method, and is named."""

    x: float
    y: float
    label: str
    place: int
    entrant: bool

    @property
    def colour(self) -> str:
        return COLOURS[self.place % len(COLOURS)]

    @property
    def marker(self) -> str:
        """With its colour, a method's own up to 56 methods."""
        return MARKERS[(self.place + self.place // len(COLOURS)) % len(MARKERS)]


def spots_of(scores: Scores, dataset: str, metrics: tuple[str, str]) -> list[Spot]:
    """Every variant that has two finite means on the data set."""
    labels = {(one.method, one.variant): one.label for one in entrants(scores.runs)}
    spots = []
    for place, method in enumerate(methods_of(scores.runs)):
        for _, variant in variants_of(scores.runs, method):
            x, y = (scores.means[method, variant, dataset, metric].value for metric in metrics)
            if x is not None and y is not None and math.isfinite(x) and math.isfinite(y):
                label = labels.get((method, variant), f"{method}.{variant}")
                spots.append(Spot(x, y, label, place, (method, variant) in labels))
    return spots


def _draw_panel(axes: Axes, scores: Scores, dataset: str, metrics: tuple[str, str]) -> list[Spot]:
    """One data set. Returns the spots."""
    spots = spots_of(scores, dataset, metrics)
    left, right = _limits([(spot.x, spot.entrant) for spot in spots])
    low, high = _limits([(spot.y, spot.entrant) for spot in spots])
    axes.set(xlim=(left, right), ylim=(low, high), title=dataset)
    for spot in spots:
        x, y = min(max(spot.x, left), right), min(max(spot.y, low), high)
        face = spot.colour if (x, y) == (spot.x, spot.y) else "white"
        axes.plot(
            x,
            y,
            marker=spot.marker,
            color=spot.colour,
            markersize=8.0 if spot.entrant else 4.5,
            markerfacecolor=face,
            markeredgecolor="white" if spot.entrant else spot.colour,
            markeredgewidth=0.5 if spot.entrant else 1.0,
            alpha=1.0 if spot.entrant else 0.75,
            zorder=4 if spot.entrant else 3,
            clip_on=False,
        )
    for axis, metric, arrows in zip((axes.xaxis, axes.yaxis), metrics, ("→←", "↑↓"), strict=True):
        info = scores.metrics[metric]
        axis.set_label_text(f"{heading(info)[:-2]}   better {arrows[info.better == 'lower']}")
    return spots


def _limits(values: Sequence[tuple[float, bool]]) -> tuple[float, float]:
    """An interval that holds every entrant, and the variants no further off than the entrants' own spread."""
    leading = [value for value, entrant in values if entrant]
    low, high = min(leading), max(leading)
    reach = 0.75 * (high - low) or max(abs(high) * 0.05, 0.01)
    near = [value for value, _ in values if low - reach <= value <= high + reach]
    margin = 0.12 * (max(near) - min(near)) or reach
    return min(near) - margin, max(near) + margin


def _label(axes: Axes, spots: Sequence[Spot]) -> None:
    """Names beside the defaults, each at the nearest place where it covers no marker, label or frame."""
    frame = axes.get_window_extent()
    taken = [Bbox.from_bounds(x - 9, y - 9, 18, 18) for x, y in axes.transData.transform([(s.x, s.y) for s in spots])]
    for spot in spots:
        if not spot.entrant:
            continue
        label = axes.annotate(
            spot.label,
            (spot.x, spot.y),
            xytext=(0, 0),
            textcoords="offset pixels",
            va="bottom",
            color=spot.colour,
            size=8.5,
        )
        extent = label.get_window_extent()
        x, y = axes.transData.transform((spot.x, spot.y))
        right, up = _free_place((x, y), (extent.width, extent.height), taken, frame)
        label.set_position((right, up))
        taken.append(Bbox.from_bounds(x + right, y + up, extent.width, extent.height))


def _free_place(
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
