"""RCAN: residual groups inside a residual, with channel attention in every block (Zhang et al., ECCV 2018)."""

from dataclasses import dataclass

from torch import Tensor, nn

from methods.common.attention import AttentionBlock
from methods.common.blocks import conv, shuffle_stages
from methods.common.mean_shift import PEAK, MeanShift


@dataclass(frozen=True)
class RcanKnobs:
    """`blocks` are those of one group."""

    width: int = 64
    groups: int = 10
    blocks: int = 20
    reduction: int = 16
    channel_attention: bool = True
    long_skip: bool = True
    short_skip: bool = True
    mean_shift_trained: bool = False


class ResidualGroup(nn.Module):
    """Blocks and a convolution, added to the input by the short skip."""

    def __init__(self, knobs: RcanKnobs) -> None:
        super().__init__()
        width, reduction = knobs.width, knobs.reduction if knobs.channel_attention else None
        self.blocks = nn.Sequential(*(AttentionBlock(width, reduction) for _ in range(knobs.blocks)))
        self.end = conv(width, width)
        self.skip = knobs.short_skip

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.end(self.blocks(x))
        return x + y if self.skip else y


class RCAN(nn.Module):
    """(N, 3, h, w) RGB in [0, 1] -> (N, 3, s*h, s*w). 15,592,379 parameters at x4 with the mean shift's 24. At x1 there
    is nothing to upsample."""

    def __init__(self, scale: int, knobs: RcanKnobs) -> None:
        super().__init__()
        width = knobs.width
        self.sub_mean = MeanShift(-1, knobs.mean_shift_trained)
        self.head = conv(3, width)
        self.body = nn.Sequential(*(ResidualGroup(knobs) for _ in range(knobs.groups)))
        self.body_end = conv(width, width)
        self.upsample = shuffle_stages(width, scale) if scale > 1 else nn.Identity()
        self.tail = conv(width, 3)
        self.add_mean = MeanShift(1, knobs.mean_shift_trained)
        self.long_skip = knobs.long_skip

    def forward(self, lr: Tensor) -> Tensor:
        x = self.head(self.sub_mean(PEAK * lr))  # (N, width, h, w)
        y = self.body_end(self.body(x))
        x = x + y if self.long_skip else y
        sr: Tensor = self.add_mean(self.tail(self.upsample(x))) / PEAK  # (N, 3, s*h, s*w)
        return sr
