"""LPIPS and ST-LPIPS: distances between deep features, weighted by what people see.

Both compare the features of two RGB pictures at several depths of a classification network: unit-normalised over the
channels, squared difference, a learned non-negative weight per channel, mean over the plane, sum over the depths.
Sources: Zhang et al., CVPR 2018 (LPIPS, linear layers v0.1); Ghildyal & Liu, ECCV 2022 (ST-LPIPS: AlexNet at stride 1
with blur-and-subsample layers, trained to bear small shifts). The networks are written here; only the published
weights are used.
"""

import functools
import hashlib
from typing import Literal

import torch
from torch import Tensor, nn

from bench.data.features import ALEXNET, VGG16, Layers, torchvision_names
from bench.data.images import U8, to_tensor
from bench.errors import BadInput, pick
from bench.runtime import weights

Network = Literal["alex", "squeeze", "vgg", "st-alex"]
State = dict[str, Tensor]
_SHIFT = (-0.030, -0.088, -0.188)  # of RGB in [-1, 1], part of the metric's definition
_SCALE = (0.458, 0.448, 0.450)
_EPS = 1e-10
SMALLEST = {"alex": 31, "squeeze": 17, "vgg": 16, "st-alex": 21}  # pixels a side that leave one feature everywhere


class Fire(nn.Module):
    """SqueezeNet's block: 1x1 squeeze, then 1x1 and 3x3 expansions side by side. (N, c, h, w) -> (N, 2 e, h, w)."""

    def __init__(self, channels: int, squeeze: int, expand: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, squeeze, 1)
        self.expand1x1 = nn.Conv2d(squeeze, expand, 1)
        self.expand3x3 = nn.Conv2d(squeeze, expand, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.squeeze(x))
        return torch.relu(torch.cat([self.expand1x1(x), self.expand3x3(x)], dim=1))


class Blur(nn.Module):
    """The binomial [1, 2, 1] x [1, 2, 1] / 16 at every second pixel, border reflected by two pixels. One axis after the
    other, which rounds otherwise than the perceptual losses' blur: published scores keep their last digit."""

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.pad(x, (2, 2, 2, 2), mode="reflect")
        for axis in (2, 3):
            last = (x.shape[axis] - 3) // 2 * 2  # the first tap's last position
            taps = (slice(start, start + last + 1, 2) for start in (0, 1, 2))
            first, middle, end = (x[*[slice(None)] * axis, tap] for tap in taps)
            x = (first + end + 2 * middle) / 4
        return x


class DenseMax(nn.Module):
    """The maximum of every 3x3 neighbourhood, (N, c, h, w) -> (N, c, h - 2, w - 2); faster than MaxPool2d(3, 1)."""

    def forward(self, x: Tensor) -> Tensor:
        x = torch.maximum(torch.maximum(x[:, :, :-2], x[:, :, 1:-1]), x[:, :, 2:])
        return torch.maximum(torch.maximum(x[..., :-2], x[..., 1:-1]), x[..., 2:])


class Distance(nn.Module):
    """`features` tapped after the layers of index `taps`; `linear[i]` weighs the channels of tap i."""

    def __init__(self, features: nn.Sequential, taps: tuple[int, ...], channels: tuple[int, ...]) -> None:
        super().__init__()
        self.features = nn.Sequential(*list(features)[: taps[-1] + 1])
        self.taps = taps
        self.linear = nn.ParameterList([nn.Parameter(torch.zeros(c)) for c in channels])
        self.shift = nn.Buffer(torch.tensor(_SHIFT).view(1, 3, 1, 1), persistent=False)
        self.scale = nn.Buffer(torch.tensor(_SCALE).view(1, 3, 1, 1), persistent=False)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """(N, 3, h, w) RGB in [-1, 1] twice -> (N,) distances, 0 for equal pictures."""
        return self.between(self.seen(x), self.seen(y))

    def seen(self, x: Tensor) -> list[Tensor]:
        """What each tap sees of (N, 3, h, w) RGB in [-1, 1], every position's vector of length 1."""
        x, found = (x - self.shift) / self.scale, []
        for index, layer in enumerate(self.features):
            x = layer(x)
            if index in self.taps:
                found.append(_unit(x))
        return found

    def between(self, first: list[Tensor], second: list[Tensor]) -> Tensor:
        """(N,) distances of what the taps see."""
        total = torch.zeros(len(first[0]), device=first[0].device)
        for x, y, linear in zip(first, second, self.linear, strict=True):
            total = total + ((x - y).square() * linear.view(1, -1, 1, 1)).sum(dim=1).mean(dim=(1, 2))
        return total


def _unit(features: Tensor) -> Tensor:
    """Each position's vector over the channels, divided by its length."""
    return features / (features.square().sum(dim=1, keepdim=True).sqrt() + _EPS)


def _sequence(layers: Layers) -> nn.Sequential:
    return nn.Sequential(*(make() for make in layers.values()))


def alexnet() -> Distance:
    """AlexNet, the ReLU after each convolution tapped."""
    return Distance(_sequence(ALEXNET), (1, 4, 7, 9, 11), (64, 192, 384, 256, 256))


def squeezenet() -> Distance:
    """SqueezeNet 1.1 (Iandola et al. 2016), tapped after the stem and wherever the width or the size changes."""
    pool = functools.partial(nn.MaxPool2d, 3, 2, ceil_mode=True)
    widths = ((64, 64), (128, 64), (128, 128), (256, 128), (256, 192), (384, 192), (384, 256), (512, 256))
    fires = [Fire(channels, expand // 4, expand) for channels, expand in widths]
    stem = (nn.Conv2d(3, 64, 3, stride=2), nn.ReLU())
    features = nn.Sequential(*stem, pool(), *fires[:2], pool(), *fires[2:4], pool(), *fires[4:])
    return Distance(features, (1, 4, 7, 9, 10, 11, 12), (64, 128, 256, 384, 384, 512, 512))


def vgg16() -> Distance:
    """VGG16, tapped before each pooling."""
    return Distance(_sequence(VGG16), (3, 8, 15, 22, 29), (64, 128, 256, 512, 512))


def shift_tolerant_alexnet() -> Distance:
    """AlexNet with every stride replaced by a blur: the first blur comes before its ReLU, the pools are dense."""
    first = (nn.Conv2d(3, 64, 11, padding=2), Blur(), nn.ReLU(), DenseMax(), Blur())
    second = (nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), DenseMax(), Blur())
    features = nn.Sequential(*first, *second, *list(_sequence(ALEXNET))[6:])  # conv3 and what follows
    return Distance(features, (2, 6, 10, 12, 14), (64, 192, 384, 256, 256))


BUILDERS = {"alex": alexnet, "squeeze": squeezenet, "vgg": vgg16, "st-alex": shift_tolerant_alexnet}
FILES: dict[str, tuple[str, ...]] = {  # names in bench.runtime.weights.WEIGHTS: features, linear layers
    "alex": ("alexnet", "lpips-alex"),
    "squeeze": ("squeezenet", "lpips-squeeze"),
    "vgg": ("vgg16", "lpips-vgg"),
    "st-alex": ("stlpips-alex",),
}


def build(name: Network, features: State, linear: State) -> Distance:
    """The named network, frozen, in evaluation mode. `features`: `features.<layer>…` as torchvision names them;
    `linear`: `lin<tap>.model.1.weight`. Other keys are ignored; a missing or misshapen one raises RuntimeError."""
    network = pick("LPIPS network", name, BUILDERS)()
    state = {key: value for key, value in features.items() if key in network.state_dict()}
    for tap in range(len(network.taps)):
        state[f"linear.{tap}"] = linear[f"lin{tap}.model.1.weight"].flatten()
    network.load_state_dict(state)
    return network.eval().requires_grad_(False)


@functools.cache
def network(name: Network) -> Distance:
    """The named metric with its published weights. Raises MissingWeights, naming file and remedy."""
    states = [weights.load(file) for file in FILES[name]]
    return build(name, torchvision_names(states[0]), states[-1])


def lpips(sr: U8, hr: U8, name: Network) -> float:
    """Distance of two 8-bit pictures of one size, whole and in full range; grey is repeated. 0: equal.

    Raises MissingWeights; BadInput for pictures too small for the network.
    """
    if min(sr.shape[:2]) < SMALLEST[name]:
        raise BadInput(f"LPIPS ({name}) needs {SMALLEST[name]} pixels a side, got {sr.shape[1]}x{sr.shape[0]}")
    distance = network(name)
    with torch.inference_mode():
        return float(distance.between(distance.seen(_signed(sr)), _remembered(hr, name)).item())


def _signed(image: U8) -> Tensor:
    """(1, 3, h, w) RGB in [-1, 1]."""
    return to_tensor(image).mul(2).sub(1)[None]


_MEMORY = 2**30  # bytes
_memory: dict[tuple[str, bytes], list[Tensor]] = {}


def _remembered(hr: U8, name: Network) -> list[Tensor]:
    """What the taps see of an HR picture, kept for the next SR of it: a suite compares each HR with every run's SR."""
    key = (name, hashlib.sha256(f"{hr.shape}".encode() + hr.tobytes()).digest())
    if key not in _memory:
        seen = network(name).seen(_signed(hr))
        size = sum(tensor.nbytes for tensor in seen)
        while _memory and sum(tensor.nbytes for kept in _memory.values() for tensor in kept) + size > _MEMORY:
            del _memory[next(iter(_memory))]
        _memory[key] = seen
    return _memory[key]
