"""What every figure shares: colours, style, and files that are the same bytes for the same input."""

import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

DPI = 150
PNG_BYTES = 100_000
PALETTES = (256, 128, 64, 48, 32, 16)  # colours
# Okabe & Ito's colours, which the colour-blind tell apart; black for the first method, yellow darkened for white paper.
COLOURS = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#B8A900")
MARKERS = ("o", "s", "D", "^", "v", "P", "X")
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


@dataclass(frozen=True)
class Drawn:
    """A figure, and once it is written as <name>.png and <name>.svg the PNG; or, with `missing`, why there is none.
    inline: the page shows the PNG, as it has no drawing of its own."""

    name: str
    title: str
    caption: str = ""
    figure: Figure | None = None
    missing: str = ""
    inline: bool = False
    png: bytes = b""


def panels_of(figure: Figure, count: int, columns: int) -> list[Axes]:
    """That many axes, as many columns a line; what is left of the last line is blank."""
    grid = list(figure.subplots(math.ceil(count / columns), columns, squeeze=False).flat)
    for spare in grid[count:]:
        spare.set_axis_off()
    return grid[:count]


def save(figure: Figure, folder: Path, name: str) -> bytes:
    """<name>.png, which is returned, and <name>.svg, white, without a date or a version in them; the PNG is of
    PNG_BYTES at most."""
    FigureCanvasAgg(figure)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=DPI, facecolor="white")
    with Image.open(stream) as drawn:
        content = compress(drawn.convert("RGB"))
    (folder / f"{name}.png").write_bytes(content)
    figure.savefig(folder / f"{name}.svg", dpi=DPI, facecolor="white", metadata={"Date": None, "Creator": None})
    return content


def compress(picture: Image.Image) -> bytes:
    """A PNG of PNG_BYTES at most, of as many colours as that allows; a picture for which none are few enough is made
    smaller. The same picture gives the same bytes."""
    while True:
        for colours in PALETTES:
            stream = io.BytesIO()
            picture.quantize(colours, dither=Image.Dither.NONE).save(stream, "PNG", optimize=True)
            if len(stream.getvalue()) <= PNG_BYTES:
                return stream.getvalue()
        picture = picture.resize((picture.width * 3 // 4, picture.height * 3 // 4), Image.Resampling.LANCZOS)
