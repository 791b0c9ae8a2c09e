"""Methods small enough for a test, by their own knobs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.api import Entry, Knobs
from bench.data.patches import PairedAndUnpaired, PatchStore, Store
from bench.data.prepare import prepare_train
from bench.stages import train
from bench.suites.experiment import Experiment
from methods import METHODS

if TYPE_CHECKING:
    import pytest

SMALL: Knobs = {
    "width": 8,
    "growth": 4,
    "blocks": 1,
    "groups": 1,
    "stages": 3,
    "features": 8,
    "reduction": 4,
    "widths": (8, 4),
    "batch_size": 2,
    "patch": 32,
    "discriminator_width": 4,
    "perceptual": "stlpips-vgg16",
    "layer": "conv1_2",
    "learning_rate": 1e-3,
    "correction_blocks": 1,
    "degrader_width": 8,
    "degrader_blocks": 1,
}
LARGER: dict[str, Knobs] = {"pseudo_sr": {"patch": 64}}  # its discriminators see 16 LR pixels


def shrink(entry: Entry, variant: str = "default") -> Knobs:
    """The variant's knobs over the small ones that the method has."""
    small = {name: value for name, value in SMALL.items() if name in entry.knobs}
    if "content" in entry.knobs:
        del small["layer"]  # it would replace the layer that content names
    return {**small, **LARGER.get(entry.name, {}), **entry.variants[variant]}


def small_run(method: str, variant: str = "default", iterations: int = 20, seed: int = 1) -> Experiment:
    """A run of a shrunk variant on the embedded photographs."""
    knobs = shrink(METHODS[method], variant)
    return Experiment(method, variant, knobs, seed=seed, iterations=iterations, train_sets=("Embedded-train",))


def open_store(run: Experiment, folder: Path) -> Store:
    """The prepared photographs in `folder`; halves of them, made beside it, for a run that sees unpaired ones."""
    lone = run.build().unpaired
    if not lone:
        return PatchStore(folder)
    halves = []
    for half, degradation in (("first", run.pairs), ("second", "wild")):
        halves.append(folder.with_name(half))
        if not halves[-1].exists():
            levels = run.build().levels
            prepare_train((f"Embedded-train-{half}",), run.scale, degradation, halves[-1], levels=levels)
    return PairedAndUnpaired(*map(PatchStore, halves), lone)


def interrupt_after(monkeypatch: pytest.MonkeyPatch, steps: int) -> None:
    """Make the loop believe that its time is up after so many steps."""
    taken = [0]
    batch = PatchStore.batch

    def counted(self: PatchStore, *words: Any) -> Any:
        taken[0] += 1
        return batch(self, *words)

    real = time.monotonic
    monkeypatch.setattr(PatchStore, "batch", counted)
    monkeypatch.setattr(train.time, "monotonic", lambda: real() + (1e6 if taken[0] >= steps else 0))


def _can_train(entry: Entry, variant: str) -> bool:
    """Whether a variant has something to train on, HR and LR alone, and the weights it needs are on every machine."""
    if entry.estimates or entry.networks:
        return False
    method = entry.build(4, shrink(entry, variant))
    return method.network() is not None and not method.levels and "minc-vgg16" not in method.needs_weights


TRAINED = [
    (name, variant) for name, entry in METHODS.items() for variant in entry.variants if _can_train(entry, variant)
]

# a method file of somebody's own
GUEST = """
from dataclasses import dataclass
from bench.api import Entry, Method
from methods.bicubic import Bicubic

@dataclass(frozen=True)
class Mine(Bicubic):
    kernel: str = "bilinear"

ENTRY = Entry("mine", Mine, "ours")
"""
