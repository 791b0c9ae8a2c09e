"""MSRGAN: MSRResNet fine-tuned as ESRGAN's GAN stage, but with a standard GAN; BasicSR's stand-in for SRGAN.

Wang et al., BasicSR; after Ledig et al., CVPR 2017. L_G = perceptual_weight * L1 of the features before activation
+ adversarial_weight * -log D(SR) + pixel_weight * L1.

Deviations: see ENTRY.
"""

from dataclasses import dataclass

from torch import nn

from bench.api import Entry, Method, Pretrain, Training
from methods.common.gan import GanLearner, GanRecipe, relativistic_axis, relativistic_claim
from methods.common.perceptual import TAP_CLAIMS, tap_axis
from methods.common.resnets import MSRResNet


@dataclass(frozen=True)
class Msrgan(Method):
    """`init_scale` multiplies Kaiming's initialisation of every convolution."""

    width: int = 64
    blocks: int = 16
    init_scale: float = 0.1
    image_skip: bool = True
    recipe: GanRecipe = GanRecipe(
        1e-4, beta2=0.99, schedule="halve", milestones=(0.125, 0.25, 0.5, 0.75), ema=0.999, patch=128, gan="standard"
    )

    def network(self) -> nn.Module:
        return MSRResNet(self.scale, self.width, self.blocks, self.init_scale, self.image_skip)

    def learner(self, training: Training) -> GanLearner:
        parts = self.recipe.parts(self.scale, training)  # drawn before the generator
        return GanLearner(self.network(), *parts, self.recipe, training)


ENTRY = Entry(
    "msrgan",
    Msrgan,
    "Wang et al., BasicSR",
    iterations=400_000,
    pretrain=Pretrain("msrresnet", ("width", "blocks", "init_scale", "image_skip")),
    axes=(
        tap_axis("Wang et al. 2018, section 3.3"),
        relativistic_axis(
            {"relativistic": {"gan": "relativistic", "ragan_half": True}}, "Wang et al. 2018, section 3.2"
        ),
    ),
    metric="lpips_alex",
    claims=(*TAP_CLAIMS, relativistic_claim("relativistic > default")),
    deviations=("the suite's pictures and perceptual network where they differ from DIV2K and VGG19",),
)
