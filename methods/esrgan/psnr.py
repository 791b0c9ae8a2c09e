"""RRDB trained for PSNR: the first stage of ESRGAN, and the network its GAN stage starts from.

Wang et al., "ESRGAN: Enhanced Super-Resolution Generative Adversarial Networks", ECCV Workshops 2018.

Deviations: none in the network or the loss; trained on the suite's pictures instead of DIV2K + Flickr2K + OST.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from bench.api import Axis, Claim, Entry, Training, Upscaler
from methods.common.pixel import PixelLearner, Recipe, feed_forward
from methods.esrgan.network import GeneratorKnobs


@dataclass(frozen=True)
class RrdbPsnr(GeneratorKnobs):
    """`patch` is the HR side in pixels; milestones are fractions of the run's length (the paper: every 200,000)."""

    loss: str = "l1"
    learning_rate: float = 2e-4
    beta2: float = 0.999
    schedule: str = "halve"
    milestones: tuple[float, ...] = (0.2, 0.4, 0.6, 0.8)
    ema: float = 0.0
    batch_size: int = 16
    patch: int = 128

    @property
    def batch(self) -> tuple[int, int]:
        return self.batch_size, self.patch

    def learner(self, training: Training) -> PixelLearner:
        betas = (0.9, self.beta2)
        recipe = Recipe(self.loss, self.learning_rate, betas, self.schedule, self.milestones, self.ema)
        return PixelLearner(self.network(), recipe, training)

    def upscaler(self, network: nn.Module | None) -> Upscaler:
        return feed_forward(network)


ENTRY = Entry(
    name="rrdb",
    method=RrdbPsnr,
    paper="Wang et al., ECCV Workshops 2018",
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
        Axis(
            "residual-scaling",
            "Does scaling residuals stabilise a deep network?",
            {"scaling-1": {"residual_scaling": 1.0}},
            "supplementary",
        ),
        Axis(
            "data",
            "Do more training pictures help?",
            {"less-data": {}},
            "section 4.2; a suite says which sets the variant is trained on",
        ),
        Axis("initialisation", "Does a smaller initialisation help?", {"init-1": {"init_scale": 1.0}}, "supplementary"),
    ),
    claims=(
        Claim(
            "rrdb.bn",
            "Without batch normalisation the PSNR is slightly higher.",
            "rrdb.default",
            "rrdb.bn",
            "psnr_y",
            "section 3.1",
        ),
        Claim(
            "rrdb.block",
            "Residual-in-residual dense blocks reach a higher PSNR than residual blocks.",
            "rrdb.default",
            "rrdb.residual-blocks",
            "psnr_y",
            "section 3.1",
        ),
        Claim(
            "rrdb.depth",
            "23 blocks reach a higher PSNR than 16.",
            "rrdb.default",
            "rrdb.depth-16",
            "psnr_y",
            "section 4.4",
        ),
        Claim(
            "rrdb.residual-scaling",
            "A deep network trains badly unless its residuals are scaled down.",
            "rrdb.default",
            "rrdb.scaling-1",
            "psnr_y",
            "section 3.1, supplementary",
        ),
        Claim(
            "rrdb.initialisation",
            "A smaller initialisation ends at a higher PSNR in a deep network.",
            "rrdb.default",
            "rrdb.init-1",
            "psnr_y",
            "section 3.1, supplementary",
        ),
        Claim(
            "rrdb.rcan",
            "RRDB trained for PSNR is above RCAN.",
            "rrdb.default",
            "rcan.default",
            "psnr_y",
            "table in the released code's README",
        ),
    ),
    deviations=("trained on the suite's pictures instead of DIV2K + Flickr2K + OST",),
)
