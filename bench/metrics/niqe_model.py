"""NIQE: the distance of a picture's local statistics from those of pristine photographs; no unit, lower is better.

Source: Mittal, Soundararajan, Bovik, "Making a 'completely blind' image quality analyzer", IEEE SPL 2013, and the
constants of the authors' release. Facts that reproduce the authors' values:

- an RGB picture becomes MATLAB's rgb2gray, rounded to 8 bits; imresize 0.5 between the scales has a symmetric border;
- a block without a positive or a negative coefficient has shape 0.2, the first of the grid, and scales NaN: the means
  skip the NaN (nanmean), the covariance leaves out the whole block (nancov).

On a flat window the normalised coefficient is 0 in exact arithmetic and a rounding error (1e-14) of either sign in
floating point. The fit counts signs, so the value of a picture with flat areas hangs on the order of summation, by up
to 5 %: that is why other implementations miss the authors' values of such pictures. Here these coefficients are
exactly 0. Without flat windows the value is the authors' to rounding; with them the calibration pictures differ by at
most 0.6 %.
"""

import functools
from fractions import Fraction

import numpy as np
import scipy.io
from numpy.typing import NDArray
from scipy.special import gamma

from bench.data.images import F64, U8, crop_border, rgb2gray, round_half_up
from bench.data.images import luma as matlab_luma
from bench.data.resize import resize_float
from bench.errors import BadInput
from bench.metrics.banded import blur
from bench.runtime.weights import locate

BLOCK = 96
SHAPES: F64 = np.arange(200, 10001) / 1000.0  # grid of generalised Gaussian shapes
RATIOS: F64 = gamma(2 / SHAPES) ** 2 / (gamma(1 / SHAPES) * gamma(3 / SHAPES))  # increasing
NEIGHBOURS = ((0, 1), (1, 0), (1, 1), (1, -1))
ROUNDING = 1e-9  # grey levels; a difference below it is a rounding error


def niqe(luma: F64) -> float:
    """NIQE of one (h, w) picture in 0...255. Raises BadInput where it has fewer than two whole 96x96 blocks, or where
    every block is flat.

    (The authors' code would take one block's features, a row in MATLAB, for 36 observations: no NIQE.)
    """
    height, width = luma.shape
    rows, columns = height // BLOCK, width // BLOCK
    if rows * columns < 2:
        raise BadInput(f"NIQE needs two whole {BLOCK}x{BLOCK} blocks, the picture is {width}x{height}; use larger ones")
    scales = []
    picture = np.ascontiguousarray(luma[: rows * BLOCK, : columns * BLOCK], dtype=np.float64)
    for side in (BLOCK, BLOCK // 2):
        if side < BLOCK:
            picture = resize_float(picture, Fraction(1, 2), border="symmetric")
        blocks = _normalise(picture).reshape(rows, side, columns, side).swapaxes(1, 2)
        scales.append(_features(np.ascontiguousarray(blocks).reshape(-1, side, side)))
    return _distance(np.concatenate(scales, axis=1))  # of (blocks, 36)


def niqe_of(image: U8) -> float:
    """The authors' protocol on an 8-bit (h, w) or (h, w, 3) picture. Raises as `niqe`."""
    return niqe(rgb2gray(image))


def niqe_pirm(image: U8) -> float:
    """The PIRM 2018 protocol: MATLAB's 8-bit Y, 4 pixels shaved off each side, then NIQE. Raises as `niqe`."""
    return niqe(crop_border(round_half_up(matlab_luma(image)), 4))


def _normalise(picture: F64) -> F64:
    """Mean-subtracted, contrast-normalised coefficients (Eq. 1-3) of an (h, w) picture, exactly 0 where flat."""
    mean, square = _blur(picture), _blur(picture * picture)
    difference = picture - mean
    difference[np.abs(difference) < ROUNDING] = 0.0
    mean *= mean
    square -= mean
    np.sqrt(np.abs(square, out=square), out=square)
    square += 1.0
    difference /= square
    return difference


def _blur(picture: F64) -> F64:
    """7x7 Gaussian of standard deviation 7/6, border repeated."""
    return blur(np.pad(picture, 3, mode="edge"), 7, 7 / 6)


def _features(blocks: F64) -> F64:
    """(n, side, side) coefficients -> (n, 18): the fit of the coefficients and of their four neighbour products."""
    shape, left, right = _fit(blocks)
    features = [shape, (left + right) / 2]
    for shift in NEIGHBOURS:
        shape, left, right = _fit(blocks * np.roll(blocks, shift, axis=(1, 2)))
        mean = (right - left) * gamma(2 / shape) / gamma(1 / shape)  # Eq. 8
        features += [shape, mean, left, right]
    return np.stack(features, axis=1)


def _fit(blocks: F64) -> tuple[F64, F64, F64]:
    """Asymmetric generalised Gaussian by moment matching: shape, left and right scale, each (n,).

    Source: Lasmar, Stitou, Berthoumieu, ICIP 2009. A side without a value has a NaN scale; the shape is then 0.2.
    """
    values = blocks.reshape(len(blocks), -1)
    above = np.maximum(values, 0.0)
    below = values - above
    squares_above, squares_below = np.vecdot(above, above), np.vecdot(below, below)
    absolute = above.sum(axis=1) - below.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        left = np.sqrt(squares_below / _count(values < 0))
        right = np.sqrt(squares_above / _count(values > 0))
        lean = left / right
        ratio = absolute**2 / (squares_above + squares_below) / values.shape[1]
        ratio *= (lean**3 + 1) * (lean + 1) / (lean**2 + 1) ** 2
    shape = SHAPES[_nearest(ratio)]
    unit = np.sqrt(gamma(1 / shape) / gamma(3 / shape))
    return shape, left * unit, right * unit


def _count(mask: NDArray[np.bool_]) -> F64:
    """True values in each row."""
    return np.array([np.count_nonzero(row) for row in mask], dtype=np.float64)


def _nearest(ratio: F64) -> NDArray[np.int64]:
    """Index of the grid's ratio nearest to each value; 0 for NaN, as MATLAB's min over NaN."""
    upper = np.searchsorted(RATIOS, ratio).clip(1, len(RATIOS) - 1)
    index = upper - (ratio - RATIOS[upper - 1] <= RATIOS[upper] - ratio)
    return np.where(np.isnan(ratio), 0, index)


def _distance(features: F64) -> float:
    """Eq. 10 between one picture's (blocks, 36) features and the pristine model."""
    pristine_mean, pristine_covariance = _pristine()
    known = ~np.isnan(features)
    if not known.any(axis=0).all():
        raise BadInput("NIQE is undefined: every block of the picture is flat; use a picture with texture")
    mean = np.nanmean(features, axis=0)
    whole = features[known.all(axis=1)]
    centred = whole - whole.mean(axis=0)
    covariance = centred.T @ centred / max(len(whole) - 1, 1)
    difference = pristine_mean - mean
    inverse = np.linalg.pinv((pristine_covariance + covariance) / 2, rtol=len(mean) * np.finfo(np.float64).eps)
    return float(np.sqrt(difference @ inverse @ difference))


@functools.cache
def _pristine() -> tuple[F64, F64]:
    """Mean (36,) and covariance (36, 36) of the authors' pristine model. Raises MissingWeights."""
    path = locate("niqe")
    if path.suffix == ".mat":
        model = scipy.io.loadmat(str(path))
        return model["mu_prisparam"][0], model["cov_prisparam"]
    with np.load(path) as arrays:
        return arrays["mu_pris_param"][0], arrays["cov_pris_param"]
