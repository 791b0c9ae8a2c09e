"""The layers of published classification networks, by name and in the numbering of their published weights.

AlexNet (Krizhevsky 2014) and VGG (Simonyan & Zisserman, ICLR 2015) as torchvision has them, and VGG with the blurred
pooling of ST-LPIPS (Ghildyal & Liu, ECCV 2022). LPIPS and the perceptual losses see pictures through them.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.errors import BadInput

Layers = dict[str, Callable[[], nn.Module]]
"""Name -> what makes the layer: convolutions conv<block>_<i>, their ReLUs relu<block>_<i>, poolings pool<block>."""


class Blur(nn.Module):
    """A 3x3 binomial filter at every second pixel, border reflected by two pixels. Raises BadInput below 3 pixels."""

    taps: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("taps", torch.tensor([0.25, 0.5, 0.25]), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        if min(x.shape[-2:]) < 3:
            raise BadInput("the patches are too small for this perceptual network's pooling; raise the patch knob")
        taps = self.taps.to(x.dtype)
        kernel = (taps[:, None] * taps[None, :]).expand(x.shape[1], 1, 3, 3)
        # PyTorch's own reflection has no deterministic gradient on a GPU
        padded = reflected(reflected(x, -1), -2) if x.is_cuda else functional.pad(x, (2, 2, 2, 2), "reflect")
        return functional.conv2d(padded, kernel, stride=2, groups=x.shape[1])


def reflected(x: Tensor, axis: int) -> Tensor:
    """An axis two pixels longer at either end, mirrored in its first and last pixel."""
    last = x.shape[axis] - 1
    ends = [x.narrow(axis, place, 1) for place in (2, 1, last - 1, last - 2)]
    return torch.cat([*ends[:2], x, *ends[2:]], axis)


def vgg(*depths: int, blurred: bool = False) -> Layers:
    """VGG with that many 3x3 convolutions in each block. blurred: the maximum of 2x2 pixels at stride 1, then a blur,
    in place of the poolings between blocks; after the last block none is published."""
    layers: Layers = {}
    channels = 3
    for block, depth in enumerate(depths, start=1):
        width = min(32 * 2**block, 512)
        for i in range(1, depth + 1):
            layers[f"conv{block}_{i}"] = partial(nn.Conv2d, channels, width, 3, padding=1)
            layers[f"relu{block}_{i}"] = nn.ReLU
            channels = width
        if blurred and block < len(depths):
            layers |= {f"max{block}": partial(nn.MaxPool2d, 2, 1), f"pool{block}": Blur}
        else:
            layers[f"pool{block}"] = partial(nn.MaxPool2d, 2, 2)
    return layers


VGG16 = vgg(2, 2, 3, 3, 3)
VGG19 = vgg(2, 2, 4, 4, 4)
ALEXNET: Layers = {
    "conv1": partial(nn.Conv2d, 3, 64, 11, stride=4, padding=2),
    "relu1": nn.ReLU,
    "pool1": partial(nn.MaxPool2d, 3, 2),
    "conv2": partial(nn.Conv2d, 64, 192, 5, padding=2),
    "relu2": nn.ReLU,
    "pool2": partial(nn.MaxPool2d, 3, 2),
    "conv3": partial(nn.Conv2d, 192, 384, 3, padding=1),
    "relu3": nn.ReLU,
    "conv4": partial(nn.Conv2d, 384, 256, 3, padding=1),
    "relu4": nn.ReLU,
    "conv5": partial(nn.Conv2d, 256, 256, 3, padding=1),
    "relu5": nn.ReLU,
    "pool5": partial(nn.MaxPool2d, 3, 2),
}


def torchvision_names(state: dict[str, Any]) -> dict[str, Any]:
    """A published state with ST-LPIPS's `net.slice<n>.<layer>.…` named `features.<layer>.…`, as torchvision does."""
    return {
        f"features.{key.split('.', 2)[2]}" if key.startswith("net.slice") else key: value
        for key, value in state.items()
    }
