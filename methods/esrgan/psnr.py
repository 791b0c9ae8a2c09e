"""RRDB trained for PSNR: the first stage of ESRGAN, and the network its GAN stage starts from.

Wang et al., "ESRGAN: Enhanced Super-Resolution Generative Adversarial Networks", ECCV Workshops 2018.

Deviations: see ENTRY.
"""

from dataclasses import dataclass

from torch import nn

from bench.api import Axis, Claim, Entry, Method
from methods.common.pixel import Recipe
from methods.common.rrdb import SCALING_AXIS, GeneratorKnobs, RRDBNet, check_scale


@dataclass(frozen=True)
class RrdbPsnr(Method):
    """Knobs of the PSNR stage; in the paper the learning rate halves every 200,000 steps."""

    generator: GeneratorKnobs = GeneratorKnobs()
    recipe: Recipe = Recipe(2e-4, schedule="halve", milestones=(0.2, 0.4, 0.6, 0.8), patch=128)

    def __post_init__(self) -> None:
        check_scale(self.scale)

    def network(self) -> nn.Module:
        return RRDBNet(self.scale, self.generator)


ENTRY = Entry(
    "rrdb",
    RrdbPsnr,
    "Wang et al., ECCV Workshops 2018",
    iterations=1_000_000,
    axes=(
        Axis("batch-norm", "Does batch normalisation help?", {"bn": {"batch_norm": True}}, "section 3.1"),
        Axis(
            "block",
            "Are residual-in-residual dense blocks better than residual blocks?",
            {"residual-blocks": {"block": "residual", "blocks": 16}},
            "section 3.1",
        ),
        Axis(
            "ladder",
            "Which network does the first column of the ablation start from?",
            {"residual-bn": {"block": "residual", "blocks": 16, "batch_norm": True}},
            "figure 8 column 1",
        ),
        Axis("depth", "Is deeper better?", {"depth-16": {"blocks": 16}}, "section 4.4"),
        SCALING_AXIS,
        Axis(
            "data",
            "Do more training pictures help?",
            {"less-data": {}},
            "section 4.2; a suite says which sets the variant is trained on",
        ),
        Axis("initialisation", "Does a smaller initialisation help?", {"init-1": {"init_scale": 1.0}}, "supplementary"),
    ),
    claims=(
        Claim("bn", "Without batch normalisation the PSNR is slightly higher.", "default > bn"),
        Claim(
            "block",
            "Residual-in-residual dense blocks reach a higher PSNR than residual blocks.",
            "default > residual-blocks",
        ),
        Claim("depth", "23 blocks reach a higher PSNR than 16.", "default > depth-16", sized=True),
        Claim(
            "residual-scaling",
            "A deep network trains badly unless its residuals are scaled down.",
            "default > scaling-1",
            source="section 3.1, supplementary",
        ),
        Claim(
            "initialisation",
            "A smaller initialisation ends at a higher PSNR in a deep network.",
            "default > init-1",
            source="section 3.1, supplementary",
        ),
        Claim(
            "rcan",
            "RRDB trained for PSNR is above RCAN.",
            "default > rcan.default",
            source="table in the released code's README",
        ),
    ),
    deviations=("trained on the suite's pictures instead of DIV2K + Flickr2K + OST",),
)
