"""Adam, learning-rate schedules as pure functions of progress, precision: what every learner needs to take a step."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn

from bench.api import Training
from bench.errors import unknown

Schedule = Callable[[float], float]
"""Progress in [0, 1) -> factor on the learning rate."""


def drop_at(milestones: tuple[float, ...], factor: float) -> Schedule:
    """Multiply by `factor` at each milestone, given as fractions of the run's length."""
    return lambda progress: factor ** sum(progress >= milestone for milestone in milestones)


def geometric(last: float) -> Schedule:
    """From 1 to `last`, by the same factor every step."""
    return lambda progress: last**progress


def cosine(restarts: int = 1, floor: float = 1e-7 / 2e-4) -> Schedule:
    """Cosine from 1 to `floor`, `restarts` equal periods."""

    def factor(progress: float) -> float:
        phase = (progress * restarts) % 1.0
        return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * phase))

    return factor


SCHEDULES: dict[str, Callable[[tuple[float, ...]], Schedule]] = {
    "halve": lambda milestones: drop_at(milestones, 0.5),
    "tenth": lambda milestones: drop_at(milestones, 0.1),
    "geometric": lambda _: geometric(0.01),
    "cosine": lambda _: cosine(),
    "cosine-restarts": lambda _: cosine(restarts=4),
    "constant": lambda _: lambda progress: 1.0,
}


def group_parameters(network: nn.Module, factors: Mapping[str, float]) -> list[dict[str, Any]]:
    """One group of parameters for each prefix of their names in `factors`, which multiplies the learning rate there,
    and one for the rest. Raises BadInput for a prefix that no parameter has."""
    groups: dict[str, list[nn.Parameter]] = {"": [], **{prefix: [] for prefix in factors}}
    for name, parameter in network.named_parameters():
        groups[next((prefix for prefix in factors if name.startswith(prefix)), "")].append(parameter)
    for prefix in factors:
        if not groups[prefix]:
            raise unknown("parameter prefix", prefix, dict(network.named_parameters()))
    return [{"params": held, "factor": factors.get(prefix, 1.0)} for prefix, held in groups.items() if held]


class Adam:
    """Fused Adam whose learning rate is a pure function of the step, so a resumed run is the same run."""

    def __init__(
        self,
        parameters: Iterable[nn.Parameter] | list[dict[str, Any]],
        training: Training,
        learning_rate: float,
        schedule: Schedule,
        betas: tuple[float, float] = (0.9, 0.999),
    ) -> None:
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.iterations = training.iterations
        self.adam = torch.optim.Adam(parameters, lr=learning_rate, betas=betas, fused=True)

    def minimise(self, loss: Tensor, step: int) -> None:
        """Clear gradients, back-propagate, update."""
        self.adam.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.update(step)

    def update(self, step: int) -> None:
        """Update from the gradients that are there."""
        for group in self.adam.param_groups:
            group["lr"] = self.learning_rate * self.schedule(step / self.iterations) * group.get("factor", 1.0)
        self.adam.step()

    def state_dict(self) -> dict[str, Any]:
        return self.adam.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.adam.load_state_dict(state)


def autocast(training: Training) -> AbstractContextManager[Any]:
    """bf16 autocast where the run asks for it."""
    return torch.autocast(training.device.type, torch.bfloat16, enabled=training.precision == "bf16")


def to_device(network: nn.Module, training: Training) -> nn.Module:
    """The network on the run's device and memory format, in training mode.

    A network without trainable weights keeps its convolutions in the run's precision: autocast, which remembers the
    cast of trainable weights only, would make the same one at every call. Use it under `autocast` alone.
    """
    layout = torch.channels_last if training.channels_last else torch.contiguous_format
    network.to(device=training.device, memory_format=layout)  # type: ignore[call-overload]
    if training.precision == "bf16" and not any(parameter.requires_grad for parameter in network.parameters()):
        for module in network.modules():
            if isinstance(module, nn.Conv2d):
                module.to(torch.bfloat16)
    return network.train()


def compiled(network: nn.Module, training: Training) -> Callable[[Tensor], Tensor]:
    """The forward pass, through torch.compile where the run asks for it; the module keeps its own weights."""
    forward: Callable[[Tensor], Tensor] = torch.compile(network) if training.compile else network
    return forward


def to_memory_format(batch: Tensor, training: Training) -> Tensor:
    """The batch in the run's memory format."""
    return batch.contiguous(memory_format=torch.channels_last) if training.channels_last else batch
