"""The network of ZSSR: eight convolutions whose output is added to the bicubic enlargement."""

import itertools

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
            y = functional.conv2d(y, weight, padding=1).relu_()  # (N, width, h, w)
        return x + functional.conv2d(y, last, padding=1)
