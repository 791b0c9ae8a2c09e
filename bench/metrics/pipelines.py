"""PIPELINES: the ways in which "the bicubic baseline" has been made, each an HR picture -> its bicubic upscaling.

They differ in the kernel, in whether shrinking blurs first, in the border and in where 8-bit rounding happens; on
Set5 x4 by up to a decibel. Sources: MATLAB's imresize as in bench.data.resize; OpenCV's documented INTER_CUBIC
(a = -0.75, four taps at every scale: no antialiasing), which is also torch's interpolate; Pillow's BICUBIC.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
from PIL import Image

from bench.data.images import F64, U8, quantise, rounded_luma
from bench.data.resize import Border, cubic, resize, resize_float

Step = Callable[[Any, Fraction], Any]
"""(picture, ratio) -> the picture at that ratio of its size."""


@dataclass(frozen=True)
class Pipeline:
    """`down` and `up` take an 8-bit HR whose size is a multiple of the scale to the 8-bit bicubic baseline.

    `luma_only`: they work on the 8-bit Y of the HR and are to be compared with that. `rarity`: 1 usual, 2 rare.
    """

    name: str
    down: Step
    up: Step
    rarity: int
    luma_only: bool = False

    def upscaled(self, hr: U8, scale: int) -> U8:
        sr: U8 = self.up(self.down(rounded_luma(hr) if self.luma_only else hr, Fraction(1, scale)), Fraction(scale))
        return sr


def opencv_resize(image: U8, height: int, width: int) -> U8:
    """OpenCV's INTER_CUBIC of an 8-bit picture, (h, w) or (h, w, 3); differs by at most 1 where its weights round."""
    values = image.astype(np.float64)
    for axis, target in ((0, height), (1, width)):
        values = _cubic_pass(values, axis, target)
    return quantise(values)


def _cubic_pass(values: F64, axis: int, target: int) -> F64:
    """One axis: four taps of Keys' kernel with a = -0.75 around each output's position, border repeated."""
    length = values.shape[axis]
    position = (np.arange(target) + 0.5) * length / target - 0.5
    base = np.floor(position).astype(np.int64)
    total: F64 = np.zeros([target if i == axis else side for i, side in enumerate(values.shape)])
    shape = [-1 if i == axis else 1 for i in range(values.ndim)]
    for tap in range(-1, 3):
        weight = cubic(position - base - tap, a=-0.75).reshape(shape)
        total += weight * np.take(values, (base + tap).clip(0, length - 1), axis=axis)
    return total


def _exact(image: U8, ratio: Fraction, border: Border = "replicate") -> F64:
    return resize_float(image.astype(np.float64), ratio, border=border)


def _rounded_last(image: F64, ratio: Fraction, border: Border = "replicate") -> U8:
    return quantise(resize_float(image, ratio, border=border))


def _opencv(image: U8, ratio: Fraction) -> U8:
    return opencv_resize(image, int(image.shape[0] * ratio), int(image.shape[1] * ratio))


def _pillow(image: U8, ratio: Fraction) -> U8:
    size = (int(image.shape[1] * ratio), int(image.shape[0] * ratio))
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC), np.uint8)


_once, _mirrored = partial(resize, rounding="once"), partial(resize, border="symmetric")
_luma_down, _luma_up = (partial(step, border="symmetric") for step in (_exact, _rounded_last))

PIPELINES: dict[str, Pipeline] = {
    pipeline.name: pipeline
    for pipeline in (
        Pipeline(
            "MATLAB's imresize of the 8-bit Y alone, rounded once at the end", _luma_down, _luma_up, 1, luma_only=True
        ),
        Pipeline("MATLAB's imresize, 8 bits after each pass", resize, resize, 1),
        Pipeline("MATLAB's imresize, LR 8 bits after each pass, SR rounded once", resize, _once, 1),
        Pipeline("MATLAB's imresize, LR and SR rounded once each", _once, _once, 1),
        Pipeline("MATLAB's imresize, LR never rounded", _exact, _rounded_last, 1),
        Pipeline("MATLAB's imresize with a symmetric border", _mirrored, _mirrored, 2),
        Pipeline("an LR by OpenCV's INTER_CUBIC, MATLAB's imresize up", _opencv, resize, 2),
        Pipeline("an LR by MATLAB's imresize, OpenCV's INTER_CUBIC up", resize, _opencv, 2),
        Pipeline("OpenCV's INTER_CUBIC down and up", _opencv, _opencv, 2),
        Pipeline("Pillow's BICUBIC down and up", _pillow, _pillow, 2),
    )
}
