"""PIPELINES: the ways in which "the bicubic baseline" has been made, each an HR picture -> its bicubic upscaling.

They differ in the kernel, in whether shrinking blurs first, in the border and in where 8-bit rounding happens; on
Set5 x4 by up to a decibel. Sources: MATLAB's imresize as in bench.data.resize; OpenCV's documented INTER_CUBIC
(a = -0.75, four taps at every scale: no antialiasing), which is also torch's interpolate; Pillow's BICUBIC.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from PIL import Image

from bench.data.images import F64, U8, quantise, rounded_luma
from bench.data.resize import cubic, resize, resize_float


@dataclass(frozen=True)
class Pipeline:
    """`upscaled` maps an 8-bit HR of size a multiple of the scale to the 8-bit picture that the bicubic baseline is.

    `luma_only`: it works on the 8-bit Y of the HR and is to be compared with that. `rarity`: 1 usual, 2 rare.
    """

    name: str
    upscaled: Callable[[U8, int], U8]
    rarity: int
    luma_only: bool = False


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


def _matlab(hr: U8, scale: int) -> U8:
    return resize(resize(hr, Fraction(1, scale)), scale)


def _up_rounded_once(hr: U8, scale: int) -> U8:
    return resize(resize(hr, Fraction(1, scale)), scale, rounding="once")


def _symmetric(hr: U8, scale: int) -> U8:
    return resize(resize(hr, Fraction(1, scale), border="symmetric"), scale, border="symmetric")


def _rounded_once(hr: U8, scale: int) -> U8:
    return resize(resize(hr, Fraction(1, scale), rounding="once"), scale, rounding="once")


def _float(hr: U8, scale: int) -> U8:
    small = resize_float(hr.astype(np.float64), Fraction(1, scale))
    return quantise(resize_float(small, scale))


def _luma(hr: U8, scale: int) -> U8:
    small = resize_float(rounded_luma(hr).astype(np.float64), Fraction(1, scale), border="symmetric")
    return quantise(resize_float(small, scale, border="symmetric"))


def _shrink_opencv(hr: U8, scale: int) -> U8:
    return opencv_resize(hr, hr.shape[0] // scale, hr.shape[1] // scale)


def _opencv_down(hr: U8, scale: int) -> U8:
    return resize(_shrink_opencv(hr, scale), scale)


def _opencv_up(hr: U8, scale: int) -> U8:
    return opencv_resize(resize(hr, Fraction(1, scale)), hr.shape[0], hr.shape[1])


def _opencv(hr: U8, scale: int) -> U8:
    return opencv_resize(_shrink_opencv(hr, scale), hr.shape[0], hr.shape[1])


def _pillow(hr: U8, scale: int) -> U8:
    height, width = hr.shape[:2]
    cubic = Image.Resampling.BICUBIC
    small = Image.fromarray(hr).resize((width // scale, height // scale), cubic)
    return np.asarray(small.resize((width, height), cubic), np.uint8)


PIPELINES: dict[str, Pipeline] = {
    pipeline.name: pipeline
    for pipeline in (
        Pipeline("MATLAB's imresize of the 8-bit Y alone, rounded once at the end", _luma, 1, luma_only=True),
        Pipeline("MATLAB's imresize, 8 bits after each pass", _matlab, 1),
        Pipeline("MATLAB's imresize, LR 8 bits after each pass, SR rounded once", _up_rounded_once, 1),
        Pipeline("MATLAB's imresize, LR and SR rounded once each", _rounded_once, 1),
        Pipeline("MATLAB's imresize, LR never rounded", _float, 1),
        Pipeline("MATLAB's imresize with a symmetric border", _symmetric, 2),
        Pipeline("an LR by OpenCV's INTER_CUBIC, MATLAB's imresize up", _opencv_down, 2),
        Pipeline("an LR by MATLAB's imresize, OpenCV's INTER_CUBIC up", _opencv_up, 2),
        Pipeline("OpenCV's INTER_CUBIC down and up", _opencv, 2),
        Pipeline("Pillow's BICUBIC down and up", _pillow, 2),
    )
}
