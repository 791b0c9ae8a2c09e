"""What every suite promises: sizes within its bounds, and that its runs train."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path

import pytest
import torch
from shrink import SMALL

from bench.data.patches import PatchStore
from bench.stages.gpu_hours import training_seconds
from bench.stages.train import Limits, checkpoint_path, train
from bench.suites import SUITES
from bench.suites.experiment import Experiment
from methods.common.gan import GANS

GPU = SUITES["gpu"]
LADDER = [r for r in GPU.experiments().values() if r.iterations and r.seed == 1 and r.method in ("rrdb", "esrgan")]


def shrunk(run: Experiment) -> Experiment:
    """The run with two steps and test-size knobs; what its variant is about stays."""
    about = run.entry.variants[run.variant]
    small = {name: SMALL[name] for name in run.entry.knobs if name in SMALL and (name not in about or name == "blocks")}
    knobs = {**run.knobs, **small}
    return dataclasses.replace(
        run, knobs=knobs, iterations=2, train_sets=("Embedded-train",), warm_start=None, precision="float32"
    )


@pytest.mark.parametrize("run", LADDER, ids=lambda run: f"{run.method}.{run.variant}")
def test_the_ladder_of_suite_gpu_trains_at_a_small_size(run: Experiment, train_store: Path, tmp_path: Path) -> None:
    train(shrunk(run), PatchStore(train_store), tmp_path, torch.device("cpu"), Limits())
    assert checkpoint_path(tmp_path).is_file()


@pytest.mark.parametrize("shard", GPU.shards)
def test_a_piece_of_suite_gpu_trains_nine_minutes_at_most(shard: str) -> None:
    assert sum(training_seconds(run) for run in GPU.experiments(shard).values()) < 9 * 60


def test_a_measured_network_takes_as_long_as_it_was_measured_and_a_larger_one_longer() -> None:
    run = GPU.experiment("rrdb", "default", 1)
    assert run.iterations / training_seconds(run) == pytest.approx(85.5)
    deeper = dataclasses.replace(run, knobs={**run.knobs, "blocks": 23})
    assert run.iterations / training_seconds(deeper) == pytest.approx(32.4)
    larger = dataclasses.replace(run, knobs={**run.knobs, "batch_size": 20})
    assert training_seconds(larger) == pytest.approx(20 / 16 * training_seconds(run))
    assert training_seconds(dataclasses.replace(run, iterations=0)) == 0


def test_the_tap_and_the_gan_of_suite_gpu_are_crossed_from_one_start() -> None:
    cells = [run for run in GPU.experiments("ladder").values() if run.method == "esrgan"]
    assert {run.warm_start for run in cells} == {"rrdb.default.x4.bicubic.s1"}
    crossed = [(run.build().knobs["tap"], run.build().knobs["gan"], run.variant) for run in cells]
    assert {(tap, gan) for tap, gan, _ in crossed} == set(itertools.product(("before", "after"), GANS))
    assert "no-adversarial" in {variant for _, _, variant in crossed}


def test_suite_paper_trains_every_method_as_long_as_its_paper() -> None:
    for run in SUITES["paper"].experiments().values():
        assert run.iterations in (0, run.entry.iterations)
        assert run.knobs == run.entry.variants[run.variant]


def test_the_ladder_climbs_one_factor_at_a_time() -> None:
    steps = ("ladder-1", "ladder-2", "ladder-3", "residual-blocks", "default")
    built = [GPU.experiment("esrgan", step, 1).build().knobs for step in steps]
    same = {"blocks", "adversarial_weight"}  # equal parameters, and equal gradients of the two GANs
    changed = [
        {name for name in lower if lower[name] != higher[name]} - same for lower, higher in itertools.pairwise(built)
    ]
    assert changed == [{"batch_norm"}, {"tap"}, {"gan"}, {"block"}]


def test_the_axes_of_the_mission_have_three_seeds_in_suite_cpu() -> None:
    runs = SUITES["cpu"].experiments().values()
    for variant in ("default", "bn", "tap-after", "standard-gan", "residual-blocks", "depth-16"):
        assert {run.seed for run in runs if (run.method, run.variant) == ("esrgan", variant)} == {1, 2, 3}
