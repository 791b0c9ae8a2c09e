"""EDSR: a wide residual network without batch normalisation, trained with L1.

Lim et al., "Enhanced Deep Residual Networks for Single Image Super-Resolution", CVPR Workshops 2017.

Deviations: trained on the suite's pictures instead of DIV2K; x3 and x4 from scratch instead of from the x2 network;
the mean colour is fixed, as the paper has it, while the released networks trained it (`mean_shift_trained`); the loss
is taken in [0, 1] while the network works in [0, 255], which to Adam is the same but for its epsilon.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from bench.api import Axis, Claim, Entry, Method, Training, Upscaler
from methods.common.blocks import ResidualBlock, conv, shuffle_stages
from methods.common.mean_shift import PEAK, MeanShift
from methods.common.pixel import PixelLearner, Recipe, feed_forward


class EDSR(nn.Module):
    """(N, 3, h, w) RGB in [0, 1] -> (N, 3, s*h, s*w). At x4 43,089,923 parameters, 1,517,571 as baseline, and 24 more
    where the mean shift is trained."""

    def __init__(
        self, scale: int, width: int, blocks: int, residual_scaling: float, mean_shift_trained: bool = False
    ) -> None:
        super().__init__()
        self.sub_mean = MeanShift(-1, mean_shift_trained)
        self.head = conv(3, width)
        self.body = nn.Sequential(*(ResidualBlock(width, nn.ReLU(), scaling=residual_scaling) for _ in range(blocks)))
        self.body_end = conv(width, width)
        self.upsample = shuffle_stages(width, scale)
        self.tail = conv(width, 3)
        self.add_mean = MeanShift(1, mean_shift_trained)

    def forward(self, lr: Tensor) -> Tensor:
        x = self.head(self.sub_mean(PEAK * lr))  # (N, width, h, w)
        x = x + self.body_end(self.body(x))
        sr: Tensor = self.add_mean(self.tail(self.upsample(x))) / PEAK  # (N, 3, s*h, s*w)
        return sr


@dataclass(frozen=True)
class EdsrMethod(Method):
    """`patch` is the HR side, None 48 LR pixels; milestones are fractions of the run's length."""

    width: int = 256
    blocks: int = 32
    residual_scaling: float = 0.1
    mean_shift_trained: bool = False
    loss: str = "l1"
    learning_rate: float = 1e-4
    beta2: float = 0.999
    schedule: str = "halve"
    milestones: tuple[float, ...] = (2 / 3,)
    ema: float = 0.0
    dual_weight: float = 0.0
    batch_size: int = 16
    patch: int | None = None

    @property
    def batch(self) -> tuple[int, int]:
        return self.batch_size, self.patch or 48 * self.scale

    def network(self) -> nn.Module:
        return EDSR(self.scale, self.width, self.blocks, self.residual_scaling, self.mean_shift_trained)

    def learner(self, training: Training) -> PixelLearner:
        betas = (0.9, self.beta2)
        dual = (self.scale, self.dual_weight)
        recipe = Recipe(self.loss, self.learning_rate, betas, self.schedule, self.milestones, self.ema, dual=dual)
        return PixelLearner(self.network(), recipe, training)

    def upscaler(self, network: nn.Module | None) -> Upscaler:
        return feed_forward(network)


ENTRY = Entry(
    name="edsr",
    method=EdsrMethod,
    paper="Lim et al., CVPR Workshops 2017",
    iterations=300_000,
    axes=(
        Axis(
            "size",
            "What does the large network gain over the baseline?",
            {"baseline": {"width": 64, "blocks": 16, "residual_scaling": 1.0}},
            "section 3.2",
        ),
        Axis("loss", "Does L1 train to a higher PSNR than L2?", {"l2": {"loss": "l2"}}, "section 4.2"),
        Axis(
            "residual-scaling",
            "Does a wide network need its residuals scaled?",
            {"scaling-1": {"residual_scaling": 1.0}},
            "section 3.2",
        ),
        Axis(
            "mean-shift",
            "Does training the mean colour, as the released code does, change anything?",
            {"mean-shift-trained": {"mean_shift_trained": True}},
            "released code",
        ),
        Axis(
            "dual-regression",
            "Does a learned way back to LR, as DRN trains it, raise PSNR?",
            {"dual": {"dual_weight": 0.1}},
            "Guo et al., CVPR 2020, dual regression",
        ),
    ),
    claims=(
        Claim("edsr.loss", "L1 trains to a higher PSNR than L2.", "edsr.default", "edsr.l2", "psnr_y", "section 4.2"),
        Claim(
            "edsr.residual-scaling",
            "A wide network trains badly unless its residuals are scaled down.",
            "edsr.default",
            "edsr.scaling-1",
            "psnr_y",
            "section 3.2",
        ),
        Claim(
            "edsr.size",
            "The wide, deep network is above the baseline.",
            "edsr.default",
            "edsr.baseline",
            "psnr_y",
            "section 3.2",
        ),
        Claim(
            "edsr.srresnet",
            "The network without batch normalisation is above SRResNet.",
            "edsr.default",
            "srresnet.default",
            "psnr_y",
            "comparison with SRResNet",
        ),
        Claim(
            "edsr.dual",
            "A dual regression loss raises the PSNR of a network that was not made for it.",
            "edsr.dual",
            "edsr.default",
            "psnr_y",
            "Guo et al. 2020",
        ),
    ),
    deviations=(
        "trained on the suite's pictures instead of DIV2K; x3 and x4 from scratch instead of from the x2 network",
        "the mean colour is fixed, as the paper has it; the released networks trained it",
        "the loss is taken in [0, 1] while the network works in [0, 255]",
    ),
)
