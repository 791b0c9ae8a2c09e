"""ESRGAN: RRDB fine-tuned with a perceptual loss before activation and a relativistic average GAN.

Wang et al., "ESRGAN: Enhanced Super-Resolution Generative Adversarial Networks", ECCV Workshops 2018.
L_G = L_percep + adversarial_weight * L_RaGAN + pixel_weight * L1 (equation 3).

Deviations: the suite's pictures and perceptual network where they differ from DIV2K + Flickr2K + OST and VGG19;
the means of the relativistic discriminator are constants (`ragan_detach_mean`), as in the released training code;
that code's factor 1/2 on both relativistic losses is the knob `ragan_half`, off.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.api import Axis, Batch, Entry, Pretrain, Training, Upscaler
from bench.errors import unknown
from methods.common import adversarial
from methods.common.ema import Ema
from methods.common.optimise import SCHEDULES, Adam, arrange, autocast, compiled, place
from methods.common.perceptual import PERCEPTUAL, Features, Tap
from methods.common.pixel import feed_forward
from methods.esrgan.network import GENERATOR_KNOBS, GeneratorKnobs

GANS = ("relativistic", "standard")


@dataclass(frozen=True)
class Esrgan(GeneratorKnobs):
    """Knobs of the GAN stage. `layer` None is the perceptual network's deepest convolution (VGG19: conv5_4)."""

    perceptual: str = "vgg19"
    layer: str | None = None
    tap: Tap = "before"
    gan: str = "relativistic"
    ragan_detach_mean: bool = True
    ragan_half: bool = False
    perceptual_weight: float = 1.0
    adversarial_weight: float = 5e-3
    pixel_weight: float = 1e-2
    discriminator_width: int = 64
    learning_rate: float = 1e-4
    beta2: float = 0.999
    milestones: tuple[float, ...] = (0.125, 0.25, 0.5, 0.75)
    ema: float = 0.0
    batch_size: int = 16
    patch: int = 128

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.gan not in GANS:
            raise unknown("GAN kind", self.gan, GANS)
        if self.perceptual not in PERCEPTUAL:
            raise unknown("perceptual network", self.perceptual, PERCEPTUAL)

    @property
    def batch(self) -> tuple[int, int]:
        return self.batch_size, self.patch

    @property
    def needs_weights(self) -> tuple[str, ...]:
        return (PERCEPTUAL[self.perceptual].weights,)

    def learner(self, training: Training) -> GanLearner:
        return GanLearner(self, training)

    def upscaler(self, network: nn.Module | None) -> Upscaler:
        return feed_forward(network)


class GanLearner:
    """Alternates one generator and one discriminator step on the same SR batch."""

    def __init__(self, knobs: Esrgan, training: Training) -> None:
        self.knobs = knobs
        self.training = training
        self.generator = place(knobs.network(), training)
        self.discriminator = place(adversarial.VggDiscriminator(knobs.patch, knobs.discriminator_width), training)
        self.features = place(Features(knobs.perceptual, knobs.layer, knobs.tap), training).eval()
        self.forward = compiled(self.generator, training)
        schedule, betas = SCHEDULES["halve"](knobs.milestones), (0.9, knobs.beta2)
        self.generator_adam = Adam(self.generator.parameters(), training, knobs.learning_rate, schedule, betas)
        self.discriminator_adam = Adam(self.discriminator.parameters(), training, knobs.learning_rate, schedule, betas)
        self.ema = Ema(self.generator, knobs.ema) if knobs.ema else None

    @property
    def network(self) -> nn.Module:
        return self.ema.network if self.ema else self.generator

    def step(self, batch: Batch) -> dict[str, Tensor]:
        hr = arrange(batch.hr, self.training)
        with autocast(self.training):
            sr = self.forward(arrange(batch.lr, self.training)).float()
        losses = self._step_generator(sr, hr, batch.step)
        losses |= self._step_discriminator(sr.detach(), hr, batch.step)
        if self.ema:
            self.ema.update(self.generator)
        return losses

    def _step_generator(self, sr: Tensor, hr: Tensor, step: int) -> dict[str, Tensor]:
        """The discriminator is frozen; the HR logits are constants."""
        knobs = self.knobs
        self.discriminator.requires_grad_(False)
        with autocast(self.training):
            with torch.no_grad():
                wanted = self.features(hr)
            perceptual = functional.l1_loss(self.features(sr).float(), wanted.float())
            fake = self.discriminator(sr).float()
            if knobs.gan == "relativistic":
                with torch.no_grad():
                    real = self.discriminator(hr).float()
                gan = adversarial.relativistic_generator(real, fake) * (0.5 if knobs.ragan_half else 1.0)
            else:
                gan = adversarial.standard_generator(fake)
        pixel = functional.l1_loss(sr, hr)
        loss = knobs.perceptual_weight * perceptual + knobs.adversarial_weight * gan + knobs.pixel_weight * pixel
        self.generator_adam.minimise(loss, step)
        self.discriminator.requires_grad_(True)
        parts = {"loss": loss, "perceptual": perceptual, "adversarial": gan, "pixel": pixel}
        return {name: value.detach() for name, value in parts.items()}

    def _step_discriminator(self, sr: Tensor, hr: Tensor, step: int) -> dict[str, Tensor]:
        """On the SR made before the generator's step; real and fake go through BN separately."""
        knobs = self.knobs
        with autocast(self.training):
            real, fake = self.discriminator(hr).float(), self.discriminator(sr).float()
        if knobs.gan == "relativistic":
            loss = adversarial.relativistic_discriminator(real, fake, knobs.ragan_detach_mean)
            loss = loss * (0.5 if knobs.ragan_half else 1.0)
        else:
            loss = adversarial.standard_discriminator(real, fake)
        self.discriminator_adam.minimise(loss, step)
        return {"discriminator": loss.detach(), "real": real.detach().mean(), "fake": fake.detach().mean()}

    def warm_start(self, state: dict[str, Tensor]) -> None:
        """Begin from the PSNR-oriented generator, every key matching."""
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


ENTRY = Entry(
    name="esrgan",
    method=Esrgan,
    paper="Wang et al., ECCV Workshops 2018",
    iterations=400_000,
    pretrain=Pretrain("rrdb", GENERATOR_KNOBS),
    axes=(
        Axis(
            "batch-norm",
            "Does removing batch normalisation from the generator help?",
            {"bn": {"batch_norm": True}},
            "section 3.1, figure 8 column 2",
        ),
        Axis(
            "tap",
            "Are features before activation a better perceptual loss than after?",
            {"tap-after": {"tap": "after"}},
            "section 3.3, figure 8 column 3",
        ),
        Axis(
            "adversarial",
            "Does a relativistic average GAN give more detail than a standard one?",
            {"standard-gan": {"gan": "standard"}},
            "section 3.2, figure 8 column 4",
        ),
        Axis(
            "block",
            "Are residual-in-residual dense blocks better than residual blocks?",
            {"residual-blocks": {"block": "residual", "blocks": 16}},
            "section 3.1, figure 8 column 5",
        ),
        Axis("depth", "Is deeper better?", {"depth-16": {"blocks": 16}}, "section 4.4"),
    ),
    deviations=(
        "the suite's pictures and perceptual network where they differ from DIV2K + Flickr2K + OST and VGG19",
        "the means of the relativistic discriminator are constants, as in the released training code",
    ),
)
