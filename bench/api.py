"""Everything a method may know about the harness, and everything the harness knows about a method.

A method is one frozen dataclass whose fields are its knobs (defaults: the paper's) and one `Entry`.
It never reads a suite, writes a file or scores itself.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import torch
from torch import Tensor, nn

from bench.errors import BadInput, unknown

Precision = Literal["float32", "bf16"]
Knobs = Mapping[str, Any]


@dataclass(frozen=True)
class Picture:
    """What an upscaler may see of one test picture.

    lr: (3, h, w) float32 RGB in [0, 1]. kernel: the blur kernel where it is known, (k, k) summing to 1,
    cross-correlation orientation. seed: for methods that train on the picture itself.
    """

    name: str
    lr: Tensor
    kernel: Tensor | None = None
    seed: int = 0


Upscaler = Callable[[Picture], Tensor]
"""Picture -> (3, scale*h, scale*w) float32 RGB; values outside [0, 1] are clipped by the caller."""

Progress = Callable[[int], None]
"""Told after every few iterations how many have been made since the last call."""

Estimator = Callable[[Sequence[Picture], Progress], list[Tensor]]
"""Pictures -> the blur kernel of each, (k, k) float64 summing to 1, cross-correlation orientation; NaN where the
estimation came to nothing."""


@dataclass(frozen=True)
class Batch:
    """One training batch, a pure function of (pictures, seed, step).

    lr: (N, 3, p, p), hr: (N, 3, scale*p, scale*p), float32 RGB in [0, 1], on the training device. levels: the same HR
    patches at the resolutions between, one (N, 3, scale/l*p, scale/l*p) for each l of the method's `levels`.
    unpaired: (M, 3, p, p), LR patches without HR, of pictures that no pair comes from.
    """

    lr: Tensor
    hr: Tensor
    step: int
    levels: tuple[Tensor, ...] = ()
    unpaired: Tensor | None = None


@dataclass(frozen=True)
class Training:
    """What a learner is told about the run it belongs to."""

    iterations: int
    seed: int = 0
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    precision: Precision = "float32"
    channels_last: bool = False
    compile: bool = False


class Learner(Protocol):
    """What the training loop drives."""

    @property
    def network(self) -> nn.Module:
        """What test time needs; its weights are the checkpoint."""

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """One optimisation step. Returns detached 0-d losses on the device: reading them is the loop's choice."""

    def warm_start(self, state: dict[str, Tensor]) -> None:
        """Begin from another run's network weights. Raises RuntimeError where a key or shape does not match."""

    def state_dict(self) -> dict[str, Any]:
        """Everything a restart needs, as tensors and plain Python values."""

    def load_state_dict(self, state: dict[str, Any]) -> None: ...


@dataclass(frozen=True)
class Method(ABC):
    """A super-resolution method. Subclass fields are knobs; every default is the paper's."""

    scale: int = 4

    @property
    def batch(self) -> tuple[int, int]:
        """(pictures per batch, HR patch side in pixels); ignored by methods without a learner."""
        return (16, 32 * self.scale)

    @property
    def levels(self) -> tuple[int, ...]:
        """Scales below `scale` at which a batch also holds the degraded HR, in the order of `Batch.levels`."""
        return ()

    @property
    def unpaired(self) -> int:
        """How many pictures of a batch are unpaired LR; the others are pairs."""
        return 0

    def learner(self, training: Training) -> Learner | None:
        """A fresh learner, or None where there is nothing to train. Seeded by the caller."""
        return None

    def network(self) -> nn.Module | None:
        """The untrained network that a checkpoint is loaded into; None where there is none."""
        return None

    @property
    def needs_weights(self) -> tuple[str, ...]:
        """Names in WEIGHTS without which the learner cannot train (its perceptual network)."""
        return ()

    @abstractmethod
    def upscaler(self, network: nn.Module | None) -> Upscaler:
        """How a picture is upscaled, given the trained network in evaluation mode. Raises BadInput for an estimator."""

    def estimator(self) -> Estimator | None:
        """How blur kernels are estimated, for a method that estimates them instead of upscaling; None otherwise."""
        return None


@dataclass(frozen=True)
class Axis:
    """One ablation: a question, and what each of its variants sets. The default is not listed."""

    name: str
    question: str
    variants: Mapping[str, Knobs]
    source: str


@dataclass(frozen=True)
class Claim:
    """A sentence of a paper as an inequality between two variants (or methods) on one metric.

    better, worse: '<method>.<variant>'. scale, degradation: where it is claimed; 0 and '' stand for any. margin: by how
    much at least, in the metric's unit. pooled: False for a sentence on single sets, which is shown but not judged.
    """

    id: str
    text: str
    better: str
    worse: str
    metric: str
    source: str
    scale: int = 4
    degradation: str = "bicubic"
    margin: float = 0.0
    pooled: bool = True


@dataclass(frozen=True)
class Pretrain:
    """This method starts from another one's network, trained with the same values of the `shared` knobs, unless it has
    a knob `pretrained` that is off."""

    method: str
    shared: tuple[str, ...]


@dataclass(frozen=True)
class Entry:
    """One method's entry. `iterations` is the paper's training length; `revision` is raised by hand when numbers
    change for a reason the source does not show. `networks`: the methods whose trained networks it works with, given to
    its upscaler as an nn.ModuleList. `deterministic`: nothing is random, one run stands for every seed. `baselines`:
    '<method>.<variant>' of those over which a report tables its gain. `gap`: its variants (floor, estimate, ceiling),
    of which a report says how much of the gap the estimate closes. Raises BadInput at import for a knob that does not
    exist."""

    name: str
    method: type[Method]
    paper: str
    axes: tuple[Axis, ...] = ()
    claims: tuple[Claim, ...] = ()
    pretrain: Pretrain | None = None
    networks: tuple[str, ...] = ()
    iterations: int = 0
    deviations: tuple[str, ...] = ()
    revision: int = 1
    deterministic: bool = False
    baselines: tuple[str, ...] = ()
    gap: tuple[str, str, str] | None = None

    def __post_init__(self) -> None:
        names = [variant for axis in self.axes for variant in axis.variants]
        for axis in self.axes:
            for knobs in axis.variants.values():
                self.check(knobs)
        repeated = {name for name in names if names.count(name) > 1 or name == "default"}
        if repeated:
            raise BadInput(f"{self.name}: variant names must be unique and not 'default': {sorted(repeated)}")

    @property
    def knobs(self) -> tuple[str, ...]:
        """The names of the method's knobs, `scale` among them."""
        return tuple(f.name for f in dataclasses.fields(self.method))

    @property
    def variants(self) -> dict[str, Knobs]:
        """Every variant by name, 'default' first."""
        found: dict[str, Knobs] = {"default": {}}
        for axis in self.axes:
            found.update(axis.variants)
        return found

    @property
    def estimates(self) -> bool:
        """Whether the method makes blur kernels instead of pictures."""
        return self.method.estimator is not Method.estimator

    def check(self, knobs: Knobs) -> None:
        """Raise BadInput for a knob the method does not have."""
        for name in knobs:
            if name not in self.knobs:
                raise unknown(f"knob of {self.name}", name, self.knobs)

    def build(self, scale: int, knobs: Knobs) -> Method:
        """The method with these knobs; a combination that it refuses raises BadInput."""
        self.check(knobs)
        return self.method(**{"scale": scale, **knobs})
