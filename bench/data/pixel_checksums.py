"""PIXEL_CHECKSUMS: what every picture of the pinned data sets looks like: its pixels, not the bytes of its file."""

import hashlib
import json
from pathlib import Path

from bench.data.images import U8

PIXEL_CHECKSUMS: dict[tuple[str, int], dict[str, str]] = {
    (dataset, int(scale)): checksums
    for dataset, scales in json.loads(Path(__file__).with_suffix(".json").read_text()).items()
    for scale, checksums in scales.items()
}
"""(data set, scale; 0 where it ships no LR) -> the `pair_sha256` of each picture by name."""


def pixel_sha256(image: U8) -> str:
    """The hex digest of a picture's shape and pixels, whatever file format held them."""
    shape = "x".join(str(side) for side in image.shape)
    return hashlib.sha256(f"{shape}:".encode() + image.tobytes()).hexdigest()


def pair_sha256(hr: U8, lr: U8 | None) -> str:
    """One digest for a picture and, where it ships with one, its LR."""
    if lr is None:
        return pixel_sha256(hr)
    return hashlib.sha256((pixel_sha256(hr) + pixel_sha256(lr)).encode()).hexdigest()
