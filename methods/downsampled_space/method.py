"""The loss in the downsampled space: compare what SR shrinks to with the LR, alone or beside other losses.

loss = shrunk_weight * L_ds + pixel_weight * L1(sr, hr) + perceptual_weight * VGG + adversarial_weight * GAN.
"""

import functools
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss

from bench.api import Batch, Learner, Method, Picture, Training, Upscaler, feed_forward
from bench.errors import BadInput, choice
from methods.common.adversarial import vgg_discriminator
from methods.common.dual import DUAL_FEATURES, chain_down, halvings, train_duals
from methods.common.gan import GANS, PerceptualGan, Terms
from methods.common.noise import normal
from methods.common.optimise import Adam, NetworkLearner, Optimisation, autocast, compiled, to_device, to_memory_format
from methods.common.perceptual import PERCEPTUAL, Features
from methods.downsampled_space.losses import DISTANCES, KERNELS, Shrink, SpaceLoss, cosine, shrinking
from methods.downsampled_space.network import SpaceKnobs, SpaceNetwork


@dataclass(frozen=True)
class SpaceRecipe(Optimisation):
    """The objective and its training.

    border, own_lr: see `SpaceLoss`. A discriminator is there where
    adversarial_weight is not 0, perceptual features where perceptual_weight is not.
    """

    shrunk_weight: float = 100.0
    pixel_weight: float = 0.0
    perceptual_weight: float = 0.0
    adversarial_weight: float = 0.0
    kernel: str = choice("bicubic", KERNELS, "kernel in the loss")
    distance: str = choice("l2", DISTANCES, "distance")
    border: int = 2
    own_lr: bool = False
    gan: str = choice("relativistic", GANS, "GAN kind")
    perceptual: str = choice("vgg19", PERCEPTUAL, "perceptual network")
    layer: str | None = None
    discriminator_width: int = 64

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kernel == "learned" and self.own_lr:
            raise BadInput("a learned kernel needs the LR that is given: its own of the HR could be anything")
        if self.perceptual_weight and not self.adversarial_weight:
            raise BadInput("a perceptual loss without an adversarial one is no arm of this method; weigh both or none")
        if not any(self.weights.values()):
            raise BadInput("every loss has weight 0; give one of them another")

    @property
    def weights(self) -> dict[str, float]:
        """Of the terms by name."""
        return {
            "shrunk": self.shrunk_weight,
            "pixel": self.pixel_weight,
            "perceptual": self.perceptual_weight,
            "adversarial": self.adversarial_weight,
        }

    @property
    def needs_weights(self) -> tuple[str, ...]:
        return (PERCEPTUAL[self.perceptual].weights,) if self.perceptual_weight else ()

    def learner(self, build: Callable[[], SpaceNetwork], scale: int, training: Training) -> Learner:
        if self.batch(scale)[1] // scale <= 2 * self.border:
            raise BadInput(f"a border of {self.border} leaves nothing of an LR patch; set the patch knob")
        return SpaceLearner(build(), scale, self, training)


@dataclass(frozen=True)
class DownsampledSpace(Method):
    """The article names neither optimiser nor length: these are ESRGAN's."""

    generator: SpaceKnobs = SpaceKnobs()
    recipe: SpaceRecipe = SpaceRecipe(2e-4, beta2=0.99, schedule="cosine", patch=128)

    @property
    def draws(self) -> int:
        """How many SR of each test picture are made, each with noise of its own; the first is the one that counts."""
        return 4 if self.generator.noise else 1

    def network(self) -> nn.Module:
        return SpaceNetwork(self.scale, self.generator)

    def upscaler(self, network: nn.Module | None) -> Upscaler:
        """With noise by the picture's seed, where the generator draws any."""
        assert network is not None
        forward = feed_forward(network)

        def upscale(picture: Picture) -> Tensor:
            z = normal((self.generator.noise, *picture.lr.shape[1:]), picture.seed)
            return forward(replace(picture, lr=torch.cat([picture.lr, z])))

        return upscale


class SpaceLearner(NetworkLearner):
    """Every term sends its gradient to the SR, where their angles can be compared; their weighted sum goes on to the
    generator once. `gradient_cosine` is of the GAN's gradient and that of L_ds and L1 together."""

    def __init__(self, network: SpaceNetwork, scale: int, recipe: SpaceRecipe, training: Training) -> None:
        super().__init__(network, recipe, training)
        self.weights, self.channels = recipe.weights, network.knobs.noise
        self.forward = compiled(self.trained, training)
        self.noise = torch.zeros(0, device=training.device)
        self.learned: Adam | None = None
        self.gan: PerceptualGan | None = None
        if recipe.kernel == "learned":
            duals, self.learned = train_duals(scale, DUAL_FEATURES, recipe, training)
            self.parts |= {"duals": duals, "dual_adam": self.learned}
            shrink: Shrink = functools.partial(chain_down, halve=duals, levels=halvings(scale))
        else:
            shrink = shrinking(recipe.kernel, scale)
        self.space = SpaceLoss(shrink, recipe.distance, recipe.border, recipe.own_lr)
        if recipe.adversarial_weight:
            self._add_discriminator(recipe, recipe.batch(scale)[1])

    def _add_discriminator(self, recipe: SpaceRecipe, patch: int) -> None:
        discriminator = vgg_discriminator(patch, recipe.discriminator_width)
        self.discriminator = to_device(discriminator, self.training)
        self.discriminator_adam = recipe.adam(self.discriminator, self.training)
        self.parts |= {"discriminator": self.discriminator, "discriminator_adam": self.discriminator_adam}
        features = None
        if recipe.perceptual_weight:
            features = to_device(Features(recipe.perceptual, recipe.layer), self.training).eval()
        terms = Terms(recipe.perceptual_weight, recipe.adversarial_weight, recipe.pixel_weight, gan=recipe.gan)
        self.gan = PerceptualGan(terms, features)

    def begin(self, batch: Batch) -> Hashable:
        """Draw the noise by the run's seed and the step."""
        if self.channels:
            shape = (len(batch.lr), self.channels, *batch.lr.shape[2:])
            noise = normal(shape, self.training.seed, batch.step)
            if self.noise.shape != noise.shape:
                self.noise = torch.empty_like(noise, device=self.training.device)
            self.noise.copy_(noise)
        return super().begin(batch)

    def learn(self, batch: Batch) -> dict[str, Tensor]:
        lr, hr = (to_memory_format(picture, self.training) for picture in (batch.lr, batch.hr))
        with autocast(self.training):
            sr = self.forward(torch.cat([lr, self.noise], 1) if self.channels else lr).float()
        shown = sr.detach().requires_grad_()
        terms = self._terms(shown, lr, hr)
        slopes = {
            name: self.weights[name] * torch.autograd.grad(term, shown, retain_graph=True)[0]
            for name, term in terms.items()
            if self.weights[name]
        }
        self.adam.minimise((sr * torch.stack(list(slopes.values())).sum(0)).sum())
        losses = {"loss": torch.stack([self.weights[name] * term for name, term in terms.items()]).sum(), **terms}
        content = [slopes[name] for name in ("shrunk", "pixel") if name in slopes]
        if "adversarial" in slopes and content:
            losses["gradient_cosine"] = cosine(slopes["adversarial"], torch.stack(content).sum(0))
        if self.learned:
            self.learned.minimise(self.space(sr.detach(), lr, hr))
        if self.gan:
            losses["discriminator"] = self._step_discriminator(self.gan, sr.detach(), hr)
        self.average()
        return {name: value.detach() for name, value in losses.items()}

    def _terms(self, sr: Tensor, lr: Tensor, hr: Tensor) -> dict[str, Tensor]:
        """Unweighted; L_ds and L1 are there whatever they weigh, for their curves."""
        if self.gan is None:
            terms = {"pixel": l1_loss(sr, hr)}
        else:
            with autocast(self.training):
                terms = self.gan.generator(sr, hr, self.discriminator)
            del terms["loss"]
        return {"shrunk": self.space(sr, lr, hr), **terms}

    def _step_discriminator(self, gan: PerceptualGan, sr: Tensor, hr: Tensor) -> Tensor:
        """Its loss. Real and fake go through its BN separately."""
        with autocast(self.training):
            real, fake = self.discriminator(hr).float(), self.discriminator(sr).float()
        loss = gan.discriminator(real, fake)
        self.discriminator_adam.minimise(loss)
        return loss
