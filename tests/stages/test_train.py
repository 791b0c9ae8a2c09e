"""The training loop: resume, budget, divergence, locks, and the contract every method keeps."""

from __future__ import annotations

import dataclasses
import fcntl
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from shrink import TRAINED, interrupt_after, open_store, small_run
from torch import Tensor

from bench.errors import BadInput, Diverged, OutOfTime
from bench.runtime.code_digest import ROOT
from bench.stages.checkpoints import choose_method, recorded_method
from bench.stages.divergence import settle
from bench.stages.resume import STATES, load_state
from bench.stages.train import Limits, checkpoint_path, load_network, train
from bench.suites.experiment import Experiment
from methods import METHODS

CPU = torch.device("cpu")
QUICK = Limits(save_seconds=1e9)


def finish(run: Experiment, store: Path, folder: Path, limits: Limits = QUICK) -> bytes:
    """Train to the end and return the checkpoint's bytes."""
    train(run, open_store(run, store), folder, CPU, limits)
    return checkpoint_path(folder).read_bytes()


@pytest.mark.parametrize(("method", "variant"), TRAINED)
def test_ten_steps_saved_and_resumed_are_twenty_steps_bit_for_bit(
    method: str, variant: str, train_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = small_run(method, variant)
    whole = finish(run, train_store, tmp_path / "whole")
    with monkeypatch.context() as patch:
        interrupt_after(patch, 10)
        with pytest.raises(OutOfTime, match="step 10 of 20"):
            finish(run, train_store, tmp_path / "parts", Limits(minutes=1.0, save_seconds=1e9))
    assert not checkpoint_path(tmp_path / "parts").exists()
    assert finish(run, train_store, tmp_path / "parts") == whole
    curves = [(tmp_path / name / "curves.jsonl").read_bytes() for name in ("whole", "parts")]
    assert curves[0] == curves[1]


def test_another_seed_trains_another_network(train_store: Path, tmp_path: Path) -> None:
    for seed in (1, 2):
        finish(small_run("rrdb", iterations=2, seed=seed), train_store, tmp_path / str(seed))
    one, two = (load_file(checkpoint_path(tmp_path / str(seed))) for seed in (1, 2))
    assert not any(torch.equal(one[name], two[name]) for name in one if name.endswith("weight"))


def damages(whole: bytes) -> dict[str, bytes]:
    """What a power cut, a bad disk, an older version or another program leave of a state."""
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    old = io.BytesIO()
    torch.save({"digest": "", "step": 10}, old)
    return {
        "empty": b"",
        "truncated": whole[: len(whole) // 2],
        "zeros": bytes(len(whole)),
        "random": np.random.default_rng(0).bytes(len(whole)),
        "one bit": bytes(flipped),
        "longer": whole + b"\0",
        "another version": old.getvalue(),
    }


@pytest.mark.parametrize("kind", damages(b"12"))
@pytest.mark.parametrize("both", [False, True], ids=["the last", "both"])
def test_a_damaged_state_is_told_in_one_line_and_the_bytes_are_those_of_an_unbroken_run(
    both: bool,
    kind: str,
    train_store: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = small_run("srcnn", iterations=30)
    whole = finish(run, train_store, tmp_path / "whole")
    with monkeypatch.context() as patch:
        interrupt_after(patch, 25)
        with pytest.raises(OutOfTime):
            finish(run, train_store, tmp_path / "parts", Limits(minutes=1.0, save_seconds=0.0))
    for name in STATES if both else STATES[:1]:
        path = tmp_path / "parts" / name
        path.write_bytes(damages(path.read_bytes())[kind])
    (tmp_path / "parts" / "curves.jsonl").write_text('{"step": 10, "lo\njunk\n')
    capsys.readouterr()
    assert finish(run, train_store, tmp_path / "parts") == whole
    told = [line for line in capsys.readouterr().err.splitlines() if "damaged" in line and "\r" not in line]
    assert len(told) == (2 if both else 1)
    curves = [(tmp_path / name / "curves.jsonl").read_bytes() for name in ("whole", "parts")]
    assert curves[0] == curves[1]
    assert not [path.name for path in (tmp_path / "parts").iterdir() if path.name in STATES]


def test_a_state_of_other_code_or_settings_is_not_resumed(
    train_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = small_run("rrdb")
    with monkeypatch.context() as patch:
        interrupt_after(patch, 10)
        with pytest.raises(OutOfTime):
            finish(run, train_store, tmp_path / "run", Limits(minutes=1.0))
    longer = dataclasses.replace(run, iterations=22)
    assert finish(longer, train_store, tmp_path / "run") == finish(longer, train_store, tmp_path / "fresh")


def test_the_gan_stage_starts_from_the_network_of_the_psnr_stage(train_store: Path, tmp_path: Path) -> None:
    earlier = small_run("rrdb", iterations=3)
    finish(earlier, train_store, tmp_path / earlier.name)
    run = dataclasses.replace(small_run("esrgan", iterations=1), warm_start=earlier.name)
    frozen = dataclasses.replace(run, knobs={**run.knobs, "learning_rate": 0.0})
    finish(frozen, train_store, tmp_path / frozen.name)
    started, ended = (load_file(checkpoint_path(tmp_path / name)) for name in (earlier.name, frozen.name))
    assert all(torch.equal(started[name], ended[name]) for name in started)


def test_a_missing_earlier_stage_is_named(train_store: Path, tmp_path: Path) -> None:
    run = dataclasses.replace(small_run("esrgan"), warm_start="rrdb.default.x4.bicubic.s1")
    with pytest.raises(BadInput, match=r"rrdb.default.x4.bicubic.s1.*train the run it belongs to first"):
        finish(run, train_store, tmp_path / run.name)


class _Poisoned:
    """A learner that works until a step, then reports a given loss."""

    def __init__(self, at: int, loss: float) -> None:
        self.network, self.at, self.loss, self.seen = torch.nn.Linear(1, 1), at, loss, 0

    def step(self, batch: Any) -> dict[str, Tensor]:
        self.seen += 1
        return {"loss": torch.tensor(self.loss if self.seen > self.at else 1.0)}

    def warm_start(self, state: dict[str, Tensor]) -> None: ...

    def state_dict(self) -> dict[str, Any]:
        return {"seen": self.seen}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.seen = state["seen"]


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), 1e6])
def test_a_diverged_run_stops_and_keeps_the_last_good_state(
    loss: float, train_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = small_run("rrdb", iterations=200)
    monkeypatch.setattr(type(run.build()), "learner", lambda self, training: _Poisoned(75, loss))
    with pytest.raises(Diverged, match=r"at step 80.*lower the learning rate"):
        finish(run, train_store, tmp_path, Limits(save_seconds=0.0))
    found = load_state(tmp_path, run.digest(), CPU) or {}
    assert found["step"] == 70
    assert not checkpoint_path(tmp_path).exists()


def test_a_checkpoint_says_what_it_is_of_and_is_taken_for_nothing_else(train_store: Path, tmp_path: Path) -> None:
    run = small_run("rrdb", "scaling-1", iterations=1)
    finish(run, train_store, tmp_path)
    path, entry = checkpoint_path(tmp_path), METHODS["rrdb"]
    assert recorded_method(path, entry, "scaling-1", 4) == run.build()
    for other, variant, scale in ((entry, "default", 4), (entry, "scaling-1", 2), (METHODS["esrgan"], "default", 4)):
        with pytest.raises(BadInput, match=r"trained as rrdb\.scaling-1\.x4"):
            recorded_method(path, other, variant, scale)


def test_a_suite_that_has_the_method_in_another_size_than_the_checkpoint_is_refused(
    train_store: Path, tmp_path: Path
) -> None:
    run = small_run("rrdb", iterations=1)
    finish(run, train_store, tmp_path)
    assert choose_method("rrdb", 4, checkpoint=checkpoint_path(tmp_path)) == run.build()
    with pytest.raises(BadInput, match=r"its width is 8, not 16 as suite smoke has it; leave --suite out"):
        choose_method("rrdb", 4, "smoke", checkpoint_path(tmp_path))


def test_the_checkpoint_of_a_diverged_run_is_refused_with_the_reason(tmp_path: Path) -> None:
    run = small_run("rrdb", iterations=1)
    settle(run, tmp_path, CPU, {"train_data": ""}, "training of it diverged: loss is nan")
    with pytest.raises(BadInput, match="holds no network, for the training of it diverged: loss is nan"):
        choose_method("rrdb", 4, checkpoint=checkpoint_path(tmp_path))


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 99 bytes."),
        MemoryError(),
    ],
)
def test_a_training_without_the_memory_that_it_needs_says_so_and_goes_on_once_it_has(
    error: Exception, train_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = small_run("srcnn", iterations=2)

    def lack(*_: Any) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr("bench.stages.train.stepper", lambda *_: lack)
        with pytest.raises(BadInput, match=rf"^{run.name}: need more memory than there is; run fewer at once"):
            finish(run, train_store, tmp_path)
    assert finish(run, train_store, tmp_path) == finish(run, train_store, tmp_path / "alone")


def test_a_second_process_in_the_run_folder_says_so(train_store: Path, tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(BadInput, match="another process is working here"):
            finish(small_run("rrdb"), train_store, tmp_path)


def test_a_checkpoint_of_another_variant_is_refused_by_name(train_store: Path, tmp_path: Path) -> None:
    finish(small_run("rrdb", iterations=1), train_store, tmp_path)
    with pytest.raises(BadInput, match="does not fit the method"):
        load_network(small_run("rrdb", "bn").build().network(), checkpoint_path(tmp_path))


def test_a_truncated_checkpoint_is_refused_by_name(tmp_path: Path) -> None:
    checkpoint_path(tmp_path).write_bytes(b"\x10\x00\x00\x00\x00\x00\x00\x00{}")
    with pytest.raises(BadInput, match="not a safetensors checkpoint"):
        load_network(small_run("rrdb").build().network(), checkpoint_path(tmp_path))


def test_a_full_disk_ends_in_one_line_and_leaves_no_half_state(
    train_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(BadInput, match=r"No space left on device.*free space"):
        finish(small_run("rrdb"), train_store, tmp_path, Limits(save_seconds=0.0))
    assert not [path.name for path in tmp_path.iterdir() if path.suffix in (".pt", ".tmp", ".safetensors")]


def _start(work: Path, *words: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "BENCH_WORK": str(work), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "bench", "train", "rrdb.default.x4.bicubic.s1", "--suite", "smoke", *words]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)


def test_the_command_stops_at_its_budget_with_75_and_resumes_to_the_same_bytes(tmp_path: Path) -> None:
    assert _start(tmp_path / "whole").wait() == 0
    stopped = _start(tmp_path / "parts", "--minutes", "0")
    assert stopped.wait() == 75
    assert b"run the same command to resume" in (stopped.stderr.read() if stopped.stderr else b"")
    assert _start(tmp_path / "parts").wait() == 0
    folders = [tmp_path / name / "smoke/runs/rrdb.default.x4.bicubic.s1" for name in ("whole", "parts")]
    assert checkpoint_path(folders[0]).read_bytes() == checkpoint_path(folders[1]).read_bytes()
    assert json.loads((folders[0] / "train.json").read_text())["parameters"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_killed_training_resumes_to_the_same_bytes(how: signal.Signals, tmp_path: Path) -> None:
    assert _start(tmp_path / "whole").wait() == 0
    for seconds in (2.4, 2.9, 3.4):
        running = _start(tmp_path / "parts")
        time.sleep(seconds)
        running.send_signal(how)
        running.wait()
    assert _start(tmp_path / "parts").wait() == 0
    folders = [tmp_path / name / "smoke/runs/rrdb.default.x4.bicubic.s1" for name in ("whole", "parts")]
    assert checkpoint_path(folders[0]).read_bytes() == checkpoint_path(folders[1]).read_bytes()


def test_a_training_whose_process_outlived_its_workflow_is_waited_for(tmp_path: Path) -> None:
    turn = tmp_path / "smoke" / "turns" / "rrdb.default.x4.bicubic.s1"
    turn.parent.mkdir(parents=True)
    with turn.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        running = _start(tmp_path)
        assert running.stderr is not None
        said = running.stderr.readline()
    assert b"waiting for it to end" in said
    running.communicate()
    assert running.returncode == 0
    assert checkpoint_path(tmp_path / "smoke/runs/rrdb.default.x4.bicubic.s1").is_file()
