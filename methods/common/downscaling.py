"""MATLAB's bicubic shrinking as a kernel."""

import functools
from fractions import Fraction

import numpy as np

from bench.data.images import F64
from bench.data.resize import weights


@functools.cache
def bicubic_taps(factor: int) -> F64:
    """(4*factor,) weights of MATLAB's bicubic shrinking; their outer product is the ideal downscaling kernel."""
    side = 16 * factor
    taps: F64 = weights(side, side // factor, Fraction(1, factor))[1][side // factor // 2]
    return taps


def bicubic_kernel(factor: int) -> F64:
    """The same as a blur kernel in the orientation and alignment of `bench.data.blur_kernels`, odd square, sum 1.

    An LR pixel looks at the HR pixels from 3s/2 before its first one on, 4s of them. Even factors only.
    """
    before = 3 * factor // 2
    centre = 4 * factor - 1 - before
    taps = np.zeros(2 * centre + 1)
    taps[centre - before :] = bicubic_taps(factor)
    kernel = np.outer(taps, taps)
    result: F64 = kernel / kernel.sum()
    return result
