"""ESRGAN: RRDB fine-tuned with a perceptual loss before activation and a relativistic average GAN.

Wang et al., "ESRGAN: Enhanced Super-Resolution Generative Adversarial Networks", ECCV Workshops 2018.
L_G = L_percep + adversarial_weight * L_RaGAN + pixel_weight * L1 (equation 3).

Deviations: see ENTRY.
"""

from dataclasses import dataclass, fields

from torch import nn

from bench.api import Axis, Claim, Entry, Knobs, Method, Pretrain, varied
from methods.common.gan import GanRecipe, relativistic_axis, relativistic_claim
from methods.common.perceptual import TAP_CLAIMS, tap_axis
from methods.common.rrdb import SCALING_AXIS, GeneratorKnobs, RRDBNet, check_scale


@dataclass(frozen=True)
class Esrgan(Method):
    """Knobs of the GAN stage. `pretrained`: start from RRDB trained for PSNR, else from a random network."""

    generator: GeneratorKnobs = GeneratorKnobs()
    recipe: GanRecipe = GanRecipe(1e-4, schedule="halve", milestones=(0.125, 0.25, 0.5, 0.75), patch=128)
    pretrained: bool = True

    def __post_init__(self) -> None:
        check_scale(self.scale)

    def network(self) -> nn.Module:
        return RRDBNet(self.scale, self.generator)


# Without its factor 1/2 the relativistic loss has twice the gradient of the standard one, which is weighed twice here.
_STANDARD: Knobs = {"gan": "standard", "adversarial_weight": 1e-2}
_RESIDUAL: Knobs = {"block": "residual", "blocks": 16}

ENTRY = Entry(
    "esrgan",
    Esrgan,
    "Wang et al., ECCV Workshops 2018",
    iterations=400_000,
    pretrain=Pretrain("rrdb", tuple(f.name for f in fields(GeneratorKnobs))),
    axes=(
        Axis(
            "batch-norm",
            "Does removing batch normalisation from the generator help?",
            {"bn": {"batch_norm": True}},
            "section 3.1, figure 8 column 2",
        ),
        tap_axis("section 3.3, figure 8 column 3"),
        relativistic_axis({"standard-gan": _STANDARD}, "section 3.2, figure 8 column 4"),
        Axis(
            "tap-and-adversarial",
            "Do the tap and the kind of GAN act independently of each other?",
            {"tap-after-standard-gan": {"tap": "after", **_STANDARD}},
            "this project: the fourth cell beside the default, tap-after and standard-gan",
        ),
        Axis(
            "block",
            "Are residual-in-residual dense blocks better than residual blocks?",
            {"residual-blocks": _RESIDUAL},
            "section 3.1, figure 8 column 5",
        ),
        Axis(
            "ladder",
            "What does each step from SRGAN to ESRGAN add? Column 1: BN, tap after activation, standard GAN, "
            "residual blocks; 2 drops BN; 3 taps before; residual-blocks adds the relativistic GAN; the default, RRDB.",
            {
                "ladder-1": {"batch_norm": True, "tap": "after", **_STANDARD, **_RESIDUAL},
                "ladder-2": {"tap": "after", **_STANDARD, **_RESIDUAL},
                "ladder-3": {**_STANDARD, **_RESIDUAL},
            },
            "figure 8 columns 1 to 5",
        ),
        Axis("depth", "Is deeper better?", {"depth-16": {"blocks": 16}}, "section 4.4"),
        SCALING_AXIS,
        Axis("initialisation", "Does a smaller initialisation help?", {"init-1": {"init_scale": 1.0}}, "supplementary"),
        Axis(
            "data",
            "Do more training pictures help?",
            {"less-data": {}},
            "section 4.2, figure 8 column 6; a suite says which sets the variant is trained on",
        ),
        Axis("patch", "Does a larger patch help?", {"patch-half": {"patch": 64}}, "section 4.1"),
        Axis(
            "pretraining",
            "Is starting from a PSNR-oriented network better than starting from nothing?",
            {"from-scratch": {"pretrained": False}},
            "section 4.1",
        ),
        Axis(
            "adversarial-weight",
            "What does the weight of the adversarial loss trade?",
            varied("adversarial_weight", {"no-adversarial": 0.0, "adversarial-x4": 2e-2}),
            "equation 3",
        ),
        Axis(
            "pixel-weight",
            "What does the weight of the pixel loss trade?",
            varied("pixel_weight", {"no-pixel": 0.0, "pixel-1": 1.0}),
            "equation 3; section 4.6 takes a large one against perceptual quality",
        ),
        Axis(
            "layer",
            "Does a shallower layer make a better perceptual loss?",
            {"layer-2-2": {"layer": "conv2_2"}},
            "section 3.3",
        ),
        Axis(
            "perceptual-network",
            "Is a network trained to recognise materials a better judge of texture?",
            {"minc": {"perceptual": "minc-vgg16"}},
            "section 3.3",
        ),
    ),
    metric="lpips_alex",
    claims=(
        Claim("bn", "Without batch normalisation the generator does slightly better.", "default > bn"),
        *TAP_CLAIMS,
        relativistic_claim("default > standard-gan"),
        Claim(
            "block",
            "Residual-in-residual dense blocks recover structure better and with less noise than residual blocks.",
            "default > residual-blocks",
        ),
        Claim("depth", "23 blocks are better than 16.", "default > depth-16", sized=True),
        Claim(
            "ladder-bn",
            "First step from SRGAN: dropping batch normalisation helps.",
            "ladder-2 > ladder-1",
            source="figure 8 columns 1 and 2",
        ),
        Claim(
            "ladder-tap",
            "Second step: taking features before activation helps.",
            "ladder-3 > ladder-2",
            source="figure 8 columns 2 and 3",
        ),
        Claim(
            "ladder-brightness",
            "Second step: taking features before activation brings the brightness nearer to the truth.",
            "ladder-3 > ladder-2",
            "luma_error",
            "figure 8 columns 2 and 3",
        ),
        Claim(
            "ladder-relativistic",
            "Third step: the relativistic discriminator helps.",
            "residual-blocks > ladder-3",
            source="figure 8 columns 3 and 4",
        ),
        Claim(
            "perception",
            "The GAN stage gives a better perceptual index than the PSNR stage that it starts from.",
            "default > rrdb.default",
            "pi",
            "section 3.4, network interpolation",
        ),
        Claim(
            "data",
            "More training pictures give more natural texture.",
            "default > less-data",
            source="figure 8 column 6",
        ),
        Claim(
            "patch",
            "Larger training patches are better (as many pixels a batch, so fewer patches; a larger discriminator).",
            "default > patch-half",
            source="section 4.1; released code's README",
        ),
        Claim(
            "pretraining",
            "Starting from a PSNR-oriented network gives fewer artefacts than starting from nothing.",
            "default > from-scratch",
        ),
        Claim(
            "pixel-weight",
            "A large pixel loss brings the result nearer to the truth, pixel by pixel.",
            "pixel-1 > default",
            "psnr_y",
            "section 4.6",
        ),
        Claim(
            "layer", "Features of a deep layer give more texture than those of a shallow one.", "default > layer-2-2"
        ),
        Claim(
            "minc",
            "A network trained to recognise materials improves the perceptual index a little.",
            "minc > default",
            "pi",
        ),
        Claim(
            "distortion",
            "The PSNR stage is nearer to the truth, pixel by pixel, than the GAN stage.",
            "rrdb.default > default",
            "psnr_y",
            "section 3.4, network interpolation",
        ),
    ),
    deviations=(
        "the suite's pictures and perceptual network where they differ from DIV2K + Flickr2K + OST and VGG19",
        "the means of the relativistic discriminator are constants, as in the released training code "
        "(`ragan_detach_mean`); its factor 1/2 on both relativistic losses is the knob `ragan_half`, off",
    ),
)
