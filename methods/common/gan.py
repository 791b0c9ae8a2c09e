"""The learner of every GAN: a generator step, then a discriminator step, on the same SR batch.

The losses that SRGAN, MSRGAN and ESRGAN share: perceptual, adversarial and pixel terms, weighted. And the recipe of the
latter two.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from bench.api import Axis, Batch, Claim, Knobs, Learner, Training
from bench.errors import choice
from methods.common import adversarial
from methods.common.optimise import NetworkLearner, Optimisation, autocast, compiled, to_device, to_memory_format
from methods.common.perceptual import PERCEPTUAL, Features, Tap
from methods.common.pixel import PIXEL_LOSSES

GANS = ("relativistic", "standard")


class GanLosses(Protocol):
    """What a GAN minimises. Called under the run's autocast; pictures are float32 in [0, 1]."""

    def generator(self, sr: Tensor, hr: Tensor, discriminator: nn.Module) -> dict[str, Tensor]:
        """The generator's terms by name, all 0-d; the one named 'loss' is minimised."""

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """The discriminator's loss, 0-d, of the float32 logits of HR and of SR."""


class GanLearner(NetworkLearner):
    """Alternates one generator and one discriminator step; the latter sees the SR made before the former.

    poor_below: the discriminator learns only from batches on which its mean probability of the right answer, on the
    real or on the fake pictures, is below this; None: from every batch.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        losses: GanLosses,
        recipe: Optimisation,
        training: Training,
        poor_below: float | None = None,
    ) -> None:
        super().__init__(generator, recipe, training)
        self.losses = losses
        self.poor_below = poor_below
        self.forward = compiled(self.trained, training)
        self.discriminator = to_device(discriminator, training)
        self.discriminator_adam = recipe.adam(self.discriminator, training)
        self.parts |= {"discriminator": self.discriminator, "discriminator_adam": self.discriminator_adam}

    def learn(self, batch: Batch) -> dict[str, Tensor]:
        hr = to_memory_format(batch.hr, self.training)
        with autocast(self.training):
            sr = self.forward(to_memory_format(batch.lr, self.training)).float()
        losses = self._step_generator(sr, hr)
        losses |= self._step_discriminator(sr.detach(), hr)
        self.average()
        return losses

    def _step_generator(self, sr: Tensor, hr: Tensor) -> dict[str, Tensor]:
        """The discriminator is frozen."""
        self.discriminator.requires_grad_(False)
        with autocast(self.training):
            terms = self.losses.generator(sr, hr, self.discriminator)
        self.adam.minimise(terms["loss"])
        self.discriminator.requires_grad_(True)
        return {name: value.detach() for name, value in terms.items()}

    def _step_discriminator(self, sr: Tensor, hr: Tensor) -> dict[str, Tensor]:
        """Real and fake go through the discriminator's BN separately."""
        with autocast(self.training):
            real, fake = self.discriminator(hr).float(), self.discriminator(sr).float()
        loss = self.losses.discriminator(real, fake)
        terms = {"discriminator": loss.detach(), "real": real.detach().mean(), "fake": fake.detach().mean()}
        if self.poor_below is not None:
            right = torch.minimum(real.detach().sigmoid().mean(), (-fake.detach()).sigmoid().mean())
            terms["discriminator_steps"] = (right < self.poor_below).float()
        self.discriminator_adam.minimise(loss, terms.get("discriminator_steps"))
        return terms


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
    """The weighted terms; `features` None leaves the perceptual term out."""

    def __init__(self, terms: Terms, features: nn.Module | None) -> None:
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
                of_hr = self.features(hr)
            terms["perceptual"] = self.distance(self.features(sr).float(), of_hr.float())
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


@dataclass(frozen=True)
class GanRecipe(Optimisation):
    """How ESRGAN and MSRGAN fine-tune a generator, with `Terms`. layer: None is the perceptual network's deepest
    convolution (VGG19: conv5_4)."""

    perceptual: str = choice("vgg19", PERCEPTUAL, "perceptual network")
    layer: str | None = None
    tap: Tap = "before"
    gan: str = choice("relativistic", GANS, "GAN kind")
    ragan_detach_mean: bool = True
    ragan_half: bool = False
    perceptual_weight: float = 1.0
    adversarial_weight: float = 5e-3
    pixel_weight: float = 1e-2
    discriminator_width: int = 64

    @property
    def needs_weights(self) -> tuple[str, ...]:
        return (PERCEPTUAL[self.perceptual].weights,)

    def learner(self, build: Callable[[], nn.Module], scale: int, training: Training) -> Learner:
        return GanLearner(build(), *self.parts(scale, training), self, training)

    def parts(self, scale: int, training: Training) -> tuple[nn.Module, PerceptualGan]:
        """A discriminator, and the losses."""
        discriminator = adversarial.vgg_discriminator(self.batch(scale)[1], self.discriminator_width)
        weights = self.perceptual_weight, self.adversarial_weight, self.pixel_weight
        terms = Terms(*weights, gan=self.gan, detach_mean=self.ragan_detach_mean, half=self.ragan_half)
        features = Features(self.perceptual, self.layer, self.tap)
        return discriminator, PerceptualGan(terms, to_device(features, training).eval())


def relativistic_axis(variants: Mapping[str, Knobs], source: str) -> Axis:
    question = "Does a relativistic average GAN give more detail than a standard one?"
    return Axis("adversarial", question, variants, source)


def relativistic_claim(sides: str) -> Claim:
    text = "A relativistic average discriminator teaches sharper edges and more texture than a standard one."
    return Claim("relativistic", text, sides)
