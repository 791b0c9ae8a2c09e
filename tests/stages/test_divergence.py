"""A training that diverges, kept as a result without scores; test_workflow.py has the whole way of one."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

from bench.data.images import image_files, write_png
from bench.data.prepare import prepare_test
from bench.errors import Diverged
from bench.runtime.files import read_json
from bench.runtime.record import Stage, code_of
from bench.runtime.results import write_records
from bench.runtime.rows import read_rows
from bench.stages.divergence import inherited, no_pictures, no_scores, notes, reason, reason_of, settle
from bench.stages.estimate import write_kernel
from bench.stages.run import score_run, upscale_run
from bench.stages.train import checkpoint_path
from bench.suites import find_run, find_suite
from bench.suites.workdir import Workdir

RRDB, ESRGAN = "rrdb.default.x4.bicubic.s1", "esrgan.default.x4.bicubic.s1"
TOOK = {"train_data": "1" * 64}
WHY = f"training of {RRDB} diverged: loss is nan at step 10"


@pytest.fixture
def settled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workdir:
    """A work folder in which the PSNR-oriented stage of ESRGAN diverged."""
    monkeypatch.setenv("BENCH_WORK", str(tmp_path))
    layout, run = Workdir("smoke"), find_run("smoke", RRDB)
    settle(run, layout.run(RRDB), torch.device("cpu"), TOOK, WHY)
    return layout


def test_the_reason_names_the_training_and_leaves_out_the_remedy() -> None:
    assert reason_of(RRDB, Diverged(f"{RRDB}: loss is nan at step 10; lower the learning rate")) == WHY


def test_a_settled_run_has_a_checkpoint_without_weights_and_says_why(settled: Workdir) -> None:
    record = read_json(settled.run(RRDB) / "train.json")
    assert record["diverged"] == WHY
    assert record["digest"] == find_run("smoke", RRDB).digest()
    assert record["parameters"] > 1000 and record["train_data"] == "1" * 64
    assert record["inputs"] == TOOK and set(record["outputs"]) == {"checkpoint.safetensors", "curves.jsonl"}
    with safe_open(checkpoint_path(settled.run(RRDB)), "pt") as stream:
        assert list(stream.keys()) == [] and "diverged" in stream.metadata()["bench"]


def test_what_starts_from_a_run_that_diverged_has_no_network_either(settled: Workdir) -> None:
    first, second = find_run("smoke", RRDB), find_run("smoke", ESRGAN)
    assert (reason(first, settled), inherited(first, settled)) == (WHY, None)
    assert (reason(second, settled), inherited(second, settled)) == (None, WHY)
    borrowed = dataclasses.replace(second, iterations=0, network_from=(RRDB,))
    assert reason(borrowed, settled) == WHY
    settle(second, settled.run(ESRGAN), torch.device("cpu"), TOOK, WHY)
    assert reason(second, settled) == WHY


def test_the_old_pictures_of_a_run_that_diverged_are_gone(tmp_path: Path) -> None:
    write_png(tmp_path / "sr" / "Set5" / "baby.png", torch.zeros(8, 8, 3, dtype=torch.uint8).numpy())
    no_pictures(tmp_path / "sr", Stage(code_of(["bench.stages.upscale"]), torch.device("cpu"), TOOK), WHY)
    assert [path.name for path in (tmp_path / "sr").iterdir()] == ["upscale.json"]
    assert read_json(tmp_path / "sr" / "upscale.json")["diverged"] == WHY


def test_a_run_whose_kernels_lack_one_has_no_pictures_and_says_whose(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_WORK", str(tmp_path))
    runs, layout = find_suite("demo").experiments(), Workdir("demo")
    run = next(run for run in runs.values() if run.kernel_from in runs)
    estimated = layout.kernels(runs[str(run.kernel_from)])
    for name in run.test_sets:
        data = layout.test_data(name, run.scale, run.degradation)
        prepare_test(name, run.scale, run.degradation, data)
        for path in image_files(data / "lr"):
            write_kernel(estimated / name, path.stem, np.full((3, 3), 1 / 9))
    dead = min(estimated.rglob("*.npy"))
    dead.unlink()
    why = f"{run.kernel_from} has no kernel of {dead.parent.name}/{dead.stem}: every generator is dead"
    upscale_run(run, runs, layout, torch.device("cpu"))
    assert read_json(layout.sr(run) / "upscale.json")["diverged"] == why
    score_run(run, layout)
    rows = read_rows(layout.scores(run))
    assert rows and {(row["value"], row["note"]) for row in rows} == {("", why)}


def test_every_picture_and_metric_is_not_available_with_the_reason(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_png(tmp_path / "lr" / f"{name}.png", torch.zeros(8, 8, 3, dtype=torch.uint8).numpy())
    records = no_scores({"Set5": tmp_path}, ("psnr_y", "niqe"), WHY)
    assert [(one.image, one.metric) for one in records] == [(i, m) for i in "ab" for m in ("psnr_y", "niqe")]
    assert {(one.dataset, one.value, one.note) for one in records} == {("Set5", None, WHY)}


def test_the_report_has_a_sentence_for_a_run_that_diverged_and_none_for_others(tmp_path: Path) -> None:
    write_records(tmp_path, "m", {"one": {"training": {"diverged": WHY}}, "two": {"training": {"seconds": 1}}})
    assert notes(tmp_path, ("one", "two", "three")) == (f"`one` has no scores: {WHY}.",)
