"""The residual generators that a PSNR-oriented method and a GAN method each start from."""

from torch import Tensor, nn
from torch.nn import functional

from methods.common.blocks import (
    ResidualBlock,
    add_image_skip,
    conv,
    enlargements,
    scale_initialisation,
    shuffle_stages,
)


class SRResNet(nn.Module):
    """conv9-PReLU, residual blocks, conv3-BN and a long skip, sub-pixel stages, conv9. 1,549,462 parameters at x4."""

    def __init__(self, scale: int, width: int, blocks: int, batch_norm: bool) -> None:
        super().__init__()
        self.head = nn.Sequential(conv(3, width, 9), nn.PReLU())
        self.body = nn.Sequential(*(ResidualBlock(width, nn.PReLU(), batch_norm) for _ in range(blocks)))
        self.body_end = nn.Sequential(conv(width, width), nn.BatchNorm2d(width) if batch_norm else nn.Identity())
        self.upsample = shuffle_stages(width, scale, prelu=True)
        self.tail = conv(width, 3, 9)

    def forward(self, lr: Tensor) -> Tensor:
        x = self.head(lr)  # (N, width, h, w)
        x = x + self.body_end(self.body(x))
        sr: Tensor = self.tail(self.upsample(x))  # (N, 3, s*h, s*w)
        return sr


class MSRResNet(nn.Module):
    """SRResNet as BasicSR trains it: no BN, ReLU in the blocks, LeakyReLU 0.1 after them, no long skip in feature
    space; the output is added to the bilinear enlargement. 1,517,571 parameters at x4."""

    def __init__(self, scale: int, width: int, blocks: int, init_scale: float, image_skip: bool = True) -> None:
        super().__init__()
        self.factors = enlargements(scale)
        self.conv_first = conv(3, width)
        self.body = nn.Sequential(*(ResidualBlock(width, nn.ReLU()) for _ in range(blocks)))
        self.upconvs = nn.ModuleList(conv(width, width * factor**2) for factor in self.factors)
        self.conv_hr = conv(width, width)
        self.conv_last = conv(width, 3)
        scale_initialisation(self, init_scale)
        if image_skip:
            add_image_skip(self, scale)

    def forward(self, lr: Tensor) -> Tensor:
        x = self.body(functional.leaky_relu(self.conv_first(lr), 0.1))  # (N, width, h, w)
        for upconv, factor in zip(self.upconvs, self.factors, strict=True):
            x = functional.leaky_relu(functional.pixel_shuffle(upconv(x), factor), 0.1)
        sr: Tensor = self.conv_last(functional.leaky_relu(self.conv_hr(x), 0.1))  # (N, 3, s*h, s*w)
        return sr
