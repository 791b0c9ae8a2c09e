"""The 138 features of Ma's metric: block DCT, divisively normalised steerable pyramid, singular values of patches.

Source: Ma, Yang, Yang, Yang, "Learning a no-reference quality metric for single-image super-resolution", CVIU 2017,
Section 3, with the constants of the authors' release. The block DCT is Saad, Bovik, Charrier (BLIINDS-II), IEEE TIP
2012; the normalised subbands are Moorthy & Bovik (DIIVINE), IEEE TIP 2011.
"""

import functools
import itertools
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from scipy.fft import dct
from scipy.special import gammaln

from bench.data.images import F64
from bench.data.resize import matrix
from bench.metrics.banded import blur
from bench.metrics.steerable import ORIENTATIONS, decompose


@dataclass(frozen=True)
class Rules:
    """Where the authors' release and pyiqa's port of it part. The defaults are the authors'.

    centred: the zero padding of the 7x7 patches is shared by both sides (the authors: 2 before, the rest behind).
    shifted_tails: the lowest tenth of n values has ceil(n/10) + 1 of them and the highest n - floor(0.9 n) (the
    authors: ceil(n/10) and n - floor(0.9 n) + 1).
    every_parent: each fine band has its coarse band among its neighbours, resized to its size (the authors: not the
    last orientation, and doubled, then cut).
    clipped: negative structural similarities count as 0.
    """

    centred: bool = False
    shifted_tails: bool = False
    every_parent: bool = False
    clipped: bool = False


AUTHORS = Rules()
PYIQA = Rules(centred=True, shifted_tails=True, every_parent=True, clipped=True)

LOCAL, GLOBAL, SPATIAL = 18, 45, 75  # features of each group
LEVELS = 3
PATCH, STRIDE = 7, 3
TILE = 5
GUARD = 16
SHAPES: F64 = np.arange(30, 10001) / 1000.0
RATIOS: F64 = np.exp(gammaln(1 / SHAPES) + gammaln(3 / SHAPES) - 2 * gammaln(2 / SHAPES))  # decreasing
# the three orientations of a patch's DCT coefficients, 16 of each; 0 is the mean
_ROWS = ("0111111", "3211111", "3322111", "3322211", "3332222", "3333222", "3333222")
CONES = np.array([[int(cone) for cone in row] for row in _ROWS])


def local_frequency(picture: F64, rules: Rules = AUTHORS) -> F64:
    """(18,): six statistics of the block DCT at three sizes. picture: (h, w) in 0...255."""
    return np.concatenate([_block_dct(level, rules) for level in _shrink(picture / 255.0)])


def global_frequency(picture: F64, rules: Rules = AUTHORS) -> F64:
    """(45,): shapes of 12 normalised subbands and of 6 pairs of them; structural similarity of the 12 bands to the
    high-pass residue and of the 15 pairs of fine normalised subbands. picture: (h, w) in 0...255, 45 pixels or more."""
    highpass, bands = decompose(picture)
    fine, coarse = (_normalise(bands, level, rules) for level in (0, 1))
    shapes = [_shape(band.reshape(1, -1))[0] for band in (*fine, *coarse)]
    joint = [_shape(np.concatenate([a.ravel(), b.ravel()])[None])[0] for a, b in zip(fine, coarse, strict=True)]
    across = _similarity(highpass[None], [(0, k) for k in range(2 * ORIENTATIONS)], rules, _enlarged(bands, highpass))
    among = _similarity(fine, list(itertools.combinations(range(ORIENTATIONS), 2)), rules, fine)
    return np.concatenate([shapes, joint, across, among])


def spatial(picture: F64) -> F64:
    """(75,): the singular values of the 5x5 tiles, zero-padded behind, at three sizes. picture: (h, w) in 0...255."""
    return np.concatenate([_singular_values(level) for level in _shrink(picture / 255.0)])


def _shrink(picture: F64) -> list[F64]:
    """The picture and its two halvings: 3x3 Gaussian of 0.5, zero border, then every second pixel from the second."""
    levels = [picture]
    for _ in range(LEVELS - 1):
        levels.append(blur(np.pad(levels[-1], 1), 3, 0.5)[1::2, 1::2])
    return levels


def _block_dct(picture: F64, rules: Rules) -> F64:
    """Mean and one tail of shape, variation and spread between orientations over all patches, (6,)."""
    coefficients = _basis() @ _patches(picture, rules.centred)  # (48, patches)
    shape = _shape(coefficients.T)
    magnitude = np.abs(coefficients, out=coefficients)
    variation = _variation(magnitude, 1e-7)
    oriented = np.stack([_variation(cone, 1e-8) for cone in magnitude.reshape(3, 16, -1)])
    spread = oriented.var(axis=0, ddof=1)
    count = len(shape)
    low, high = -(-count // 10), count - int(0.9 * count) + 1
    if rules.shifted_tails:
        low, high = low + 1, high - 1
    tails = [np.partition(shape, low - 1)[:low].mean()]
    tails += [np.partition(values, -high)[-high:].mean() for values in (variation, spread)]
    return np.array([tails[0], shape.mean(), tails[1], variation.mean(), tails[2], spread.mean()])


@functools.cache
def _basis() -> F64:
    """The 2-D orthonormal DCT of a patch as a (48, 49) matrix, without the mean, sorted by orientation."""
    rows = dct(np.eye(PATCH), axis=0, norm="ortho")
    order = np.argsort(CONES.ravel(), kind="stable")[1:]
    return np.kron(rows, rows)[order].astype(np.float64)


def _patches(picture: F64, centred: bool) -> F64:
    """(49, patches): the 7x7 surroundings of every 3x3 block, zero-padded."""
    counts = [-(-side // STRIDE) for side in picture.shape]
    totals = [(count - 1) * STRIDE + PATCH - side for count, side in zip(counts, picture.shape, strict=True)]
    before = [total // 2 if centred else (PATCH - STRIDE) // 2 for total in totals]
    padded = np.pad(picture, [(b, total - b) for b, total in zip(before, totals, strict=True)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, (PATCH, PATCH))[::STRIDE, ::STRIDE]
    return windows.transpose(2, 3, 0, 1).reshape(PATCH * PATCH, -1)


def _variation(magnitude: F64, epsilon: float) -> F64:
    """Standard deviation over mean along the first axis."""
    result: F64 = magnitude.std(axis=0, ddof=1) / (magnitude.mean(axis=0) + epsilon)
    return result


def _shape(samples: F64) -> F64:
    """Generalised Gaussian shape of each row by moment matching: the grid's nearest; 10, the last, where flat."""
    centred = samples - samples.mean(axis=1, keepdims=True)
    variance = np.vecdot(centred, centred) / (samples.shape[1] - 1)
    ratio = variance / (np.abs(centred, out=centred).mean(axis=1) ** 2 + 1e-7)
    after = np.searchsorted(-RATIOS, -ratio).clip(1, len(RATIOS) - 1)
    shape: F64 = SHAPES[after - (RATIOS[after - 1] - ratio <= ratio - RATIOS[after])]
    return shape


def _normalise(bands: tuple[F64, F64], level: int, rules: Rules) -> F64:
    """The bands of one level over the local standard deviation that a Gaussian scale mixture gives each coefficient.

    (6, h, w) -> (6, h - 2 - 2*guard, w - 2 - 2*guard). Neighbours: 3x3, the parent, the other orientations.
    """
    guard = GUARD >> level
    own = bands[level]
    inner = own[:, 1:-1, 1:-1]
    parents = _parents(bands, rules)[:, 1:-1, 1:-1] if level == 0 else None
    normalised = []
    for k in range(ORIENTATIONS):
        neighbours = [own[k, y : y + inner.shape[1], x : x + inner.shape[2]] for y in range(3) for x in range(3)]
        if parents is not None and k < len(parents):
            neighbours.append(parents[k])
        count = len(neighbours)  # the authors leave the other orientations out of it
        neighbours += [inner[j] for j in range(ORIENTATIONS) if j != k]
        deviation = _mixture_deviation(np.stack(neighbours), count)
        centred = inner[k] - inner[k].mean()
        ratio = np.divide(centred, deviation, out=np.zeros_like(centred), where=deviation > 0)
        ratio = ratio[guard:-guard, guard:-guard]
        normalised.append(ratio - ratio.mean())
    return np.stack(normalised)


def _mixture_deviation(neighbours: F64, count: int) -> F64:
    """sqrt(y' C^+ y / count) of the column y of (n, h, w) at each position, C the second moment of all columns."""
    vectors = neighbours.reshape(len(neighbours), -1)
    values, axes = np.linalg.eigh(vectors @ vectors.T / vectors.shape[1])
    kept = values > len(values) * np.finfo(np.float64).eps * max(values[-1], 0.0)
    white = (axes[:, kept] / np.sqrt(values[kept] * count)).T @ vectors
    deviation: F64 = np.sqrt(np.einsum("ij,ij->j", white, white))
    return deviation.reshape(neighbours.shape[1:])


def _parents(bands: tuple[F64, F64], rules: Rules) -> F64:
    """The coarse bands at the fine bands' size, (6, h, w), or (5, h, w) where the last orientation has no parent."""
    fine, coarse = bands
    height, width = fine.shape[1:]
    if rules.every_parent:
        return _resize(coarse, height, width)
    return _resize(coarse[:-1], 2 * coarse.shape[1], 2 * coarse.shape[2])[:, :height, :width]


def _enlarged(bands: tuple[F64, F64], highpass: F64) -> F64:
    """All twelve bands at the size of the high-pass residue, (12, h, w)."""
    return np.concatenate([bands[0], _resize(bands[1], *highpass.shape)])


def _resize(planes: F64, height: int, width: int) -> F64:
    """MATLAB's bicubic imresize of (n, h, w) planes to a given size."""
    rows, columns = (
        matrix(length, target, Fraction(target, length), border="symmetric")
        for length, target in zip(planes.shape[1:], (height, width), strict=True)
    )
    return rows @ planes @ columns.T


def _similarity(left: F64, pairs: list[tuple[int, int]], rules: Rules, right: F64) -> F64:
    """The mean contrast-structure term of SSIM for pairs (i, j) of planes left[i], right[j]; dynamic range 255."""
    stability = (0.03 * 255) ** 2
    moments = [_moments(left), _moments(right)]
    means = []
    for i, j in pairs:
        product = _blur(left[i] * right[j])
        covariance = product - moments[0][0][i] * moments[1][0][j]
        terms = (2 * covariance + stability) / (moments[0][1][i] + moments[1][1][j] + stability)
        means.append((np.maximum(terms, 0.0) if rules.clipped else terms).mean())
    return np.array(means)


def _moments(planes: F64) -> tuple[F64, F64]:
    """Local mean and variance of (n, h, w) planes."""
    mean = _blur(planes)
    return mean, _blur(planes * planes) - mean * mean


def _blur(planes: F64) -> F64:
    """SSIM's 11x11 Gaussian of standard deviation 1.5, where it fits."""
    return blur(planes, 11, 1.5)


def _singular_values(picture: F64) -> F64:
    """Of the (25, tiles) matrix of 5x5 tiles, decreasing, (25,).

    The row norms in the eigenbasis of the Gram matrix: as accurate as a singular value decomposition (the small ones
    lose half their digits only in the eigenvalues), at the cost of two products.
    """
    padded = np.pad(picture, [(0, -side % TILE) for side in picture.shape])
    rows, columns = (side // TILE for side in padded.shape)
    tiles = padded.reshape(rows, TILE, columns, TILE).transpose(1, 3, 0, 2).reshape(TILE * TILE, -1)
    _, axes = np.linalg.eigh(tiles @ tiles.T)
    return np.sort(np.linalg.norm(axes.T @ tiles, axis=1))[::-1]
