"""The crop figure: one window of a few test pictures, in HR and by every method, enlarged pixel for pixel.

Pictures and windows are chosen by rule: where the scores, then the detail, of the methods differ most.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from bench.data.images import F64, U8, luma, read_image, to_rgb
from bench.errors import BadInput
from bench.report.aggregate import DISTORTION, PERCEPTUAL, Scores, beside, cell_of, entrants, first_available, widen
from bench.report.canvas import DPI
from bench.report.tables import ARROWS, NA, decimals

WINDOW = 48  # HR pixels
ENLARGE = 5
CELL = WINDOW * ENLARGE
PER_LINE = 5
MAX_PICTURES = 4
MAX_LINES = 6
GAP = 12  # screen pixels from here on
TEXT = 62
TITLE = 40
THUMBNAIL = 300
DETAIL = 9  # HR pixels of the local mean
MARGIN = 8  # HR pixels at the border of a picture that a window avoids
MARK = "#D55E00"


@dataclass(frozen=True)
class Block:
    """One test picture. pictures: HR and every method by name. captions: two lines under each."""

    title: str
    pictures: Mapping[str, U8]
    captions: Mapping[str, str]


def crop_figure(scores: Scores, work: Path) -> tuple[Figure, list[str]]:
    """A block a picture: the whole HR with the window marked, then the window in HR and by every entrant.

    Returns the figure, and the methods that it lacks because their pictures are not here. Raises FileNotFoundError,
    naming it, where HR pictures or those of every method are not.
    """
    lines = _lines(len(entrants(scores.runs)))
    blocks, absent = read_blocks(scores, work, min(MAX_PICTURES, max(1, MAX_LINES // lines)))
    cells = _places(len(blocks[0].pictures) - 1)
    lines = _lines(len(blocks[0].pictures) - 1)
    height = TITLE + lines * (CELL + TEXT)
    size = (2 * GAP + THUMBNAIL + (1 + max(column for column, _ in cells)) * (CELL + GAP), height * len(blocks))
    figure = Figure(figsize=(size[0] / DPI, size[1] / DPI), dpi=DPI)
    for place, block in enumerate(blocks):
        _draw_block(figure, block, size, place * height, cells)
    return figure, absent


def read_blocks(scores: Scores, work: Path, count: int) -> tuple[list[Block], list[str]]:
    """The pictures to compare, chosen by rule, with those of every entrant that are here; and who lacks them.

    Raises FileNotFoundError, naming it, where HR pictures or those of every method are not here.
    """
    every = {one.label: one for one in entrants(scores.runs)}
    folders = {name: beside(work / "sr", one.runs[0], one.method) for name, one in every.items()}
    runs = {name: every[name].runs[0] for name, folder in folders.items() if folder.is_dir()}
    if not runs:
        raise FileNotFoundError("sr/")
    blocks = [_read_block(scores, work, runs, picture) for picture in choose_pictures(scores, count)]
    return blocks, [name for name in every if name not in runs]


def _lines(methods: int) -> int:
    return 1 + max(line for _, line in _places(methods))


def _places(methods: int) -> list[tuple[int, int]]:
    """(column, line) of HR, then of each method; column -1 is under the thumbnail, where HR goes once lines wrap."""
    if methods < PER_LINE:
        return [(place, 0) for place in range(1 + methods)]
    columns = math.ceil(methods / max(2, math.ceil(methods / PER_LINE)))
    return [(-1, 1), *((place % columns, place // columns) for place in range(methods))]


def choose_pictures(scores: Scores, count: int) -> list[tuple[str, str]]:
    """(dataset, image): data set by data set in turn, those on which the entrants' scores differ most first."""
    runs = [one.runs[0] for one in entrants(scores.runs)]
    metric = first_available(scores, DISTORTION) or scores.setting.metrics[0]
    column = widen(scores.frame)[metric]
    ranked: list[list[tuple[str, str]]] = []
    for dataset in scores.setting.datasets:
        images = sorted({str(image) for _, place, image in column.index if place == dataset})
        spread = {}
        for image in images:
            values = np.array([column[run, dataset, image] for run in runs], dtype=np.float64)
            values = values[np.isfinite(values)]
            spread[image] = round(float(np.std(values)), 6) if len(values) else 0.0
        ranked.append([(dataset, image) for image in sorted(images, key=lambda image: (-spread[image], image))])
    turns = max(map(len, ranked))
    return [pictures[turn] for turn in range(turns) for pictures in ranked if turn < len(pictures)][:count]


def choose_window(pictures: Sequence[U8], side: int) -> tuple[int, int]:
    """(top, left) of the side x side window in which the detail of the pictures, all of one size, differs most.

    Detail is luma less its local mean, so that a method that gets the brightness wrong does not choose the window.
    Ties go to the first window in reading order.
    """
    lumas = [luma(picture) for picture in pictures]
    spread: F64 = np.stack([y - uniform_filter(y, DETAIL) for y in lumas]).var(axis=0)  # (h, w)
    edge = MARGIN if min(spread.shape) >= side + 4 * MARGIN else 0
    spread = spread[edge : spread.shape[0] - edge, edge : spread.shape[1] - edge]
    total = np.zeros((spread.shape[0] + 1, spread.shape[1] + 1))
    total[1:, 1:] = spread.cumsum(axis=0).cumsum(axis=1)
    sums = total[side:, side:] - total[:-side, side:] - total[side:, :-side] + total[:-side, :-side]
    step = 4
    top, left = np.unravel_index(int(np.argmax(sums[::step, ::step].round(3))), sums[::step, ::step].shape)
    return edge + int(top) * step, edge + int(left) * step


def _read_block(scores: Scores, work: Path, runs: Mapping[str, str], picture: tuple[str, str]) -> Block:
    """The HR and every method's picture, with captions: name, then distortion and perceptual score."""
    dataset, image = picture
    test = work / "data" / f"{dataset}.x{scores.setting.scale}.{scores.setting.degradation}" / "hr" / f"{image}.png"
    folders = {name: beside(work / "sr", run, cell_of(scores.runs, run, "method")) for name, run in runs.items()}
    paths = {"HR": test} | {name: folder / dataset / f"{image}.png" for name, folder in folders.items()}
    for path in paths.values():
        if not path.is_file():
            raise FileNotFoundError(str(path.relative_to(work)))
    pictures = {name: to_rgb(read_image(path)) for name, path in paths.items()}
    for name, pixels in pictures.items():
        if pixels.shape != pictures["HR"].shape:
            raise BadInput(f"{paths[name]}: not of the size of {test}; upscale it again")
    metrics = [
        metric for metric in (first_available(scores, DISTORTION), first_available(scores, PERCEPTUAL)) if metric
    ]
    rows = scores.frame[(scores.frame["dataset"] == dataset) & (scores.frame["image"] == image)]
    values = dict(zip(zip(rows["run"], rows["metric"], strict=True), rows["value"], strict=True))
    captions = {"HR": "HR\n" + "   ".join(f"{m} {ARROWS[scores.metrics[m].better]}" for m in metrics)}
    for name, run in runs.items():
        numbers = [float(values[run, metric]) for metric in metrics]
        texts = [
            NA if math.isnan(number) else f"{number:.{decimals(scores.metrics[metric])}f}"
            for number, metric in zip(numbers, metrics, strict=True)
        ]
        captions[name] = f"{name}\n" + "   ".join(texts)
    return Block(f"{dataset} / {image}", pictures, captions)


def _draw_block(
    figure: Figure, block: Block, size: tuple[int, int], offset: int, cells: Sequence[tuple[int, int]]
) -> None:
    """The block whose upper edge is `offset` screen pixels below the figure's; size: the figure's, in pixels."""
    hr = block.pictures["HR"]
    side = min(WINDOW, *hr.shape[:2])
    methods = [pixels for name, pixels in block.pictures.items() if name != "HR"]
    top, left = choose_window(methods if len(methods) > 1 else [hr, *methods], side)
    figure.text(GAP / size[0], 1 - (offset + TITLE / 2) / size[1], block.title, weight="bold", va="center")
    scale = min(THUMBNAIL / hr.shape[1], CELL / hr.shape[0])
    box = (GAP, offset + TITLE, round(hr.shape[1] * scale), round(hr.shape[0] * scale))
    thumbnail = _show(figure, hr, box, size, "antialiased")
    for colour, width in (("white", 3.0), (MARK, 1.5)):
        frame = Rectangle((left - 0.5, top - 0.5), side, side, fill=False, edgecolor=colour, linewidth=width)
        thumbnail.add_patch(frame)
    for (name, pixels), (column, line) in zip(block.pictures.items(), cells, strict=True):
        across = GAP if column < 0 else 2 * GAP + THUMBNAIL + column * (CELL + GAP)
        box = (across, offset + TITLE + line * (CELL + TEXT), CELL, CELL)
        axes = _show(figure, pixels[top : top + side, left : left + side], box, size, "nearest")
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
