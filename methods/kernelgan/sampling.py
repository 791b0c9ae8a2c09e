"""Draw where KernelGAN's training crops lie, for the whole run, from a map of strong gradients."""

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from bench.data.images import F64
from bench.data.resize import resize_float
from bench.errors import BadInput
from methods.kernelgan.knobs import KernelGanKnobs

Corners = NDArray[np.int64]
STRONG = 0.97  # the quantile above which a gradient counts


def trimmed(name: str, lr: F64, knobs: KernelGanKnobs) -> F64:
    """(h, w, 3) without its border, both sides divisible by the shrinking factor.

    Raises BadInput for a picture that no crop fits in, or that is one colour.
    """
    height, width = lr.shape[:2]
    if min(height, width) < knobs.least_side:
        least = f"{knobs.least_side}x{knobs.least_side}"
        raise BadInput(f"{name}: {width}x{height} is too small; estimating a kernel takes an LR of at least {least}")
    shave, factor = knobs.shave, knobs.factor
    inside = lr[shave : height - shave, shave : width - shave]
    inside = inside[: inside.shape[0] // factor * factor, : inside.shape[1] // factor * factor]
    if not np.isfinite(inside).all():
        raise BadInput(f"{name}: holds NaN or infinite values; replace the picture")
    if (inside == inside[:1, :1]).all():
        raise BadInput(f"{name}: a constant picture carries no kernel; leave it out")
    return inside


def draw_crops(image: F64, knobs: KernelGanKnobs, random: np.random.Generator) -> tuple[Corners, Corners]:
    """Top left corners, (iterations, 2) each: of the generator's crops, and of the discriminator's real ones.

    image: (h, w, 3), trimmed. The generator's are drawn where the picture shrunk has strong gradients.
    """
    shrunk = resize_float(image, Fraction(1, knobs.factor))
    coarse = strong_gradients(shrunk.mean(2)).repeat(knobs.factor, 0).repeat(knobs.factor, 1)
    inputs = _draw(coarse, knobs.crop, knobs, random)
    return inputs, _draw(strong_gradients(image.mean(2)), knobs.fake_side, knobs, random)


def strong_gradients(grey: F64) -> F64:
    """(h, w): how much of the strongest 3 % of |dx|, |dy| and |d| lies in the 5x5 pixels around."""
    down, right = np.gradient(grey)
    strong = [values > np.quantile(values, STRONG) for values in (abs(right), abs(down), np.hypot(down, right))]
    return uniform_filter(np.mean(strong, axis=0), 5, mode="constant")


def crop_probabilities(gradients: F64, side: int) -> F64:
    """(h, w), sum 1: the chance that a crop of this side is drawn around a pixel; uniform where the map is empty."""
    spread = uniform_filter(gradients, side // 2, mode="constant")
    border = side // 2
    inside = np.zeros_like(spread)
    inside[border : spread.shape[0] - border, border : spread.shape[1] - border] = 1
    spread = np.maximum(spread, 0) * inside
    if spread.sum() <= 0:
        spread = np.ones_like(spread)
    result: F64 = spread / spread.sum()
    return result


def _draw(gradients: F64, side: int, knobs: KernelGanKnobs, random: np.random.Generator) -> Corners:
    """Even corners around centres drawn with replacement."""
    gradients = gradients if knobs.sampling == "gradient" else np.ones_like(gradients)
    chosen = random.choice(
        gradients.size, size=max(knobs.iterations, knobs.schedule_length), p=crop_probabilities(gradients, side).ravel()
    )
    centres = np.stack(np.unravel_index(chosen, gradients.shape), axis=1)
    corners: Corners = np.clip(centres - side // 2, 0, np.array(gradients.shape) - side).astype(np.int64)
    return corners // 2 * 2
