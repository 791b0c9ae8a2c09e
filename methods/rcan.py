"""RCAN: residual groups inside a residual, with channel attention in every block.

Zhang et al., "Image Super-Resolution Using Very Deep Residual Channel Attention Networks", ECCV 2018.

Deviations: see ENTRY.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from bench.api import Axis, Claim, Entry, Method
from methods.common.attention import AttentionBlock
from methods.common.blocks import conv, shuffle_stages
from methods.common.dual import DUAL_AXIS, DUAL_CLAIM
from methods.common.mean_shift import PEAK, MeanShift
from methods.common.pixel import Recipe


class ResidualGroup(nn.Module):
    """Blocks and a convolution, added to the input by the short skip."""

    def __init__(self, width: int, blocks: int, reduction: int | None, skip: bool) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(AttentionBlock(width, reduction) for _ in range(blocks)))
        self.end = conv(width, width)
        self.skip = skip

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.end(self.blocks(x))
        return x + y if self.skip else y


class RCAN(nn.Module):
    """(N, 3, h, w) RGB in [0, 1] -> (N, 3, s*h, s*w). 15,592,379 parameters at x4 with the mean shift's 24."""

    def __init__(self, knobs: RcanMethod) -> None:
        super().__init__()
        width = knobs.width
        reduction = knobs.reduction if knobs.channel_attention else None
        groups = (ResidualGroup(width, knobs.blocks, reduction, knobs.short_skip) for _ in range(knobs.groups))
        self.sub_mean = MeanShift(-1, knobs.mean_shift_trained)
        self.head = conv(3, width)
        self.body = nn.Sequential(*groups)
        self.body_end = conv(width, width)
        self.upsample = shuffle_stages(width, knobs.scale)
        self.tail = conv(width, 3)
        self.add_mean = MeanShift(1, knobs.mean_shift_trained)
        self.long_skip = knobs.long_skip

    def forward(self, lr: Tensor) -> Tensor:
        x = self.head(self.sub_mean(PEAK * lr))  # (N, width, h, w)
        y = self.body_end(self.body(x))
        x = x + y if self.long_skip else y
        sr: Tensor = self.add_mean(self.tail(self.upsample(x))) / PEAK  # (N, 3, s*h, s*w)
        return sr


@dataclass(frozen=True)
class RcanMethod(Method):
    """`blocks` are those of one group."""

    width: int = 64
    groups: int = 10
    blocks: int = 20
    reduction: int = 16
    channel_attention: bool = True
    long_skip: bool = True
    short_skip: bool = True
    mean_shift_trained: bool = False
    recipe: Recipe = Recipe(1e-4, schedule="halve", milestones=(0.2, 0.4, 0.6, 0.8))

    def network(self) -> nn.Module:
        return RCAN(self)


ENTRY = Entry(
    "rcan",
    RcanMethod,
    "Zhang et al., ECCV 2018",
    iterations=1_000_000,
    axes=(
        Axis(
            "channel-attention",
            "Does channel attention help?",
            {"no-attention": {"channel_attention": False}},
            "table 1",
        ),
        Axis(
            "residual-in-residual",
            "Do the long and the short skips help?",
            {
                "no-skips": {"long_skip": False, "short_skip": False},
                "no-long-skip": {"long_skip": False},
                "no-short-skip": {"short_skip": False},
            },
            "table 1",
        ),
        DUAL_AXIS,
    ),
    claims=(
        Claim("attention", "Channel attention raises the PSNR.", "default > no-attention", "psnr_y", "table 1"),
        Claim("skips", "Long and short skips together raise the PSNR.", "default > no-skips", "psnr_y", "table 1"),
        Claim("long-skip", "The long skip raises the PSNR.", "default > no-long-skip", "psnr_y", "table 1"),
        Claim("short-skip", "The short skips raise the PSNR.", "default > no-short-skip", "psnr_y", "table 1"),
        Claim("edsr", "RCAN is above EDSR.", "default > edsr.default", "psnr_y", "benchmark table"),
        DUAL_CLAIM,
    ),
    deviations=(
        "trained on the suite's pictures instead of DIV2K; x3, x4 and x8 from scratch instead of from the x2 network",
        "the mean colour is fixed; the released networks trained it (`mean_shift_trained`)",
        "the loss is taken in [0, 1] while the network works in [0, 255], the same to Adam but for its epsilon",
    ),
)
