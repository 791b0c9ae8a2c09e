"""How a picture becomes its LR picture, in torch: MATLAB's bicubic or a blur kernel."""

import functools
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from bench.data.back_projection import Shrink
from bench.data.blur_kernels import centre_of_mass, disturbed_gaussian
from bench.data.images import F64
from bench.data.resize import resize_tensor
from bench.runtime.devices import lasting_tensors

LEAST_VARIANCE = 0.05  # HR pixels squared: an estimated kernel may have a side without any width


def shrinker(kernel: F64 | None, scale: int, device: torch.device) -> Shrink:
    """Shrinking by `scale` with this blur kernel, cross-correlation orientation; None: MATLAB's bicubic."""
    if kernel is None:
        return lambda x: resize_tensor(x, Fraction(1, scale))
    weight = torch.from_numpy(kernel).float().to(device)[None, None]  # (1, 1, rows, columns)
    return lambda x: blur_down(x, weight, scale)


def blur_down(x: Tensor, weight: Tensor, scale: int) -> Tensor:
    """Cross-correlate (c, h, w) with a (1, 1, rows, columns) kernel, the border mirrored with the edge pixel repeated,
    and keep rows and columns 0, s, 2s, ...: `bench.data.blur_kernels.blur_down` on a tensor."""
    rows, columns = weight.shape[-2:]
    padded = mirror(mirror(x, -2, (rows // 2, rows - 1 - rows // 2)), -1, (columns // 2, columns - 1 - columns // 2))
    return functional.conv2d(padded[:, None], weight, stride=scale)[:, 0]


def mirror(x: Tensor, axis: int, margin: tuple[int, int]) -> Tensor:
    """Lengthen an axis by mirroring at the outer edge of its first and last pixel, as often as the margin needs."""
    return x.index_select(axis, _mirrored(x.shape[axis], margin, x.device))


@functools.lru_cache(maxsize=64)
def _mirrored(length: int, margin: tuple[int, int], device: torch.device) -> Tensor:
    with lasting_tensors():
        index = torch.arange(-margin[0], length + margin[1], device=device) % (2 * length)
        return torch.minimum(index, 2 * length - 1 - index)


def stages(scale: int, gradual: bool) -> tuple[int, ...]:
    """The scales that are trained in turn: 2, 4, ... up to a power of two, or the one scale."""
    if not gradual or scale & (scale - 1):
        return (scale,)
    return tuple(2**power for power in range(1, scale.bit_length()))


def stage_kernel(kernel: F64 | None, scale: int, stage: int) -> F64 | None:
    """The kernel of an earlier stage, from the one given for `scale`.

    Shrinking n times by k2 is shrinking once by k2 * (k2 dilated by 2) * ..., whose covariance is (4^n - 1) / 3 times
    that of k2 (Bell-Kligler et al. 2019 build the x4 kernel so). Undone for its second moments: a Gaussian with
    (stage^2 - 1) / (scale^2 - 1) of the covariance, its centre of mass where LR pixels look at their blocks.
    """
    if kernel is None or stage == scale:
        return kernel
    row, column = centre_of_mass(kernel)
    offset = np.indices(kernel.shape) - np.array([row, column])[:, None, None]
    covariance = np.einsum("iuv,juv,uv->ij", offset, offset, kernel) / kernel.sum()
    variances, axes = np.linalg.eigh(covariance * (stage**2 - 1) / (scale**2 - 1))
    size = max(kernel.shape) | 1
    narrowed = axes @ np.diag(variances.clip(LEAST_VARIANCE, (size / 4) ** 2)) @ axes.T
    return disturbed_gaussian(size, narrowed, stage, np.ones((size, size)))
