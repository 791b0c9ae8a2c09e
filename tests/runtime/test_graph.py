"""A training step as a graph: the same bytes as step by step, from the start and resumed; nothing read back."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import pytest
import torch
from recorded import record
from shrink import interrupt_after, open_store, small_run
from torch import Tensor

from bench.api import Batch, Training
from bench.data.patches import Store
from bench.data.prepare import prepare_train
from bench.errors import BadInput, OutOfTime
from bench.runtime import graph
from bench.runtime.graph import TensorLearner, stepper, tensors
from bench.stages.train import Limits, checkpoint_path, train
from bench.suites.experiment import Experiment
from methods.common.optimise import Adam
from methods.common.pixel import PixelLearner

CPU = torch.device("cpu")
QUICK = {  # every learner; the others are branches that a step can take
    "rrdb": ("default",),
    "esrgan": ("default",),
    "enhancenet": ("default",),
    "edsr": ("dual",),
    "drn": ("default", "dual-frozen"),
    "drn-adapt": ("default",),
    "pseudo_sr": ("default",),
    "downsampled_space": ("adversarial",),
}
OTHERS = {
    "rrdb": ("bn",),
    "esrgan": ("standard-gan",),
    "enhancenet": ("P",),
    "srgan": ("default",),
    "espcn": ("default",),
    "drn": ("lambda-0", "dual-bicubic", "cascade", "top-only", "dual-hr", "mean-shift-fixed", "matlab-input"),
    "drn-adapt": ("rho-0", "rho-100", "level1"),
    "pseudo_sr": ("faces", "two-stage", "direct", "clean-pair", "ensemble-one-sided"),
    "downsampled_space": ("default", "kernel-learned", "noise-adversarial"),
}
KINDS = [
    pytest.param(method, variant, marks=[pytest.mark.slow] if kinds is OTHERS else [])
    for kinds in (QUICK, OTHERS)
    for method, variants in kinds.items()
    for variant in variants
]
LIMITS = Limits(save_seconds=1e9)
READS = ("item", "tolist", "numpy", "cpu", "__bool__", "__float__", "__int__", "__index__")  # ways to read back


@pytest.fixture(scope="session")
def level_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedded training photographs, at x2 too."""
    folder = tmp_path_factory.mktemp("levels") / "train"
    prepare_train(("Embedded-train",), 4, "bicubic", folder, levels=(2,))
    return folder


@pytest.fixture
def recording(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the CPU record steps."""
    monkeypatch.setitem(graph.RECORDERS, "cpu", record)


def short_run(method: str, variant: str, iterations: int = 7) -> Experiment:
    """Half precision where the learner has a choice of it, so that its casts are part of the step."""
    precision = "bf16" if method in ("rrdb", "pseudo_sr") else "float32"
    run = small_run(method, variant, iterations=iterations)
    knobs = {"blocks": 1, "features": 4} if method.startswith("drn") else {}
    return dataclasses.replace(run, knobs={**run.knobs, **knobs}, precision=precision, channels_last=method != "srgan")


def opened(run: Experiment, train_store: Path, level_store: Path) -> Store:
    return open_store(run, level_store if run.build().levels else train_store)


def finish(run: Experiment, store: Store, folder: Path, limits: Limits = LIMITS) -> tuple[bytes, bytes]:
    """The checkpoint's bytes and the curve's."""
    train(run, store, folder, CPU, limits)
    return checkpoint_path(folder).read_bytes(), (folder / "curves.jsonl").read_bytes()


def learner_of(run: Experiment) -> TensorLearner:
    torch.manual_seed(1)
    learner = run.build().learner(Training(run.iterations, 1, CPU, run.precision, run.channels_last))
    assert isinstance(learner, TensorLearner)
    return learner


@pytest.mark.parametrize(("method", "variant"), KINDS)
def test_a_recorded_run_makes_the_bytes_of_one_step_by_step_and_resumes_to_them(
    method: str,
    variant: str,
    train_store: Path,
    level_store: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = short_run(method, variant)
    store = opened(run, train_store, level_store)
    eager = finish(run, store, tmp_path / "eager")
    monkeypatch.setitem(graph.RECORDERS, "cpu", record)
    assert finish(run, store, tmp_path / "whole") == eager
    with monkeypatch.context() as patch:
        interrupt_after(patch, 3)
        with pytest.raises(OutOfTime, match="step 3 of 7"):
            finish(run, store, tmp_path / "parts", Limits(minutes=1.0, save_seconds=1e9))
    assert finish(run, store, tmp_path / "parts") == eager
    assert "no CUDA graph" not in capsys.readouterr().err


@pytest.mark.parametrize(("method", "variant"), KINDS)
def test_a_step_reads_nothing_back_and_leaves_every_tensor_where_it_is(
    method: str, variant: str, train_store: Path, level_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = short_run(method, variant)
    learner, (count, patch) = learner_of(run), run.build().batch
    store = opened(run, train_store, level_store)
    batches = [store.batch(step, 1, count, patch, CPU) for step in range(3)]
    learner.begin(batches[0])
    first = {id(tensor): tensor.data_ptr() for tensor in tensors(learner.state_dict())}
    places = sorted(first.values())
    learner.step(batches[0])  # fills caches

    def fail(self: Tensor, *words: Any) -> Any:
        raise AssertionError("read back")

    learner.begin(batches[1])
    with monkeypatch.context() as patched:
        for name in READS:
            patched.setattr(Tensor, name, fail, raising=False)
        learner.learn(dataclasses.replace(batches[1], step=-1))
    other = learner_of(run)
    other.step(batches[2])
    learner.load_state_dict(other.state_dict())
    learner.step(batches[2])
    assert sorted(tensor.data_ptr() for tensor in tensors(learner.state_dict())) == places


class Own(PixelLearner):
    """A learner with a step of its own."""

    def step(self, batch: Batch) -> dict[str, Tensor]:
        return {"loss": torch.zeros(())}


class Reading(PixelLearner):
    """A learner that looks at its loss."""

    def learn(self, batch: Batch) -> dict[str, Tensor]:
        losses = super().learn(batch)
        return losses if float(losses["loss"]) >= 0 else {}


def test_a_step_that_no_graph_can_hold_is_taken_as_it_comes_and_says_so_once(
    train_store: Path, tmp_path: Path, recording: None, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    run = short_run("edsr", "default")
    expected = finish(run, open_store(run, train_store), tmp_path / "one")
    capsys.readouterr()
    monkeypatch.setattr("methods.common.pixel.PixelLearner", Reading)
    assert finish(run, open_store(run, train_store), tmp_path / "other") == expected
    assert capsys.readouterr().err.count("edsr.default.x4.bicubic.s1: a step is no CUDA graph") == 1


def test_a_step_of_its_own_is_not_passed_by(recording: None, capsys: pytest.CaptureFixture[str]) -> None:
    run = short_run("edsr", "default")
    method = run.build()
    network, recipe = method.network(), method.recipe
    assert network is not None
    learner = Own(network, recipe, Training(2), torch.nn.functional.l1_loss)  # type: ignore[arg-type]
    assert stepper(learner, "mine", CPU, None) == learner.step
    assert "mine: a step is no CUDA graph" in capsys.readouterr().err


def test_a_graph_is_made_where_it_is_wanted_and_refused_where_there_is_none(recording: None) -> None:
    learner = learner_of(short_run("espcn", "default"))
    assert stepper(learner, "run", CPU, None) != learner.step
    assert stepper(learner, "run", CPU, False) == learner.step
    graph.RECORDERS.pop("cpu")
    assert stepper(learner, "run", CPU, None) == learner.step
    with pytest.raises(BadInput, match="leave out --graph"):
        stepper(learner, "run", CPU, True)


def test_an_update_that_is_not_wanted_changes_nothing() -> None:
    weights = [torch.nn.Parameter(torch.rand(3, 2)) for _ in range(2)]
    one, other = (Adam([weight], Training(10), 1e-2, lambda progress: 1.0) for weight in weights)
    with torch.no_grad():
        weights[1].copy_(weights[0])
    for step, wanted in enumerate((1, 0, 0, 1)):
        for adam, weight, asked in ((one, weights[0], torch.tensor(float(wanted))), (other, weights[1], None)):
            adam.set_rate(step)
            if asked is not None or wanted:
                adam.minimise((step + 1) * weight.square().sum(), asked)
    assert torch.equal(*weights)
    for ours, theirs in zip(tensors(one.state_dict()), tensors(other.state_dict()), strict=True):
        assert torch.equal(ours, theirs)


def test_a_kind_of_step_is_recorded_once(train_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = short_run("espcn", "default")
    learner, store = learner_of(run), open_store(run, train_store)
    kinds: list[Hashable] = ["a", "a", "b", "a", "b"]
    made: list[int] = []
    monkeypatch.setitem(graph.RECORDERS, "cpu", lambda work: made.append(1) or record(work))
    monkeypatch.setattr(learner, "begin", lambda batch: kinds[batch.step])
    step = stepper(learner, "run", CPU, None)
    for number in range(5):
        step(store.batch(number, 1, 2, 32, CPU))
    assert len(made) == 2
