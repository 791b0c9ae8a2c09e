"""The network of ZSSR: eight convolutions whose output is added to the bicubic enlargement."""

from __future__ import annotations

import itertools
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

INITIAL_VARIANCE = 0.1  # of a weight, times its fan-in


class ZssrNetwork(nn.Module):
    """(N, 3, h, w), an enlarged LR picture -> (N, 3, h, w). 3x3 convolutions without biases, ReLU between them.

    224,640 parameters at width 64, depth 8. Weights are N(0, 0.1 / (9 * channels in)), drawn from `generator`.
    """

    def __init__(self, width: int, depth: int, generator: torch.Generator) -> None:
        super().__init__()
        channels = [3, *[width] * (depth - 1), 3]
        self.weights = nn.ParameterList()
        for before, after in itertools.pairwise(channels):
            weight = torch.randn(after, before, 3, 3, generator=generator) * (INITIAL_VARIANCE / (9 * before)) ** 0.5
            self.weights.append(weight.contiguous(memory_format=torch.channels_last))

    def forward(self, x: Tensor) -> Tensor:
        y = x.contiguous(memory_format=torch.channels_last)
        *inner, last = self.weights
        for weight in inner:
            y = _rectify(functional.conv2d(y, weight, padding=1))  # (N, width, h, w)
        return x + functional.conv2d(y, last, padding=1)


def _rectify(x: Tensor) -> Tensor:
    """ReLU in place, of the picture and of its gradient: at 128x128 in float32 a fresh 4 MiB for each layer's gradient
    costs a tenth of a step in page faults."""
    if not torch.is_grad_enabled():
        return x.relu_()
    y: Tensor = _Rectifier.apply(x)  # type: ignore[no-untyped-call]
    return y


class _Rectifier(torch.autograd.Function):
    """Sound here alone: the incoming gradient is the next convolution's own and nobody else's."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.mark_dirty(x)
        y = x.relu_()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        result: Tensor = torch.ops.aten.threshold_backward.grad_input(gradient, y, 0, grad_input=gradient)
        return result
