"""What a method without a plan is trained with: its rivals' training, a rate chosen on held-out pictures, its word."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from bench.api import Axis, Budget, Entry, Learner, Method, Training
from bench.errors import BadInput
from bench.runtime.files import read_json
from bench.stages.budget import settle_budget
from bench.suites import SUITES, find_suite
from bench.suites.suite import RATES, MethodPlan, Suite
from methods import GUESTS, METHODS, find_methods
from methods.espcn import EspcnMethod

DEMO = SUITES["demo"]
AXES = (
    Axis("patch", "?", {"large": {"patch": 68}}, "ours"),
    Axis("rate", "?", {"hot": {"learning_rate": 1e30}}, "ours"),
)


def join(monkeypatch: pytest.MonkeyPatch, rivals: str = "", **said: Budget) -> None:
    """Let `mine` join, compared with these."""
    monkeypatch.setenv("BENCH_METHODS", "")
    budgets = {name.replace("any", ""): budget for name, budget in said.items()}
    monkeypatch.setitem(METHODS, "mine", Entry("mine", EspcnMethod, "ours", axes=AXES, budgets=budgets))
    monkeypatch.setitem(GUESTS, "mine", "/somewhere/mine.py")
    find_methods(rivals)


def pixels(suite: Suite, method: str) -> int:
    run = suite.experiment(method, "default", 1)
    count, side = run.build().batch
    return run.iterations * count * side**2


@pytest.mark.parametrize("rivals", ["rrdb", "espcn,bicubic", "srcnn", "esrgan"])
def test_a_method_without_a_word_sees_the_patches_and_pixels_of_its_rival(
    rivals: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    join(monkeypatch, rivals)
    rival = {"esrgan": "rrdb"}.get(rivals, rivals.split(",")[0])  # a GAN: the stage that it starts from
    here, there = (DEMO.experiment(name, "default", 1) for name in ("mine", rival))
    assert here.build().batch == there.build().batch
    assert pixels(DEMO, "mine") == pytest.approx(pixels(DEMO, rival), rel=1e-3)


def test_without_rivals_it_has_the_training_that_most_baselines_have(monkeypatch: pytest.MonkeyPatch) -> None:
    join(monkeypatch)
    assert (DEMO.draft("mine").plan.iterations, DEMO.experiment("mine", "default", 1).build().batch) == (1500, (4, 48))
    cpu = find_suite("cpu").draft("mine").plan
    assert (cpu.iterations, cpu.knobs["patch"], cpu.seeds) == (6000, 64, (1, 2, 3))


def test_its_axes_run(monkeypatch: pytest.MonkeyPatch) -> None:
    join(monkeypatch, "rrdb")
    runs = {run.variant: run for run in DEMO.experiments().values() if run.method == "mine"}
    assert list(runs) == ["default", "large", "hot"]
    assert runs["large"].build().batch == (4, 68) and runs["hot"].build().knobs["learning_rate"] == 1e30


def test_what_it_asks_for_it_gets(monkeypatch: pytest.MonkeyPatch) -> None:
    join(monkeypatch, "rrdb", demo=Budget({"widths": (4, 4), "learning_rate": 3e-3}, 7), any=Budget(iterations=9))
    draft = DEMO.draft("mine")
    assert (draft.plan.iterations, draft.rates, draft.plan.knobs["widths"]) == (7, (), (4, 4))
    assert (find_suite("cpu").draft("mine").plan.iterations, find_suite("cpu").draft("mine").rates) == (9, RATES)
    with pytest.raises(BadInput, match="unknown knob of x 'widht'"):
        Entry("x", EspcnMethod, "", budgets={"": Budget({"widht": 3})})


def tiny() -> Suite:
    """A suite whose one baseline is as fast as a test."""
    return Suite("tiny", "", ("Embedded-train",), ("Embedded-one",), (MethodPlan("srcnn", 40, {"patch": 36}),))


def test_the_rate_is_the_best_of_the_grid_on_held_out_pictures_and_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_WORK", str(tmp_path))
    join(monkeypatch)
    suite = tiny()
    before = suite.experiment("mine", "default", 1)
    settle_budget(suite, "mine", torch.device("cpu"))
    file = tmp_path / "tiny" / "budgets" / "mine" / "budget.json"
    chosen = read_json(file)
    assert chosen["pictures"] == ["Embedded-valid"] and list(chosen["trials"]) == [f"{rate:g}" for rate in RATES]
    best = max(chosen["trials"], key=lambda rate: chosen["trials"][rate])
    after = suite.experiment("mine", "default", 1)
    assert after.build().knobs["learning_rate"] == float(best) == chosen["knobs"]["learning_rate"]
    assert dataclasses.replace(suite, drafted=True).experiment("mine", "default", 1) == before
    assert suite.experiment("mine", "hot", 1).build().knobs["learning_rate"] == 1e30  # an axis has the last word
    written = file.stat().st_mtime_ns
    settle_budget(suite, "mine", torch.device("cpu"))
    assert file.stat().st_mtime_ns == written


def test_seconds_become_a_length_on_the_machine_at_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_WORK", str(tmp_path))
    join(monkeypatch, any=Budget({"learning_rate": 1e-3}, seconds=2.0))
    suite = tiny()
    settle_budget(suite, "mine", torch.device("cpu"))
    steps = suite.experiment("mine", "default", 1).iterations
    assert steps == read_json(tmp_path / "tiny" / "budgets" / "mine" / "budget.json")["iterations"] > 10


def test_a_method_that_diverges_at_every_rate_takes_the_lowest_and_tells_in_its_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_WORK", str(tmp_path))
    monkeypatch.setattr("bench.suites.suite.RATES", (1e30, 1e31))
    join(monkeypatch, any=Budget(iterations=80))
    settle_budget(tiny(), "mine", torch.device("cpu"))
    chosen = read_json(tmp_path / "tiny" / "budgets" / "mine" / "budget.json")
    assert chosen["trials"] == {"1e+30": None, "1e+31": None}
    assert tiny().experiment("mine", "default", 1).build().knobs["learning_rate"] == 1e30


@dataclasses.dataclass(frozen=True)
class Vague(Method):
    """Trains, by a learner of its own, on it does not say what."""

    def learner(self, training: Training) -> Learner | None:
        raise AssertionError


def test_what_cannot_be_given_a_length_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    join(monkeypatch)
    untrained = Suite("pictures", "", (), ("Embedded-one",), (MethodPlan("bicubic"),))
    with pytest.raises(BadInput, match="suite pictures trains nothing, and mine has to be trained"):
        untrained.experiments()
    monkeypatch.setitem(METHODS, "mine", Entry("mine", Vague, "ours"))
    with pytest.raises(BadInput, match="mine: trains, and says no batch"):
        DEMO.experiments()
