"""Artefacts of upsampling where a setting measures them: windows beside their spectra; what mends them, ranked."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from bench.data.images import F64, U8, luma
from bench.report.aggregate import Scores
from bench.report.chart_data import effects_of
from bench.report.crop_selection import Gallery
from bench.report.losses import Panels
from bench.report.style import COLOURS, DPI, Drawn
from bench.report.trends import figure_of_effects
from bench.report.verdicts import VariantEffect

ANGLE = "gradient_cosine"
MEASURE = "lattice_excess"  # a setting with this metric is about artefacts
RANKED = ("psnr_y", "lr_psnr", "phase_deviation", MEASURE)
CELL = 1.5  # inches a window
DEPTH = 80.0  # dB from white to black


def draw_spectra(scores: Scores, gallery: Gallery) -> Drawn | None:
    """The first window, in HR and by every entrant, above its spectrum; None where artefacts are not the matter."""
    name, title = "spectra", "Artefacts beside their spectra"
    if MEASURE not in scores.setting.metrics:
        return None
    if not gallery.pictures:
        return Drawn(name, title, missing=f"{gallery.missing} is not here")
    picture, scale = gallery.pictures[0], scores.setting.scale
    figure = Figure(figsize=(CELL * len(picture.crops), 2 * CELL + 0.45), dpi=DPI, layout="constrained")
    grid = figure.subplots(2, len(picture.crops), squeeze=False)
    brightest = max(float(spectrum(pixels).max()) for pixels in picture.crops.values())
    for (label, pixels), (above, below) in zip(picture.crops.items(), grid.T, strict=True):
        above.imshow(pixels, interpolation="nearest")
        above.set_title(label, size=7.5)
        below.imshow(spectrum(pixels), cmap="gray", vmin=brightest - DEPTH, vmax=brightest, extent=(-1, 1, 1, -1))
        for axes in (above, below):
            axes.grid(False)
            axes.set(xticks=[], yticks=[])
        ticks = [number / scale for number in range(-scale, scale + 1)]
        below.set_xticks(ticks, ["0" if not tick else "" for tick in ticks], size=6)
        below.set_yticks(ticks, ["" for _ in ticks])
    return Drawn(
        name,
        title,
        f"A window of {picture.title} in HR and by every method, of several seeds the first, and the power of its luma "
        f"by frequency, 0 in the middle, from black to white {DEPTH:g} dB. Ticks: multiples of π/{scale}, where a "
        f"pattern that repeats every {scale} pixels has its energy.",
        figure,
        inline=True,
    )


def spectrum(pixels: U8) -> F64:
    """(h, w, 3) -> (h, w): 10 log10 of |DFT|^2 of the luma less its mean, under Hann's window, 0 in the middle."""
    plane = luma(pixels)
    window = np.outer(*(np.hanning(side + 1)[:-1] for side in plane.shape))
    power: F64 = np.abs(np.fft.fftshift(np.fft.fft2((plane - plane.mean()) * window))) ** 2
    return 10 * np.log10(power + 1e-3)


def draw_remedies(scores: Scores, effects: Sequence[VariantEffect]) -> Drawn | None:
    """The variants by their effect on the first metric, the best on top, with what they do to the others."""
    columns = {metric: effects_of(effects, metric) for metric in RANKED if metric in scores.setting.metrics}
    if MEASURE not in columns or not columns[RANKED[0]]:
        return None
    rank = [row.variant for row, _ in sorted(columns[RANKED[0]], key=lambda row: -row[1].mean)]
    for rows in columns.values():
        rows.sort(key=lambda row: rank.index(row[0].variant))
    return Drawn(
        "remedies",
        "What mends it, ranked",
        f"Variants by their difference to the default in `{RANKED[0]}`, the best on top, with 95 % intervals as in the "
        "figure of differences: filled over seeds and pictures, hollow over pictures alone; in colour where found at a "
        "false-discovery rate of 5 %.",
        figure_of_effects(scores, columns, 2.3),
        inline=True,
    )


def draw_conflict(panels: Panels) -> Drawn | None:
    """How the gradient of a GAN stands to the other losses' over the training, a line a run; None without any."""
    curves = [curve for (_, loss), found in panels.items() if loss == ANGLE for curve in found]
    if not curves:
        return None
    figure = Figure(figsize=(6.4, 2.8), dpi=DPI, layout="constrained")
    axes = figure.subplots()
    axes.axhline(0, color="#808080", linewidth=0.8)
    variants = list(dict.fromkeys(variant for variant, _, _ in curves))
    for variant, steps, values in curves:
        order = variants.index(variant)
        style = ("-", "--", ":")[order // len(COLOURS) % 3]
        label = variant if variant not in axes.get_legend_handles_labels()[1] else ""
        axes.plot(steps, values, style, color=COLOURS[order % len(COLOURS)], linewidth=1.2, label=label)
    axes.set_xlabel("step", size=8.5)
    axes.set_ylabel("cosine", size=8.5)
    figure.legend(loc="outside right upper", fontsize=7.5)
    return Drawn(
        "conflict",
        "Do the losses pull against each other?",
        "The cosine of the angle between two gradients with respect to the SR, that of the adversarial loss and that "
        "of L_ds and L1 together, medians of stretches of steps: below 0 one undoes what the other does.",
        figure,
        inline=True,
    )
