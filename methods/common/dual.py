"""Dual regression: small networks that take an SR picture back to a lower resolution (Guo et al., CVPR 2020).

And the term that any PSNR-oriented network can be trained with: weight * d(D(sr), lr).
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.api import Axis, Claim, Training
from bench.errors import BadInput
from methods.common.blocks import conv
from methods.common.optimise import Adam, Optimisation, to_device

DUAL_FEATURES = 16  # of DRN-S at x4
Halve = Callable[[Tensor, int], Tensor]
"""(picture at 2^(level+1) times the LR's size, level) -> the picture at 2^level times."""


class DownBlock(nn.Module):
    """conv3 at stride 2, LeakyReLU 0.2, conv3, no biases: (N, inputs, 2h, 2w) -> (N, outputs, h, w).

    Without biases D(c x) = c D(x) for c > 0, so the range of the pictures does not matter.
    """

    def __init__(self, inputs: int, inner: int, outputs: int) -> None:
        super().__init__()
        self.shrink = conv(inputs, inner, stride=2, bias=False)
        self.widen = conv(inner, outputs, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.widen(functional.leaky_relu(self.shrink(x), 0.2))
        return y


class Duals(nn.Module):
    """One dual network a level: levels[k] takes RGB at 2^(k+1) times the LR's size to 2^k times.

    In the precision of the weights whatever the autocast: bf16 would round grey levels away.
    """

    def __init__(self, count: int, features: int) -> None:
        super().__init__()
        self.levels = nn.ModuleList(DownBlock(3, features, 3) for _ in range(count))

    def forward(self, image: Tensor, level: int) -> Tensor:
        with torch.autocast(image.device.type, enabled=False):
            lower: Tensor = self.levels[level](image)
        return lower


def halvings(scale: int) -> int:
    """How often a picture is halved to undo `scale`. Raises BadInput for a scale that is no power of 2."""
    if scale < 2 or scale & (scale - 1):
        raise BadInput(f"dual regression halves pictures and cannot undo x{scale}; choose x2, x4 or x8")
    return scale.bit_length() - 1


def chain_down(image: Tensor, halve: Halve, levels: int) -> Tensor:
    """A picture halved `levels` times, down to the LR's size."""
    for level in reversed(range(levels)):
        image = halve(image, level)
    return image


def train_duals(scale: int, features: int, recipe: Optimisation, training: Training) -> tuple[Duals, Adam]:
    """A dual network for each factor of 2, on the run's device, and the Adam that trains them."""
    duals = Duals(halvings(scale), features)
    return duals, recipe.adam(to_device(duals, training), training)


@dataclass(frozen=True)
class DualTerm:
    """weight * distance(D(sr), lr), D the chain of one dual network for each factor of 2, trained along with an Adam
    of its own. Pictures in the range of the caller."""

    weight: float
    duals: Duals
    adam: Adam

    def loss(self, sr: Tensor, lr: Tensor, distance: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        """The weighted term, 0-d."""
        return self.weight * distance(chain_down(sr, self.duals, len(self.duals.levels)), lr)

    def update(self) -> None:
        """Update from the gradients that are there, and clear them."""
        self.adam.update()
        self.duals.zero_grad(set_to_none=True)


# Of the networks that were not made for it and can be trained with it.
DUAL_AXIS = Axis(
    "dual-regression",
    "Does a learned way back to LR, as DRN trains it, raise PSNR?",
    {"dual": {"dual_weight": 0.1}},
    "Guo et al., CVPR 2020, dual regression",
)
DUAL_CLAIM = Claim(
    "dual",
    "A dual regression loss raises the PSNR of a network that was not made for it.",
    "dual > default",
    source="Guo et al. 2020",
)
