"""DRN's primal network: a U-Net on the enlarged LR, with an SR picture at every resolution on its way up.

Guo et al., "Closed-loop Matters: Dual Regression Networks for Single Image Super-Resolution", CVPR 2020.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bench.errors import BadInput, check_choices, choice
from methods.common.blocks import PEAK, MeanShift, bicubic, conv, enlarge_torch, shuffle_stages
from methods.common.dual import DownBlock, halvings
from methods.common.rcan import AttentionBlock

# size -> scale -> (blocks, features); x2 has no published size and takes those of the released code's defaults
SIZES: dict[str, dict[int, tuple[int, int]]] = {
    "small": {2: (30, 16), 4: (30, 16), 8: (30, 8)},
    "large": {4: (40, 20), 8: (36, 10)},
}


# as the released code enlarges its input, and as the LR was made
BICUBIC_INPUTS: dict[str, Callable[[Tensor, int], Tensor]] = {"torch": enlarge_torch, "matlab": bicubic}


@dataclass(frozen=True)
class PrimalKnobs:
    """Knobs of the network. `blocks` and `features` None are those of `size`. Raises BadInput for a choice that does
    not exist."""

    size: str = choice("small", SIZES, "size of DRN")
    blocks: int | None = None
    features: int | None = None
    reduction: int = 16
    channel_attention: bool = True
    skip_copies: bool = True
    mean_shift_trained: bool = True
    bicubic_input: str = choice("torch", BICUBIC_INPUTS, "bicubic input")

    def __post_init__(self) -> None:
        check_choices(self)

    def sizes(self, scale: int) -> tuple[int, int]:
        """(blocks of each step up, features at the largest resolution). Raises BadInput for a scale that is no power of
        2, and for a size that is not published at it."""
        halvings(scale)
        if None in (self.blocks, self.features) and scale not in SIZES[self.size]:
            raise BadInput(f"DRN has no published {self.size} size at x{scale}; give blocks and features")
        blocks, features = SIZES[self.size].get(scale, (0, 0))
        return self.blocks or blocks, self.features or features


def levels_between(scale: int) -> tuple[int, ...]:
    """The scales between the LR and the HR, the largest first: 4 and 2 for x8."""
    return tuple(2**power for power in range(halvings(scale) - 1, 0, -1))


class DRN(nn.Module):
    """(N, 3, h, w) RGB in [0, 1] -> (N, 3, s*h, s*w). DRN-S 4,804,065 parameters at x4 and 5,403,000 at x8, DRN-L
    9,825,893 and 10,004,018, the mean shift's 24 included."""

    def __init__(self, scale: int, knobs: PrimalKnobs) -> None:
        super().__init__()
        steps = halvings(scale)
        blocks, features = knobs.sizes(scale)
        widths = [features * 2**step for step in range(steps + 1)]  # from the largest resolution down
        self.scale = scale
        self.enlarge = BICUBIC_INPUTS[knobs.bicubic_input]
        self.skip_copies = knobs.skip_copies
        self.sub_mean = MeanShift(-1, knobs.mean_shift_trained)
        self.head = conv(3, features)
        self.down = nn.ModuleList(DownBlock(a, a, b) for a, b in itertools.pairwise(widths))
        self.up = nn.ModuleList()
        tails = [widths[-1]]
        for outputs in reversed(widths[:-1]):
            self.up.append(_step_up(tails[-1], outputs, blocks, knobs.reduction if knobs.channel_attention else None))
            tails.append(2 * outputs if knobs.skip_copies else outputs)
        self.tail = nn.ModuleList(conv(width, 3) for width in tails)
        self.add_mean = MeanShift(1, knobs.mean_shift_trained)

    def forward(self, lr: Tensor) -> Tensor:
        sr: Tensor = self.add_mean(self.tail[-1](self._maps(lr)[-1])) / PEAK  # (N, 3, s*h, s*w)
        return sr

    def pyramid(self, lr: Tensor) -> list[Tensor]:
        """SR pictures at 1, 2, ... s times the size of the LR in [0, 1], in [0, 255]."""
        return [self.add_mean(tail(x)) for tail, x in zip(self.tail, self._maps(lr), strict=True)]

    def _maps(self, lr: Tensor) -> list[Tensor]:
        """Features from the LR's resolution up."""
        with torch.autocast(lr.device.type, enabled=False):
            enlarged = self.enlarge(PEAK * lr, self.scale)
        x = self.head(self.sub_mean(enlarged))  # (N, F, s*h, s*w)
        copies = []
        for down in self.down:
            copies.append(x)
            x = down(x)
        maps = [x]  # (N, s*F, h, w)
        for up, copy in zip(self.up, reversed(copies), strict=True):
            x = up(x)
            x = torch.cat([x, copy], 1) if self.skip_copies else x
            maps.append(x)
        return maps


def _step_up(width: int, outputs: int, blocks: int, reduction: int | None) -> nn.Sequential:
    """RCABs, sub-pixel enlargement by 2, 1x1 convolution: (N, width, h, w) -> (N, outputs, 2h, 2w)."""
    attention = (AttentionBlock(width, reduction) for _ in range(blocks))
    return nn.Sequential(*attention, shuffle_stages(width, 2), conv(width, outputs, 1))
