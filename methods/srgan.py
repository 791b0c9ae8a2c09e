"""SRGAN: SRResNet fine-tuned with a VGG content loss after activation and a standard GAN.

Ledig et al., "Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial Network", CVPR 2017.
L_G = content + adversarial_weight * -log D(SR); content is the MSE between the VGG features of SR and HR times
`feature_scale`, or the MSE between the pictures.

Deviations: see ENTRY.
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from bench.api import Axis, Claim, Entry, Method, Pretrain, Training, varied
from bench.errors import choice
from methods.common.adversarial import StridedDiscriminator
from methods.common.blocks import add_image_skip
from methods.common.gan import GanLearner, PerceptualGan, Terms
from methods.common.optimise import Optimisation, to_device
from methods.common.perceptual import PERCEPTUAL, Features, Tap
from methods.common.resnets import SRResNet

CONTENT: dict[str, str | None] = {"vgg54": None, "vgg22": "conv2_2", "mse": None}  # layer, None: the deepest


@dataclass(frozen=True)
class SrganRecipe(Optimisation):
    """content: vgg54 (the perceptual network's deepest convolution; VGG19: conv5_4), vgg22 (its conv2_2) or mse;
    `layer`, where given, replaces the layer that content names; else it is that one."""

    content: str = choice("vgg54", CONTENT, "content loss")
    perceptual: str = choice("vgg19", PERCEPTUAL, "perceptual network")
    layer: str | None = None
    tap: Tap = "after"
    feature_scale: float = 1 / 12.75
    adversarial_weight: float = 1e-3
    discriminator_width: int = 64

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "layer", self.layer or CONTENT[self.content])

    @property
    def needs_weights(self) -> tuple[str, ...]:
        return () if self.content == "mse" else (PERCEPTUAL[self.perceptual].weights,)

    def learner(self, build: Callable[[], nn.Module], scale: int, training: Training) -> GanLearner:
        """The discriminator is drawn before the generator."""
        widths = [self.discriminator_width * 2**stage for stage in range(4)]
        discriminator = StridedDiscriminator(self.batch(scale)[1], widths)
        return GanLearner(build(), discriminator, self._losses(training), self, training)

    def _losses(self, training: Training) -> PerceptualGan:
        """The MSE of scaled features is the scale squared times the MSE of features."""
        if self.content == "mse":
            return PerceptualGan(Terms(0.0, self.adversarial_weight, pixel=4.0, distance="l2"), None)
        features = Features(self.perceptual, self.layer, self.tap)
        terms = Terms(self.feature_scale**2, self.adversarial_weight, pixel=0.0, distance="l2")
        return PerceptualGan(terms, to_device(features, training).eval())


@dataclass(frozen=True)
class Srgan(Method):
    """Knobs of the generator, SRResNet's, and of the GAN stage."""

    width: int = 64
    blocks: int = 16
    batch_norm: bool = True
    image_skip: bool = False
    recipe: SrganRecipe = SrganRecipe(1e-4, schedule="tenth", milestones=(0.5,), patch=96)

    def network(self) -> nn.Module:
        network = SRResNet(self.scale, self.width, self.blocks, self.batch_norm)
        return add_image_skip(network, self.scale) if self.image_skip else network


ENTRY = Entry(
    "srgan",
    Srgan,
    "Ledig et al., CVPR 2017",
    iterations=200_000,
    pretrain=Pretrain("srresnet", ("width", "blocks", "batch_norm", "image_skip")),
    axes=(
        Axis(
            "content",
            "Do deeper features make a better content loss than shallow ones or pixels?",
            varied("content", {"content-vgg22": "vgg22", "content-mse": "mse"}),
            "section 3.4, table 1",
        ),
        Axis(
            "adversarial",
            "What does the adversarial term add to a content loss on features?",
            {"srresnet-vgg22": {"content": "vgg22", "adversarial_weight": 0.0}},
            "section 3.4, table 1",
        ),
        Axis(
            "batch-norm",
            "Does removing batch normalisation from the generator help?",
            {"no-bn": {"batch_norm": False}},
            "Lim et al. 2017; Wang et al. 2018",
        ),
    ),
    metric="lpips_alex",
    claims=(
        Claim(
            "content-54",
            "A content loss on deep features looks better than one on shallow features.",
            "default > content-vgg22",
        ),
        Claim(
            "content-22",
            "A content loss on shallow features looks better than one on pixels.",
            "content-vgg22 > content-mse",
        ),
        Claim(
            "adversarial",
            "An adversarial term makes a content loss on features look better.",
            "content-vgg22 > srresnet-vgg22",
        ),
        Claim(
            "bn",
            "Without batch normalisation the generator does better.",
            "no-bn > default",
            source="Wang et al. 2018, section 3.1",
        ),
        Claim(
            "distortion",
            "The network trained for MSE is nearer to the truth, pixel by pixel, than the GAN.",
            "srresnet.default > default",
            "psnr_y",
            "table 2",
        ),
    ),
    deviations=(
        "the suite's pictures and perceptual network where they differ from 350,000 of ImageNet and VGG19",
        "HR in [0, 1] instead of [-1, 1], whose factor 4 the MSE content loss is given",
        "no bias before batch normalisation in the discriminator",
    ),
)
