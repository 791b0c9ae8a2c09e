"""The losses of KernelGAN, one value per picture: adversarial, the four constraints on the kernel, the bicubic one."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import softplus

from bench.data.images import F64
from methods.common.downscaling import bicubic_taps
from methods.kernelgan.knobs import KernelGanKnobs

# Distance of a map of logits to all-real (1) or all-fake (0), per position.
GAN_LOSSES: dict[str, Callable[[Tensor, bool], Tensor]] = {
    "l1": lambda logits, real: torch.sigmoid(-logits if real else logits),
    "l2": lambda logits, real: torch.sigmoid(-logits if real else logits).square(),
    "bce": lambda logits, real: softplus(-logits if real else logits),
}


def gan_loss(logits: Tensor, real: bool, kind: str) -> Tensor:
    """(B, 1, positions) logits -> (B,), mean over positions.

    In float64: at the end of a tensor, float32 exponentials round differently from those inside it.
    """
    return GAN_LOSSES[kind](logits.double(), real).mean((1, 2)).to(logits.dtype)


def boundary_mask(size: int, ring: int) -> F64:
    """(size, size): 30 (1 - g), g a Gaussian of deviation `size` that is 1 in the middle; 0 inside the outer `ring`
    pixels, everywhere kept where `ring` is 0."""
    offset = np.arange(size) - (size - 1) / 2
    gaussian = np.exp(-(offset[:, None] ** 2 + offset[None, :] ** 2) / (2 * size**2))
    mask: F64 = 30 * (1 - gaussian / gaussian.max())
    if ring:
        mask[ring : size - ring, ring : size - ring] = 0
    return mask


def sum_loss(kernel: Tensor) -> Tensor:
    """|1 - sum k|, (B,)."""
    return (1 - kernel.sum((1, 2))).abs()


def boundary_loss(kernel: Tensor, mask: Tensor, reduction: str) -> Tensor:
    """Mass far from the middle, (B,)."""
    return _reduce((kernel * mask).abs(), reduction)


def sparse_loss(kernel: Tensor, exponent: float, reduction: str) -> Tensor:
    """|k| ** exponent, (B,), in float64 as `gan_loss`; flat at 0, where the slope would be infinite."""
    return _reduce(kernel.double().abs().clamp_min(1e-30).pow(exponent), reduction).to(kernel.dtype)


def _reduce(values: Tensor, reduction: str) -> Tensor:
    return values.mean((1, 2)) if reduction == "mean" else values.sum((1, 2))


def centre_loss(kernel: Tensor, factor: int, kind: str) -> Tensor:
    """How far the centre of mass is from where bicubic LR has it: distance (`norm`) or mean square (`mse`), (B,)."""
    size = kernel.shape[-1]
    position = torch.arange(size, dtype=kernel.dtype, device=kernel.device) - (size // 2 + (factor - 1) / 2)
    mass = kernel.sum((1, 2))
    offset = torch.stack([(kernel.sum(axis) * position).sum(1) for axis in (2, 1)], 1) / mass.unsqueeze(1)
    return offset.square().mean(1) if kind == "mse" else torch.linalg.vector_norm(offset, dim=1)


def bicubic_matrix(knobs: KernelGanKnobs) -> Tensor:
    """(n, crop) float64: M x M' shrinks a crop to the generator's output, looking at the same places."""
    taps = bicubic_taps(knobs.factor)
    start = knobs.support // 2 - 3 * knobs.factor // 2
    matrix = torch.zeros(knobs.fake_side, knobs.crop, dtype=torch.float64)
    for row in range(knobs.fake_side):
        begin = start + row * knobs.factor
        matrix[row, begin : begin + len(taps)] = torch.from_numpy(taps)
    return matrix


def bicubic_target(crops: Tensor, matrix: Tensor, kind: str) -> Tensor:
    """(B, 3, c, c) -> (B, 3, n, n); `released` adds the three colours up and gives the sum to each."""
    target = matrix @ crops @ matrix.T
    return target if kind == "grouped" else target.sum(1, keepdim=True).expand_as(target)


def mean_square(first: Tensor, second: Tensor) -> Tensor:
    """(B, 3, n, n) twice -> (B,)."""
    return (first - second).square().mean((1, 2, 3))


class Schedule:
    """The weights of the changing losses, one per picture, and when they change.

    The bicubic weight falls a hundredfold at every period once the generator's output has been within 0.4 of the
    bicubic one for three iterations; the second fall switches the centre and sparsity losses on. `always`: it stays;
    `none`: it is 0. Both switch the other two on when the second fall would be at the earliest. The period is 1/15
    of `schedule_length`, 200 of the released 3000 iterations.
    """

    SIMILAR, FALL, LEAST, SWITCH = 0.4, 100.0, 5e-6, 5e-3

    def __init__(self, knobs: KernelGanKnobs, pictures: int, device: torch.device | str = "cpu") -> None:
        self.knobs = knobs
        self.period = max(1, round(knobs.schedule_length / 15))
        self.timed = knobs.bicubic_schedule != "until-similar" or knobs.bicubic_weight == 0
        self.bicubic = [0.0 if knobs.bicubic_schedule == "none" else knobs.bicubic_weight] * pictures
        self.constrained = [False] * pictures
        self.streak = torch.zeros(pictures, dtype=torch.int64, device=device)

    def learning_rate(self, iteration: int) -> float:
        """Divided by ten after each quarter of `schedule_length`, where it decays."""
        if not self.knobs.decays:
            return self.knobs.learning_rate
        return self.knobs.learning_rate / 10.0 ** max(0, 4 * (iteration - 1) // self.knobs.schedule_length)

    def take_in(self, bicubic_losses: Tensor) -> None:
        """The raw bicubic loss of each picture in an iteration, (B,); nothing is read back."""
        longer = torch.where(bicubic_losses.double() < self.SIMILAR, self.streak + 1, 0)
        self.streak.copy_(torch.where(self.streak < 3, longer, self.streak))

    def after(self, iteration: int) -> bool:
        """Change the weights where that is due after this iteration, counted from 0; returns whether it was."""
        due = iteration > 0 and iteration % self.period == 0
        for index, streak in enumerate(self.streak.tolist() if due else []):
            if self.timed:
                self.constrained[index] |= iteration >= 2 * self.period
            elif streak >= 3 and self.bicubic[index] > self.LEAST:
                self.bicubic[index] = max(self.bicubic[index] / self.FALL, self.LEAST)
                self.constrained[index] |= self.bicubic[index] < self.SWITCH
        return due
