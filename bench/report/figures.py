"""Figures as PNG and SVG: crops side by side, the perception-distortion plane, training curves.

The same scores, pictures and curves give the same bytes: the Agg canvas, the font that matplotlib ships, no dates.
A figure whose inputs are not here is not drawn; the report says what is missing.
"""

from collections.abc import Sequence
from pathlib import Path

import matplotlib

from bench.report.aggregate import Scores
from bench.report.crop_selection import Shown
from bench.report.crops import WINDOW, crop_figure
from bench.report.kernels import draw_kernels
from bench.report.losses import draw_curves
from bench.report.material import Material
from bench.report.perception_distortion import draw_tradeoff
from bench.report.style import STYLE, Drawn, save
from bench.report.summary import estimates_only
from bench.report.trends import draw_differences, draw_paths, draw_sweeps
from bench.report.verdicts import VariantEffect


def draw(scores: Scores, material: Material, effects: Sequence[VariantEffect], folder: Path) -> list[Drawn]:
    """All figures of a setting into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        if estimates_only(scores):
            return [draw_kernels(scores, material.kernels, folder)]
        found = (
            draw_crops(scores, material.shown, folder),
            draw_tradeoff(scores, folder),
            draw_paths(scores, folder),
            draw_differences(scores, effects, folder),
            draw_sweeps(scores, folder),
            draw_curves(scores, material.panels, folder),
        )
        return [drawn for drawn in found if drawn is not None]


def draw_crops(scores: Scores, shown: Shown, folder: Path) -> Drawn:
    """See `crops`."""
    name, title = f"crops{scores.suffix}", "The same window by every method"
    if not shown.blocks:
        return Drawn(name, title, "", f"{shown.missing} is not here")
    save(crop_figure(shown.blocks), folder, name)
    return Drawn(
        name,
        title,
        f"Windows of {WINDOW}×{WINDOW} HR pixels, enlarged without interpolation, chosen by rule: the pictures on "
        "which the methods' scores differ most, and in them the window in which their detail differs most. The numbers "
        "are of the whole picture. Of several seeds the first is shown."
        + (f" Not shown, because their pictures are not here: {', '.join(shown.absent)}." if shown.absent else ""),
    )
