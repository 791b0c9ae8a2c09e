"""What every suite promises: sizes within its bounds, and that its runs train."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path

import pytest
import torch
from shrink import SMALL

from bench.data.patches import PatchStore
from bench.stages.train import Limits, checkpoint_path, train
from bench.suites import SUITES
from bench.suites.experiment import Experiment

LADDER = [run for run in SUITES["gpu"].experiments("ladder").values() if run.iterations and run.seed == 1]


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


def test_the_ladder_climbs_one_factor_at_a_time() -> None:
    steps = ("ladder-1", "ladder-2", "ladder-3", "residual-blocks", "default")
    suite = SUITES["gpu"]
    built = [suite.experiment("esrgan", step, 1).build().knobs for step in steps]
    same = {"blocks", "adversarial_weight"}  # equal parameters, and equal gradients of the two GANs
    changed = [
        {name for name in lower if lower[name] != higher[name]} - same for lower, higher in itertools.pairwise(built)
    ]
    assert changed == [{"batch_norm"}, {"tap"}, {"gan"}, {"block"}]


def test_the_axes_of_the_mission_have_three_seeds_in_suite_cpu() -> None:
    runs = SUITES["cpu"].experiments().values()
    for variant in ("default", "bn", "tap-after", "standard-gan", "residual-blocks", "depth-16"):
        assert {run.seed for run in runs if (run.method, run.variant) == ("esrgan", variant)} == {1, 2, 3}
