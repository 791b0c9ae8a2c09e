"""PERCEPTUAL: frozen feature networks for perceptual losses, tapped before or after a layer's activation.

A perceptual network is always a named knob: numbers trained with different ones are not comparable.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.errors import BadInput, unknown
from bench.runtime.weights import load

Tap = Literal["before", "after"]

_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))  # LPIPS's ((2x - 1) + .03) / .458 is the same map


@dataclass(frozen=True)
class FeatureNetwork:
    """Where a feature network's convolutions are and how its input is normalised.

    layers: 'conv1_1', ... in order with 'M' for pooling, and the state-dict key of each convolution.
    """

    weights: str
    layers: tuple[str, ...]
    keys: tuple[str, ...]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    pooling: Literal["max", "blur"] = "max"
    bgr: bool = False
    strides: tuple[tuple[int, int], ...] = ()  # (stride, padding) a convolution; VGG: (1, 1)

    @property
    def deepest(self) -> str:
        """The last convolution."""
        return self.layers[-1]

    @property
    def stages(self) -> tuple[str, ...]:
        """Every layer by name, the pooling after block k as 'pool<k>', the one after the last block included."""
        names: list[str] = []
        for item in (*self.layers, "M"):
            names.append("pool" + names[-1].removeprefix("conv").split("_")[0] if item == "M" else item)
        return tuple(names)


def _vgg(*convolutions: int) -> tuple[str, ...]:
    """VGG's layers, given how many convolutions each block has; pooling between the blocks."""
    layers: list[str] = []
    for block, count in enumerate(convolutions, start=1):
        layers += (["M"] if layers else []) + [f"conv{block}_{i}" for i in range(1, count + 1)]
    return tuple(layers)


def _keys(layers: tuple[str, ...], prefix: str = "features.{position}", pooling: int = 1) -> tuple[str, ...]:
    """State-dict keys: a convolution and its ReLU take two places, pooling as many as said."""
    keys, position, block = [], 0, 1
    for item in layers:
        if item == "M":
            position, block = position + pooling, block + 1
        else:
            keys.append(prefix.format(position=position, block=block))
            position += 2
    return tuple(keys)


_VGG19 = _vgg(2, 2, 4, 4, 4)
_VGG19_CAFFE = _vgg(2, 2, 4)
_VGG16 = _vgg(2, 2, 3, 3, 3)

PERCEPTUAL: dict[str, FeatureNetwork] = {
    "vgg19": FeatureNetwork("vgg19", _VGG19, _keys(_VGG19), *_IMAGENET),
    "vgg19-caffe-conv3_4": FeatureNetwork(
        "vgg19-caffe-conv3_4",
        _VGG19_CAFFE,
        _keys(_VGG19_CAFFE),
        (103.939 / 255, 116.779 / 255, 123.68 / 255),
        (1 / 255, 1 / 255, 1 / 255),
        bgr=True,
    ),
    "minc-vgg16": FeatureNetwork(
        "minc-vgg16",
        _VGG16,
        _keys(_VGG16),
        (103.939 / 255, 116.779 / 255, 123.68 / 255),
        (1 / 255, 1 / 255, 1 / 255),
        bgr=True,
    ),
    "alexnet": FeatureNetwork(
        "alexnet",
        ("conv1", "M", "conv2", "M", "conv3", "conv4", "conv5"),
        ("features.0", "features.3", "features.6", "features.8", "features.10"),
        *_IMAGENET,
        strides=((4, 2), (1, 2), (1, 1), (1, 1), (1, 1)),
    ),
    "stlpips-vgg16": FeatureNetwork(
        "stlpips-vgg16",
        _VGG16,
        _keys(_VGG16, "net.slice{block}.{position}", pooling=2),
        *_IMAGENET,
        pooling="blur",
    ),
}


class Features(nn.Module):
    """(N, 3, h, w) RGB in [0, 1] -> the tapped features. Frozen, in evaluation mode, computed in float32 or autocast.

    Raises BadInput for an unknown network or layer, MissingWeights where its file is not here.
    """

    def __init__(self, name: str, layer: str | None = None, tap: Tap = "before") -> None:
        super().__init__()
        network = _feature_network(name)
        layer = layer or network.deepest
        convolutions = [item for item in network.layers if item != "M"]
        if layer not in convolutions:
            raise unknown(f"layer of {name}", layer, convolutions)
        self.tap = tap
        self.normalise = _Normalise(network)
        self.stages = _build(network, layer)
        self.eval().requires_grad_(False)

    def forward(self, image: Tensor) -> Tensor:
        x = self.normalise(image)
        last = len(self.stages) - 1
        for position, stage in enumerate(self.stages):
            x = stage(x)
            if isinstance(stage, nn.Conv2d) and position < last:
                x = functional.relu(x)
        return functional.relu(x) if self.tap == "after" else x


class MultiFeatures(nn.Module):
    """(N, 3, h, w) RGB in [0, 1] -> {layer: features}: convolutions after their activation, poolings by 'pool2'.

    Frozen as `Features`. Raises BadInput naming a layer that the network does not have.
    """

    def __init__(self, name: str, layers: tuple[str, ...]) -> None:
        super().__init__()
        network = _feature_network(name)
        for layer in layers:
            if layer not in network.stages:
                raise BadInput(f"perceptual network {name} has no layer {layer}; choose another one")
        self.layers = layers
        self.normalise = _Normalise(network)
        self.stages = _build(network, max(layers, key=network.stages.index))
        self.names = network.stages[: len(self.stages)]
        self.eval().requires_grad_(False)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        x = self.normalise(image)
        found = {}
        for name, stage in zip(self.names, self.stages, strict=True):
            x = functional.relu(stage(x)) if isinstance(stage, nn.Conv2d) else stage(x)
            if name in self.layers:
                found[name] = x
        return found


class _Normalise(nn.Module):
    """RGB in [0, 1] as a network was trained to see it."""

    mean: Tensor
    std: Tensor

    def __init__(self, network: FeatureNetwork) -> None:
        super().__init__()
        self.bgr = network.bgr
        self.register_buffer("mean", torch.tensor(network.mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(network.std).view(1, 3, 1, 1), persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        return ((image.flip(1) if self.bgr else image) - self.mean) / self.std


def _feature_network(name: str) -> FeatureNetwork:
    if name not in PERCEPTUAL:
        raise unknown("perceptual network", name, PERCEPTUAL)
    return PERCEPTUAL[name]


def _build(network: FeatureNetwork, last: str) -> nn.ModuleList:
    """The stages up to and including the one named `last`, convolutions with their published weights.

    The pooling after the last block, which no published network here contains, is VGG's: by the maximum.
    """
    state, stages, seen = load(network.weights), nn.ModuleList(), 0
    for name in network.stages[: network.stages.index(last) + 1]:
        if name.startswith("pool"):
            blur = network.pooling == "blur" and name != network.stages[-1]
            stages.append(BlurPool() if blur else nn.MaxPool2d(3 if network.strides else 2, 2))
            continue
        key = network.keys[seen]
        weight, bias = state[f"{key}.weight"], state[f"{key}.bias"]
        stride, padding = network.strides[seen] if network.strides else (1, 1)
        convolution = nn.Conv2d(weight.shape[1], weight.shape[0], weight.shape[2:], stride, padding)
        convolution.load_state_dict({"weight": weight, "bias": bias})
        stages.append(convolution)
        seen += 1
    return stages


class BlurPool(nn.Module):
    """Anti-aliased pooling: 2x2 max at stride 1, then a 3x3 binomial blur at stride 2 with reflection padding of 2."""

    def forward(self, x: Tensor) -> Tensor:
        if min(x.shape[-2:]) < 4:
            raise BadInput("the patches are too small for this perceptual network's pooling; raise the patch knob")
        x = functional.pad(functional.max_pool2d(x, 2, 1), (2, 2, 2, 2), mode="reflect")
        taps = torch.tensor([0.25, 0.5, 0.25], dtype=x.dtype, device=x.device)
        kernel = (taps[:, None] * taps[None, :]).expand(x.shape[1], 1, 3, 3)
        return functional.conv2d(x, kernel, stride=2, groups=x.shape[1])


def active_fraction(features: Tensor) -> Tensor:
    """The share of features above zero: what an activation lets through (ESRGAN paper, section 3.3)."""
    return (features > 0).float().mean()


@torch.no_grad()
def tap_statistics(name: str, layer: str | None, image: Tensor) -> dict[str, float]:
    """What a perceptual loss at this layer can see of (N, 3, h, w) RGB in [0, 1], before and after activation.

    active_before, active_after: the share of features that are not zero; mean_before, mean_after: their mean. Raises
    what `Features` does. ESRGAN paper, section 3.3: 11.17 % active after VGG19's conv5_4 on 'baboon'.
    """
    before = Features(name, layer, "before").to(image.device)(image)
    after = functional.relu(before)
    return {
        "active_before": float((before != 0).float().mean()),
        "active_after": float(active_fraction(after)),
        "mean_before": float(before.mean()),
        "mean_after": float(after.mean()),
    }
