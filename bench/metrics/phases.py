"""What a sub-pixel layer leaves in SR: phases of different brightness, peaks in the spectrum; how several SR differ.

Both of the former need no HR and no LR: the spectrum of a photograph has no peaks at these frequencies.
"""

from collections.abc import Sequence

import numpy as np

from bench.data.images import F64, U8, crop_to_multiple
from bench.errors import BadInput

NEAR, FAR = 1, 4  # bins around a peak: those that Hann's window spreads it to, and those that it is compared with


def phase_deviation(luma: F64, scale: int) -> float:
    """The standard deviation, in grey levels, over the means of the s^2 phases of (h, w) less the mean of each block.

    A phase: the pixels at one place in the s x s blocks that LR pixels stand for. A constant added to each phase of a
    sub-pixel layer, summing to 0, changes nothing in an LR made by MATLAB's bicubic.
    """
    blocks = _blocks(luma, scale)
    return float((blocks - blocks.mean((1, 3), keepdims=True)).mean((0, 2)).std())


def _blocks(luma: F64, scale: int) -> F64:
    """(h/s, s, w/s, s). Raises BadInput for a picture smaller than a block."""
    cropped = crop_to_multiple(luma, scale)
    if not cropped.size:
        raise BadInput(f"a {luma.shape[1]}x{luma.shape[0]} picture has no block of {scale}x{scale}; use a larger one")
    return cropped.reshape(cropped.shape[0] // scale, scale, cropped.shape[1] // scale, scale)


def lattice_excess(luma: F64, scale: int) -> float:
    """Energy of (h, w) at the frequencies that are multiples of pi/s on both axes, over that beside them, in dB.

    The mean of |DFT|^2 there (but 0, and what Hann's window spreads around it), over its mean at the bins 2 to 4 away.
    0 dB: no pattern that repeats every s or 2s pixels. Raises BadInput for a picture of fewer than 9 blocks of 2s.
    """
    from scipy.ndimage import maximum_filter

    plane = crop_to_multiple(luma, 2 * scale)
    steps = [side // (2 * scale) for side in plane.shape]  # bins between two multiples of pi/s
    least = 2 * FAR + 1
    if min(steps) < least:
        size = f"{luma.shape[1]}x{luma.shape[0]}"
        raise BadInput(
            f"{size} is too small for a spectrum at x{scale}; use at least {2 * scale * least} pixels a side"
        )
    windows = [np.hanning(side + 1)[:-1] for side in plane.shape]
    power = np.abs(np.fft.fft2((plane - plane.mean()) * np.outer(*windows))) ** 2
    peaks = np.zeros(plane.shape, dtype=bool)
    peaks[:: steps[0], :: steps[1]] = True
    peaks[0, 0] = False
    at, near, around = (maximum_filter(peaks, 2 * reach + 1, mode="wrap") for reach in (0, NEAR, FAR))
    return float(10 * np.log10(power[at].mean() / power[around & ~near].mean()))


def spread(pictures: Sequence[U8]) -> float:
    """The standard deviation over several SR of one LR, in grey levels, its mean over pixels and channels."""
    return float(np.std([picture.astype(np.float64) for picture in pictures], axis=0).mean())
