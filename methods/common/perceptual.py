"""PERCEPTUAL: frozen feature networks for perceptual losses, tapped before or after a layer's activation.

A perceptual network is always a named knob: numbers trained with different ones are not comparable.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.api import Axis, Claim
from bench.data.features import ALEXNET, VGG16, VGG19, Layers, torchvision_names, vgg
from bench.errors import BadInput, check_choice, pick
from bench.runtime.weights import load

Tap = Literal["before", "after"]


@dataclass(frozen=True)
class FeatureNetwork:
    """A network's layers, the name of its published weights, and how its input is normalised."""

    weights: str
    layers: Layers
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)  # ImageNet's; LPIPS's ((2x - 1) + .03) / .458 is the same
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    bgr: bool = False

    @property
    def deepest(self) -> str:
        """The last convolution."""
        return self.convolutions[-1]

    @property
    def convolutions(self) -> list[str]:
        """Their names, in order."""
        return [name for name in self.layers if name.startswith("conv")]


_CAFFE = (103.939 / 255, 116.779 / 255, 123.68 / 255), (1 / 255, 1 / 255, 1 / 255), True

PERCEPTUAL: dict[str, FeatureNetwork] = {
    "vgg19": FeatureNetwork("vgg19", VGG19),
    "vgg19-caffe-conv3_4": FeatureNetwork("vgg19-caffe-conv3_4", vgg(2, 2, 4), *_CAFFE),
    "minc-vgg16": FeatureNetwork("minc-vgg16", VGG16, *_CAFFE),
    "alexnet": FeatureNetwork("alexnet", ALEXNET),
    "vgg16": FeatureNetwork("vgg16", VGG16),
    "stlpips-vgg16": FeatureNetwork("stlpips-vgg16", vgg(2, 2, 3, 3, 3, blurred=True)),
}


class Features(nn.Sequential):
    """(N, 3, h, w) RGB in [0, 1] -> the tapped features. Frozen, in evaluation mode, computed in float32 or autocast.

    Raises BadInput for an unknown network or layer, MissingWeights where its file is not here.
    """

    def __init__(self, name: str, layer: str | None = None, tap: Tap = "before") -> None:
        network = pick("perceptual network", name, PERCEPTUAL)
        layer = layer or network.deepest
        check_choice(f"layer of {name}", layer, network.convolutions)
        last = layer if tap == "before" else _activated(layer)
        super().__init__(_Normalise(network), *_build(network, last).values())
        self.eval().requires_grad_(False)


class MultiFeatures(nn.Module):
    """(N, 3, h, w) RGB in [0, 1] -> {layer: features}: convolutions after their activation, poolings by 'pool2'.

    Frozen as `Features`. Raises BadInput naming a layer that the network does not have.
    """

    def __init__(self, name: str, layers: tuple[str, ...]) -> None:
        super().__init__()
        network = pick("perceptual network", name, PERCEPTUAL)
        for layer in layers:
            if layer not in network.layers:
                raise BadInput(f"perceptual network {name} has no layer {layer}; choose another one")
        self.taps = {_activated(layer): layer for layer in layers}
        self.normalise = _Normalise(network)
        self.layers = _build(network, max(self.taps, key=list(network.layers).index))
        self.eval().requires_grad_(False)

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        x = self.normalise(image)
        found = {}
        for name, layer in self.layers.items():
            x = layer(x)
            if name in self.taps:
                found[self.taps[name]] = x
        return found


def _activated(layer: str) -> str:
    """The ReLU of a convolution; any other layer itself."""
    return layer.replace("conv", "relu")


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


def _build(network: FeatureNetwork, last: str) -> nn.ModuleDict:
    """The layers up to and including `last`, convolutions with their published weights."""
    state, layers = torchvision_names(load(network.weights)), nn.ModuleDict()
    for position, (name, make) in enumerate(network.layers.items()):
        layers[name] = layer = make()
        if isinstance(layer, nn.Conv2d):
            layer.load_state_dict({key: state[f"features.{position}.{key}"] for key in ("weight", "bias")})
        if name == last:
            break
    return layers


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
        "active_after": float((after > 0).float().mean()),
        "mean_before": float(before.mean()),
        "mean_after": float(after.mean()),
    }


def tap_axis(source: str) -> Axis:
    question = "Are features before activation a better perceptual loss than after?"
    return Axis("tap", question, {"tap-after": {"tap": "after"}}, source)


TAP_CLAIMS = (
    Claim(
        "tap",
        "A perceptual loss on features before activation gives sharper edges and richer texture than one after.",
        "default > tap-after",
    ),
    Claim(
        "tap-brightness",
        "Features before activation keep the brightness of the truth, features after it shift it.",
        "default > tap-after",
        "luma_error",
    ),
)
