"""D-DBPN: iterated up- and down-projections that feed their errors back, densely connected.

Haris et al., "Deep Back-Projection Networks for Super-Resolution", CVPR 2018.

Deviations: see ENTRY.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bench.api import Axis, Claim, Entry, Method, varied
from bench.errors import BadInput
from methods.common.blocks import PEAK, MeanShift, add_image_skip, conv
from methods.common.pixel import Recipe

PROJECTIONS = {2: (6, 2, 2), 4: (8, 4, 2), 8: (12, 8, 2)}  # scale -> kernel, stride, padding


class Projection(nn.Module):
    """An up-projection unit, or its mirror image: out = there(x); out + again(back(out) - x).

    (N, width, h, w) -> (N, width, s*h, s*w) up, the reverse down; every layer with a PReLU per channel.
    """

    def __init__(self, width: int, scale: int, up: bool) -> None:
        super().__init__()
        self.there = self._layer(width, scale, up)
        self.back = self._layer(width, scale, not up)
        self.again = self._layer(width, scale, up)

    @staticmethod
    def _layer(width: int, scale: int, up: bool) -> nn.Sequential:
        kind = nn.ConvTranspose2d if up else nn.Conv2d
        return nn.Sequential(kind(width, width, *PROJECTIONS[scale]), nn.PReLU(width))

    def forward(self, x: Tensor) -> Tensor:
        out = self.there(x)
        result: Tensor = out + self.again(self.back(out) - x)
        return result


class Gather(nn.Module):
    """The concatenation of all maps so far, back to one map's width by a 1x1 convolution where there are several.

    Not `dense`: the latest map alone.
    """

    def __init__(self, width: int, maps: int, dense: bool) -> None:
        super().__init__()
        several = dense and maps > 1
        self.reduce = nn.Sequential(conv(maps * width, width, 1), nn.PReLU(width)) if several else None

    def forward(self, maps: list[Tensor]) -> Tensor:
        return self.reduce(torch.cat(maps, 1)) if self.reduce is not None else maps[-1]


class DDBPN(nn.Module):
    """(N, 3, h, w) RGB in [0, 1] -> (N, 3, s*h, s*w). 10,429,763 parameters at x4."""

    def __init__(self, knobs: DdbpnMethod) -> None:
        super().__init__()
        width, stages, dense = knobs.width, knobs.stages, knobs.dense
        self.sub_mean = MeanShift(-1, trained=False)
        self.head = nn.Sequential(
            conv(3, knobs.features), nn.PReLU(knobs.features), conv(knobs.features, width, 1), nn.PReLU(width)
        )
        self.ups = nn.ModuleList(Projection(width, knobs.scale, up=True) for _ in range(stages))
        self.downs = nn.ModuleList(Projection(width, knobs.scale, up=False) for _ in range(stages - 1))
        self.before_ups = nn.ModuleList(Gather(width, max(t, 1), dense) for t in range(stages))
        self.before_downs = nn.ModuleList(Gather(width, t + 1, dense) for t in range(stages - 1))
        self.tail = conv(stages * width, 3)
        self.add_mean = MeanShift(1, trained=False)

    def forward(self, lr: Tensor) -> Tensor:
        low = [self.head(self.sub_mean(PEAK * lr))]  # maps of (N, width, h, w)
        high: list[Tensor] = []  # maps of (N, width, s*h, s*w)
        for t, up in enumerate(self.ups):
            high.append(up(self.before_ups[t](low)))
            if t == 0:
                low = []
            if t < len(self.downs):
                low.append(self.downs[t](self.before_downs[t](high)))
        sr: Tensor = self.add_mean(self.tail(torch.cat(high, 1))) / PEAK
        return sr


@dataclass(frozen=True)
class DdbpnMethod(Method):
    """`features` is the width of the first layer, `width` that of the projections, `stages` the number of
    up-projections."""

    features: int = 256
    width: int = 64
    stages: int = 7
    dense: bool = True
    image_skip: bool = False
    recipe: Recipe = Recipe(1e-4, schedule="tenth", milestones=(0.5,), batch_size=20, lr_patch=32)

    def __post_init__(self) -> None:
        if self.scale not in PROJECTIONS:
            raise BadInput(f"D-DBPN upscales by {sorted(PROJECTIONS)}, not {self.scale}; choose one of them")
        if self.stages < 1:
            raise BadInput(f"D-DBPN needs at least one up-projection, not {self.stages}; raise knob stages")

    def network(self) -> nn.Module:
        return add_image_skip(DDBPN(self), self.scale) if self.image_skip else DDBPN(self)


ENTRY = Entry(
    "ddbpn",
    DdbpnMethod,
    "Haris et al., CVPR 2018",
    iterations=1_000_000,
    axes=(
        Axis(
            "size",
            "What does the wide network gain over the one of the EDSR-family port?",
            {"small": {"features": 128, "width": 32, "stages": 6}},
            "released code",
        ),
        Axis("dense", "Do dense connections between the units help?", {"no-dense": {"dense": False}}, "section 4.2"),
        Axis(
            "depth", "Do more back-projections help?", varied("stages", {"stages-2": 2, "stages-4": 4}), "section 4.2"
        ),
        Axis("loss", "Does L1 train to a higher PSNR than L2?", {"l2": {"loss": "l2"}}, "Lim et al. 2017"),
    ),
    claims=(
        Claim("dense", "Dense connections between the projection units help.", "default > no-dense"),
        Claim("depth-7", "Seven stages are better than four.", "default > stages-4", sized=True),
        Claim("depth-4", "Four stages are better than two.", "stages-4 > stages-2", sized=True),
        Claim("loss", "L1 trains to a higher PSNR than L2.", "default > l2", source="Lim et al. 2017, section 4.2"),
    ),
    deviations=(
        "trained on the suite's pictures instead of DIV2K, Flickr and ImageNet",
        "pixels enter as in the EDSR family, [0, 255] minus DIV2K's mean colour",
        "PyTorch's initialisation; no weight decay",
    ),
)
