"""The real steerable pyramid of two levels and six orientations, in the frequency domain.

Source: Simoncelli & Freeman, ICIP 1995; Portilla & Simoncelli, IJCV 2000. The radial and angular functions are the
tables of matlabPyrTools (256 and 1024 entries, linear interpolation), so that its bands are met to rounding.
"""

import functools
import math
from typing import Any, NamedTuple

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from bench.data.images import F64

ORIENTATIONS = 6
_RADIAL = np.arange(-256, 1) / 512 * np.pi
_OCTAVES: F64 = 2 / np.pi * _RADIAL  # -1 ... 0
_POWER: F64 = np.cos(_RADIAL) ** 2
_ANGULAR = np.arange(-2049, 1026) / 1024 * np.pi


class Pyramid(NamedTuple):
    """highpass (h, w); bands: (6, h, w) and (6, h/2, w/2), halves rounded up; in the picture's grey levels."""

    highpass: F64
    bands: tuple[F64, F64]


class _Masks(NamedTuple):
    """Transfer functions on the half plane of rfft2; `rows`, `columns` select the coarse level's frequencies."""

    highpass: F64  # (h, w//2 + 1)
    fine: NDArray[np.complexfloating[Any, Any]]  # (6, h, w//2 + 1)
    coarse: NDArray[np.complexfloating[Any, Any]]  # (6, h2, w2//2 + 1)
    rows: NDArray[np.int64]
    size: tuple[int, int]


def decompose(picture: F64) -> Pyramid:
    """The pyramid of an (h, w) picture; its low-pass residue is left out."""
    masks = _masks(*picture.shape)
    spectrum = scipy.fft.rfft2(picture)
    coarse = spectrum[masks.rows, : masks.coarse.shape[2]]
    return Pyramid(
        scipy.fft.irfft2(spectrum * masks.highpass, s=picture.shape),
        (
            scipy.fft.irfft2(spectrum * masks.fine, s=picture.shape),
            scipy.fft.irfft2(coarse * masks.coarse, s=masks.size),
        ),
    )


@functools.lru_cache(maxsize=4)
def _masks(height: int, width: int) -> _Masks:
    """Transfer functions for pictures of one size. The highest frequency of an even side is 0 in every band."""
    rows, columns = _frequencies(height), _frequencies(width)[: width // 2 + 1]
    y, x = rows[:, None] / (height / 2), np.abs(columns)[None, :] / (width / 2)
    radius = np.hypot(y, x)
    radius[0, 0] = 2 / width  # the toolbox copies the neighbour to avoid log 0
    octave = np.log2(radius)
    angle = np.arctan2(y, x)
    angular = np.stack([_angular(angle, b) for b in range(ORIENTATIONS)])  # (-i)^5 = -i makes the bands real
    fine = angular * (_low(octave, 0) * _high(octave, 1))
    size = (math.ceil((height - 0.5) / 2), math.ceil((width - 0.5) / 2))
    kept = _frequencies(size[0]) % height
    coarse = angular * (_low(octave, 0) * _low(octave, 1) * _high(octave, 2))
    return _Masks(_high(octave, 0), -1j * fine, -1j * coarse[:, kept, : size[1] // 2 + 1], kept, size)


def _frequencies(length: int) -> NDArray[np.int64]:
    """Integer frequencies in FFT order: 0, 1, ..., -2, -1; that of half an even length is negative."""
    return (np.arange(length) + length // 2) % length - length // 2


def _high(octave: F64, level: int) -> F64:
    """Raised cosine that rises from 0 to 1 over the octave that ends `level` octaves below the highest frequency."""
    return np.interp(octave, _OCTAVES - level, np.sqrt(_POWER))


def _low(octave: F64, level: int) -> F64:
    """The complement of `_high` in power."""
    return np.interp(octave, _OCTAVES - level, np.sqrt(1 - _POWER))


def _angular(angle: F64, orientation: int) -> F64:
    """The normalised fifth power of the cosine of the angle to the orientation."""
    order = ORIENTATIONS - 1
    norm = 2 ** (2 * order) * math.factorial(order) ** 2 / (ORIENTATIONS * math.factorial(2 * order))
    table = math.sqrt(norm) * np.cos(_ANGULAR) ** order
    return np.interp(angle, _ANGULAR + np.pi * orientation / ORIENTATIONS, table)
