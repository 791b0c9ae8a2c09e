"""DRN's objective: primal and dual terms at every level, in [0, 255].

A pyramid is a list of pictures at 1, 2, 4, ... times the size of the LR; its first target is the LR itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

import torch
from torch import Tensor
from torch.nn.functional import l1_loss

from bench.api import Batch, Training
from bench.data.resize import resize_tensor
from bench.errors import BadInput
from methods.common.mean_shift import PEAK
from methods.common.optimise import SCHEDULES, Adam, Schedule, cosine, to_memory_format
from methods.drn.network import DrnKnobs

LAST_RATE = 1e-7  # that the cosine ends at
Pyramid = Sequence[Tensor]
Halve = Callable[[Tensor, int], Tensor]
"""(picture at 2^(level+1) times the LR's size, level) -> the picture at 2^level times."""


def bicubic_half(image: Tensor, level: int) -> Tensor:
    """MATLAB's bicubic by 1/2, the same at every level."""
    with torch.autocast(image.device.type, enabled=False):
        return resize_tensor(image, Fraction(1, 2))


def targets_of(batch: Batch, knobs: DrnKnobs, training: Training) -> list[Tensor]:
    """The LR, the levels between and the HR. Raises BadInput where the training pictures have not these levels."""
    if len(batch.levels) != len(knobs.levels):
        said = ", ".join(f"x{level}" for level in knobs.levels)
        raise BadInput(f"DRN at x{knobs.scale} needs the training pictures at {said} too; prepare them with levels")
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


def chain_down(image: Tensor, halve: Halve, levels: int) -> Tensor:
    """A picture halved `levels` times, down to the LR's size."""
    for level in reversed(range(levels)):
        image = halve(image, level)
    return image


def schedule_of(knobs: DrnKnobs) -> Schedule:
    """The learning rate's schedule; the cosine ends at LAST_RATE."""
    if knobs.schedule == "cosine":
        return cosine(floor=min(1.0, LAST_RATE / knobs.learning_rate) if knobs.learning_rate else 1.0)
    return SCHEDULES[knobs.schedule](knobs.milestones)


def adam_of(module: torch.nn.Module, knobs: DrnKnobs, training: Training) -> Adam:
    """The Adam of one network. Adam works number by number, so one for all dual networks is one for each."""
    betas = (0.9, knobs.beta2)
    return Adam(module.parameters(), training, knobs.learning_rate, schedule_of(knobs), betas)
