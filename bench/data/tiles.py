"""Pictures in tiles: upscaled piece by piece where memory, or a network of a fixed size, asks for it."""

from dataclasses import replace

import torch
from torch import Tensor

from bench.api import Picture, Upscaler
from bench.errors import BadInput

OVERLAP = 16  # LR pixels that neighbouring tiles share


def tiled(upscaler: Upscaler, scale: int, tile: int, overlap: int = OVERLAP) -> Upscaler:
    """Upscale tiles of `tile` LR pixels that overlap, keeping each tile's middle: exact where the overlap covers the
    network's receptive radius on both sides. Raises BadInput for a tile that its overlap leaves nothing of."""
    if tile <= 2 * overlap:
        raise BadInput(f"tile {tile} leaves nothing inside an overlap of {overlap}; use at least {2 * overlap + 1}")

    def upscale(picture: Picture) -> Tensor:
        _, height, width = picture.lr.shape
        sr = torch.empty(3, height * scale, width * scale)
        for top, bottom, inner_top, inner_bottom in _spans(height, tile, overlap):
            for left, right, inner_left, inner_right in _spans(width, tile, overlap):
                part = upscaler(replace(picture, lr=picture.lr[:, top:bottom, left:right])).cpu()
                rows = slice((inner_top - top) * scale, (inner_bottom - top) * scale)
                columns = slice((inner_left - left) * scale, (inner_right - left) * scale)
                target = sr[:, inner_top * scale : inner_bottom * scale, inner_left * scale : inner_right * scale]
                target.copy_(part[:, rows, columns])
        return sr

    return upscale


def _spans(length: int, tile: int, overlap: int) -> list[tuple[int, int, int, int]]:
    """(start, end, kept start, kept end) of each tile along one side."""
    if length <= tile:
        return [(0, length, 0, length)]
    spans, kept = [], 0
    while kept < length:
        start = max(0, min(kept - overlap, length - tile))
        end = start + tile
        kept_end = length if end >= length else end - overlap
        spans.append((start, end, kept, kept_end))
        kept = kept_end
    return spans
