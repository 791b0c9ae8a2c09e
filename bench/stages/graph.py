"""A training step as one CUDA graph: its kernels are launched once, while it is recorded, and replayed by one call.

A step of thousands of small kernels leaves a GPU waiting for Python; a replay does not, and computes the same bits.
PyTorch's documentation of CUDA graphs says what may be recorded: no value is read back, and no address changes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Hashable, Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from bench.api import Batch, Learner, TensorLearner
from bench.errors import BadInput

WARM_UPS = 3  # steps before recording, in which libraries choose their algorithms and caches are filled

Losses = dict[str, Tensor]
Step = Callable[[Batch], Losses]
Work = Callable[[], Losses]
Recorder = Callable[[Work], Work]
"""Calls the work a few times, and returns what does it again, its results in the same tensors every time."""


def record_cuda(work: Work) -> Work:
    """The work as one CUDA graph. Raises RuntimeError for what no graph can hold."""
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(WARM_UPS):
            work()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):  # other threads may prepare batches meanwhile
        losses = work()

    def replay() -> Losses:
        graph.replay()
        return losses

    return replay


RECORDERS: dict[str, Recorder] = {"cuda": record_cuda}


def stepper(learner: Learner, name: str, device: torch.device, graph: bool | None) -> Step:
    """`learner.step`, or the same as a graph; graph None: where the device has graphs. Raises BadInput where it is
    asked for on another device."""
    recorder = RECORDERS.get(device.type)
    if graph and recorder is None:
        raise BadInput(f"{name}: no step is a CUDA graph on device {device.type}; leave out --graph")
    if recorder is None or graph is False:
        return learner.step
    if not isinstance(learner, TensorLearner) or _has_own_step(learner):
        _say(name, "its learner has no `begin` and `learn`")
        return learner.step
    return GraphedStep(learner, name, recorder)


class GraphedStep:
    """The step of a learner, recorded once for each kind of step and each size of a batch, and replayed.

    Recording leaves no trace in the learner. Where it is impossible, says so once and takes every step as it comes.
    """

    def __init__(self, learner: TensorLearner, name: str, recorder: Recorder) -> None:
        self.learner, self.name = learner, name
        self.recorder: Recorder | None = recorder
        self.recorded: dict[Hashable, tuple[list[Tensor], Work]] = {}

    def __call__(self, batch: Batch) -> Losses:
        if self.recorder is None:
            return self.learner.step(batch)
        pictures = _pictures(batch)
        kind = self.learner.begin(batch), len(batch.levels), *(picture.shape for picture in pictures)
        if kind not in self.recorded and not self._record(kind, batch, self.recorder):
            return self.learner.learn(batch)
        own, work = self.recorded[kind]
        for target, picture in zip(own, pictures, strict=True):
            target.copy_(picture)
        return {name: loss.clone() for name, loss in work().items()}

    def _record(self, kind: Hashable, batch: Batch, recorder: Recorder) -> bool:
        """Record a kind of step on tensors of its own, and put everything back that was changed meanwhile."""
        own = replace(
            batch,
            lr=batch.lr.clone(),
            hr=batch.hr.clone(),
            levels=tuple(level.clone() for level in batch.levels),
            unpaired=None if batch.unpaired is None else batch.unpaired.clone(),
            step=-1,
        )
        before = [(tensor, tensor.clone()) for tensor in _tensors(self.learner.state_dict())]
        try:
            self.recorded[kind] = _pictures(own), recorder(lambda: self.learner.learn(own))
        except RuntimeError as error:
            self.recorder = None
            _say(self.name, str(error).partition("\n")[0])
        with torch.no_grad():
            for tensor, value in before:
                tensor.copy_(value)
        return self.recorder is not None


def _has_own_step(learner: TensorLearner) -> bool:
    """Whether a class replaced `step` after another one had made it of `begin` and `learn`."""
    order = [name for made in type(learner).__mro__ for name in ("learn", "step") if name in vars(made)]
    return order[0] == "step"


def _say(name: str, reason: str) -> None:
    print(f"{name}: a step is no CUDA graph, it goes on without: {reason}", file=sys.stderr)


def _pictures(batch: Batch) -> list[Tensor]:
    lone = [] if batch.unpaired is None else [batch.unpaired]
    return [batch.lr, batch.hr, *batch.levels, *lone]


def _tensors(state: Any) -> Iterator[Tensor]:
    """Every tensor in nested dicts."""
    if isinstance(state, Tensor):
        yield state
    elif isinstance(state, dict):
        for value in state.values():
            yield from _tensors(value)
