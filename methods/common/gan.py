"""The learner of every GAN: a generator step, then a discriminator step, on the same SR batch.

And the losses that SRGAN, MSRGAN and ESRGAN share: perceptual, adversarial and pixel terms, weighted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from bench.api import Batch, Training
from bench.errors import unknown
from methods.common import adversarial
from methods.common.ema import Ema
from methods.common.optimise import SCHEDULES, Adam, autocast, compiled, to_device, to_memory_format
from methods.common.pixel import PIXEL_LOSSES

GANS = ("relativistic", "standard")


class GanLosses(Protocol):
    """What a GAN minimises. Called under the run's autocast; pictures are float32 in [0, 1]."""

    def generator(self, sr: Tensor, hr: Tensor, discriminator: nn.Module) -> dict[str, Tensor]:
        """The generator's terms by name, all 0-d; the one named 'loss' is minimised."""

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """The discriminator's loss, 0-d, of the float32 logits of HR and of SR."""


@dataclass(frozen=True)
class GanRecipe:
    """How both networks train. Milestones are fractions of the run's length; ema 0 means none.

    poor_below: the discriminator learns only from batches on which its mean probability of the right answer, on the
    real or on the fake pictures, is below this; None: from every batch.
    """

    learning_rate: float = 1e-4
    betas: tuple[float, float] = (0.9, 0.999)
    schedule: str = "halve"
    milestones: tuple[float, ...] = ()
    ema: float = 0.0
    poor_below: float | None = None


class GanLearner:
    """Alternates one generator and one discriminator step; the latter sees the SR made before the former."""

    def __init__(
        self, generator: nn.Module, discriminator: nn.Module, losses: GanLosses, recipe: GanRecipe, training: Training
    ) -> None:
        self.training = training
        self.recipe = recipe
        self.losses = losses
        self.generator = to_device(generator, training)
        self.discriminator = to_device(discriminator, training)
        self.forward = compiled(self.generator, training)
        rate, schedule = recipe.learning_rate, SCHEDULES[recipe.schedule](recipe.milestones)
        self.generator_adam = Adam(self.generator.parameters(), training, rate, schedule, recipe.betas)
        self.discriminator_adam = Adam(self.discriminator.parameters(), training, rate, schedule, recipe.betas)
        self.ema = Ema(self.generator, recipe.ema) if recipe.ema else None

    @property
    def network(self) -> nn.Module:
        return self.ema.network if self.ema else self.generator

    def step(self, batch: Batch) -> dict[str, Tensor]:
        hr = to_memory_format(batch.hr, self.training)
        with autocast(self.training):
            sr = self.forward(to_memory_format(batch.lr, self.training)).float()
        losses = self._step_generator(sr, hr, batch.step)
        losses |= self._step_discriminator(sr.detach(), hr, batch.step)
        if self.ema:
            self.ema.update(self.generator)
        return losses

    def _step_generator(self, sr: Tensor, hr: Tensor, step: int) -> dict[str, Tensor]:
        """The discriminator is frozen."""
        self.discriminator.requires_grad_(False)
        with autocast(self.training):
            terms = self.losses.generator(sr, hr, self.discriminator)
        self.generator_adam.minimise(terms["loss"], step)
        self.discriminator.requires_grad_(True)
        return {name: value.detach() for name, value in terms.items()}

    def _step_discriminator(self, sr: Tensor, hr: Tensor, step: int) -> dict[str, Tensor]:
        """Real and fake go through the discriminator's BN separately."""
        with autocast(self.training):
            real, fake = self.discriminator(hr).float(), self.discriminator(sr).float()
        loss = self.losses.discriminator(real, fake)
        terms = {"discriminator": loss.detach(), "real": real.detach().mean(), "fake": fake.detach().mean()}
        if self.recipe.poor_below is None:
            self.discriminator_adam.minimise(loss, step)
            return terms
        right = torch.minimum(real.detach().sigmoid().mean(), (-fake.detach()).sigmoid().mean())
        poor = right < self.recipe.poor_below
        if bool(poor):
            self.discriminator_adam.minimise(loss, step)
        return terms | {"discriminator_steps": poor.float()}

    def warm_start(self, state: dict[str, Tensor]) -> None:
        """Begin from another run's generator, every key matching."""
        self.generator.load_state_dict(state)
        if self.ema:
            self.ema.network.load_state_dict(state)

    def state_dict(self) -> dict[str, Any]:
        parts = self._parts()
        return {name: part.state_dict() for name, part in parts.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for name, part in self._parts().items():
            part.load_state_dict(state[name])

    def _parts(self) -> dict[str, Any]:
        parts: dict[str, Any] = {
            "generator": self.generator,
            "discriminator": self.discriminator,
            "generator_adam": self.generator_adam,
            "discriminator_adam": self.discriminator_adam,
        }
        return parts | ({"ema": self.ema.network} if self.ema else {})


@dataclass(frozen=True)
class Terms:
    """L_G = perceptual * d(features(sr), features(hr)) + adversarial * L_adv + pixel * d(sr, hr).

    distance names d in PIXEL_LOSSES; detach_mean and half concern the relativistic GAN: whether its means are
    constants for the discriminator, and a factor 1/2 on both of its losses.
    """

    perceptual: float
    adversarial: float
    pixel: float
    distance: str = "l1"
    gan: str = "standard"
    detach_mean: bool = True
    half: bool = False


class PerceptualGan:
    """The weighted terms; `features` None leaves the perceptual term out. Raises BadInput for an unknown GAN."""

    def __init__(self, terms: Terms, features: nn.Module | None) -> None:
        if terms.gan not in GANS:
            raise unknown("GAN kind", terms.gan, GANS)
        self.terms = terms
        self.weights = {"perceptual": terms.perceptual, "adversarial": terms.adversarial, "pixel": terms.pixel}
        self.features = features
        self.distance = PIXEL_LOSSES[terms.distance]
        self.half = 0.5 if terms.half else 1.0

    def generator(self, sr: Tensor, hr: Tensor, discriminator: nn.Module) -> dict[str, Tensor]:
        """The HR features and logits are constants."""
        terms = {}
        if self.features is not None:
            with torch.no_grad():
                wanted = self.features(hr)
            terms["perceptual"] = self.distance(self.features(sr).float(), wanted.float())
        fake = discriminator(sr).float()
        if self.terms.gan == "relativistic":
            with torch.no_grad():
                real = discriminator(hr).float()
            terms["adversarial"] = adversarial.relativistic_generator(real, fake) * self.half
        else:
            terms["adversarial"] = adversarial.standard_generator(fake)
        terms["pixel"] = self.distance(sr, hr)
        loss = sum((self.weights[name] * term for name, term in terms.items()), torch.zeros((), device=sr.device))
        return {"loss": loss, **terms}

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        if self.terms.gan == "relativistic":
            return adversarial.relativistic_discriminator(real, fake, self.terms.detach_mean) * self.half
        return adversarial.standard_discriminator(real, fake)
