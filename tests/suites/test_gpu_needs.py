"""What suites say of a GPU's memory: every trained run is counted, as the counter counts a tiny step by hand."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from shrink import small_run
from torch import nn

from bench.errors import BadInput
from bench.stages import elsewhere
from bench.stages.gpu_hours import process_mib, training_mib
from bench.suites import SUITES
from bench.suites.suite import Suite
from bench.suites.workdir import Workdir
from bench.workflow import Workflow

sys.path.append(str(Path(__file__).parents[1] / "speed"))
from memory import Held, count_bytes

ON_GPU = [suite for suite in SUITES.values() if suite.on_gpu]


@pytest.mark.parametrize("suite", ON_GPU, ids=lambda suite: suite.name)
def test_every_trained_run_of_a_suite_for_a_gpu_says_what_it_holds(suite: Suite) -> None:
    for run in suite.experiments().values():
        assert (training_mib(suite.name, run) > 0) == (run.iterations > 0), run.name


@pytest.mark.parametrize(("method", "variant"), [("srcnn", "default"), ("srresnet", "no-bn"), ("rrdb", "depth-16")])
def test_what_a_suite_says_a_run_holds_is_what_is_counted(method: str, variant: str) -> None:
    run = SUITES["gpu"].experiment(method, variant, 1)
    assert training_mib("gpu", run) == round(count_bytes(run) / 2**20)


def test_storages_are_counted_once_and_for_as_long_as_they_live() -> None:
    weight = nn.Parameter(torch.zeros(8, 3, 3, 3))  # made before: not counted
    with Held() as held:
        x = torch.zeros(2, 3, 16, 16)  # 6,144 bytes
        y = nn.functional.conv2d(x, weight, padding=1)  # 16,384 bytes
        assert held.now == held.most == 22_528
        z = y.view(2, -1)  # the same storage
        y = z.relu_()  # in place
        assert held.now == 22_528
        del y, z
        assert (held.now, held.most) == (6_144, 22_528)
        total = nn.functional.conv2d(x, weight, padding=1).square().sum()  # keeps the product for its gradient
        assert held.now == 6_144 + 16_384 + 4
        total.backward()
    assert weight.grad is not None
    del total
    assert held.now == 6_144 + weight.grad.nbytes


def test_a_larger_batch_holds_more_and_the_moments_of_every_weight_are_counted() -> None:
    run = replace(small_run("srcnn"), precision="float32")
    weights = sum(parameter.numel() for parameter in run.build().network().parameters())
    sizes = [{**run.knobs, "batch_size": size, "patch": 64} for size in (1, 1, 2, 4)]  # the first fills caches
    _, one, two, four = (count_bytes(replace(run, knobs=knobs)) for knobs in sizes)
    assert four - two == pytest.approx(2 * (two - one), rel=0.02)
    assert 2 * one - two > 3 * 4 * weights  # weights, two moments and some gradients, whatever the batch


def test_jobs_begin_together_where_a_gpu_has_memory_for_what_they_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    @dataclass(frozen=True)
    class Gpu:
        type: str = "cuda"

    run = SUITES["gpu"].experiment("rrdb", "default", 1)
    assert elsewhere._fit([[run.name]] * 99, "gpu")  # without a GPU nothing is asked
    each = process_mib("gpu", run)
    assert Workflow("gpu").gpu_mib(run.name) == pytest.approx(each, abs=1) and each > training_mib("gpu", run) > 0
    monkeypatch.setattr(elsewhere, "choose_device", lambda _: Gpu())
    monkeypatch.setattr(elsewhere, "whole_memory_mib", lambda: 2 * each + 1)
    assert elsewhere._fit([[run.name]] * 2, "gpu") and not elsewhere._fit([[run.name]] * 3, "gpu")


def test_a_run_that_cannot_be_made_is_told_after_all_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [*SUITES["smoke"].experiments().values()]
    lacking = runs[0].name

    def make(suite: str, names: list[str], deadline: float) -> list[str]:
        if lacking in names:
            raise BadInput(f"{lacking}: need more memory than there is; run fewer at once")
        return names

    monkeypatch.setenv("BENCH_WORK", str(tmp_path))
    monkeypatch.setattr(elsewhere, "process_pool", ThreadPoolExecutor)
    monkeypatch.setattr(elsewhere, "_make", make)
    found = elsewhere._as_finished(runs, Workdir("smoke"), 1, time.time() + 60)
    others = [run.name for run in runs if lacking not in (run.name, *run.sources)]
    assert [next(found) for _ in others] == others and others
    with pytest.raises(BadInput, match=f"^{lacking}: need more memory"):
        next(found)
