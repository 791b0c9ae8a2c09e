"""Channel attention and the residual block that carries it (Zhang et al., RCAN, ECCV 2018)."""

from torch import Tensor, nn

from methods.common.blocks import conv


class ChannelAttention(nn.Module):
    """Each channel times a gate in (0, 1): mean over the picture, 1x1 to width / reduction (at least one), ReLU, 1x1
    back, sigmoid."""

    def __init__(self, width: int, reduction: int) -> None:
        super().__init__()
        inner = max(1, width // reduction)
        self.squeeze = conv(width, inner, 1)
        self.excite = conv(inner, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        mean = x.mean((2, 3), keepdim=True)  # (N, width, 1, 1)
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
