"""Work that takes turns: its order, its room, and that no picture's result depends on those beside it."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from pictures import smooth
from recorded import record

from bench.data.images import write_png
from bench.errors import BadInput
from bench.runtime import graph, turns
from bench.runtime.record import Stage
from bench.runtime.turns import Steps, alternate, finish, side_by_side, timed
from bench.stages.estimate import estimate_sets
from bench.stages.upscale import prepare, upscale_folder
from methods.kernelgan.entry import KernelGan
from methods.zssr.method import Zssr

CPU = torch.device("cpu")


@pytest.fixture(params=[1, 2, 5])
def at_once(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """So many pieces of work side by side."""
    monkeypatch.setitem(turns.AT_ONCE, "cpu", request.param)
    turns._room.cache_clear()
    yield request.param
    turns._room.cache_clear()


def counted(name: str, steps: int, seen: list[str]) -> Steps[str]:
    for _ in range(steps):
        seen.append(name)
        yield
    return name.upper()


def test_as_many_take_turns_as_there_is_room_for_and_each_ends_by_itself(at_once: int) -> None:
    seen: list[str] = []
    lengths = {"a": 2, "b": 0, "c": 3, "d": 1}
    results = finish(side_by_side([counted(name, steps, seen) for name, steps in lengths.items()], CPU))
    assert results == ["A", "B", "C", "D"]
    assert "".join(seen) == {1: "aacccd", 2: "acaccd", 5: "acdacc"}[at_once]


def test_what_fails_is_told_and_leaves_room_for_others(at_once: int) -> None:
    def failing() -> Steps[None]:
        yield
        raise BadInput("x: cannot be done")

    with pytest.raises(BadInput, match="x: cannot be done"):
        finish(side_by_side([failing(), counted("a", 3, [])], CPU))
    assert len(turns._room(CPU).streams) == at_once


def test_a_gpu_takes_one_more_where_it_has_room_for_twice_the_largest_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    room = turns._Room(CPU)
    room.device, room.streams, room.most, room.largest = torch.device("cuda"), [None] * 3, 4, 100.0
    found = []
    for free in (199.0, 201.0):
        monkeypatch.setattr(turns, "free_memory_mib", lambda free=free: free)
        found.append(room.for_one())
    room.streams = [None] * 4  # nobody is at work
    assert (found, room.for_one()) == ([False, True], True)
    room.streams = []
    assert not room.for_one()


def test_pictures_trained_side_by_side_are_those_of_one_after_another(
    tmp_path: Path, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, (height, width) in enumerate([(24, 20), (40, 36), (17, 40)]):
        write_png(tmp_path / "lr" / f"{number}.png", smooth(number, height, width, 3))
    # the rule for the learning rate ends each picture's training at its own step
    method = Zssr(2, width=8, depth=3, iterations=90, crop=16, test_every=4, check_every=4, window=12, slope_ratio=1.0)
    monkeypatch.setitem(graph.RECORDERS, "cpu", record)
    upscaler = prepare(method, None, CPU)
    done = upscale_folder(upscaler, tmp_path / "lr", tmp_path / "together", 2)
    assert set(done["seconds"]) == {"0", "1", "2"} and min(done["seconds"].values()) > 0
    graph.RECORDERS.pop("cpu")
    for number in range(3):
        alone = tmp_path / "alone" / str(number)
        (alone / "lr").mkdir(parents=True)
        (alone / "lr" / f"{number}.png").write_bytes((tmp_path / "lr" / f"{number}.png").read_bytes())
        upscale_folder(prepare(method, None, CPU), alone / "lr", alone / "sr", 2)
        made = (tmp_path / "together" / f"{number}.png").read_bytes()
        assert made == (alone / "sr" / f"{number}.png").read_bytes()


def test_kernels_of_variants_estimated_side_by_side_are_those_of_each_alone(
    tmp_path: Path, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        write_png(tmp_path / "lr" / f"{number}.png", smooth(number, 100 + 4 * number, 96, 3))
    short = KernelGan(iterations=8, averaged=2, estimates=2, side_by_side=4, schedule_length=150)
    methods = {"bce": short, "l1": replace(short, gan_loss="l1", discriminator_sizes=(7, 3), iterations=5)}

    def estimate(name: str, out: Path) -> Steps[None]:
        return estimate_sets(methods[name], {"set": tmp_path / "lr"}, out / name, 1, Stage({}, CPU, {}))

    for name in methods:
        finish(estimate(name, tmp_path / "alone"))
    monkeypatch.setitem(graph.RECORDERS, "cpu", record)
    finish(alternate(estimate(name, tmp_path / "together") for name in methods))
    kernels = sorted((tmp_path / "alone").rglob("*.npy"))
    assert len(kernels) == 6
    for path in kernels:
        together = tmp_path / "together" / path.relative_to(tmp_path / "alone")
        assert together.read_bytes() == path.read_bytes()


def test_the_seconds_of_works_that_alternate_add_up_to_those_of_all() -> None:
    def waiting(seconds: float) -> Steps[float]:
        for _ in range(3):
            time.sleep(seconds)
            yield
        return seconds

    began = time.monotonic()
    found = finish(alternate(timed(waiting(seconds)) for seconds in (0.01, 0.03)))
    whole = time.monotonic() - began
    assert [result for result, _, _ in found] == [0.01, 0.03]
    spent = [seconds for _, seconds, _ in found]
    assert spent[0] >= 0.03 and spent[1] >= 0.09 and sum(spent) <= whole < sum(spent) + 0.02


def test_what_a_graph_reads_of_others_is_kept_and_what_it_makes_is_not() -> None:
    weight, cached = torch.ones(3, 3, requires_grad=True), torch.full((3, 3), 2.0)
    with graph.Reads() as read:
        product = weight @ cached
        product.square().sum().backward()
    kept = {tensor.untyped_storage().data_ptr() for tensor in read.kept.values()}
    assert {tensor.untyped_storage().data_ptr() for tensor in (weight, cached)} <= kept
    assert product.untyped_storage().data_ptr() not in kept


class FakeStreams:
    """Streams without a GPU: which one is the current one, and what was asked of each."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made, self.current = 0, "default"
        self.seen: list[tuple[str, str]] = []
        streams = self

        class Stream:
            def __init__(self, *_: object) -> None:
                streams.made += 1
                self.name = f"stream {streams.made}"

            def wait_stream(self, other: str) -> None:
                streams.seen.append((self.name, f"waits for {other}"))

            def synchronize(self) -> None:
                streams.seen.append((self.name, "ends"))

        @contextlib.contextmanager
        def on(stream: Stream) -> Iterator[None]:
            before, self.current = self.current, stream.name
            yield
            self.current = before

        monkeypatch.setattr(torch.cuda, "Stream", Stream)
        monkeypatch.setattr(torch.cuda, "stream", on)
        monkeypatch.setattr(torch.cuda, "current_stream", lambda: self.current)
        monkeypatch.setattr(torch.cuda, "max_memory_reserved", lambda _: 0)
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (2**30, 2**30))


def test_every_work_on_a_gpu_has_a_stream_of_its_own_that_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu, streams = torch.device("cuda"), FakeStreams(monkeypatch)
    monkeypatch.setitem(turns.AT_ONCE, "cuda", 2)

    def work(name: str, steps: int) -> Steps[str]:
        for _ in range(steps):
            streams.seen.append((streams.current, name))
            yield
        return name

    room = turns._Room(gpu)
    monkeypatch.setattr(turns, "_room", lambda _: room)
    assert finish(side_by_side([work("a", 3), work("b", 1), work("c", 2)], gpu)) == ["a", "b", "c"]
    assert streams.current == "default" and len(room.streams) == streams.made == 2
    used = {name: {stream for stream, seen in streams.seen if seen == name} for name in "abc"}
    assert used["a"] != used["b"] == used["c"] and all(len(found) == 1 for found in used.values())
    for name, found in used.items():
        of_stream = [seen for stream, seen in streams.seen if {stream} == found]
        first = of_stream.index(name)
        assert of_stream[first - 1] == "waits for default"
        assert "ends" in of_stream[first:]


@pytest.mark.parametrize("current", ["default", "stream 1"])
def test_a_graph_is_recorded_on_the_stream_that_it_was_warmed_up_on(
    current: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    streams = FakeStreams(monkeypatch)
    own = torch.cuda.Stream()
    monkeypatch.setattr(torch.cuda, "default_stream", lambda: "default")
    monkeypatch.setattr(torch.cuda, "current_stream", lambda: own if streams.current == own.name else Default())
    replayed: list[str] = []

    class Default:
        def __eq__(self, other: object) -> bool:
            return other == "default"

        def wait_stream(self, _: object) -> None: ...

    class Graph:
        def replay(self) -> None:
            replayed.append(streams.current)

    @contextlib.contextmanager
    def recording(_: Graph, stream: Any, capture_error_mode: str) -> Iterator[None]:
        with torch.cuda.stream(stream):
            yield

    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    monkeypatch.setattr(torch.cuda, "graph", recording)
    cached, taken = torch.ones(3), list[str]()

    def work() -> dict[str, torch.Tensor]:
        taken.append(streams.current)
        return {"loss": (cached * 2).sum()}

    streams.current = current
    replay = graph.record_cuda(work)
    assert len(taken) == graph.WARM_UPS + 1 and len(set(taken)) == 1 and "default" not in taken
    assert (taken[0] == current) == (current != "default")
    references = sys.getrefcount(cached)
    assert float(replay()["loss"]) == 6 and replayed == [current]
    del replay
    assert sys.getrefcount(cached) == references - 1  # it was kept for the replays
