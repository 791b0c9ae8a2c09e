"""PSNR, SSIM, RMSE, brightness, consistency with the LR: how far the SR picture is from the one it should be.

Pictures are uint8, (h, w) grey or (h, w, 3) RGB, both of a pair of one kind and size (bench.metrics.Sample sees to
it). All arithmetic is float64. Sources: Wang et al., IEEE TIP 2004 (SSIM); the MATLAB evaluation that accompanies
RCAN (luma in float, border of `scale` dropped); the PIRM 2018 challenge (RMSE).
"""

import math
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.data.images import F64, U8, crop_border, rounded_luma
from bench.data.resize import resize
from bench.errors import BadInput
from bench.metrics.banded import gaussian

PEAK = 255.0
PIRM_BORDER = 4
WINDOW: F64 = gaussian(11, 1.5)  # of Wang et al.
_STRIP = 64  # rows of an SSIM map computed at once: intermediate results stay in the cache


def psnr_of(mean_squared_error: float, peak: float = PEAK) -> float:
    """10 log10(peak^2 / mse) in dB; infinite for 0."""
    return 10 * math.log10(peak**2 / mean_squared_error) if mean_squared_error > 0 else math.inf


def _check_shapes(x: NDArray[Any], y: NDArray[Any]) -> None:
    if x.shape != y.shape:
        raise BadInput(f"pictures of shape {x.shape} and {y.shape} cannot be compared; give two of one size")


def mean_squared_error(x: NDArray[Any], y: NDArray[Any]) -> float:
    """Mean of the squared differences over all pixels and channels. Raises BadInput where the shapes differ."""
    _check_shapes(x, y)
    return float(np.mean(np.square(x.astype(np.float64) - y.astype(np.float64))))


def filter_valid(values: F64, window: F64) -> F64:
    """Separable correlation of (h, w) with a symmetric (k,) window, only where it fits: (h - k + 1, w - k + 1)."""
    return _filter_axis(_filter_axis(values, window, 0), window, 1)


def _filter_axis(values: F64, window: F64, axis: int) -> F64:
    """One axis of `filter_valid`: what shares a tap is added before it is weighed."""
    size = len(window)
    length = values.shape[axis] - size + 1

    def shifted(tap: int) -> F64:
        return values[tap : tap + length] if axis == 0 else values[:, tap : tap + length]

    total = shifted(0) + shifted(size - 1)
    total *= window[0]
    for tap in range(1, size // 2):
        both = shifted(tap) + shifted(size - 1 - tap)
        both *= window[tap]
        total += both
    return total + shifted(size // 2) * window[size // 2] if size % 2 else total


def ssim_map(x: F64, y: F64, window: F64 = WINDOW, unbiased: bool = False) -> F64:
    """SSIM at every position where the window fits, (h - k + 1, w - k + 1), for (h, w) data in 0...255.

    The default is Wang's: an 11x11 Gaussian of sigma 1.5, K = (0.01, 0.03), L = 255. `unbiased` divides variances
    by n - 1, as scikit-image does for uniform windows. Raises BadInput for pictures smaller than the window.
    """
    reach = len(window) - 1
    if min(x.shape) <= reach:
        raise BadInput(
            f"a {x.shape[1]}x{x.shape[0]} picture is smaller than the SSIM window; use at least {len(window)}"
        )
    starts = range(0, x.shape[0] - reach, _STRIP)
    strips = [slice(start, start + _STRIP + reach) for start in starts]
    return np.concatenate([_ssim_strip(x[strip], y[strip], window, unbiased) for strip in strips])


def _ssim_strip(x: F64, y: F64, taps: F64, unbiased: bool) -> F64:
    """Equation 13 of Wang et al. on a strip of rows."""
    c1, c2 = (0.01 * PEAK) ** 2, (0.03 * PEAK) ** 2
    bias = len(taps) ** 2 / (len(taps) ** 2 - 1) if unbiased else 1.0
    mean_x, mean_y = filter_valid(x, taps), filter_valid(y, taps)
    product, squares = mean_x * mean_y, mean_x**2 + mean_y**2
    covariance = bias * (filter_valid(x * y, taps) - product)
    variances = bias * (filter_valid(x * x + y * y, taps) - squares)
    return (2 * product + c1) * (2 * covariance + c2) / ((squares + c1) * (variances + c2))


def psnr(x: NDArray[Any], y: NDArray[Any], border: int) -> float:
    """PSNR in dB over all channels, peak 255, `border` pixels dropped on each side; infinite for equal pictures."""
    return psnr_of(mean_squared_error(crop_border(x, border), crop_border(y, border)))


def ssim(x: NDArray[Any], y: NDArray[Any], border: int) -> float:
    """Mean SSIM of (h, w), or the mean over the channels of (h, w, c), `border` pixels dropped on each side."""
    _check_shapes(x, y)
    first, second = (crop_border(image, border).astype(np.float64) for image in (x, y))
    if first.ndim == 2:
        return float(ssim_map(first, second).mean())
    channels = range(first.shape[2])
    return float(np.mean([ssim_map(first[:, :, c], second[:, :, c]).mean() for c in channels]))


def rmse_pirm(sr: U8, hr: U8) -> float:
    """Root of the mean squared error of the integer Y with a border of 4 dropped, in grey levels."""
    planes = (crop_border(rounded_luma(image), PIRM_BORDER) for image in (sr, hr))
    return math.sqrt(mean_squared_error(*planes))


def luma_error(x: NDArray[Any], y: NDArray[Any], border: int) -> float:
    """|mean(x) - mean(y)| of two luma planes (h, w), in grey levels, `border` pixels dropped on each side.

    The shift of brightness that ESRGAN's paper (section 3.3) sees in features after activation. Raises BadInput where
    the shapes differ.
    """
    _check_shapes(x, y)
    means = [float(np.mean(crop_border(plane, border), dtype=np.float64)) for plane in (x, y)]
    return abs(means[0] - means[1])


def lr_psnr(sr: U8, lr: U8, scale: int) -> float:
    """PSNR in dB, nothing cropped, of the SR shrunk by MATLAB's bicubic (8 bits after each pass) against the LR.

    Raises BadInput, naming both sizes, where the shrunk SR has not the LR's size.
    """
    shrunk = resize(sr, Fraction(1, scale))
    if shrunk.shape != lr.shape:
        sizes = [f"{image.shape[1]}x{image.shape[0]}" for image in (sr, lr)]
        raise BadInput(f"SR is {sizes[0]}, LR {sizes[1]}: not a factor of {scale} apart; check --scale and --lr")
    return psnr(shrunk, lr, border=0)
