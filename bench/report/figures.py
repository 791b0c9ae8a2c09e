"""Figures as PNG and SVG: crops side by side, the perception-distortion plane, training curves.

The same scores, pictures and curves give the same bytes: the Agg canvas, the font that matplotlib ships, no dates.
A figure whose inputs are not here is not drawn; the report says what is missing.
"""

import io
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from PIL import Image

from bench.report.aggregate import Scores
from bench.report.artefacts import draw_conflict, draw_remedies, draw_spectra
from bench.report.crop_selection import Gallery, PictureCrops, choose_window
from bench.report.kernels import draw_kernels
from bench.report.losses import draw_curves
from bench.report.material import Material
from bench.report.perception_distortion import draw_tradeoff
from bench.report.style import DPI, STYLE, Drawn, save
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
            draw_crops(material.gallery),
            draw_spectra(scores, material.gallery),
            draw_remedies(scores, effects),
            draw_conflict(material.panels),
            draw_tradeoff(scores),
            draw_paths(scores),
            draw_differences(scores, effects),
            draw_sweeps(scores),
            draw_curves(scores, material.panels),
        )
        return [_write(replace(drawn, name=drawn.name + scores.suffix), folder) for drawn in found if drawn]


def _write(drawn: Drawn, folder: Path) -> Drawn:
    """With its PNG instead of the figure."""
    return replace(drawn, figure=None, png=save(drawn.figure, folder, drawn.name)) if drawn.figure else drawn


def draw_crops(gallery: Gallery) -> Drawn:
    """See `crop_figure`."""
    name, title = "crops", "The same window by every method"
    if not gallery.pictures:
        return Drawn(name, title, missing=f"{gallery.missing} is not here")
    return Drawn(
        name,
        title,
        f"Windows of {WINDOW}×{WINDOW} HR pixels, enlarged without interpolation, chosen by rule: the pictures on "
        "which the methods' scores differ most, and in them the window in which their detail differs most. The numbers "
        "are of the whole picture. Of several seeds the first is shown."
        + (f" Not shown, because their pictures are not here: {', '.join(gallery.absent)}." if gallery.absent else ""),
        crop_figure(gallery.pictures),
    )


WINDOW = 48  # HR pixels
ENLARGE = 5
CELL = WINDOW * ENLARGE
PER_LINE = 5
MAX_LINES = 6
GAP = 12  # screen pixels from here on
TEXT = 62
TITLE = 40
OVERVIEW = 150  # the thumbnail's longer side
MARK = "#D55E00"


def crop_figure(pictures: Sequence[PictureCrops]) -> Figure:
    """A row of crops a picture: the whole HR with the window marked, then the window in HR and by every entrant."""
    cells = _places(len(pictures[0].crops) - 1)
    lines = 1 + max(line for _, line in cells)
    pictures = pictures[: max(1, MAX_LINES // lines)]
    height = TITLE + lines * (CELL + TEXT)
    size = (2 * GAP + CELL + (1 + max(column for column, _ in cells)) * (CELL + GAP), height * len(pictures))
    figure = Figure(figsize=(size[0] / DPI, size[1] / DPI), dpi=DPI)
    for index, picture in enumerate(pictures):
        _draw_picture(figure, picture, size, index * height, cells)
    return figure


def _places(methods: int) -> list[tuple[int, int]]:
    """(column, line) of HR, then of each method; column -1 is under the thumbnail, where HR goes once lines wrap."""
    if methods < PER_LINE:
        return [(column, 0) for column in range(1 + methods)]
    columns = math.ceil(methods / max(2, math.ceil(methods / PER_LINE)))
    return [(-1, 1), *((index % columns, index // columns) for index in range(methods))]


def _draw_picture(
    figure: Figure, picture: PictureCrops, size: tuple[int, int], offset: int, cells: Sequence[tuple[int, int]]
) -> None:
    """The row whose upper edge is `offset` screen pixels below the figure's; size: the figure's, in pixels."""
    side = min(WINDOW, picture.window.side)
    methods = [pixels for name, pixels in picture.crops.items() if name != "HR"]
    down, right = choose_window(methods if len(methods) > 1 else [picture.crops["HR"], *methods], side)
    top, left = picture.window.top + down, picture.window.left + right
    figure.text(GAP / size[0], 1 - (offset + TITLE / 2) / size[1], picture.title, weight="bold", va="center")
    with Image.open(io.BytesIO(picture.thumbnail)) as small:
        whole = np.asarray(small.convert("RGB"))
    scale = OVERVIEW / max(whole.shape)
    box = (GAP, offset + TITLE, round(whole.shape[1] * scale), round(whole.shape[0] * scale))
    overview = _show(figure, whole, box, size, "antialiased")
    ratio = whole.shape[1] / picture.window.width
    for colour, width in (("white", 2.0), (MARK, 1.0)):
        corner, length = (left * ratio - 0.5, top * ratio - 0.5), side * ratio
        overview.add_patch(Rectangle(corner, length, length, fill=False, edgecolor=colour, linewidth=width))
    for (name, pixels), (column, line) in zip(picture.crops.items(), cells, strict=True):
        across = GAP if column < 0 else 2 * GAP + CELL + column * (CELL + GAP)
        box = (across, offset + TITLE + line * (CELL + TEXT), CELL, CELL)
        axes = _show(figure, pixels[down : down + side, right : right + side], box, size, "nearest")
        head, _, numbers = picture.captions[name].partition("\n")
        axes.text(0.5, -5 / CELL, head, transform=axes.transAxes, ha="center", va="top", weight="bold", size=9.5)
        axes.text(0.5, -31 / CELL, numbers, transform=axes.transAxes, ha="center", va="top", size=8.5)


def _show(
    figure: Figure, pixels: NDArray[np.uint8], box: tuple[int, int, int, int], size: tuple[int, int], how: str
) -> Axes:
    """A picture in the box (left, upper edge, width, height) of screen pixels."""
    left, upper, width, height = box
    axes = figure.add_axes((left / size[0], 1 - (upper + height) / size[1], width / size[0], height / size[1]))
    axes.imshow(pixels, interpolation=how)
    axes.set_axis_off()
    return axes
