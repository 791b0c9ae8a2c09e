"""What training a run holds of a GPU at most, counted: python tests/speed/memory.py writes bench/stages/gpu_memory.csv.

Every variant of the suites for a GPU takes steps at its suite's batch and patch, on tensors that have sizes and no
values; counted are the storages that are alive at once. Workspaces of libraries, fragments and CUDA's context come on
top: `python tests/speed/gpu.py --checks memory` measures on a GPU.
"""

from __future__ import annotations

import csv
import sys
import weakref
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "speed")]

import torch  # noqa: E402
from torch import Tensor, nn  # noqa: E402
from torch._subclasses.fake_tensor import FakeTensorMode  # noqa: E402
from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402
from torch.utils._pytree import tree_leaves  # noqa: E402

from bench.api import Batch, Method, Training  # noqa: E402
from bench.stages.gpu_hours import MEMORY, name_without_seed  # noqa: E402
from bench.suites import SUITES  # noqa: E402
from bench.suites.experiment import Experiment  # noqa: E402
from methods.common import perceptual  # noqa: E402


class Held(TorchDispatchMode):  # type: ignore[misc]
    """The bytes of the storages that are alive among those made within, and the most there were."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.most = 0, 0
        self.known: set[int] = set()

    def __torch_dispatch__(self, operation: Any, types: Any, words: Any = (), options: Any = None) -> Any:
        made = operation(*words, **(options or {}))
        for leaf in tree_leaves(made):
            if isinstance(leaf, Tensor):
                self._add(leaf.untyped_storage())
        return made

    def _add(self, storage: torch.UntypedStorage) -> None:
        if storage._cdata not in self.known:
            self.known.add(storage._cdata)
            self.now += storage.nbytes()
            self.most = max(self.most, self.now)
            weakref.finalize(storage, self._drop, storage._cdata, storage.nbytes())

    def _drop(self, place: int, size: int) -> None:
        self.known.discard(place)
        self.now -= size


def drawn_weights(name: str) -> dict[str, Tensor]:
    """A perceptual network's weights, at random: neither equality nor speed depends on them."""
    network = next(known for known in perceptual.PERCEPTUAL.values() if known.weights == name)
    random = torch.Generator().manual_seed(0)
    state = {}
    for position, make in enumerate(network.layers.values()):
        layer = make()
        if isinstance(layer, nn.Conv2d):
            shape = layer.weight.shape
            state[f"features.{position}.weight"] = torch.randn(shape, generator=random) * (2 / shape[1:].numel()) ** 0.5
            state[f"features.{position}.bias"] = torch.zeros(shape[0])
    return state


def batch_of(method: Method, device: torch.device) -> Batch:
    """A batch of the size that the method asks for."""
    (count, patch), scale = method.batch, method.scale
    pairs, low = count - method.unpaired, patch // scale
    levels = tuple(torch.zeros(pairs, 3, patch // level, patch // level, device=device) for level in method.levels)
    lone = torch.zeros(method.unpaired, 3, low, low, device=device) if method.unpaired else None
    lr, hr = (torch.zeros(pairs, 3, side, side, device=device) for side in (low, patch))
    return Batch(lr, hr, 0, levels, lone)


def count_bytes(run: Experiment) -> int:
    """Of two steps of a run: its networks, moments and average, and what a step holds at most."""
    method, device = run.build(), torch.device("cpu")
    training = Training(run.iterations, run.seed, device, run.precision, run.channels_last)
    held = Held()
    with torch.random.fork_rng(devices=[]), held:
        learner = method.learner(training)
    assert learner is not None
    with FakeTensorMode(allow_non_fake_inputs=True), held:
        batch = batch_of(method, device)
        for _ in range(2):
            learner.step(batch)
    return held.most


def main() -> None:
    perceptual.load = drawn_weights  # type: ignore[assignment]
    with MEMORY.open("w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("suite", "run", "mib"))
        for suite in (suite for suite in SUITES.values() if suite.on_gpu):
            for run in suite.experiments().values():
                if run.iterations and run.seed == 1:
                    name = name_without_seed(run)
                    writer.writerow((suite.name, name, round(count_bytes(run) / 2**20)))
                    print(suite.name, name, flush=True)


if __name__ == "__main__":
    main()
