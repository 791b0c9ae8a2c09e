"""RCAN: residual groups inside a residual, with channel attention in every block (Zhang et al., ECCV 2018)."""

from dataclasses import dataclass

from torch import Tensor, nn

from methods.common.blocks import PEAK, MeanShift, conv, shuffle_stages


class ChannelAttention(nn.Module):
    """Each channel times a gate in (0, 1): mean over the picture, 1x1 to width / reduction (at least one), ReLU, 1x1
    back, sigmoid."""

    def __init__(self, width: int, reduction: int) -> None:
        super().__init__()
        inner = max(1, width // reduction)
        self.squeeze = conv(width, inner, 1)
        self.excite = conv(inner, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        # x.mean would copy bf16 to float32 first, and its gradient would come in another memory format than x
        mean = x.sum((2, 3), keepdim=True, dtype=x.dtype) / (x.shape[2] * x.shape[3])  # (N, width, 1, 1)
        gated: Tensor = x * self.excite(self.squeeze(mean).relu()).sigmoid()
        return gated


class AttentionBlock(nn.Module):
    """RCAB: x + attention(conv-ReLU-conv(x)); without attention where reduction is None."""

    def __init__(self, width: int, reduction: int | None) -> None:
        super().__init__()
        self.conv1 = conv(width, width)
        self.conv2 = conv(width, width)
        self.attention = ChannelAttention(width, reduction) if reduction else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = x + self.attention(self.conv2(self.conv1(x).relu()))
        return result


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
