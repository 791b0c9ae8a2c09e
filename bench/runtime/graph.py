"""A training step as one CUDA graph: its kernels are listed once, while it is recorded, and launched by one call.

A step of thousands of small kernels leaves a GPU waiting for Python; a replay does not, and computes the same bits.
PyTorch's documentation of CUDA graphs says what may be recorded: no value is read back, and no address changes.
"""

import sys
from collections.abc import Callable, Hashable
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

from bench.api import Batch, Learner
from bench.errors import BadInput

WARM_UPS = 3  # steps before recording, in which libraries choose their algorithms and caches are filled

Losses = dict[str, Tensor]
Step = Callable[[Batch], Losses]
Work = Callable[[], Losses]
Recorder = Callable[[Work], Work]
"""Calls the work a few times, and returns what does it again, its results in the same tensors every time."""


@runtime_checkable
class TensorLearner(Learner, Protocol):
    """A learner whose step can be one CUDA graph: it is `begin`, then `learn`, in which no value is read back.

    The tensors of `state_dict` are those that a step changes, themselves, from the first step on; they are changed and
    loaded in place.
    """

    def begin(self, batch: Batch) -> Hashable:
        """Write what the number of the step decides, such as learning rates, into tensors that `learn` reads. Returns
        which kind of step it is: each kind is a graph of its own."""

    def learn(self, batch: Batch) -> dict[str, Tensor]:
        """The step, a function of tensors alone: of `batch.step` it knows nothing."""


def record_cuda(work: Work) -> Work:
    """The work as one CUDA graph. Raises RuntimeError for what no graph can hold."""
    aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
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


class Recordings:
    """Pieces of work by kind, each recorded where it is first asked for and replayed from then on.

    state: every tensor that the work changes, nested in dicts and lists, which it changes in place. Recording leaves no
    trace in them. Where it is impossible, says so once and does all work as it comes; without a recorder, silently.
    """

    def __init__(self, name: str, recorder: Recorder | None, state: Callable[[], object]) -> None:
        self.name, self.recorder, self.state = name, recorder, state
        self.recorded: dict[Hashable, Work] = {}

    def do(self, kind: Hashable, work: Work) -> Losses:
        """The work, or its replay. Everything that differs between two calls of a kind is in tensors that it reads."""
        if self.recorder is not None and kind not in self.recorded:
            self._record(kind, work, self.recorder)
        if self.recorder is None:
            return work()
        return {name: value.clone() for name, value in self.recorded[kind]().items()}

    def _record(self, kind: Hashable, work: Work, recorder: Recorder) -> None:
        before = [(tensor, tensor.detach().clone()) for tensor in tensors(self.state())]
        try:
            self.recorded[kind] = recorder(work)
        except RuntimeError as error:
            self.recorder = None
            _say(self.name, str(error).partition("\n")[0])
        with torch.no_grad():
            for tensor, value in before:
                tensor.copy_(value)


def stepper(learner: Learner, name: str, device: torch.device, graph: bool | None) -> Step:
    """`learner.step`, or the same as a graph; graph None: where the device has graphs. Raises BadInput where it is
    asked for on another device."""
    recorder = RECORDERS.get(device.type)
    if graph and recorder is None:
        raise BadInput(f"{name}: no step is a CUDA graph on device {device.type}; leave out --graph")
    if recorder is None or graph is False:
        return learner.step
    if not isinstance(learner, TensorLearner) or _has_own_step(learner):
        _say(name, "its learner has a step of its own")
        return learner.step
    return RecordedStep(learner, Recordings(name, recorder, learner.state_dict))


class RecordedStep:
    """The step of a learner, recorded for each kind of step and each size of a batch."""

    def __init__(self, learner: TensorLearner, recordings: Recordings) -> None:
        self.learner, self.recordings = learner, recordings
        self.batches: dict[Hashable, Batch] = {}  # what each recording reads

    def __call__(self, batch: Batch) -> Losses:
        pictures = _pictures(batch)
        kind = self.learner.begin(batch), len(batch.levels), *(picture.shape for picture in pictures)
        if kind not in self.batches:
            self.batches[kind] = _copy(batch)
        own = self.batches[kind]
        for target, picture in zip(_pictures(own), pictures, strict=True):
            target.copy_(picture)
        return self.recordings.do(kind, lambda: self.learner.learn(own))


def _copy(batch: Batch) -> Batch:
    """The batch in tensors of its own, of no step."""
    lone = None if batch.unpaired is None else torch.empty_like(batch.unpaired)
    levels = tuple(torch.empty_like(level) for level in batch.levels)
    return Batch(torch.empty_like(batch.lr), torch.empty_like(batch.hr), -1, levels, lone)


def _has_own_step(learner: TensorLearner) -> bool:
    """Whether a class replaced `step` after another one had made it of `begin` and `learn`."""
    order = [name for made in type(learner).__mro__ for name in ("learn", "step") if name in vars(made)]
    return order[0] == "step"


def _say(name: str, reason: str) -> None:
    print(f"{name}: a step is no CUDA graph, and is taken as it comes: {reason}", file=sys.stderr)


def _pictures(batch: Batch) -> list[Tensor]:
    lone = [] if batch.unpaired is None else [batch.unpaired]
    return [batch.lr, batch.hr, *batch.levels, *lone]


def tensors(state: object) -> list[Tensor]:
    """Every tensor in nested dicts and lists."""
    return [leaf for leaf in tree_leaves(state) if isinstance(leaf, Tensor)]
