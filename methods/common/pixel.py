"""The learner of every PSNR-oriented network: one network, one pixel loss, one Adam."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.api import Batch, Picture, Training, Upscaler
from methods.common.dual import dual_term
from methods.common.ema import Ema
from methods.common.optimise import SCHEDULES, Adam, autocast, compiled, group_parameters, to_device, to_memory_format

ImageLoss = Callable[[Tensor, Tensor], Tensor]
"""(sr, hr) -> a 0-d loss."""

PIXEL_LOSSES: dict[str, ImageLoss] = {
    "l1": functional.l1_loss,
    "l2": functional.mse_loss,
}


@dataclass(frozen=True)
class Recipe:
    """How a pixel learner trains. Milestones are fractions of the run's length; ema 0 means none; factors multiply
    the learning rate of the parameters whose names begin so. dual: the scale and the weight of a `DualTerm` that
    measures with the same loss."""

    loss: str = "l1"
    learning_rate: float = 2e-4
    betas: tuple[float, float] = (0.9, 0.999)
    schedule: str = "halve"
    milestones: tuple[float, ...] = ()
    ema: float = 0.0
    factors: tuple[tuple[str, float], ...] = ()
    dual: tuple[int, float] = (4, 0.0)


class PixelLearner:
    """Minimises PIXEL_LOSSES[recipe.loss], or a `loss` of the method's own, between network(lr) and hr in [0, 1]."""

    def __init__(self, network: nn.Module, recipe: Recipe, training: Training, loss: ImageLoss | None = None) -> None:
        self.training = training
        self.trained = to_device(network, training)
        self.forward = compiled(self.trained, training)
        self.loss = loss or PIXEL_LOSSES[recipe.loss]
        schedule = SCHEDULES[recipe.schedule](recipe.milestones)
        parameters = group_parameters(self.trained, dict(recipe.factors))
        self.adam = Adam(parameters, training, recipe.learning_rate, schedule, recipe.betas)
        self.dual = dual_term(*recipe.dual, self.loss)
        if self.dual:
            self.dual.start(training, recipe.learning_rate, schedule, recipe.betas)
        self.ema = Ema(self.trained, recipe.ema) if recipe.ema else None

    @property
    def network(self) -> nn.Module:
        return self.ema.network if self.ema else self.trained

    def step(self, batch: Batch) -> dict[str, Tensor]:
        with autocast(self.training):
            sr = self.forward(to_memory_format(batch.lr, self.training))
        sr = sr.float()
        loss = self.loss(sr, batch.hr)
        losses = {}
        if self.dual:
            losses["dual"] = self.dual.loss(sr, batch.lr)
            loss = loss + losses["dual"]
        self.adam.minimise(loss, batch.step)
        if self.dual:
            self.dual.update(batch.step)
        if self.ema:
            self.ema.update(self.trained)
        return {"loss": loss.detach(), **{name: term.detach() for name, term in losses.items()}}

    def warm_start(self, state: dict[str, Tensor]) -> None:
        """Begin from another run's weights, every key matching."""
        self.trained.load_state_dict(state)
        if self.ema:
            self.ema.network.load_state_dict(state)

    def state_dict(self) -> dict[str, Any]:
        state: dict[str, Any] = {"network": self.trained.state_dict(), "adam": self.adam.state_dict()}
        state |= {"dual": self.dual.state_dict()} if self.dual else {}
        return state | ({"ema": self.ema.network.state_dict()} if self.ema else {})

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.trained.load_state_dict(state["network"])
        self.adam.load_state_dict(state["adam"])
        if self.dual:
            self.dual.load_state_dict(state["dual"])
        if self.ema:
            self.ema.network.load_state_dict(state["ema"])


def feed_forward(network: nn.Module | None) -> Upscaler:
    """The upscaler of a network that maps an LR picture to an SR picture in one pass."""
    assert network is not None

    def upscale(picture: Picture) -> Tensor:
        device = next(network.parameters()).device
        with torch.inference_mode():
            sr: Tensor = network(picture.lr[None].to(device))[0]
        return sr.float()

    return upscale
