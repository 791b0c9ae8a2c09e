"""RRDBNet, the generator of ESRGAN, with the parts its ablation removes or replaces."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.api import Axis
from bench.errors import BadInput, check_choices, choice
from methods.common.blocks import ResidualBlock, add_image_skip, conv, scale_initialisation

SLOPE = 0.2


@dataclass(frozen=True)
class GeneratorKnobs:
    """The knobs of RRDBNet, shared by both stages: the GAN stage starts from a PSNR stage with the same values."""

    block: str = choice("rrdb", ("rrdb", "residual"), "block kind")
    blocks: int = 23
    width: int = 64
    growth: int = 32
    batch_norm: bool = False
    residual_scaling: float = 0.2
    init_scale: float = 0.1
    image_skip: bool = False

    def __post_init__(self) -> None:
        check_choices(self)


SCALING_AXIS = Axis(
    "residual-scaling",
    "Does scaling residuals stabilise a deep network?",
    {"scaling-1": {"residual_scaling": 1.0}},
    "supplementary",
)


def check_scale(scale: int) -> None:
    """Raise BadInput for a scale that RRDBNet does not upscale by."""
    if scale not in (2, 4):
        raise BadInput(f"RRDBNet upscales by 2 or 4, not {scale}; choose one of them")


class DenseBlock(nn.Module):
    """Five densely connected convolutions; x + scaling * conv5. 239,808 parameters at width 64, growth 32."""

    def __init__(self, knobs: GeneratorKnobs) -> None:
        super().__init__()
        width, growth = knobs.width, knobs.growth
        outputs = [growth] * 4 + [width]
        self.convs = nn.ModuleList(conv(width + i * growth, out) for i, out in enumerate(outputs))
        self.norms = nn.ModuleList(nn.BatchNorm2d(out) if knobs.batch_norm else nn.Identity() for out in outputs)
        self.scaling = knobs.residual_scaling

    def forward(self, x: Tensor) -> Tensor:
        found = [x]
        for convolution, norm in zip(self.convs, self.norms, strict=True):
            y = norm(convolution(torch.cat(found, 1) if len(found) > 1 else x))
            if len(found) < len(self.convs):
                found.append(functional.leaky_relu(y, SLOPE))
        result: Tensor = x + self.scaling * y
        return result


class RRDB(nn.Module):
    """Residual in residual: three dense blocks in series inside one more scaled residual."""

    def __init__(self, knobs: GeneratorKnobs) -> None:
        super().__init__()
        self.body = nn.Sequential(*(DenseBlock(knobs) for _ in range(3)))
        self.scaling = knobs.residual_scaling

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = x + self.scaling * self.body(x)
        return result


class RRDBNet(nn.Module):
    """(N, 3, h, w) RGB in [0, 1] -> (N, 3, s*h, s*w), unclamped. 16,697,987 parameters at the defaults.

    At x2 the first nearest-neighbour enlargement is left out and its convolution kept.
    """

    def __init__(self, scale: int, knobs: GeneratorKnobs) -> None:
        super().__init__()
        width = knobs.width
        self.scale = scale
        self.conv_first = conv(3, width)
        self.body = nn.Sequential(*(self._block(knobs) for _ in range(knobs.blocks)))
        self.conv_body = conv(width, width)
        self.conv_up1 = conv(width, width)
        self.conv_up2 = conv(width, width)
        self.conv_hr = conv(width, width)
        self.conv_last = conv(width, 3)
        scale_initialisation(self.body, knobs.init_scale)
        if knobs.image_skip:
            add_image_skip(self, scale)

    @staticmethod
    def _block(knobs: GeneratorKnobs) -> nn.Module:
        if knobs.block == "rrdb":
            return RRDB(knobs)
        return ResidualBlock(knobs.width, nn.ReLU(), knobs.batch_norm)

    def forward(self, lr: Tensor) -> Tensor:
        x = self.conv_first(lr)  # (N, width, h, w)
        x = x + self.conv_body(self.body(x))
        if self.scale == 4:
            x = functional.interpolate(x, scale_factor=2, mode="nearest")
        x = functional.leaky_relu(self.conv_up1(x), SLOPE)
        x = functional.interpolate(x, scale_factor=2, mode="nearest")
        x = functional.leaky_relu(self.conv_up2(x), SLOPE)  # (N, width, s*h, s*w)
        sr: Tensor = self.conv_last(functional.leaky_relu(self.conv_hr(x), SLOPE))
        return sr
