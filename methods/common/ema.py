"""Exponential moving average of a network, parameters and buffers."""

import copy

import torch
from torch import nn


class Ema:
    """A shadow copy: parameters averaged after every step, buffers (BN statistics) copied.

    BasicSR averages parameters only, which leaves a network with BN at its initial statistics; ours copies them.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.network = copy.deepcopy(network).eval().requires_grad_(False)

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        shadows: list[torch.Tensor] = list(self.network.parameters())
        values = [parameter.detach() for parameter in network.parameters()]
        torch._foreach_lerp_(shadows, values, 1 - self.decay)
        for shadow, value in zip(self.network.buffers(), network.buffers(), strict=True):
            shadow.copy_(value)
