"""EDSR: a wide residual network without batch normalisation, trained with L1.

Lim et al., "Enhanced Deep Residual Networks for Single Image Super-Resolution", CVPR Workshops 2017.

Deviations: see ENTRY.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from bench.api import Axis, Claim, Entry, Method
from methods.common.blocks import PEAK, MeanShift, ResidualBlock, add_image_skip, conv, shuffle_stages
from methods.common.dual import DUAL_AXIS, DUAL_CLAIM
from methods.common.pixel import Recipe


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
    """Knobs of EDSR."""

    width: int = 256
    blocks: int = 32
    residual_scaling: float = 0.1
    mean_shift_trained: bool = False
    image_skip: bool = False
    recipe: Recipe = Recipe(1e-4, schedule="halve", milestones=(2 / 3,))

    def network(self) -> nn.Module:
        network = EDSR(self.scale, self.width, self.blocks, self.residual_scaling, self.mean_shift_trained)
        return add_image_skip(network, self.scale) if self.image_skip else network


ENTRY = Entry(
    "edsr",
    EdsrMethod,
    "Lim et al., CVPR Workshops 2017",
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
        DUAL_AXIS,
    ),
    claims=(
        Claim("loss", "L1 trains to a higher PSNR than L2.", "default > l2"),
        Claim(
            "residual-scaling",
            "A wide network trains badly unless its residuals are scaled down.",
            "default > scaling-1",
        ),
        Claim("size", "The wide, deep network is above the baseline.", "default > baseline", sized=True),
        Claim(
            "srresnet",
            "The network without batch normalisation is above SRResNet.",
            "default > srresnet.default",
            source="comparison with SRResNet",
        ),
        DUAL_CLAIM,
    ),
    deviations=(
        "trained on the suite's pictures instead of DIV2K; x3 and x4 from scratch instead of from the x2 network",
        "the mean colour is fixed, as the paper has it; the released networks trained it (`mean_shift_trained`)",
        "the loss is taken in [0, 1] while the network works in [0, 255], the same to Adam but for its epsilon",
    ),
)
