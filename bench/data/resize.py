"""MATLAB's imresize, its variants named, in four steps: taps, border, weights, one pass per axis.

Source: the documented behaviour of MATLAB R2017a+ (Keys' cubic with a = -0.5, kernel stretched by 1/scale when
shrinking, weights normalised per output pixel). `resize` is the 8-bit function that made the published test sets;
`Resizer` is the same linear map in float, differentiable, for losses and networks.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from bench.data.images import F64, U8, quantise, round_half_up
from bench.errors import BadInput, pick

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Border = Literal["replicate", "symmetric"]
Rounding = Literal["each pass", "once", "none"]
Kernel = Callable[[F64], F64]


def cubic(x: F64, a: float = -0.5) -> F64:
    """Keys' cubic convolution kernel at distances x; a = -0.5 is MATLAB's."""
    x = np.abs(x)
    near = ((a + 2) * x - (a + 3)) * x**2 + 1
    far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return np.where(x <= 1, near, np.where(x <= 2, far, 0.0))


def triangle(x: F64) -> F64:
    """Linear interpolation."""
    return np.maximum(0.0, 1.0 - np.abs(x))


def box(x: F64) -> F64:
    """Nearest neighbour."""
    return ((x >= -0.5) & (x < 0.5)).astype(np.float64)


KERNELS: dict[str, tuple[Kernel, float, bool]] = {  # name -> function, support in pixels, antialias by default
    "bicubic": (cubic, 4.0, True),
    "bicubic-torch": (functools.partial(cubic, a=-0.75), 4.0, False),
    "bilinear": (triangle, 2.0, True),
    "nearest": (box, 1.0, False),
}


@functools.lru_cache(maxsize=256)
def weights(
    length: int, target: int, scale: Fraction, kernel: str = "bicubic", border: Border = "replicate"
) -> tuple[NDArray[np.int64], F64]:
    """(indices, weights), both (target, taps): out[i] = sum_t weights[i, t] * in[indices[i, t]]. scale = out / in."""
    function, support, antialias = pick("resize kernel", kernel, KERNELS)
    ratio = float(scale)
    stretch = ratio if antialias and ratio < 1 else 1.0
    width = support / stretch
    centre = (np.arange(1, target + 1) / ratio) + 0.5 * (1 - 1 / ratio)  # 1-based position in the input
    taps = math.ceil(width) + 2
    index = np.floor(centre - width / 2)[:, None] + np.arange(taps)[None, :]
    weight = stretch * function(stretch * (centre[:, None] - index))
    weight /= weight.sum(axis=1, keepdims=True)
    position = index.astype(np.int64) - 1
    if border == "replicate":
        position = position.clip(0, length - 1)
    else:
        mirror = np.concatenate([np.arange(length), np.arange(length)[::-1]])
        position = mirror[position % (2 * length)]
    used = np.any(weight != 0, axis=0)
    return position[:, used], weight[:, used]


def resize(
    image: U8,
    scale: Fraction | int,
    kernel: str = "bicubic",
    border: Border = "replicate",
    rounding: Rounding = "each pass",
) -> U8:
    """imresize of an 8-bit picture, (h, w) or (h, w, 3), to sides of ceil(side * scale). Rows first, as MATLAB does for
    equal factors.

    The published Set5, Set14 and BSD100 are `replicate`, `each pass`; the EDSR archive is `symmetric`, `each pass`.
    """
    values = image.astype(np.float64)
    return quantise(resize_float(values, scale, kernel, border, round_each_pass=rounding == "each pass"))


def resize_float(
    values: F64,
    scale: Fraction | int,
    kernel: str = "bicubic",
    border: Border = "replicate",
    round_each_pass: bool = False,
) -> F64:
    """imresize of float data, (h, w) or (h, w, c), any range; `round_each_pass` is for data in 0...255."""
    ratio = Fraction(scale)
    for axis in (0, 1):
        length = values.shape[axis]
        index, weight = weights(length, math.ceil(length * ratio), ratio, kernel, border)
        values = _pass(values, axis, index, weight)
        if round_each_pass:
            values = round_half_up(values.clip(0, 255))
    return values


def _pass(values: F64, axis: int, index: NDArray[np.int64], weight: F64) -> F64:
    """Resample one axis: a sum over taps, each a gather, in tap order as MATLAB accumulates."""
    shape = [1] * values.ndim
    shape[axis] = -1
    total = np.take(values, index[:, 0], axis=axis) * weight[:, 0].reshape(shape)
    for tap in range(1, index.shape[1]):
        total += np.take(values, index[:, tap], axis=axis) * weight[:, tap].reshape(shape)
    return total


def resize_tensor(x: Tensor, scale: Fraction | int, kernel: str = "bicubic", border: Border = "replicate") -> Tensor:
    """The same linear map for (..., h, w) tensors of any range: float, unrounded, differentiable."""
    ratio = Fraction(scale)
    rows = _matrix(x.shape[-2], ratio, kernel, border, x.device, x.dtype)
    columns = _matrix(x.shape[-1], ratio, kernel, border, x.device, x.dtype)
    return rows @ x @ columns.T


@functools.lru_cache(maxsize=16)
def matrix(length: int, target: int, scale: Fraction, kernel: str = "bicubic", border: Border = "replicate") -> F64:
    """One pass as a (target, length) matrix."""
    index, weight = weights(length, target, scale, kernel, border)
    found = np.zeros((target, length))
    np.add.at(found, (np.arange(target)[:, None], index), weight)
    return found


@functools.lru_cache(maxsize=64)
def _matrix(
    length: int, scale: Fraction, kernel: str, border: Border, device: torch.device, dtype: torch.dtype
) -> Tensor:
    """The same on a device."""
    import torch

    from bench.runtime.devices import lasting_tensors

    if length < 1:
        raise BadInput("cannot resize an empty picture; give at least one pixel")
    pass_ = matrix(length, math.ceil(length * scale), scale, kernel, border)
    with lasting_tensors():
        return torch.tensor(pass_).to(device=device, dtype=dtype)
