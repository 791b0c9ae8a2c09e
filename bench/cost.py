"""What a network costs, counted: parameters and multiply-accumulates; and measured: the latency of one picture.

Counted are convolutions, transposed convolutions and linear layers, one multiply-accumulate a product, biases apart,
products with padding included, as the papers count. Interpolation, activations and normalisation are not.
"""

from __future__ import annotations

import functools
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from bench.api import Method, Picture
from bench.errors import BadInput

LR_SIDE = 64  # pixels of the square LR picture that MACs are counted for


def conv_macs(module: nn.Conv2d, entered: Tensor, left: Tensor) -> int:
    """Output values times the products behind each: in_channels / groups * kernel area."""
    return left.numel() * module.in_channels // module.groups * module.kernel_size[0] * module.kernel_size[1]


def transposed_macs(module: nn.ConvTranspose2d, entered: Tensor, left: Tensor) -> int:
    """Input values times the products of each: out_channels / groups * kernel area."""
    return entered.numel() * module.out_channels // module.groups * module.kernel_size[0] * module.kernel_size[1]


def linear_macs(module: nn.Linear, entered: Tensor, left: Tensor) -> int:
    """Output values times in_features."""
    return left.numel() * module.in_features


COUNTED: dict[type[nn.Module], Callable[..., int]] = {
    nn.Conv2d: conv_macs,
    nn.ConvTranspose2d: transposed_macs,
    nn.Linear: linear_macs,
}


def count_parameters(method: Method) -> int:
    """The parameters of the network that test time needs; 0 where there is none."""
    with torch.device("meta"):
        network = method.network()
    return 0 if network is None else sum(parameter.numel() for parameter in network.parameters())


@functools.cache
def multiply_accumulates(method: Method, side: int = LR_SIDE) -> int | None:
    """MACs to upscale one (3, side, side) LR picture; None for a method without a network to count.

    The method's own upscaler is run, so that a network that sees the enlarged picture, or luma alone, is counted as it
    is used; on tensors that have shapes and no values, so that the largest network takes a second.
    """
    total = 0

    def add(module: nn.Module, entered: tuple[Tensor, ...], left: Tensor) -> None:
        nonlocal total
        total += COUNTED[type(module)](module, entered[0], left)

    with torch.random.fork_rng(devices=[]), FakeTensorMode(allow_non_fake_inputs=True):
        network = method.network()
        if network is None:
            return None
        for module in network.modules():
            if type(module) in COUNTED:
                module.register_forward_hook(add)
        try:
            method.upscaler(network.eval())(Picture("", torch.zeros(3, side, side)))
        except BadInput:
            return None
    return total


def per_sr_megapixel(macs: int, scale: int, side: int = LR_SIDE) -> float:
    """MACs for a million SR pixels, from those for one side x side LR picture."""
    return macs / (scale * side) ** 2 * 1e6


def latency(method: Method, device: torch.device, side: int = LR_SIDE, repeats: int = 5) -> float:
    """Median seconds to upscale one (3, side, side) LR picture by the untrained network, after one warm-up."""
    network = method.network()
    upscaler = method.upscaler(network.to(device).eval() if network is not None else None)
    picture = Picture("", torch.zeros(3, side, side))
    seconds = []
    for _ in range(repeats + 1):
        began = time.perf_counter()
        upscaler(picture)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds[1:])
