"""DRN's objective: primal and dual terms at every level, in [0, 255].

A pyramid is a list of pictures at 1, 2, 4, ... times the size of the LR; its first target is the LR itself.
"""

from collections.abc import Sequence
from fractions import Fraction

import torch
from torch import Tensor
from torch.nn.functional import l1_loss

from bench.api import Batch, Training
from bench.data.resize import resize_tensor
from bench.errors import BadInput
from methods.common.blocks import PEAK
from methods.common.dual import Halve
from methods.common.optimise import to_memory_format
from methods.drn.network import levels_between

Pyramid = Sequence[Tensor]
CHAINS = {"level": "each level's own SR picture is halved", "cascade": "the top SR picture is halved again and again"}
SUPERVISION = {"all": "terms at every level", "top": "terms of the largest SR picture only"}


def bicubic_half(image: Tensor, level: int) -> Tensor:
    """MATLAB's bicubic by 1/2, the same at every level."""
    with torch.autocast(image.device.type, enabled=False):
        return resize_tensor(image, Fraction(1, 2))


def targets_of(batch: Batch, scale: int, training: Training) -> list[Tensor]:
    """The LR, the levels between and the HR, in [0, 255]. Raises BadInput for a batch without them."""
    levels = levels_between(scale)
    if len(batch.levels) != len(levels):
        missing = ", ".join(f"x{level}" for level in levels)
        raise BadInput(f"DRN at x{scale} needs the training pictures at {missing} too; prepare them with levels")
    return [to_memory_format(PEAK * image, training) for image in (batch.lr, *batch.levels, batch.hr)]


def primal_loss(outputs: Pyramid, targets: Pyramid, supervision: str) -> Tensor:
    """Sum over the levels, the LR's own among them, of the mean absolute error; over the top one for `top`."""
    levels = range(len(outputs)) if supervision == "all" else [len(outputs) - 1]
    return torch.stack([l1_loss(outputs[level], targets[level]) for level in levels]).sum()


def dual_loss(outputs: Pyramid, targets: Pyramid, halve: Halve, chain: str, supervision: str) -> Tensor:
    """Sum over the levels k > 0 of the mean absolute error between the halved picture and target k - 1.

    level: each output halved once. cascade: the top output halved all the way. top: the top output's own half, or the
    end of its cascade, which is the paper's equation.
    """
    top = len(outputs) - 1
    if chain == "level":
        levels = range(1, top + 1) if supervision == "all" else [top]
        return torch.stack([l1_loss(halve(outputs[k], k - 1), targets[k - 1]) for k in levels]).sum()
    terms, image = [], outputs[top]
    for level in reversed(range(top)):
        image = halve(image, level)
        terms.append(l1_loss(image, targets[level]))
    return torch.stack(terms if supervision == "all" else terms[-1:]).sum()
