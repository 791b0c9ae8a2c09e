"""The crop figure: one window of a few test pictures, in HR and by every method, enlarged pixel for pixel."""

import io
import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from PIL import Image

from bench.report.crop_selection import Block, choose_window
from bench.report.style import DPI

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


def crop_figure(blocks: Sequence[Block]) -> Figure:
    """A block a picture: the whole HR with the window marked, then the window in HR and by every entrant."""
    methods = len(blocks[0].crops) - 1
    lines, cells = _lines(methods), _places(methods)
    blocks = blocks[: max(1, MAX_LINES // lines)]
    height = TITLE + lines * (CELL + TEXT)
    size = (2 * GAP + CELL + (1 + max(column for column, _ in cells)) * (CELL + GAP), height * len(blocks))
    figure = Figure(figsize=(size[0] / DPI, size[1] / DPI), dpi=DPI)
    for place, block in enumerate(blocks):
        _draw_block(figure, block, size, place * height, cells)
    return figure


def _lines(methods: int) -> int:
    return 1 + max(line for _, line in _places(methods))


def _places(methods: int) -> list[tuple[int, int]]:
    """(column, line) of HR, then of each method; column -1 is under the thumbnail, where HR goes once lines wrap."""
    if methods < PER_LINE:
        return [(place, 0) for place in range(1 + methods)]
    columns = math.ceil(methods / max(2, math.ceil(methods / PER_LINE)))
    return [(-1, 1), *((place % columns, place // columns) for place in range(methods))]


def _draw_block(
    figure: Figure, block: Block, size: tuple[int, int], offset: int, cells: Sequence[tuple[int, int]]
) -> None:
    """The block whose upper edge is `offset` screen pixels below the figure's; size: the figure's, in pixels."""
    side = min(WINDOW, block.window.side)
    methods = [pixels for name, pixels in block.crops.items() if name != "HR"]
    down, right = choose_window(methods if len(methods) > 1 else [block.crops["HR"], *methods], side)
    top, left = block.window.top + down, block.window.left + right
    figure.text(GAP / size[0], 1 - (offset + TITLE / 2) / size[1], block.title, weight="bold", va="center")
    with Image.open(io.BytesIO(block.thumbnail)) as small:
        whole = np.asarray(small.convert("RGB"))
    scale = OVERVIEW / max(whole.shape)
    box = (GAP, offset + TITLE, round(whole.shape[1] * scale), round(whole.shape[0] * scale))
    overview = _show(figure, whole, box, size, "antialiased")
    ratio = whole.shape[1] / block.window.width
    for colour, width in (("white", 2.0), (MARK, 1.0)):
        corner, length = (left * ratio - 0.5, top * ratio - 0.5), side * ratio
        overview.add_patch(Rectangle(corner, length, length, fill=False, edgecolor=colour, linewidth=width))
    for (name, pixels), (column, line) in zip(block.crops.items(), cells, strict=True):
        across = GAP if column < 0 else 2 * GAP + CELL + column * (CELL + GAP)
        box = (across, offset + TITLE + line * (CELL + TEXT), CELL, CELL)
        axes = _show(figure, pixels[down : down + side, right : right + side], box, size, "nearest")
        head, _, numbers = block.captions[name].partition("\n")
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
