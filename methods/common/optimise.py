"""What every learner is made of: how its weights are optimised, on which device and in which precision; what a restart
needs of it."""

import math
from collections.abc import Callable, Hashable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from bench.api import Batch, Training
from bench.errors import BadInput, check_choices, choice, unknown
from methods.common.ema import Ema

Output = TypeVar("Output")

Schedule = Callable[[float], float]
"""Progress in [0, 1) -> factor on the learning rate."""


def drop_at(milestones: tuple[float, ...], factor: float) -> Schedule:
    """Multiply by `factor` at each milestone, given as fractions of the run's length."""
    return lambda progress: factor ** sum(progress >= milestone for milestone in milestones)


def cosine(restarts: int = 1, floor: float = 1e-7 / 2e-4) -> Schedule:
    """Cosine from 1 to `floor`, `restarts` equal periods."""

    def factor(progress: float) -> float:
        phase = (progress * restarts) % 1.0
        return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * phase))

    return factor


SCHEDULES: dict[str, Callable[[tuple[float, ...]], Schedule]] = {
    "halve": lambda milestones: drop_at(milestones, 0.5),
    "tenth": lambda milestones: drop_at(milestones, 0.1),
    "geometric": lambda _: lambda progress: 0.01**progress,  # the same factor every step
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


def tensor_adam(parameters: Any, device: torch.device, betas: tuple[float, float]) -> torch.optim.Adam:
    """Fused Adam whose learning rates, set by `fill_rate`, and moments are tensors that stay where they are, so that a
    CUDA graph can hold an update."""
    on_gpu = device.type == "cuda"
    adam = torch.optim.Adam(parameters, lr=0.0, betas=betas, fused=True, capturable=on_gpu)
    for group in adam.param_groups:
        # CUDA's fused kernel reads single precision
        group["lr"] = torch.zeros((), device=device, dtype=torch.float32 if on_gpu else torch.float64)
    return adam


def make_moments(adam: torch.optim.Adam) -> None:
    """As torch makes them at the first update: one made while a graph is recorded would be 0 at every replay."""
    if adam.state:
        return
    for weight in (weight for group in adam.param_groups for weight in group["params"]):
        moments = {name: torch.zeros_like(weight) for name in ("exp_avg", "exp_avg_sq")}
        adam.state[weight] = {"step": torch.zeros((), device=weight.device), **moments}


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
        self.adam = tensor_adam(parameters, training.device, betas)

    def minimise(self, loss: Tensor, wanted: Tensor | None = None) -> None:
        """Clear gradients, back-propagate, update."""
        self.adam.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.update(wanted)

    def update(self, wanted: Tensor | None = None) -> None:
        """Update from the gradients that are there, at the rate that is set. wanted: 0-d, 1 or 0, whether to."""
        # torch leaves out the update where it is 1, without asking the device: made for gradients that overflow
        self.adam.found_inf = None if wanted is None else 1 - wanted  # type: ignore[attr-defined]
        self.adam.step()

    def set_rate(self, step: int) -> None:
        """The learning rate of a step: all that depends on its number. The first call makes the moments."""
        make_moments(self.adam)
        for group in self.adam.param_groups:
            rate = self.learning_rate * self.schedule(step / self.iterations) * group.get("factor", 1.0)
            group["lr"].fill_(rate)

    def state_dict(self) -> dict[str, Any]:
        """The moments and counts of steps, by the number of their weight."""
        found: dict[str, Any] = self.adam.state_dict()["state"]
        return found

    def load_state_dict(self, state: dict[str, Any]) -> None:
        if state:
            make_moments(self.adam)
        for number, held in self.state_dict().items():
            for name, tensor in held.items():
                tensor.copy_(state[number][name])


@dataclass(frozen=True)
class Optimisation:
    """What all recipes have: Adam, the schedule of its learning rate, an average of the weights, the batches.

    milestones: fractions of the run's length at which `halve` and `tenth` drop. cosine_end: the learning rate that
    `cosine` ends at, None for 1/2000 of the first. ema: the decay of the averaged weights, 0 for none. patch: HR side
    in pixels, None for `lr_patch` LR pixels. Raises BadInput for an unknown value of a `choice`.
    """

    learning_rate: float = 1e-4
    beta2: float = 0.999
    schedule: str = choice("constant", SCHEDULES, "schedule")
    milestones: tuple[float, ...] = ()
    cosine_end: float | None = None
    ema: float = 0.0
    batch_size: int = 16
    patch: int | None = None
    lr_patch: int = 48

    def __post_init__(self) -> None:
        check_choices(self)

    @property
    def needs_weights(self) -> tuple[str, ...]:
        """Names in WEIGHTS; none here."""
        return ()

    @property
    def factors(self) -> Mapping[str, float]:
        """Prefix of parameter names of the trained network -> factor on their learning rate."""
        return {}

    def batch(self, scale: int) -> tuple[int, int]:
        """(pictures per batch, HR patch side in pixels)."""
        return self.batch_size, self.patch or self.lr_patch * scale

    def rates(self) -> Schedule:
        """The schedule of the learning rate."""
        if self.schedule == "cosine" and self.cosine_end is not None:
            return cosine(floor=min(1.0, self.cosine_end / self.learning_rate) if self.learning_rate else 1.0)
        return SCHEDULES[self.schedule](self.milestones)

    def adam(self, network: nn.Module, training: Training, factors: Mapping[str, float] | None = None) -> Adam:
        """The Adam of one network; `factors` as `group_parameters` has them."""
        groups = group_parameters(network, factors or {})
        return Adam(groups, training, self.learning_rate, self.rates(), (0.9, self.beta2))


class NetworkLearner:
    """The network on its device, its Adam and its average; a subclass adds `learn`, and to `parts` whatever else has a
    state: networks, optimisers. It is a `TensorLearner`, of which bench.runtime.graph says what that takes."""

    def __init__(self, network: nn.Module, recipe: Optimisation, training: Training) -> None:
        self.training = training
        self.trained = to_device(network, training)
        self.adam = recipe.adam(self.trained, training, recipe.factors)
        self.parts: dict[str, Any] = {"network": self.trained, "adam": self.adam}
        self.companions: dict[str, nn.Module] = {}
        self.ema = Ema(self.trained, recipe.ema) if recipe.ema else None
        if self.ema:
            self.parts["ema"] = self.ema.network

    @property
    def network(self) -> nn.Module:
        """The averaged network, where there is an average."""
        return self.ema.network if self.ema else self.trained

    def step(self, batch: Batch) -> dict[str, Tensor]:
        self.begin(batch)
        return self.learn(batch)

    def begin(self, batch: Batch) -> Hashable:
        """Set every learning rate."""
        for part in self.parts.values():
            if isinstance(part, Adam):
                part.set_rate(batch.step)
        return None

    def learn(self, batch: Batch) -> dict[str, Tensor]:
        """One step on tensors alone."""
        raise NotImplementedError("its learner has no `learn`")

    def average(self) -> None:
        """Take the step just made into the average."""
        if self.ema:
            self.ema.update(self.trained)

    def warm_start(self, state: dict[str, Tensor]) -> None:
        """Begin from another run's network, and from its companions where this run has such, every key matching;
        whatever else is trained begins anew. Raises BadInput for a companion that the other run has not."""
        network = {key: value for key, value in state.items() if "/" not in key}
        self.trained.load_state_dict(network)
        self.network.load_state_dict(network)
        for name, companion in self.companions.items():
            start = f"{name}/"
            own = {key.removeprefix(start): value for key, value in state.items() if key.startswith(start)}
            if not own:
                raise BadInput(f"the checkpoint to start from has no {name}; train its run again")
            companion.load_state_dict(own)

    def state_dict(self) -> dict[str, Any]:
        return {name: part.state_dict() for name, part in self.parts.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for name, part in self.parts.items():
            part.load_state_dict(state[name])


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


def compiled(forward: Callable[[Tensor], Output], training: Training) -> Callable[[Tensor], Output]:
    """The forward pass, through torch.compile where the run asks for it; the module keeps its own weights."""
    return torch.compile(forward) if training.compile else forward


def to_memory_format(batch: Tensor, training: Training) -> Tensor:
    """The batch in the run's memory format."""
    return batch.contiguous(memory_format=torch.channels_last) if training.channels_last else batch
