"""A training step as one CUDA graph: its kernels are listed once, while it is recorded, and launched by one call.

A step of thousands of small kernels leaves a GPU waiting for Python; a replay does not, and computes the same bits.
PyTorch's documentation of CUDA graphs says what may be recorded: no value is read back, and no address changes.
"""

import sys
from collections.abc import Callable, Hashable, Sequence
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from bench.api import Batch, Learner
from bench.errors import BadInput

WARM_UPS = 3  # steps before recording, in which libraries choose their algorithms and caches are filled

Losses = dict[str, Tensor]
Step = Callable[[Batch], Losses]
Work = Callable[[], Losses]
OfTensors = Callable[[Sequence[Tensor]], Losses]
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
    """The work as one CUDA graph. Raises RuntimeError for what no graph can hold.

    On a stream other than the default one, it is recorded there: the workspaces that it replays with are that stream's.
    """
    current = torch.cuda.current_stream()
    aside = torch.cuda.Stream() if current == torch.cuda.default_stream() else current  # type: ignore[no-untyped-call]
    aside.wait_stream(current)
    with torch.cuda.stream(aside):
        for _ in range(WARM_UPS - 1):
            work()
        with Reads() as read:
            work()
    current.wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    # other threads may prepare batches meanwhile
    with torch.cuda.graph(graph, stream=aside, capture_error_mode="thread_local"):
        losses = work()

    def replay(kept: object = read.kept) -> Losses:
        graph.replay()
        return losses

    return replay


class Reads(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Keeps what work reads and has not made, for a graph knows its addresses alone: what is cached might be let go."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.kept: dict[int, Tensor] = {}
        self.made: set[int] = set()

    def __torch_dispatch__(self, operation: Any, types: Any, words: Any = (), options: Any = None) -> Any:
        given = {leaf.untyped_storage().data_ptr(): leaf for leaf in tensors((words, options))}
        self.kept |= {place: leaf for place, leaf in given.items() if place not in self.made}
        found = operation(*words, **(options or {}))
        self.made |= {leaf.untyped_storage().data_ptr() for leaf in tensors(found)} - self.kept.keys()
        return found


RECORDERS: dict[str, Recorder] = {"cuda": record_cuda}


class Recordings:
    """Pieces of work by kind, each recorded where it is first asked for and replayed from then on.

    state: every tensor that the work changes, nested in dicts and lists, which it changes in place. Recording leaves no
    trace in them. Where it is impossible, says so once and does all work as it comes; without a recorder, silently.
    """

    def __init__(self, name: str, recorder: Recorder | None, state: Callable[[], object]) -> None:
        self.name, self.recorder, self.state = name, recorder, state
        self.recorded: dict[Hashable, tuple[list[Tensor], Work]] = {}

    def do(self, kind: Hashable, inputs: Sequence[Tensor], work: OfTensors) -> Losses:
        """What the work makes of the inputs, or its replay of what it reads in their place; inputs of other shapes are
        another kind. Whatever else differs between two calls of a kind is in tensors that stay where they are."""
        kind = (kind, *(value.shape for value in inputs))
        if self.recorder is not None and kind not in self.recorded:
            self._record(kind, inputs, work, self.recorder)
        if self.recorder is None:
            return work(inputs)
        own, replay = self.recorded[kind]
        for target, value in zip(own, inputs, strict=True):
            target.copy_(value)
        return {name: value.clone() for name, value in replay().items()}

    def _record(self, kind: Hashable, inputs: Sequence[Tensor], work: OfTensors, recorder: Recorder) -> None:
        own = [value.clone() for value in inputs]
        before = [(tensor, tensor.detach().clone()) for tensor in tensors(self.state())]
        try:
            self.recorded[kind] = own, recorder(lambda: work(own))
        except RuntimeError as error:
            self.recorder = None
            reason = error.__context__ or error  # ending a recording that failed is an error of its own
            _say(self.name, str(reason).partition("\n")[0])
        with torch.no_grad():
            for tensor, value in before:
                tensor.copy_(value)


def find_recorder(device: torch.device, graph: bool | None) -> Recorder | None:
    """What records on a device, if it is to be; graph None: where it can be. Raises BadInput where it cannot."""
    recorder = RECORDERS.get(device.type)
    if graph and recorder is None:
        raise BadInput(f"no step is a CUDA graph on device {device.type}; leave out --graph")
    return None if graph is False else recorder


def stepper(learner: Learner, name: str, device: torch.device, graph: bool | None) -> Step:
    """`learner.step`, or the same as a graph. Raises as `find_recorder` does."""
    recorder = find_recorder(device, graph)
    if recorder is None:
        return learner.step
    if not isinstance(learner, TensorLearner) or _has_own_step(learner):
        _say(name, "its learner has a step of its own")
        return learner.step
    recordings = Recordings(name, recorder, learner.state_dict)

    def step(batch: Batch) -> Losses:
        lone = [] if batch.unpaired is None else [batch.unpaired]

        def learn(pictures: Sequence[Tensor]) -> Losses:
            lr, hr, *others = pictures
            levels, unpaired = others[: len(batch.levels)], others[len(batch.levels) :]
            return learner.learn(Batch(lr, hr, -1, tuple(levels), *unpaired))

        return recordings.do(learner.begin(batch), [batch.lr, batch.hr, *batch.levels, *lone], learn)

    return step


def _has_own_step(learner: TensorLearner) -> bool:
    """Whether a class replaced `step` after another one had made it of `begin` and `learn`."""
    order = [name for made in type(learner).__mro__ for name in ("learn", "step") if name in vars(made)]
    return order[0] == "step"


def _say(name: str, reason: str) -> None:
    print(f"{name}: a step is no CUDA graph, and is taken as it comes: {reason}", file=sys.stderr)


def tensors(state: object) -> list[Tensor]:
    """Every tensor in nested dicts and lists."""
    return [leaf for leaf in tree_leaves(state) if isinstance(leaf, Tensor)]
