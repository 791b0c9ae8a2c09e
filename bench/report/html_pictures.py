"""The page's pictures: crops to compare under a slider, and blur kernels. All are data in the page itself."""

import base64
import io
from html import escape

from PIL import Image

from bench.report.crop_selection import Gallery, PictureCrops
from bench.report.kernels import TRUTH, KernelGrid, shade


def uri(kind: str, content: bytes) -> str:
    """A picture as data in the page."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def viewer(gallery: Gallery, left: str = "bicubic", right: str = "HR") -> str:
    """The comparison of every entrant on the pictures where they differ most. left, right: whose crops come first."""
    pictures = gallery.pictures
    tabs = "".join(
        f'<button type="button" aria-pressed="{"true" if index == 0 else "false"}" data-view="{index}">'
        f"{escape(picture.title)}</button>"
        for index, picture in enumerate(pictures)
    )
    views = "".join(_view(picture, index) for index, picture in enumerate(pictures))
    chooser = f'<div class="tabs" role="group" aria-label="Picture">{tabs}</div>' if len(pictures) > 1 else ""
    sides = f'data-left="{escape(left)}" data-right="{escape(right)}"'
    return f'<div class="viewer" {sides}>{chooser}{views}</div>'


def _view(picture: PictureCrops, index: int) -> str:
    """One picture: the stage with its slider, and every crop, which the stage borrows its pictures from."""
    side, title, tiles = picture.window.side, escape(picture.title), []
    for name, pixels in picture.crops.items():
        _, _, numbers = picture.captions[name].partition("\n")
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, "WEBP", lossless=True, quality=90, method=6)
        source = uri("webp", stream.getvalue())
        tiles.append(
            f'<li><button type="button" class="tile" data-name="{escape(name)}" aria-pressed="false">'
            f'<img src="{source}" width="{side}" height="{side}" alt="{escape(name)}, window of {title}">'
            f"<b>{escape(name)}</b><small>{escape(numbers)}</small></button></li>"
        )
    options = "".join(f"<option>{escape(name)}</option>" for name in picture.crops)
    return (
        f'<section class="view" data-view="{index}" aria-label="{title}">'
        f'<div class="table"><div class="stage"><img class="under" alt=""><img class="over" alt="">'
        f'<span class="tag left"></span><span class="tag right"></span><span class="handle" aria-hidden="true"></span>'
        f'<input type="range" min="0" max="100" value="50" step="1" aria-label="How much of the left picture is shown, '
        f'in per cent"></div><div class="side">{_overview(picture)}'
        f'<label>Left <select class="pick-left">{options}</select></label>'
        f'<label>Right <select class="pick-right">{options}</select></label>'
        f'<p class="note">Drag, or use the arrow keys. A click on a crop below puts it on the right.</p></div></div>'
        f'<ul class="tiles">{"".join(tiles)}</ul></section>'
    )


def _overview(picture: PictureCrops) -> str:
    """The whole HR picture, small, with the window marked."""
    window, title = picture.window, picture.title
    with Image.open(io.BytesIO(picture.thumbnail)) as small:
        width, height = small.size
    box = f"left:{100 * window.left / window.width:.2f}%;top:{100 * window.top / window.height:.2f}%"
    box += f";width:{100 * window.side / window.width:.2f}%;height:{100 * window.side / window.height:.2f}%"
    return (
        f'<div class="overview"><img src="{uri("webp", picture.thumbnail)}" alt="{escape(title)}, whole, with '
        f'the window marked" width="{width}" height="{height}"><span style="{box}"></span></div>'
    )


def kernel_table(grid: KernelGrid) -> str:
    """Pictures across, true and estimated kernels down."""
    titles = [f"{escape(image)}<br><small>{escape(dataset)}</small>" for dataset, image in grid.pictures]
    head = "".join(f'<th scope="col">{title}</th>' for title in titles)
    rows = []
    for row in grid.rows:
        cells = "".join(_kernel_cell(grid, row, picture) for picture in grid.pictures)
        role = ' class="truth"' if row == TRUTH else ""
        rows.append(f'<tr{role}><th scope="row">{escape(row)}</th>{cells}</tr>')
    return (
        '<div class="scroll" role="region" tabindex="0" aria-label="Blur kernels"><table class="kernels">'
        f"<thead><tr><td></td>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _kernel_cell(grid: KernelGrid, row: str, picture: tuple[str, str]) -> str:
    shown = "–"
    if (row, picture) in grid.kernels:
        stream = io.BytesIO()
        Image.fromarray(shade(grid.kernels[row, picture])).save(stream, "PNG")
        shown = f'<img src="{uri("png", stream.getvalue())}" alt="{escape(f"{row}, {picture[1]}")}">'
    return f"<td>{shown}<small>{escape(grid.captions.get((row, picture), ''))}</small></td>"
