"""Blur kernels: drawing them, where their centre of mass must lie, and shrinking a picture with one.

A kernel k is in cross-correlation orientation, (rows, columns) float64, sum 1. An LR pixel (i, j) is
sum_uv k[u, v] * hr[s*i + u - rows//2, s*j + v - columns//2]. It looks at the middle of the s x s block of HR pixels
that it stands for, as in bicubic LR, when the centre of mass lies at size//2 + (s - 1)/2 of an odd kernel.
Source: Bell-Kligler et al., NeurIPS 2019, and its released generator.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bench.data.images import F64, U8, composed, quantise
from bench.errors import BadInput

LARGEST = 512  # rows and columns of a kernel that is read
MAT_BYTES = 2**17  # a compressed one of so many is at most a thousand times as large
Edge = Literal["reflect", "replicate"]


def kernel_files(folder: Path, scale: int, names: Iterable[str]) -> dict[str, Path]:
    """The kernel of each of these pictures: NAME.npy, NAME.mat or, as KernelGAN's release calls it,
    NAME_kernel_x<scale>.mat. Raises BadInput for a picture without one, or with more than one."""
    here: dict[str, list[Path]] = {}
    for path in sorted((*folder.glob("*.npy"), *folder.glob("*.mat"))):
        here.setdefault(composed(path.stem), []).append(path)
    files = {}
    for name in sorted(names):
        found = here.get(name, []) + here.get(f"{name}_kernel_x{scale}", [])
        if not found:
            raise BadInput(f"{folder / name}.npy: no such kernel; estimate it with python -m bench kernel")
        if len(found) > 1:
            raise BadInput(f"{found[0]}: {found[1].name} is the same picture's; remove one of them")
        files[name] = found[0]
    return files


def read_kernel(path: Path) -> F64:
    """(rows, columns) float64 from a .npy file, or what KernelGAN's .mat calls Kernel. Raises BadInput for anything but
    a small array of finite numbers whose sum is positive."""
    if not path.is_file():
        raise BadInput(f"{path}: no kernel for this picture; estimate it with python -m bench kernel")
    try:
        stored = _read_mat(path) if path.suffix == ".mat" else np.load(path, mmap_mode="r", allow_pickle=False)
        if not isinstance(stored, np.ndarray) or stored.ndim != 2 or not 0 < stored.size <= LARGEST**2:
            raise BadInput(f"{path}: no kernel; write one array of (rows, columns), at most {LARGEST} each")
        kernel = np.array(stored).astype(np.float64, casting="safe")
    except BadInput:
        raise
    except Exception as error:  # numpy parses the header with Python's own parser, which raises what it likes
        raise BadInput(
            f"{path}: cannot be read as a kernel ({error}); write a 2-d array of numbers, .npy or a .mat's Kernel"
        ) from error
    if not np.isfinite(kernel).all() or kernel.sum() <= 0:
        raise BadInput(f"{path}: not finite, or its sum is not positive; estimate the kernel again")
    return kernel


def _read_mat(path: Path) -> NDArray[Any]:
    """Raises BadInput for a file that could unpack to far more than a kernel: it is compressed."""
    from scipy.io import loadmat

    if path.stat().st_size > MAT_BYTES:
        raise BadInput(f"{path}: {path.stat().st_size} bytes are more than a kernel's .mat has; write a .npy")
    found: NDArray[Any] = loadmat(str(path), variable_names=["Kernel"])["Kernel"]
    return found


def centre_of_mass(kernel: F64) -> tuple[float, float]:
    """(row, column), 0-based."""
    total = kernel.sum()
    rows, columns = np.indices(kernel.shape)
    return float((rows * kernel).sum() / total), float((columns * kernel).sum() / total)


def aligned_centre(size: int, scale: int) -> float:
    """Where the centre of mass of a `size` wide kernel must be for LR pixels aligned as in bicubic LR."""
    return size // 2 + (scale - 1) / 2


def gaussian(size: int, covariance: F64, centre: tuple[float, float]) -> F64:
    """exp(-d' C^-1 d / 2) on a (size, size) grid, not normalised. covariance: (2, 2), HR pixels squared, row first."""
    rows, columns = np.indices((size, size)).astype(np.float64)
    offset = np.stack([rows - centre[0], columns - centre[1]], axis=-1)
    result: F64 = np.exp(-0.5 * np.einsum("ijk,kl,ijl->ij", offset, np.linalg.inv(covariance), offset))
    return result


def covariance_of(variances: tuple[float, float], angle: float) -> F64:
    """(2, 2) covariance with these variances along axes turned by `angle` (radians, from the row axis)."""
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    result: F64 = turn @ np.diag(variances) @ turn.T
    return result


def disturbed_gaussian(size: int, covariance: F64, scale: int, noise: F64) -> F64:
    """A Gaussian multiplied by `noise` (size, size), sum 1, whose centre of mass is exactly where `scale` needs it.

    The released generator moves the finished kernel by spline interpolation; here the Gaussian's own mean is solved
    for instead, so nothing rings, goes negative or falls off the edge. Rounded to 12 decimals: processors disagree
    about the last digits of an exponential. Raises BadInput where the blur does not fit the size.
    """
    goal = np.full(2, aligned_centre(size, scale))
    mean = goal.copy()
    for _ in range(100):
        kernel: F64 = noise * gaussian(size, covariance, (float(mean[0]), float(mean[1])))
        error = goal - np.array(centre_of_mass(kernel))
        if np.abs(error).max() < 1e-9:
            kernel /= kernel.sum()
            return kernel.round(12)
        mean += error
    raise BadInput(f"a {size}x{size} kernel is too small for its blur at x{scale}; enlarge it")


def bd_kernel(scale: int, sigma: float = 1.6) -> F64:
    """The blur of the BD test sets, MATLAB's fspecial Gaussian: 12x12 for even scales, 7x7 for x3.

    Published code samples from pixel s/2; here s - 1 zero rows and columns in front say the same for sampling from
    pixel 0. Raises BadInput for other scales.
    """
    if scale % 2 and scale != 3:
        raise BadInput(f"degradation bd is defined for x3 and even scales, not x{scale}; choose one of these")
    width = 7 if scale == 3 else 2 * int(np.ceil(3 * sigma)) + 2
    x = np.arange(width) - (width - 1) / 2
    window = np.exp(-(x[:, None] ** 2 + x[None, :] ** 2) / (2 * sigma**2))
    return np.pad(window / window.sum(), ((scale - 1, 0), (scale - 1, 0)))


def check_kernel(kernel: F64, name: str = "kernel") -> F64:
    """The kernel as float64. Raises BadInput unless it is a finite matrix that sums to 1 (within 1 %)."""
    values = np.asarray(kernel, dtype=np.float64)
    if values.ndim != 2 or not np.isfinite(values).all():
        raise BadInput(f"{name}: a kernel must be a finite matrix, not of shape {values.shape}; check the file")
    if abs(values.sum() - 1) > 0.01:
        raise BadInput(f"{name}: sums to {values.sum():.4f}; normalise it to sum 1")
    return values


def blur_down(values: F64, kernel: F64, scale: int, edge: Edge = "reflect") -> F64:
    """Cross-correlate (h, w) or (h, w, c) data of any range and keep rows and columns 0, s, 2s, ...

    `reflect` repeats the edge pixel and mirrors, as SciPy's correlate does by default. Only kept pixels are computed.
    """
    height, width = values.shape[:2]
    rows, columns = kernel.shape
    before = (rows // 2, columns // 2)
    margin = [(before[0], rows - 1 - before[0]), (before[1], columns - 1 - before[1])] + [(0, 0)] * (values.ndim - 2)
    padded = np.pad(values, margin, mode="symmetric" if edge == "reflect" else "edge")
    total = np.zeros((-(-height // scale), -(-width // scale), *values.shape[2:]))
    for u, v in zip(*np.nonzero(kernel), strict=True):
        total += kernel[u, v] * padded[u : u + height : scale, v : v + width : scale]
    return total


def apply_kernel(hr: U8, kernel: F64, scale: int, edge: Edge = "reflect") -> U8:
    """LR of an 8-bit picture under a known kernel, rounded once."""
    return quantise(blur_down(hr.astype(np.float64), check_kernel(kernel), scale, edge))
