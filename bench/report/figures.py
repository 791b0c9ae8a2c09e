"""Figures as PNG and SVG: crops side by side, the perception-distortion plane, training curves.

The same scores, pictures and curves give the same bytes: the Agg canvas, the font that matplotlib ships, no dates.
A figure whose inputs are not here is not drawn; what is missing is said instead.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from matplotlib.transforms import Bbox
from numpy.typing import NDArray

from bench.errors import BadInput
from bench.report.aggregate import (
    DISTORTION,
    PERCEPTUAL,
    Scores,
    first_available,
    methods_of,
    runs_of,
    variants_of,
)
from bench.report.crops import DPI, WINDOW, crop_figure
from bench.report.tables import heading

# Okabe & Ito's colours, which the colour-blind tell apart; black for the first method, yellow darkened for white paper.
COLOURS = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#B8A900")
MARKERS = ("o", "s", "D", "^", "v", "P", "X")
NOT_LOSSES = ("step", "seconds", "learning_rate")
BINS = 40
PANELS = 4  # a line of small multiples
STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "svg.hashsalt": "bench",
    "svg.fonttype": "path",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.edgecolor": "#606060",
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
}
F64 = NDArray[np.float64]


@dataclass(frozen=True)
class Drawn:
    """A figure written as <name>.png and <name>.svg; or, with `missing`, why it was not."""

    name: str
    title: str
    caption: str
    missing: str = ""


def draw(scores: Scores, work: Path, folder: Path) -> list[Drawn]:
    """All figures of a suite into `folder`. work: the suite's folder, with data/, sr/ and runs/."""
    folder.mkdir(parents=True, exist_ok=True)
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        return [draw_crops(scores, work, folder), draw_plane(scores, folder), draw_curves(scores, work, folder)]


def save(figure: Figure, folder: Path, name: str) -> None:
    """<name>.png and <name>.svg, white, without a date or a version in them."""
    FigureCanvasAgg(figure)
    figure.savefig(folder / f"{name}.png", dpi=DPI, facecolor="white", metadata={"Software": None})
    figure.savefig(folder / f"{name}.svg", dpi=DPI, facecolor="white", metadata={"Date": None, "Creator": None})


def draw_crops(scores: Scores, work: Path, folder: Path) -> Drawn:
    """See `crops`."""
    title = "The same window by every method"
    try:
        figure, absent = crop_figure(scores, work)
    except FileNotFoundError as error:
        return Drawn("crops", title, "", f"{error} is not here")
    save(figure, folder, "crops")
    return Drawn(
        "crops",
        title,
        f"Windows of {WINDOW}×{WINDOW} HR pixels, enlarged without interpolation, chosen by rule: the pictures on "
        "which the methods' scores differ most, and in them the window in which their detail differs most. The numbers "
        "are of the whole picture. Of several seeds the first is shown."
        + (f" Not shown, because their pictures are not here: {', '.join(absent)}." if absent else ""),
    )


def draw_plane(scores: Scores, folder: Path) -> Drawn:
    """Distortion against perceptual quality, a panel a data set: defaults large and labelled, variants small."""
    name, title = "perception-distortion", "Perception and distortion"
    x, y = first_available(scores, DISTORTION), first_available(scores, PERCEPTUAL)
    if x is None or y is None:
        wanted = DISTORTION if x is None else PERCEPTUAL
        return Drawn(name, title, "", f"no metric of {', '.join(wanted)} has a value for every method")
    datasets = scores.suite.datasets
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
    """A variant in the plane; place: its method's in the suite."""

    x: float
    y: float
    method: str
    place: int
    default: bool

    @property
    def colour(self) -> str:
        return COLOURS[self.place % len(COLOURS)]

    @property
    def marker(self) -> str:
        """With its colour, a method's own up to 56 methods."""
        return MARKERS[(self.place + self.place // len(COLOURS)) % len(MARKERS)]


def spots_of(scores: Scores, dataset: str, metrics: tuple[str, str]) -> list[Spot]:
    """Every variant that has two finite means on the data set."""
    spots = []
    for place, method in enumerate(methods_of(scores.runs)):
        for _, variant in variants_of(scores.runs, method):
            x, y = (scores.means[method, variant, dataset, metric].value for metric in metrics)
            if x is not None and y is not None and math.isfinite(x) and math.isfinite(y):
                spots.append(Spot(x, y, method, place, variant == "default"))
    return spots


def _draw_panel(axes: Axes, scores: Scores, dataset: str, metrics: tuple[str, str]) -> list[Spot]:
    """One data set. Returns the spots."""
    spots = spots_of(scores, dataset, metrics)
    left, right = _limits([(spot.x, spot.default) for spot in spots])
    low, high = _limits([(spot.y, spot.default) for spot in spots])
    axes.set(xlim=(left, right), ylim=(low, high), title=dataset)
    for spot in spots:
        x, y = min(max(spot.x, left), right), min(max(spot.y, low), high)
        face = spot.colour if (x, y) == (spot.x, spot.y) else "white"
        axes.plot(
            x,
            y,
            marker=spot.marker,
            color=spot.colour,
            markersize=8.0 if spot.default else 4.5,
            markerfacecolor=face,
            markeredgecolor="white" if spot.default else spot.colour,
            markeredgewidth=0.5 if spot.default else 1.0,
            alpha=1.0 if spot.default else 0.75,
            zorder=4 if spot.default else 3,
            clip_on=False,
        )
    for axis, metric, arrows in zip((axes.xaxis, axes.yaxis), metrics, ("→←", "↑↓"), strict=True):
        info = scores.metrics[metric]
        axis.set_label_text(f"{heading(info)[:-2]}   better {arrows[info.better == 'lower']}")
    return spots


def _limits(values: Sequence[tuple[float, bool]]) -> tuple[float, float]:
    """An interval that holds every default, and the variants no further off than the defaults' own spread."""
    defaults = [value for value, default in values if default]
    low, high = min(defaults), max(defaults)
    reach = 0.75 * (high - low) or max(abs(high) * 0.05, 0.01)
    near = [value for value, _ in values if low - reach <= value <= high + reach]
    margin = 0.12 * (max(near) - min(near)) or reach
    return min(near) - margin, max(near) + margin


def _label(axes: Axes, spots: Sequence[Spot]) -> None:
    """Names beside the defaults, each at the nearest place where it covers no marker, label or frame."""
    frame = axes.get_window_extent()
    taken = [Bbox.from_bounds(x - 9, y - 9, 18, 18) for x, y in axes.transData.transform([(s.x, s.y) for s in spots])]
    for spot in spots:
        if not spot.default:
            continue
        label = axes.annotate(
            spot.method,
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


def draw_curves(scores: Scores, work: Path, folder: Path) -> Drawn:
    """Small multiples, a panel a method and loss: the default in colour, its variants in grey."""
    title = "Training"
    panels: dict[tuple[str, str], list[tuple[str, F64, F64]]] = {}
    for method in methods_of(scores.runs):
        for _, variant in variants_of(scores.runs, method):
            for run in runs_of(scores.runs, method, variant):
                for loss, (steps, values) in read_curves(work / "runs" / run / "curves.jsonl").items():
                    panels.setdefault((method, loss), []).append((variant, steps, values))
    if not panels:
        return Drawn("curves", title, "", "runs/*/curves.jsonl are not here, or nothing was trained")
    columns = min(PANELS, len(panels))
    lines = math.ceil(len(panels) / columns)
    figure = Figure(figsize=(2.6 * columns, 1.9 * lines), dpi=DPI, layout="constrained")
    grid = figure.subplots(lines, columns, squeeze=False).flat
    methods = methods_of(scores.runs)
    for (method, loss), curves in panels.items():
        _draw_losses(next(grid), f"{method}: {loss}", curves, COLOURS[methods.index(method) % len(COLOURS)])
    for spare in grid:
        spare.set_axis_off()
    figure.supxlabel("step", size=8.5)
    save(figure, folder, "curves")
    return Drawn(
        "curves",
        title,
        f"Losses as trained, medians of {BINS} stretches of steps. In colour: the default, a line a seed. Grey: its "
        "variants, where they log a loss of the same name; they may weigh it differently.",
    )


def read_curves(path: Path) -> dict[str, tuple[F64, F64]]:
    """Loss name -> (steps, values), medians over stretches of steps. Empty without a file; raises BadInput if torn."""
    if not path.is_file():
        return {}
    found: dict[str, list[tuple[float, float]]] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            entry = json.loads(line)
            step = float(entry["step"])
        except (ValueError, KeyError, TypeError):
            raise BadInput(f"{path}: line {number} is no entry with a step; train the run again") from None
        for name, value in entry.items():
            if name not in NOT_LOSSES and isinstance(value, int | float) and math.isfinite(value):
                found.setdefault(name, []).append((step, float(value)))
    curves = {}
    for name, pairs in found.items():
        stretches = np.array_split(np.array(pairs), min(BINS, len(pairs)))  # each (entries, 2)
        medians = np.array([np.median(stretch, axis=0) for stretch in stretches])
        curves[name] = (medians[:, 0], medians[:, 1])
    return curves


def _draw_losses(axes: Axes, title: str, curves: Sequence[tuple[str, F64, F64]], colour: str) -> None:
    """One panel; logarithmic where every value is positive."""
    for variant, steps, values in curves:
        first = variant == "default"
        mark = "o" if len(steps) == 1 else ""
        axes.plot(steps, values, mark, color=colour if first else "#B0B0B0", linewidth=1.4 if first else 0.8,
                  markersize=3.0, zorder=3 if first else 2)  # fmt: skip
    if all(float(values.min()) > 0 for _, _, values in curves):
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_title(title, size=8.5)
    axes.tick_params(which="both", labelsize=7)
    axes.set_xlim(left=0)
