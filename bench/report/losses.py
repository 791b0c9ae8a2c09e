"""Training curves: small multiples, a panel a method and loss."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from numpy.typing import NDArray

from bench.errors import BadInput
from bench.report.aggregate import Scores, methods_of
from bench.report.style import COLOURS, DPI, Drawn, panels_of
from bench.runtime.files import read_points
from bench.runtime.paths import run_folder
from bench.runtime.rows import read_rows, write_rows

NOT_LOSSES = ("step", "seconds", "learning_rate")
BINS = 40
TOTAL = "loss"
PANELS = 4  # a line of small multiples
FOLDER = "curves"
COLUMNS = ("loss", "step", "value")
F64 = NDArray[np.float64]
Panels = Mapping[tuple[str, str], Sequence[tuple[str, F64, F64]]]
"""(method, loss) -> (variant, steps, values) of every run, the default's first"""


def draw_curves(scores: Scores, panels: Panels) -> Drawn:
    """Small multiples, a panel a method, of its total loss: the default in colour, its variants in grey."""
    panels = {key: curves for key, curves in panels.items() if key[1] == TOTAL}
    if not panels:
        return Drawn("curves", "Training", missing="runs/*/curves.jsonl are not here, or nothing was trained")
    columns = min(PANELS, len(panels))
    width, height = 2.6 * columns, 1.9 * math.ceil(len(panels) / columns)
    figure = Figure(figsize=(width, height), dpi=DPI)
    grid = panels_of(figure, len(panels), columns)
    figure.subplots_adjust(
        left=0.5 / width, right=1 - 0.1 / width, top=1 - 0.25 / height, bottom=0.55 / height, wspace=0.3, hspace=0.4
    )
    methods = methods_of(scores.runs)
    for axes, ((method, loss), curves) in zip(grid, panels.items(), strict=True):
        _draw_losses(axes, f"{method}: {loss}", curves, COLOURS[methods.index(method) % len(COLOURS)])
    figure.supxlabel("step", size=8.5)
    return Drawn(
        "curves",
        "Training",
        f"Losses as trained, medians of {BINS} stretches of steps. In colour: the default, a line a seed. Grey: its "
        "variants, where they log a loss of the same name; they may weigh it differently.",
        figure,
    )


def read_panels(scores: Scores, work: Path, kept: Path | None = None) -> Panels:
    """The curves of every run that has them in work/runs, or where `keep_curves` put them."""
    panels: dict[tuple[str, str], list[tuple[str, F64, F64]]] = {}
    for variant in scores.variants:
        for run in variant.runs:
            for loss, (steps, values) in _curves(run, work, kept).items():
                panels.setdefault((variant.method, loss), []).append((variant.variant, steps, values))
    return panels


def keep_curves(scores: Scores, work: Path, kept: Path, folder: Path) -> None:
    """Write <run>.csv (loss, step, value) of every run that has curves here, as they are drawn: with the results, so
    that a report made elsewhere can draw them too."""
    for run in scores.runs["run"]:
        curves = _curves(run, work, kept)
        if curves:
            rows = [
                (loss, repr(step), repr(value))
                for loss, (steps, values) in curves.items()
                for step, value in zip(steps.tolist(), values.tolist(), strict=True)
            ]
            write_rows(folder / f"{run}.csv", COLUMNS, rows)


def _curves(run: str, work: Path, kept: Path | None) -> dict[str, tuple[F64, F64]]:
    """Loss name -> (steps, values) of a run, empty where there are none. Raises BadInput for a torn file."""
    path = None if kept is None else kept / f"{run}.csv"
    found = read_curves(run_folder(work, run) / "curves.jsonl")
    if found or path is None or not path.is_file():
        return found
    remedy = "remove it and make the report again"
    pairs: dict[str, list[tuple[float, float]]] = {}
    for row in read_rows(path, COLUMNS, remedy):
        try:
            pairs.setdefault(row["loss"], []).append((float(row["step"]), float(row["value"])))
        except ValueError as error:
            raise BadInput(f"{path}: is no table of losses ({error}); {remedy}") from None
    return {loss: (np.array(points)[:, 0], np.array(points)[:, 1]) for loss, points in pairs.items()}


def read_curves(path: Path) -> dict[str, tuple[F64, F64]]:
    """Loss name -> (steps, values), medians over stretches of steps. Empty without a file; raises BadInput if torn."""
    found: dict[str, list[tuple[float, float]]] = {}
    for point in read_points(path):
        for name, value in point.items():
            if name not in NOT_LOSSES:
                found.setdefault(name, []).append((point["step"], value))
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
