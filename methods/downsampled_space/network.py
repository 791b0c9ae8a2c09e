"""The generator: RRDB blocks, then one of several upsamplers; how freely its phases part is the question."""

import functools
import itertools
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor, nn

from bench.data.resize import matrix, resize_tensor
from bench.errors import BadInput, check_choices, choice
from bench.runtime.devices import lasting_tensors
from methods.common.blocks import bicubic, conv, enlargements, scale_initialisation, shuffle_stages
from methods.common.rrdb import RRDB, SLOPE, GeneratorKnobs

UPSAMPLERS = {
    "sub-pixel": "one convolution to RGB of every phase, rearranged (ESPCN)",
    "shuffle-stages": "features rearranged by each factor of 2, or by 3, then a convolution to RGB (SRResNet, EDSR)",
    "transposed": "a transposed convolution of factor + 2 by each factor of 2 (k4s2), or by 3, then one to RGB",
    "transposed-9": "one transposed convolution of 9x9 to RGB (FSRCNN; k9s4 at x4)",
    "nearest": "nearest neighbour and a convolution by each factor of 2, or by 3, then one to RGB (ESRGAN)",
    "pre": "the LR is enlarged bicubically, all convolutions are at HR size (SRCNN)",
}
LAST_LAYERS = {
    "default": "as torch draws it",
    "zero": "nothing but zeros",
    "icnr": "the same filter for every phase: at first a sub-pixel layer enlarges as nearest neighbour does",
}
"""How the last layer begins; `icnr`: every layer before a rearrangement (Aitken et al., arXiv 1707.02937)."""


@dataclass(frozen=True)
class SpaceKnobs:
    """residual: on the bicubic picture. bounded: every SR
    is in [0, 1], by a sigmoid. projected: every SR shrinks to its LR, see `make_consistent`. noise: channels of normal
    noise beside the LR."""

    blocks: int = 23
    width: int = 64
    growth: int = 32
    upsampler: str = choice("sub-pixel", UPSAMPLERS)
    last_layer: str = choice("default", LAST_LAYERS, "start of the last layer")
    residual: bool = False
    projected: bool = False
    bounded: bool = False
    noise: int = 0

    def __post_init__(self) -> None:
        check_choices(self)
        if self.last_layer == "icnr" and self.upsampler not in ("sub-pixel", "shuffle-stages"):
            raise BadInput(f"ICNR is a start of sub-pixel layers, which {self.upsampler} has none of; leave it out")


class SpaceNetwork(nn.Module):
    """(N, 3 + noise, h, w), RGB in [0, 1] and normal noise -> (N, 3, s*h, s*w), unclamped; without noise given, zeros.

    The trunk is RRDBNet's. 16,613,168 parameters at x4 at the defaults.
    """

    def __init__(self, scale: int, knobs: SpaceKnobs) -> None:
        super().__init__()
        width = knobs.width
        trunk = GeneratorKnobs(blocks=knobs.blocks, width=width, growth=knobs.growth)
        self.scale, self.knobs = scale, knobs
        self.head = conv(3 + knobs.noise, width)
        self.body = nn.Sequential(*(RRDB(trunk) for _ in range(knobs.blocks)))
        self.body_end = conv(width, width)
        self.upsample = nn.Sequential(*_upsampling(knobs.upsampler, width, scale))
        scale_initialisation(self.body, trunk.init_scale)
        _begin_last_layer(self.upsample, knobs.last_layer)

    def forward(self, x: Tensor) -> Tensor:
        lr, knobs = x[:, :3], self.knobs
        if x.shape[1] < 3 + knobs.noise:
            x = nn.functional.pad(x, (0, 0, 0, 0, 0, knobs.noise))
        x = self.head(bicubic(x, self.scale) if knobs.upsampler == "pre" else x)  # (N, width, h, w)
        sr: Tensor = self.upsample(x + self.body_end(self.body(x)))  # (N, 3, s*h, s*w)
        if knobs.residual:
            sr = sr + bicubic(lr, self.scale)
        sr = torch.sigmoid(sr) if knobs.bounded else sr
        return make_consistent(sr, lr, self.scale) if knobs.projected else sr


def _upsampling(kind: str, width: int, scale: int) -> list[nn.Module]:
    """The layers from features to RGB."""
    factors, slope = enlargements(scale), functools.partial(nn.LeakyReLU, SLOPE)
    if kind == "sub-pixel":
        return [conv(width, 3 * scale**2), nn.PixelShuffle(scale)]
    if kind == "transposed-9":
        return [nn.ConvTranspose2d(width, 3, 9, scale, 4, output_padding=scale - 1)]
    layers: list[nn.Module] = []
    if kind == "shuffle-stages":
        layers = [shuffle_stages(width, scale)]
    elif kind == "transposed":
        for factor in factors:
            layers += [nn.ConvTranspose2d(width, width, factor + 2, factor, 1), slope()]
    elif kind == "nearest":
        for factor in factors:
            layers += [nn.Upsample(scale_factor=factor, mode="nearest"), conv(width, width), slope()]
    return [*layers, conv(width, 3)]


@torch.no_grad()
def _begin_last_layer(upsample: nn.Sequential, start: str) -> None:
    """See LAST_LAYERS."""
    layers = [layer for layer in upsample.modules() if not isinstance(layer, nn.Sequential)]
    if start == "zero":
        for parameter in next(layer for layer in reversed(layers) if list(layer.parameters())).parameters():
            parameter.zero_()
    elif start == "icnr":
        for layer, after in itertools.pairwise(layers):
            if isinstance(layer, nn.Conv2d) and isinstance(after, nn.PixelShuffle):
                for parameter in layer.parameters():
                    phases = after.upscale_factor**2
                    parameter.copy_(parameter[::phases].repeat_interleave(phases, 0))


def make_consistent(sr: Tensor, lr: Tensor, scale: int) -> Tensor:
    """The nearest picture to sr that MATLAB's bicubic shrinks to lr: back-projection by the pseudo-inverse, once.

    sr: (..., s*h, s*w), lr: (..., h, w), any range; differentiable, not clamped. What it adds has no part in the null
    space of the shrinking, where the SR stays as it is.
    """
    with torch.autocast(sr.device.type, enabled=False):
        missing = lr.float() - resize_tensor(sr.float(), Fraction(1, scale))
        rows, columns = (_inverse(length, scale, sr.device) for length in sr.shape[-2:])
        return sr + rows @ missing @ columns.T


@functools.lru_cache(maxsize=64)
def _inverse(length: int, scale: int, device: torch.device) -> Tensor:
    """(length, length/s): the pseudo-inverse of one pass of the shrinking."""
    with lasting_tensors():
        shrink = matrix(length, length // scale, Fraction(1, scale))
        return torch.from_numpy(np.linalg.pinv(shrink)).float().to(device)
