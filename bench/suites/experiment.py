"""Experiment: one run and everything that decides it: its resolved method, its digest, the runs it starts from."""

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from bench.api import Entry, Knobs, Method, Precision, Pretrain
from bench.errors import BadInput
from bench.runtime.code_digest import source_digest
from methods import find_entry


@dataclass(frozen=True)
class Experiment:
    """One run of one variant with one seed. `knobs` are what differs from the method's defaults, the suite's scaled
    sizes included; `train_sets` and `iterations` are empty and 0 for a run with nothing to train, which may have been
    trained "elsewhere".

    degradation: of the pictures it is tested on; pairs: of its training pairs; unpaired_sets: training sets of which it
    sees only LR, degraded as the test pictures are. network_from: the runs whose networks it takes as they are;
    kernel_from: the run whose estimated kernels it is given, or "truth". published: the name in WEIGHTS of the network
    that its authors published, in place of one trained here.
    """

    method: str
    variant: str = "default"
    knobs: Knobs = field(default_factory=dict)
    scale: int = 4
    degradation: str = "bicubic"
    pairs: str = "bicubic"
    seed: int = 1
    iterations: int = 0
    train_sets: tuple[str, ...] = ()
    unpaired_sets: tuple[str, ...] = ()
    test_sets: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    warm_start: str | None = None
    network_from: tuple[str, ...] = ()
    kernel_from: str | None = None
    published: str = ""
    precision: Precision = "float32"
    channels_last: bool = False
    compile: bool = False
    threads: int = 1

    @property
    def name(self) -> str:
        """<method>.<variant>.x<scale>.<degradation>.s<seed>: looked up, never parsed."""
        return f"{self.method}.{self.variant}.x{self.scale}.{self.degradation}.s{self.seed}"

    @property
    def entry(self) -> Entry:
        return find_entry(self.method)

    @property
    def estimates(self) -> bool:
        """Whether it makes blur kernels instead of pictures."""
        return self.entry.estimates

    @property
    def sources(self) -> tuple[str, ...]:
        """The runs that it starts from or takes something of."""
        started = (self.warm_start, *self.network_from, self.kernel_from)
        return tuple(name for name in started if name and name != "truth")

    def build(self) -> Method:
        """The resolved method."""
        return self.entry.build(self.scale, self.knobs)

    @property
    def axis(self) -> str:
        """The axis this run's variant belongs to; empty for the default."""
        return next((axis.name for axis in self.entry.axes if self.variant in axis.variants), "")

    def resolved(self) -> dict[str, Any]:
        """Everything that decides the trained network, defaults included, as plain JSON values."""
        method = self.build()
        left_out = ("knobs", "variant", "test_sets", "metrics", *(("published",) if not self.published else ()))
        settings = {k: v for k, v in dataclasses.asdict(self).items() if k not in left_out}
        return {**settings, "knobs": method.knobs, "revision": self.entry.revision}

    @property
    def modules(self) -> tuple[str, ...]:
        """The modules that decide, with everything they import, the trained network; where nothing is trained, the
        pictures or kernels."""
        method = self.entry.method.__module__
        if not self.iterations:
            return (method, "bench.stages.estimate" if self.estimates else "bench.stages.upscale")
        return (method, "bench.stages.train", "bench.data.patches")

    @property
    def made_by(self) -> tuple[str, ...]:
        """The modules that decide its pictures or kernels, given its network."""
        return (*self.modules, "bench.stages.upscale") if self.iterations else self.modules

    def digest(self) -> str:
        """sha256 of the resolved method, its revision and the source of the modules it and the loop are made of.

        Snakemake does not notice an edited default or imported module by itself; this digest tells it.
        """
        return digest_of({**self.resolved(), "source": source_digest(*self.modules)})


def digest_of(value: Any) -> str:
    """The first 16 hex digits of the sha256 of a value's canonical JSON."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=list).encode()).hexdigest()[:16]


def pretrain_variant(entry: Entry, pretrain: Pretrain, variant: str) -> str:
    """The variant of the earlier stage that a variant starts from: the one with the same values of the shared knobs,
    its namesake where several have them.

    Raises BadInput where the earlier stage has no such variant.
    """
    shared = {name: value for name, value in entry.variants[variant].items() if name in pretrain.shared}
    if same := [name for name, knobs in find_entry(pretrain.method).variants.items() if knobs == shared]:
        return variant if variant in same else same[0]
    knobs = ", ".join(f"{name}={value}" for name, value in shared.items())
    raise BadInput(f"{entry.name}.{variant} starts from {pretrain.method} with {knobs}; give it a variant that says so")
