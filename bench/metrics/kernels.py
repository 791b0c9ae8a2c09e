"""How near an estimated blur kernel is to the true one: PSNR and normalised cross-correlation.

A kernel is any (h, w) array that sums to something positive; nothing is rescaled before the comparison. Blur kernels
that differ by a shift blur equally well, so the two are first laid centre of mass on centre of mass: the true kernel
stays as it is, the estimate moves by whole pixels and, for what remains, by cubic-spline interpolation. Rows and
columns of zeros around either kernel change nothing.
"""

import math

import numpy as np

from bench.data.images import F64
from bench.errors import BadInput

_ALIGNED = 1e-6  # pixels; a smaller remainder is rounding and is not interpolated
_MARGIN = 12  # zeros around a kernel: the spline's prefilter has decayed below 1e-6 there


def kernel_psnr(kernel: F64, true_kernel: F64) -> float:
    """10 log10(max(true)^2 / mse) in dB after alignment.

    mse: all the squared error, wherever it lies, over the pixels of the true kernel's support, the smallest rectangle
    outside of which it is zero. (Over the larger of the two sizes, zeros around an estimate would earn decibels.)
    """
    estimate, truth = align(kernel, true_kernel)
    error = float(np.square(estimate - truth).sum()) / _support(true_kernel).size
    return 10 * math.log10(float(truth.max()) ** 2 / error) if error > 0 else math.inf


def kernel_ncc(kernel: F64, true_kernel: F64) -> float:
    """Cosine of the angle between the aligned kernels, means not removed: sum(ab) / sqrt(sum(a^2) sum(b^2)), <= 1."""
    estimate, truth = align(kernel, true_kernel)
    norms = math.sqrt(float(np.square(estimate).sum()) * float(np.square(truth).sum()))
    return float((estimate * truth).sum()) / norms


def align(kernel: F64, true_kernel: F64) -> tuple[F64, F64]:
    """Both kernels on one canvas, the estimate's centre of mass moved onto the true kernel's.

    The canvas is larger than both supports, so that nothing moves off it. Raises BadInput as `centre_of_mass`.
    """
    from scipy.ndimage import shift

    kernel, true_kernel = _support(kernel), _support(true_kernel)
    centre, true_centre = centre_of_mass(kernel), centre_of_mass(true_kernel)
    corner = [side + _MARGIN for side in kernel.shape]
    target = [a + b - c for a, b, c in zip(corner, true_centre, centre, strict=True)]
    whole = [round(position) for position in target]
    rest = [position - step for position, step in zip(target, whole, strict=True)]
    size = [2 * (k + _MARGIN) + t for k, t in zip(kernel.shape, true_kernel.shape, strict=True)]
    estimate, truth = _embed(kernel, whole, size), _embed(true_kernel, corner, size)
    if max(map(abs, rest)) > _ALIGNED:
        estimate = shift(estimate, rest, order=3, mode="constant")
    return estimate, truth


def centre_of_mass(kernel: F64) -> tuple[float, float]:
    """(row, column) in pixels from the first one.

    Raises BadInput for anything but a finite 2-d array of positive sum whose centre of mass lies inside it.
    """
    if kernel.ndim != 2 or not np.isfinite(kernel).all() or not kernel.sum() > 0:
        raise BadInput(f"an array of shape {kernel.shape} is no kernel; give a finite 2-d one with a positive sum")
    mass = float(kernel.sum())
    row = float(kernel.sum(axis=1) @ np.arange(kernel.shape[0])) / mass
    column = float(kernel.sum(axis=0) @ np.arange(kernel.shape[1])) / mass
    if not (0 <= row <= kernel.shape[0] - 1 and 0 <= column <= kernel.shape[1] - 1):
        raise BadInput("the kernel's centre of mass lies outside it (large negative values); estimate it again")
    return row, column


def _support(kernel: F64) -> F64:
    """The smallest part outside of which a kernel is zero. Raises BadInput as `centre_of_mass`."""
    centre_of_mass(kernel)
    rows, columns = (np.flatnonzero(kernel.any(axis=axis)) for axis in (1, 0))
    return kernel[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _embed(kernel: F64, corner: list[int], size: list[int]) -> F64:
    """Zeros of that size with the kernel's first pixel at `corner`."""
    canvas: F64 = np.zeros(size)
    rows, columns = (slice(start, start + side) for start, side in zip(corner, kernel.shape, strict=True))
    canvas[rows, columns] = kernel
    return canvas
