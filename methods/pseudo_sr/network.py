"""The networks of pseudo-supervision: correction and upscaler, which test time needs; degrader and discriminators.

Maeda, "Unpaired Image Super-Resolution Using Pseudo-Supervision", CVPR 2020. x is LR of an unknown degradation, y_down
the HR shrunk bicubically: the correction takes x to the domain of y_down, the degrader y_down to that of x.
"""

import itertools
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from bench.errors import BadInput, check_choice
from methods.common.blocks import add_image_skip, conv
from methods.common.rcan import RCAN, RcanKnobs
from methods.common.rrdb import GeneratorKnobs, RRDBNet, check_scale

UPSCALERS = {"rcan": 20, "rrdb": 23}
"""The upscaler's architecture, and its published blocks: of one group in RCAN, in all in RRDBNet."""
SLOPE = 0.2
NOISE_STEP = 4
"""LR pixels for each side of a pixel of the noise map."""


@dataclass(frozen=True)
class PairKnobs:
    """Sizes of the upscaler and of the correction, an RCAN of as many groups that upsamples nothing. blocks: of the
    upscaler, None for those of UPSCALERS; growth is RRDBNet's; image_skip: of all generators and the upscaler."""

    upscaler: str = "rcan"
    width: int = 64
    groups: int = 5
    blocks: int | None = None
    growth: int = 32
    reduction: int = 16
    correction_blocks: int = 10
    image_skip: bool = False

    def __post_init__(self) -> None:
        check_choice("upscaler", self.upscaler, UPSCALERS)


def build_upscaler(scale: int, knobs: PairKnobs) -> nn.Module:
    """RCAN has 7,816,403 parameters at x2 and 7,964,115 at x4, RRDBNet 16,697,987."""
    blocks = knobs.blocks or UPSCALERS[knobs.upscaler]
    if knobs.upscaler == "rcan":
        return RCAN(scale, RcanKnobs(knobs.width, knobs.groups, blocks, knobs.reduction))
    check_scale(scale)
    return RRDBNet(scale, GeneratorKnobs(blocks=blocks, width=knobs.width, growth=knobs.growth))


class CorrectedUpscaler(nn.Module):
    """(N, 3, h, w) RGB in [0, 1] -> (N, 3, s*h, s*w): upscale(correct(lr)), or upscale(lr).

    correct: (N, 3, h, w) -> the same size, 3,946,891 parameters; the identity where the upscaler is trained alone.
    """

    def __init__(self, scale: int, knobs: PairKnobs, alone: bool, corrects: bool) -> None:
        super().__init__()
        correction = RcanKnobs(knobs.width, knobs.groups, knobs.correction_blocks, knobs.reduction)
        self.correct = nn.Identity() if alone else RCAN(1, correction)
        self.upscale = build_upscaler(scale, knobs)
        self.image_skip = knobs.image_skip
        if knobs.image_skip:
            add_image_skip(self.upscale, scale)
            if not alone:
                add_image_skip(self.correct, 1)
        self.corrects = corrects

    def forward(self, lr: Tensor) -> Tensor:
        sr: Tensor = self.upscale(self.correct(lr) if self.corrects else lr)
        return sr


class WideBlock(nn.Module):
    """x + (conv5-[BN]-LeakyReLU-conv5-[BN])(x)."""

    def __init__(self, width: int, norm: bool) -> None:
        super().__init__()
        first, second = _norm(width, norm), _norm(width, norm)
        self.body = nn.Sequential(conv(width, width, 5), first, nn.LeakyReLU(SLOPE), conv(width, width, 5), second)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = x + self.body(x)
        return y


class Degrader(nn.Module):
    """(y_down (N, 3, p, p) in [0, 1], z (N, 1, p/4, p/4)) -> (N, 3, p, p): LR as if of the unknown degradation.

    1,291,355 parameters at width 64 and 6 blocks. Without noise, z is not looked at and its head is left out.
    """

    def __init__(self, width: int, blocks: int, norm: bool, noise: bool) -> None:
        super().__init__()
        half, quarter = width // 2, width // 4
        self.picture_head = nn.Sequential(
            conv(3, half, 5), _norm(half, norm), nn.LeakyReLU(SLOPE), WideBlock(half, norm)
        )
        self.noise_head = (
            nn.Sequential(
                nn.ConvTranspose2d(1, width // 8, 2, 2),
                nn.LeakyReLU(SLOPE),
                nn.ConvTranspose2d(width // 8, quarter, 2, 2),
                nn.LeakyReLU(SLOPE),
            )
            if noise
            else None
        )
        self.fuse = conv(half + quarter if noise else half, width, 1)
        self.body = nn.Sequential(*(WideBlock(width, norm) for _ in range(blocks)))
        self.tail = nn.Sequential(
            conv(width, half, 1),
            nn.LeakyReLU(SLOPE),
            conv(half, quarter, 1),
            nn.LeakyReLU(SLOPE),
            conv(quarter, 3, 1),
        )

    def forward(self, image: Tensor, z: Tensor) -> Tensor:
        x = self.picture_head(image)  # (N, width/2, p, p)
        if self.noise_head is not None:
            x = torch.cat([x, self.noise_head(z)], 1)
        degraded: Tensor = self.tail(self.body(self.fuse(x)))  # (N, 3, p, p)
        return degraded


class PatchDiscriminator(nn.Module):
    """(N, 3, p, p) -> (N, 1, q, q) logits: five convolutions of 4x4 without padding, LeakyReLU between them.

    The first `halvings` have stride 2. 2,764,737 parameters at width 64. No norm looks at more than one picture, so
    real and fake ones may share a pass. instance_norm: after all but the first and the last convolution.
    sharpening: how often a picture's difference from its 5x5 mean is added to it first; what sets two domains of LR
    apart, noise and blur, is faint beside what they show.
    """

    def __init__(self, width: int, halvings: int = 0, instance_norm: bool = False, sharpening: float = 0.0) -> None:
        super().__init__()
        self.sharpening = sharpening
        widths = [3, *(width * 2**stage for stage in range(4)), 1]
        layers: list[nn.Module] = []
        for stage, (inputs, outputs) in enumerate(itertools.pairwise(widths)):
            layers.append(nn.Conv2d(inputs, outputs, 4, 2 if stage < halvings else 1))
            layers += [nn.InstanceNorm2d(outputs)] if instance_norm and 0 < stage < 4 else []
            layers += [nn.LeakyReLU(SLOPE)] if stage < 4 else []
        self.layers = nn.Sequential(*layers)

    def forward(self, image: Tensor) -> Tensor:
        if self.sharpening:
            image = image + self.sharpening * (image - avg_pool2d(image, 5, 1, 2, count_include_pad=False))
        logits: Tensor = self.layers(image)
        return logits


def check_patch(patch: int, scale: int) -> None:
    """Raises BadInput for an HR patch whose LR the discriminators or the noise map do not fit."""
    side = patch // scale
    if side < 4 * NOISE_STEP or side % NOISE_STEP:
        raise BadInput(
            f"pseudo_sr needs an LR patch of a multiple of {NOISE_STEP} pixels, at least {4 * NOISE_STEP}, not {side}; "
            f"set the patch knob to a multiple of {NOISE_STEP * scale}"
        )


def _norm(width: int, norm: bool) -> nn.Module:
    return nn.BatchNorm2d(width) if norm else nn.Identity()
