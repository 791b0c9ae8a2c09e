"""Post-process the generator's effective kernel: cut its tails, centre it, compose the x4 kernel."""

import math

import numpy as np
from scipy.ndimage import shift
from scipy.signal import convolve2d

from bench.data.blur_kernels import aligned_centre, centre_of_mass
from bench.data.images import F64
from bench.errors import Diverged
from methods.kernelgan.knobs import KernelGanKnobs


def finish(name: str, raw: F64, knobs: KernelGanKnobs) -> F64:
    """The (k, k) kernel of a picture, sum 1, from what its generator amounts to. Raises Diverged where that is none."""
    if not np.isfinite(raw).all() or not raw.max() > 0 or (not knobs.n_filter and not raw.sum() > 0):
        raise Diverged(f"{name}: the generator amounts to no kernel; use more iterations or a lower learning rate")
    kernel = cut_tails(raw, knobs.n_filter, knobs.filter_factor) if knobs.n_filter else raw / raw.sum()
    if knobs.centring:
        kernel = centred(kernel, knobs.factor)
    if knobs.scale == 4 and knobs.factor == 2:
        kernel = grown(kernel)
    result: F64 = kernel / kernel.sum()
    return result


def cut_tails(kernel: F64, keep: int, factor: float) -> F64:
    """Subtract `factor` times the (keep + 1)th largest value, set what becomes negative to 0, sum to 1."""
    ordered = np.sort(kernel.ravel())[::-1]
    above: F64 = np.clip(kernel - factor * ordered[min(keep, len(ordered) - 1)], 0, 100)
    result: F64 = above / above.sum()
    return result


def centred(kernel: F64, factor: int) -> F64:
    """The kernel moved, by cubic splines, so that its centre of mass is where bicubic LR has it; padded to hold it."""
    size = kernel.shape[0]
    moves = [aligned_centre(size, factor) - centre for centre in centre_of_mass(kernel)]
    margin = math.ceil(max(map(abs, moves))) + 1
    return shift(np.pad(kernel, margin), moves, order=3, mode="constant")


def grown(kernel: F64) -> F64:
    """The x4 kernel of shrinking twice by this x2 kernel: size 3s - 2, of which the middle is kept, sum 1."""
    size = kernel.shape[0]
    dilated = np.zeros((2 * size - 1, 2 * size - 1))
    dilated[::2, ::2] = kernel
    whole = convolve2d(kernel, dilated)  # (3*size - 2,) * 2
    border = size // 2
    middle = whole[border : len(whole) - border, border : len(whole) - border]
    result: F64 = middle / middle.sum()
    return result
