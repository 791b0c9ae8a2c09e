"""Figures of what changes step by step: differences of variants, sweeps of a knob, from one network to another."""

import math
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.report import Sweep
from bench.report.aggregate import DISTORTION, Scores
from bench.report.chart_data import Effects, curve_of, effects_of, paths_of, sweeps_of, tradeoff_metrics
from bench.report.perception_distortion import name_axes, tradeoff_panels
from bench.report.rules import LEVEL
from bench.report.statistics import TWO_WAY
from bench.report.style import COLOURS, DPI, Drawn, panels_of
from bench.report.tables import heading
from bench.report.verdicts import VariantEffect

LINE = 0.2  # inches a row of the differences
NAMES = 2.6  # inches for the variants' names


def draw_differences(scores: Scores, effects: Sequence[VariantEffect]) -> Drawn | None:
    """Every variant's difference to its default with its interval, a column a metric; None where there is none."""
    columns = {metric: rows for metric in scores.first_metrics if (rows := effects_of(effects, metric))}
    if not columns:
        return None
    return Drawn(
        "differences",
        "What each change does",
        "Differences to the default, on the pictures of all data sets, with 95 % intervals: over seeds and pictures "
        "where there are three seeds or more (filled), else over pictures alone, which says nothing of other seeds "
        "(hollow). In colour: found at a false-discovery rate of 5 %.",
        figure_of_effects(scores, columns, 3.4),
    )


def figure_of_effects(scores: Scores, columns: Mapping[str, Effects], wide: float) -> Figure:
    """A panel a metric, `wide` inches each, side by side, a line a variant, with room for names to the left."""
    width, height = NAMES + wide * len(columns), 0.9 + LINE * max(map(len, columns.values()))
    figure = Figure(figsize=(width, height), dpi=DPI)
    figure.subplots_adjust(
        left=NAMES / width, right=1 - 0.15 / width, top=1 - 0.35 / height, bottom=0.5 / height, wspace=0.06
    )
    panels = panels_of(figure, len(columns), len(columns))
    for number, (axes, (metric, rows)) in enumerate(zip(panels, columns.items(), strict=True)):
        _draw_rows(axes, rows, number == 0)
        axes.set_title(heading(scores.metrics[metric]), size=9)
    return figure


def _draw_rows(axes: Axes, rows: Effects, named: bool) -> None:
    """One metric, a line a variant."""
    axes.axvline(0, color="#808080", linewidth=0.8)
    for line, (row, effect) in enumerate(rows):
        significant = row.p_adjusted is not None and row.p_adjusted < LEVEL
        colour = (COLOURS[1] if effect.mean > 0 else COLOURS[2]) if significant else "#606060"
        face = colour if effect.kind == TWO_WAY else "white"
        axes.plot([effect.low, effect.high], [line, line], color=colour, linewidth=1.2)
        axes.plot(effect.mean, line, "o", color=colour, markersize=4, markerfacecolor=face)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_yticks(range(len(rows)), [f"{row.method}.{row.variant}" for row, _ in rows] if named else [], size=7.5)
    axes.set_xlabel("difference to the default", size=8.5)
    axes.tick_params(axis="x", labelsize=7.5)
    axes.tick_params(axis="y", length=0)


def draw_sweeps(scores: Scores) -> Drawn | None:
    """A metric along each sweep, a panel a sweep and data set; None where no knob was swept."""
    metric = scores.first_available(DISTORTION)
    panels = [(sweep, dataset) for sweep in sweeps_of(scores) for dataset in scores.setting.datasets]
    if metric is None or not panels:
        return None
    columns = min(3, len(panels))
    size = (3.4 * columns, 2.6 * math.ceil(len(panels) / columns))
    figure = Figure(figsize=size, dpi=DPI, layout="constrained")
    for axes, (sweep, dataset) in zip(panels_of(figure, len(panels), columns), panels, strict=True):
        _draw_sweep(axes, scores, sweep, dataset, metric)
    return Drawn(
        "sweeps",
        "One knob, several values",
        f"`{metric}`, means over pictures and seeds, with 95 % intervals over seeds where there are three or more. "
        "Hollow: the default. Beware of the axis: it shows a small part of the range.",
        figure,
    )


def _draw_sweep(axes: Axes, scores: Scores, sweep: Sweep, dataset: str, metric: str) -> None:
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


def draw_paths(scores: Scores) -> Drawn | None:
    """From the PSNR-oriented network to the GAN in the plane; None where nothing was interpolated."""
    metrics = tradeoff_metrics(scores)
    if metrics is None:
        return None
    found = {name: paths for name in scores.setting.datasets if (paths := paths_of(scores, name, metrics))}
    if not found:
        return None
    figure, panels = tradeoff_panels(len(found))
    for axes, (dataset, paths) in zip(panels, found.items(), strict=True):
        for number, (axis, points) in enumerate(paths.items()):
            colour, marker = COLOURS[1 + number], "os^D"[number % 4]
            (line,) = axes.plot([s.x for _, s in points], [s.y for _, s in points], color=colour, marker=marker)
            line.set(linestyle="-" if number == 0 else "--", label=axis.replace("-", " "))
            for alpha, spot in points if number == 0 else []:
                axes.annotate(f"{alpha:g}", (spot.x, spot.y), xytext=(5, 5), textcoords="offset points", size=7.5)
        axes.set_title(dataset)
        axes.legend()
        name_axes(axes, scores, metrics)
    return Drawn(
        "interpolation",
        "From one network to another",
        "Each point a mixture, from the PSNR-oriented network (0) to the one fine-tuned adversarially (1): of the two "
        "networks' weights, or of their pictures. Means over pictures and seeds.",
        figure,
    )
