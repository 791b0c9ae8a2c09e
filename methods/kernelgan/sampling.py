"""KernelGAN's training crops: where they lie in the whole run, from a map of strong gradients, and their noise."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter
from torch import Tensor

from bench.data.images import F64
from bench.data.resize import resize_float
from bench.errors import BadInput
from methods.kernelgan.knobs import KernelGanKnobs

Corners = NDArray[np.int64]
STRONG = 0.97  # the quantile above which a gradient counts
AHEAD = 16  # iterations that noise is drawn for at once
THREADS = 4


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


@dataclass(frozen=True)
class Subject:
    """One generator's part in a batch: what its picture shows, where its crops lie, its noise, its first weights."""

    name: str
    image: Tensor  # (3, h, w) in [0, 1]; noise may accumulate in it
    corners: tuple[Corners, Corners]
    random: np.random.Generator
    filters: list[Tensor]
    discriminator: list[Tensor]


class Crops:
    """What the generators of a batch see in the iteration that has begun, cut on the device where the pictures lie.

    pictures: all of them in one row; noise may accumulate in them.
    """

    def __init__(self, knobs: KernelGanKnobs, subjects: Sequence[Subject]) -> None:
        self.knobs, self.subjects = knobs, subjects
        images = [subject.image for subject in subjects]
        self.pictures = torch.cat([image.flatten() for image in images])
        device = self.pictures.device
        _, height, width = torch.tensor([image.shape for image in images]).unbind(1)
        ends = (3 * height * width).cumsum(0)
        self.starts = []  # of the generator's crops and of the real ones, (iterations, B)
        for which in (0, 1):
            corners = torch.from_numpy(np.stack([subject.corners[which] for subject in subjects], 1))
            inside = corners[..., 0] * width + corners[..., 1]
            self.starts.append((ends - 3 * height * width + inside).to(device))
        self.area, self.width = (side[:, None, None, None].to(device) for side in (height * width, width))
        self.now, self.turn = (torch.zeros(1, dtype=torch.int64, device=device) for _ in range(2))
        side = knobs.fake_side
        self.noise = self.pictures.new_zeros(AHEAD, 2, len(subjects), 3, side, side)  # of real crops, of fake ones
        self.threads = ThreadPoolExecutor(THREADS) if device.type == "cuda" else None  # draw while the GPU works
        self.ahead: list[Future[NDArray[np.float32]]] = []

    def begin(self, iteration: int) -> None:
        """Go to an iteration, the one after the last: each picture's noise is drawn in the order of its use."""
        self.now.fill_(iteration)
        self.turn.fill_(iteration % AHEAD)
        if iteration % AHEAD == 0:
            drawn = [waiting.result() for waiting in self.ahead] or [self._draw(subject) for subject in self.subjects]
            noise = torch.from_numpy(np.stack(drawn, 2))
            # pinned, it travels while the generators of other batches train
            self.noise.copy_(noise.pin_memory() if self.noise.is_cuda else noise, non_blocking=True)
            if self.threads:
                self.ahead = [self.threads.submit(self._draw, subject) for subject in self.subjects]

    def _draw(self, subject: Subject) -> NDArray[np.float32]:
        return subject.random.standard_normal((AHEAD, 2, *self.noise.shape[3:]), dtype=np.float32)

    def inputs(self) -> Tensor:
        """The generator's, (B, 3, crop, crop) in [-1, 1]."""
        return self.pictures.take(self._addresses(0, self.knobs.crop)) * 2 - 1

    def real(self) -> Tensor:
        """The discriminator's, with their noise, (B, 3, n, n) in [-1, 1]."""
        addresses = self._addresses(1, self.knobs.fake_side)
        noisy = self.pictures.take(addresses) + self.knobs.noise * self.normal(0)
        if self.knobs.accumulate_noise:
            self.pictures.index_put_((addresses,), noisy)
        return noisy * 2 - 1

    def normal(self, which: int) -> Tensor:
        """Standard normal numbers, (B, 3, n, n): for the real crops (0) or the fake ones (1)."""
        return self.noise.index_select(0, self.turn)[0, which]

    def _addresses(self, which: int, side: int) -> Tensor:
        """Where the pixels of the crops lie in the row of pictures, (B, 3, side, side)."""
        start = self.starts[which].index_select(0, self.now)[0][:, None, None, None]
        along = torch.arange(side, device=start.device)
        return start + self.area * along[:3, None, None] + (self.width * along[:, None] + along)
