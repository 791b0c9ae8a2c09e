"""Separable filtering as products with small banded matrices: several times faster than a loop over taps."""

import functools

import numpy as np

from bench.data.images import F64

_STEP = 32  # outputs a product; more waste arithmetic on the band's zeros, fewer waste calls


def gaussian(length: int, sigma: float) -> F64:
    """`length` (odd) samples of a centred Gaussian that sum to 1: one axis of MATLAB's fspecial('gaussian')."""
    samples: F64 = np.exp(-((np.arange(length) - length // 2) ** 2) / (2 * sigma**2))
    samples /= samples.sum()
    return samples


def blur(planes: F64, length: int, sigma: float) -> F64:
    """Gaussian filter over the last two axes, where it fits: (..., h, w) -> (..., h - length + 1, w - length + 1)."""
    band = _band(length, sigma)
    *leading, height, width = planes.shape
    height, width, reach = height - length + 1, width - length + 1, length - 1
    columns = np.empty((*leading, height + reach, width))
    for start in range(0, width, _STEP):
        count = min(_STEP, width - start)
        source = planes[..., start : start + count + reach]
        np.matmul(source, band[:count, : count + reach].T, out=columns[..., start : start + count])
    result = np.empty((*leading, height, width))
    for start in range(0, height, _STEP):
        count = min(_STEP, height - start)
        source = columns[..., start : start + count + reach, :]
        np.matmul(band[:count, : count + reach], source, out=result[..., start : start + count, :])
    return result


@functools.cache
def _band(length: int, sigma: float) -> F64:
    """(step, step + length - 1): row i holds the Gaussian from column i on."""
    band = np.zeros((_STEP, _STEP + length - 1))
    for row in range(_STEP):
        band[row, row : row + length] = gaussian(length, sigma)
    return band
