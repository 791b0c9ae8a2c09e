"""Figures of what changes step by step: differences of variants, sweeps of a knob, from one network to another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.report import Sweep
from bench.report.aggregate import Scores
from bench.report.chart_data import Difference, curve_of, differences_of, paths_of, plane_metrics, sweeps_of
from bench.report.perception_distortion import name_axes, panels_for
from bench.report.render import Table
from bench.report.style import COLOURS, DPI, Drawn, save
from bench.report.tables import heading

LINE = 0.2  # inches a row of the differences
NAMES = 2.6  # inches for the variants' names
MIXED = {"network-interpolation": "weights interpolated", "image-interpolation": "pictures interpolated"}


def draw_differences(scores: Scores, effects: Table | None, folder: Path) -> Drawn | None:
    """Every variant's difference to its default with its interval, a column a metric; None where there is none."""
    metrics = [metric for metric in plane_metrics(scores) if metric]
    columns = [(metric, differences_of(effects, metric) if effects else []) for metric in metrics]
    columns = [(metric, rows) for metric, rows in columns if rows]
    if not columns:
        return None
    lines = max(len(rows) for _, rows in columns)
    width, height = NAMES + 3.4 * len(columns), 0.9 + LINE * lines
    figure = Figure(figsize=(width, height), dpi=DPI)
    grid = figure.subplots(1, len(columns), squeeze=False).flat
    figure.subplots_adjust(
        left=NAMES / width, right=1 - 0.15 / width, top=1 - 0.35 / height, bottom=0.5 / height, wspace=0.06
    )
    for number, (axes, (metric, rows)) in enumerate(zip(grid, columns, strict=True)):
        _draw_rows(axes, rows, number == 0)
        axes.set_title(heading(scores.metrics[metric]), size=9)
        axes.set_xlabel("difference to the default", size=8.5)
    name = f"differences{scores.suffix}"
    save(figure, folder, name)
    return Drawn(
        name,
        "What each change does",
        "Differences to the default, on the pictures of all data sets, with 95 % intervals: over seeds and pictures "
        "where there are three seeds or more (filled), else over pictures alone, which says nothing of other seeds "
        "(hollow). In colour: significant at 5 % after Holm's correction.",
    )


def _draw_rows(axes: Axes, rows: Sequence[Difference], named: bool) -> None:
    """One metric, a line a variant."""
    axes.axvline(0, color="#808080", linewidth=0.8)
    for line, row in enumerate(rows):
        found = row.p_holm is not None and row.p_holm < 0.05
        colour = (COLOURS[1] if row.mean > 0 else COLOURS[2]) if found else "#606060"
        axes.plot([row.low, row.high], [line, line], color=colour, linewidth=1.2)
        axes.plot(row.mean, line, "o", color=colour, markersize=4, markerfacecolor=colour if row.tested else "white")
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_yticks(range(len(rows)), [f"{row.method}.{row.variant}" for row in rows] if named else [], size=7.5)
    axes.tick_params(axis="x", labelsize=7.5)
    axes.tick_params(axis="y", length=0)


def draw_sweeps(scores: Scores, folder: Path) -> Drawn | None:
    """A metric along each sweep, a panel a sweep and data set; None where no knob was swept."""
    metric = plane_metrics(scores)[0]
    sweeps = sweeps_of(scores)
    if metric is None or not sweeps:
        return None
    places = [(sweep, dataset) for sweep in sweeps for dataset in scores.setting.datasets]
    columns = min(3, len(places))
    lines = math.ceil(len(places) / columns)
    figure = Figure(figsize=(3.4 * columns, 2.6 * lines), dpi=DPI, layout="constrained")
    grid = list(figure.subplots(lines, columns, squeeze=False).flat)
    for axes, (sweep, dataset) in zip(grid, places, strict=False):
        _draw_sweep(axes, scores, (sweep, dataset, metric))
    for spare in grid[len(places) :]:
        spare.set_axis_off()
    name = f"sweeps{scores.suffix}"
    save(figure, folder, name)
    return Drawn(
        name,
        "One knob, several values",
        f"`{metric}`, means over pictures and seeds, with 95 % intervals over seeds where there are three or more. "
        "Hollow: the default. Beware of the axis: it shows a small part of the range.",
    )


def _draw_sweep(axes: Axes, scores: Scores, what: tuple[Sweep, str, str]) -> None:
    sweep, dataset, metric = what
    points = curve_of(scores, sweep, dataset, metric)
    numbers = [number for number, *_ in points]
    if min(numbers) >= 0 and max(numbers) / min((n for n in numbers if n > 0), default=1.0) > 50:
        axes.set_xscale("symlog", linthresh=min(n for n in numbers if n > 0))
    axes.plot(numbers, [mean for _, mean, _, _ in points], "-", color=COLOURS[1], linewidth=1.2)
    for number, mean, half, variant in points:
        face = "white" if variant == "default" else COLOURS[1]
        axes.errorbar(number, mean, yerr=half, fmt="o", color=COLOURS[1], markersize=5, markerfacecolor=face)
    axes.set_title(f"{sweep.method}: {dataset}", size=9)
    axes.set_xlabel(sweep.knob, size=8.5)
    axes.set_ylabel(heading(scores.metrics[metric]), size=8.5)
    axes.tick_params(labelsize=7.5)


def draw_paths(scores: Scores, folder: Path) -> Drawn | None:
    """From the PSNR-oriented network to the GAN in the plane; None where nothing was interpolated."""
    x, y = plane_metrics(scores)
    if x is None or y is None:
        return None
    found = {dataset: paths_of(scores, dataset, (x, y)) for dataset in scores.setting.datasets}
    found = {dataset: paths for dataset, paths in found.items() if paths}
    if not found:
        return None
    figure, grid = panels_for(len(found))
    for axes, (dataset, paths) in zip(grid, found.items(), strict=True):
        for number, (axis, points) in enumerate(paths.items()):
            colour, marker = COLOURS[1 + number], "os^D"[number % 4]
            (line,) = axes.plot([s.x for _, s in points], [s.y for _, s in points], color=colour, marker=marker)
            line.set(linestyle="-" if number == 0 else "--", label=MIXED.get(axis, axis))
            for alpha, spot in points if number == 0 else []:
                axes.annotate(f"{alpha:g}", (spot.x, spot.y), xytext=(5, 5), textcoords="offset points", size=7.5)
        axes.set_title(dataset)
        axes.legend()
        name_axes(axes, scores, (x, y))
    name = f"interpolation{scores.suffix}"
    save(figure, folder, name)
    return Drawn(
        name,
        "From one network to another",
        "Each point a mixture, from the PSNR-oriented network (0) to the one fine-tuned adversarially (1): of the two "
        "networks' weights, or of their pictures. Means over pictures and seeds.",
    )
