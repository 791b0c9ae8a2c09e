"""Work in steps, of which several pieces take turns, so that one piece's small kernels do not leave a GPU idle.

On a GPU every piece has a stream of its own, on which its graphs are recorded and replayed: what a piece computes does
not depend on those beside it. On a CPU one comes after the other.
"""

import functools
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import TypeVar

import torch
from torch import Tensor

from bench.api import Estimate, Picture, Progress
from bench.runtime.devices import free_memory_mib, held_memory_mib

Result = TypeVar("Result")
Steps = Generator[None, None, Result]
"""Work that may be left between two of its steps for that of others; what it returns is its result."""

AT_ONCE = {"cuda": 16, "cpu": 1}  # pieces; of streams of its own torch has 32
MARGIN = 2.0  # a piece may come to hold so many times what the largest held after its first step


def advance(work: Steps[Result]) -> tuple[Result] | None:
    """Take the next step; the result, once there is none."""
    try:
        next(work)
    except StopIteration as end:
        return (end.value,)
    return None


def finish(work: Steps[Result]) -> Result:
    """Take all its steps."""
    while not (ended := advance(work)):
        pass
    return ended[0]


def one_step(make: Callable[[], Result]) -> Steps[Result]:
    """What is made at once, as work in steps."""
    return make()
    yield


def timed(work: Steps[Result]) -> Steps[tuple[Result, float, float]]:
    """Its result, and the seconds and processor seconds of its own steps: over works that alternate they add up."""
    seconds, cpu_seconds = 0.0, 0.0
    while True:
        began, began_cpu = time.monotonic(), time.process_time()
        ended = advance(work)
        seconds, cpu_seconds = seconds + time.monotonic() - began, cpu_seconds + time.process_time() - began_cpu
        if ended:
            return ended[0], seconds, cpu_seconds
        yield


def alternate(works: Iterable[Steps[Result]]) -> Steps[list[Result]]:
    """A step of each in turn; their results in their order."""
    left, results = dict(enumerate(works)), dict[int, Result]()
    while left:
        for number, work in list(left.items()):
            if ended := advance(work):
                results[number] = ended[0]
                del left[number]
        yield
    return [results[number] for number in sorted(results)]


def side_by_side(works: Iterable[Steps[Result]], device: torch.device) -> Steps[list[Result]]:
    """As `alternate`, as many of them at once as the device has room for, in their order. None may wait for room in it
    for others."""
    return alternate(_seated(work, _room(device)) for work in works)


class _Room:
    """What a device has room for: streams that no work has yet, and the MiB that the largest work held."""

    def __init__(self, device: torch.device) -> None:
        self.device, self.most, self.largest = device, AT_ONCE[device.type], 0.0
        make = torch.cuda.Stream if device.type == "cuda" else lambda: None
        # all in one go: torch gives out its 32 in turn, and the workspaces of libraries are one a stream
        self.streams = [make() for _ in range(self.most)]

    def for_one(self) -> bool:
        """Whether there is room for one more; for a first one always."""
        if not self.streams or self.device.type != "cuda" or len(self.streams) == self.most:
            return bool(self.streams)
        return free_memory_mib() > MARGIN * self.largest


_room = functools.cache(_Room)


def _seated(work: Steps[Result], room: _Room) -> Steps[Result]:
    """The work, on a stream of its own from when there is room for it."""
    while not room.for_one():
        yield
    stream, held = room.streams.pop(), 0.0
    if stream is not None:
        stream.wait_stream(torch.cuda.current_stream())
    try:
        while True:
            before = held_memory_mib(room.device)
            with nullcontext() if stream is None else torch.cuda.stream(stream):
                ended = advance(work)
            held += held_memory_mib(room.device) - before
            room.largest = max(room.largest, held)
            if ended:
                return ended[0]
            yield
    finally:
        if stream is not None:
            stream.synchronize()
        room.streams.append(stream)


@dataclass(frozen=True)
class PictureTrainer:
    """An upscaler that trains on its picture, in steps, on a device."""

    train: Callable[[Picture], Steps[Tensor]]
    device: torch.device = torch.device("cpu")

    def steps(self, picture: Picture) -> Steps[Tensor]:
        """The picture's SR, in the end."""
        return (yield from self.train(replace(picture, lr=picture.lr.to(self.device))))

    def __call__(self, picture: Picture) -> Tensor:
        return finish(self.steps(picture))


@dataclass(frozen=True)
class KernelTrainer:
    """An estimator that trains, in steps."""

    steps: Callable[[Sequence[Picture], Progress], Steps[list[Estimate]]]

    def __call__(self, pictures: Sequence[Picture], progress: Progress) -> list[Estimate]:
        return finish(self.steps(pictures, progress))
