"""What a network costs, counted: parameters and multiply-accumulates; and measured: the latency of one picture.

Counted are convolutions, transposed convolutions and linear layers, one multiply-accumulate a product, biases apart,
products with padding included, as the papers count. Interpolation, activations and normalisation are not.
"""

import functools
import math
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn.modules.module import register_module_forward_hook

from bench.api import Method, Picture
from bench.errors import BadInput
from methods.elsewhere import Checkpoint

LR_SIDE = 64  # pixels of the square LR picture that MACs are counted for


COUNTED: dict[type[nn.Module], Callable[..., int]] = {  # products of a layer, of what enters and what leaves it
    nn.Conv2d: lambda m, _, out: out.numel() * m.in_channels // m.groups * math.prod(m.kernel_size),
    nn.ConvTranspose2d: lambda m, x, _: x.numel() * m.out_channels // m.groups * math.prod(m.kernel_size),
    nn.Linear: lambda m, _, out: out.numel() * m.in_features,
}


@dataclass(frozen=True)
class Count:
    """parameters: of the layers that upscaling runs. macs: multiply-accumulates for one (3, side, side) LR picture."""

    parameters: int
    macs: int


@functools.cache
def count(method: Method, side: int = LR_SIDE) -> Count | None:
    """What upscaling one (3, side, side) LR picture takes; None for a method without a network to count.

    The method's own upscaler is run, so that a network that sees the enlarged picture, or luma alone, or is mixed of
    two, is counted as it is used; on tensors that have shapes and no values, so that a large one takes seconds.
    """
    macs, parameters = 0, dict[int, int]()

    def add(module: nn.Module, entered: tuple[Tensor, ...], left: Tensor) -> None:
        nonlocal macs
        parameters.update((id(parameter), parameter.numel()) for parameter in module.parameters(recurse=False))
        if type(module) in COUNTED:
            macs += COUNTED[type(module)](module, entered[0], left)

    loaded = method.network() if isinstance(method, Checkpoint) else None  # its file is read where values are real
    with torch.random.fork_rng(devices=[]), FakeTensorMode(allow_non_fake_inputs=True):
        network = loaded or method.network()
        if network is None:
            return None
        hook = register_module_forward_hook(add)
        try:
            method.upscaler(network.eval())(Picture("", torch.zeros(3, side, side)))
        except BadInput:
            return None
        finally:
            hook.remove()
    return Count(sum(parameters.values()), macs)


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
