"""Everything a method may know about the harness, and everything the harness knows about a method.

A method is one frozen dataclass whose fields are its knobs (defaults: the paper's) and one `Entry`. Knobs that belong
together may be a frozen dataclass of their own, held as a field: the training recipe, the knobs of a network that two
methods share. Everywhere else a knob has one flat name, whatever holds it: `learning_rate`, or `recipe.learning_rate`.
A method never reads a suite, writes a file or scores itself.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import Any, Literal, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from bench.errors import BadInput, check_choice, unknown

Precision = Literal["float32", "bf16"]
Knobs = Mapping[str, Any]


@dataclass(frozen=True)
class Picture:
    """What an upscaler may see of one test picture. lr: (3, h, w) float32 RGB in [0, 1]. kernel: the blur kernel where
    it is known, (k, k) summing to 1, cross-correlation orientation. seed: for methods that train on the picture."""

    name: str
    lr: Tensor
    kernel: Tensor | None = None
    seed: int = 0


Upscaler = Callable[[Picture], Tensor]
"""Picture -> (3, scale*h, scale*w) float32 RGB; values outside [0, 1] are clipped by the caller."""

Progress = Callable[[int], None]
"""Called every few iterations with how many have been made since the last call."""


class Estimate(NamedTuple):
    """The blur kernel of a picture, (k, k) float64 summing to 1, cross-correlation orientation; NaN for none.
    generators: how many were trained for it; dead: how many of them came to no kernel, and are not in it."""

    kernel: Tensor
    generators: int = 0
    dead: int = 0


Estimator = Callable[[Sequence[Picture], Progress], list[Estimate]]


@dataclass(frozen=True)
class Batch:
    """One training batch, a pure function of (pictures, seed, step). lr: (N, 3, p, p), hr: (N, 3, scale*p, scale*p),
    float32 RGB in [0, 1], on the training device. levels: the same HR patches at the resolutions between, one
    (N, 3, scale/l*p, scale/l*p) for each l of the method's `levels`. unpaired: (M, 3, p, p), LR patches without HR, of
    pictures that no pair comes from."""

    lr: Tensor
    hr: Tensor
    step: int
    levels: tuple[Tensor, ...] = ()
    unpaired: Tensor | None = None


@dataclass(frozen=True)
class Training:
    """What a learner knows of the run it belongs to."""

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


class Recipe(Protocol):
    """How a network is trained, as the field `recipe` of a method; methods/common has those that methods share."""

    @property
    def needs_weights(self) -> tuple[str, ...]:
        """Names in WEIGHTS without which the learner cannot train (its perceptual network)."""

    def batch(self, scale: int) -> tuple[int, int]:
        """(pictures per batch, HR patch side in pixels)."""

    def learner(self, build: Callable[[], Any], scale: int, training: Training) -> Learner:
        """A fresh learner of what `build` draws. Seeded by the caller: what is drawn first decides all weights."""


@dataclass(frozen=True)
class Method:
    """A super-resolution method. Subclass fields are knobs, or frozen dataclasses of knobs; defaults are the paper's.
    One with a `recipe` and a `network` trains that network and upscales in one pass; others override the rest."""

    scale: int = 4

    @property
    def knobs(self) -> dict[str, Any]:
        """Every knob's value by its flat name."""
        return {name: attrgetter(path)(self) for name, path in knob_paths(type(self)).items()}

    @property
    def recipe(self) -> Recipe | None:
        """How the network is trained: a field where there is something to train."""
        return None

    @property
    def batch(self) -> tuple[int, int]:
        """(pictures per batch, HR patch side in pixels)."""
        return self.recipe.batch(self.scale) if self.recipe else (0, 0)

    @property
    def at_test(self) -> tuple[int, int]:
        """(parameters, most iterations) of what is trained on each picture at test time."""
        return (0, 0)

    @property
    def levels(self) -> tuple[int, ...]:
        """Scales below `scale` at which a batch also holds the degraded HR, in the order of `Batch.levels`."""
        return ()

    @property
    def unpaired(self) -> int:
        """How many pictures of a batch are unpaired LR; the others are pairs."""
        return 0

    @property
    def needs_weights(self) -> tuple[str, ...]:
        """Names in WEIGHTS without which the learner cannot train."""
        return self.recipe.needs_weights if self.recipe else ()

    def network(self) -> nn.Module | None:
        """The untrained network that a checkpoint is loaded into; None where there is none."""
        return None

    def learner(self, training: Training) -> Learner | None:
        """A fresh learner, or None where there is nothing to train. Seeded by the caller."""
        return self.recipe.learner(self.network, self.scale, training) if self.recipe else None

    def upscaler(self, network: nn.Module | None) -> Upscaler:
        """How a picture is upscaled, given the trained network in evaluation mode. Raises BadInput for an estimator."""
        if network is None:
            raise BadInput(f"{type(self).__name__} has neither a network nor an upscaler; define one of them")
        return feed_forward(network)

    def estimator(self) -> Estimator | None:
        """How blur kernels are estimated, for a method that estimates them instead of upscaling; None otherwise."""
        return None


def feed_forward(network: nn.Module) -> Upscaler:
    """The upscaler of a network that maps an LR picture to an SR picture in one pass."""

    def upscale(picture: Picture) -> Tensor:
        with torch.inference_mode():
            return Tensor.float(network(picture.lr[None].to(next(network.parameters()).device))[0])

    return upscale


def knob_paths(method: type[Method]) -> dict[str, str]:
    """The flat name of each knob, and where it is: its own name, or '<field>.<name>' in a dataclass that a field holds.
    Raises BadInput where two knobs have one name."""
    paths: dict[str, str] = {}
    for own in dataclasses.fields(method):
        inner = dataclasses.fields(own.default) if dataclasses.is_dataclass(own.default) else ()
        for name, path in [(f.name, f"{own.name}.{f.name}") for f in inner] or [(own.name, own.name)]:
            if name in paths:
                raise BadInput(f"{method.__name__}: {path} and {paths[name]} are one knob by name; rename one of them")
            paths[name] = path
    return paths


@dataclass(frozen=True)
class Axis:
    """One ablation: a question, and what each of its variants sets. The default is not listed."""

    name: str
    question: str
    variants: Mapping[str, Knobs]
    source: str


@dataclass(frozen=True)
class Claim:
    """A sentence of a paper as an inequality between two variants on one metric. sides: 'better > worse', each a
    variant of the entry or another method's '<method>.<variant>'. Where nothing else is said, metric is the entry's,
    and source that of the axis that its worse, else its better side is on. scale, degradation: where it is claimed; 0
    and '' stand for any. sized: it speaks of the sizes that its sides have in the paper, and is not judged at others.
    In an entry, `id` and both sides get the method's name."""

    id: str
    text: str
    sides: str
    metric: str = ""
    source: str = ""
    scale: int = 4
    degradation: str = "bicubic"
    sized: bool = False

    @property
    def better(self) -> str:
        return self.sides.partition(" > ")[0]

    @property
    def worse(self) -> str:
        return self.sides.partition(" > ")[2]

    def of(self, method: str, metric: str, sources: Mapping[str, str]) -> Claim:
        """With the method's name before its id and its own variants: those with a source, and all without a dot."""
        sides = " > ".join(s if "." in s and s not in sources else f"{method}.{s}" for s in (self.better, self.worse))
        source = self.source or sources.get(self.worse) or sources.get(self.better, "")
        name = f"{method}.{self.id.removeprefix(f'{method}.')}"
        return replace(self, id=name, sides=sides, metric=self.metric or metric, source=source)


def varied(knob: str, values: Mapping[str, object]) -> dict[str, Knobs]:
    """A variant for each value of one knob, by the variant's name."""
    return {name: {knob: value} for name, value in values.items()}


def claimed_at(scale: int, degradation: str, *claims: Claim, source: str = "") -> tuple[Claim, ...]:
    """These claims, all made at one scale and degradation, and in one source where they name none."""
    return tuple(replace(c, scale=scale, degradation=degradation, source=c.source or source) for c in claims)


@dataclass(frozen=True)
class Pretrain:
    """This method starts from another one's network, trained with the same values of the `shared` knobs, unless it has
    a knob `pretrained` that is off."""

    method: str
    shared: tuple[str, ...]


@dataclass(frozen=True)
class Budget:
    """What a method asks of a suite that has no plan of it; what it leaves unsaid is as its rivals have it."""

    knobs: Knobs = field(default_factory=dict)
    iterations: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Entry:
    """One method's entry. `iterations` is the paper's training length; `revision` is raised by hand when numbers change
    for a reason the source does not show. `budgets`: by suite, '' for any. `networks`: the methods whose trained
    networks it works with, given to its upscaler as an nn.ModuleList. `deterministic`: nothing is random, one run
    stands for every seed. `baselines`: '<method>.<variant>' of those over which a report tables its gain. `gap`: its
    variants (floor, estimate, ceiling), of which a report says how much of the gap the estimate closes. `default`: the
    knobs of the default variant. `metric`: what its claims are about where they name none. Raises BadInput at import
    for a knob, or a variant in a claim, that does not exist."""

    name: str
    method: type[Method]
    paper: str
    axes: tuple[Axis, ...] = ()
    claims: tuple[Claim, ...] = ()
    pretrain: Pretrain | None = None
    networks: tuple[str, ...] = ()
    iterations: int = 0
    budgets: Mapping[str, Budget] = field(default_factory=dict)
    deviations: tuple[str, ...] = ()
    revision: int = 1
    deterministic: bool = False
    baselines: tuple[str, ...] = ()
    gap: tuple[str, str, str] | None = None
    headlines: Mapping[str, str] = field(default_factory=dict)
    default: Knobs = field(default_factory=dict)
    metric: str = "psnr_y"

    def __post_init__(self) -> None:
        names = [variant for axis in self.axes for variant in axis.variants]
        if repeated := {name for name in names if names.count(name) > 1 or name == "default"}:
            raise BadInput(f"{self.name}: variant names must be unique and not 'default': {sorted(repeated)}")
        variants = self.variants
        for budget in self.budgets.values():
            self.flatten(budget.knobs)
        for claim in self.claims:
            for side in [side for side in (claim.better, claim.worse) if "." not in side]:
                check_choice(f"variant of {self.name} in claim {claim.id}", side, variants)
        sources = {"default": "", **{variant: axis.source for axis in self.axes for variant in axis.variants}}
        object.__setattr__(self, "claims", tuple(claim.of(self.name, self.metric, sources) for claim in self.claims))
        if self.pretrain:
            shared = self.flatten(dict.fromkeys(self.pretrain.shared))
            object.__setattr__(self, "pretrain", replace(self.pretrain, shared=tuple(shared)))

    @property
    def knobs(self) -> tuple[str, ...]:
        """The flat names of the method's knobs, `scale` among them."""
        return tuple(knob_paths(self.method))

    @property
    def variants(self) -> dict[str, Knobs]:
        """Every variant by name, 'default' first, its knobs by their flat names."""
        found = {"default": self.default, **{name: v for axis in self.axes for name, v in axis.variants.items()}}
        return {variant: self.flatten(knobs) for variant, knobs in found.items()}

    @property
    def estimates(self) -> bool:
        """Whether the method makes blur kernels instead of pictures."""
        return self.method.estimator is not Method.estimator

    def flatten(self, knobs: Knobs) -> Knobs:
        """These knobs by their flat names. Raises BadInput for one that does not exist, or is named in both ways."""
        paths = knob_paths(self.method)
        flat = {path: name for name, path in paths.items()} | {name: name for name in paths}
        for name in knobs.keys() - flat.keys():
            raise unknown(f"knob of {self.name}", name, paths)
        found = {flat[name]: value for name, value in knobs.items()}
        if len(found) < len(knobs):
            raise BadInput(f"{self.name}: {', '.join(knobs)} name one knob twice; name it once")
        return found

    def build(self, scale: int, knobs: Knobs) -> Method:
        """The method with these knobs; a combination that it refuses raises BadInput."""
        fields: dict[str, dict[str, Any]] = {"": {"scale": scale}}
        for name, value in self.flatten(knobs).items():
            fields.setdefault(knob_paths(self.method)[name].rpartition(".")[0], {})[name] = value
        nested = {name: replace(getattr(self.method, name), **values) for name, values in fields.items() if name}
        return self.method(**fields[""], **nested)
