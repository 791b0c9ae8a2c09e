"""MSRGAN: MSRResNet fine-tuned as ESRGAN's GAN stage, but with a standard GAN; BasicSR's stand-in for SRGAN.

Wang et al., BasicSR; after Ledig et al., CVPR 2017. L_G = perceptual_weight * L1 of the features before activation
+ adversarial_weight * -log D(SR) + pixel_weight * L1.

Deviations: the suite's pictures and perceptual network where they differ from DIV2K and VGG19.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from bench.api import Axis, Claim, Entry, Method, Pretrain, Training, Upscaler
from bench.errors import unknown
from methods.common.adversarial import VggDiscriminator
from methods.common.gan import GanLearner, GanRecipe, PerceptualGan, Terms
from methods.common.optimise import to_device
from methods.common.perceptual import PERCEPTUAL, Features, Tap
from methods.common.pixel import feed_forward
from methods.common.resnets import MSRResNet


@dataclass(frozen=True)
class Msrgan(Method):
    """Knobs of the GAN stage. `layer` None is the perceptual network's deepest convolution (VGG19: conv5_4); `patch`
    is the HR side in pixels; milestones are fractions of the run's length."""

    width: int = 64
    blocks: int = 16
    init_scale: float = 0.1
    perceptual: str = "vgg19"
    layer: str | None = None
    tap: Tap = "before"
    gan: str = "standard"
    perceptual_weight: float = 1.0
    adversarial_weight: float = 5e-3
    pixel_weight: float = 1e-2
    discriminator_width: int = 64
    learning_rate: float = 1e-4
    beta2: float = 0.99
    schedule: str = "halve"
    milestones: tuple[float, ...] = (0.125, 0.25, 0.5, 0.75)
    ema: float = 0.999
    batch_size: int = 16
    patch: int = 128

    def __post_init__(self) -> None:
        if self.perceptual not in PERCEPTUAL:
            raise unknown("perceptual network", self.perceptual, PERCEPTUAL)

    @property
    def batch(self) -> tuple[int, int]:
        return self.batch_size, self.patch

    @property
    def needs_weights(self) -> tuple[str, ...]:
        return (PERCEPTUAL[self.perceptual].weights,)

    def network(self) -> nn.Module:
        return MSRResNet(self.scale, self.width, self.blocks, self.init_scale)

    def learner(self, training: Training) -> GanLearner:
        discriminator = VggDiscriminator(self.patch, self.discriminator_width)
        features = to_device(Features(self.perceptual, self.layer, self.tap), training).eval()
        terms = Terms(self.perceptual_weight, self.adversarial_weight, self.pixel_weight, gan=self.gan)
        recipe = GanRecipe(self.learning_rate, (0.9, self.beta2), self.schedule, self.milestones, self.ema)
        return GanLearner(self.network(), discriminator, PerceptualGan(terms, features), recipe, training)

    def upscaler(self, network: nn.Module | None) -> Upscaler:
        return feed_forward(network)


ENTRY = Entry(
    name="msrgan",
    method=Msrgan,
    paper="Wang et al., BasicSR",
    iterations=400_000,
    pretrain=Pretrain("msrresnet", ("width", "blocks", "init_scale")),
    axes=(
        Axis(
            "tap",
            "Are features before activation a better perceptual loss than after?",
            {"tap-after": {"tap": "after"}},
            "Wang et al. 2018, section 3.3",
        ),
        Axis(
            "adversarial",
            "Does a relativistic average GAN give more detail than a standard one?",
            {"relativistic": {"gan": "relativistic"}},
            "Wang et al. 2018, section 3.2",
        ),
    ),
    claims=(
        Claim(
            "msrgan.tap",
            "A perceptual loss on features before activation gives sharper edges and richer texture than one after.",
            "msrgan.default",
            "msrgan.tap-after",
            "lpips_alex",
            "Wang et al. 2018, section 3.3",
        ),
        Claim(
            "msrgan.tap-brightness",
            "Features before activation keep the brightness of the truth, features after it shift it.",
            "msrgan.default",
            "msrgan.tap-after",
            "luma_error",
            "Wang et al. 2018, section 3.3",
        ),
        Claim(
            "msrgan.relativistic",
            "A relativistic average discriminator teaches sharper edges and more texture than a standard one.",
            "msrgan.relativistic",
            "msrgan.default",
            "lpips_alex",
            "Wang et al. 2018, section 3.2",
        ),
    ),
    deviations=("the suite's pictures and perceptual network where they differ from DIV2K and VGG19",),
)
