"""Comparisons that a suite promises to be fair: equal pixels, one change at a time, controls, nothing seen before."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from bench.errors import BadInput
from bench.provenance.record import run_row
from bench.report.verdicts import budget_mismatch
from bench.suites import SUITES
from bench.suites.experiment import Experiment
from bench.suites.rates import RATE_SUITES
from bench.suites.suite import RATES, MethodPlan, Suite
from methods import find_entry
from methods.common.blocks import DIV2K_MEAN
from methods.common.gan import PerceptualGan, Terms

CPU = SUITES["cpu"].experiments()
MATCHED = ("residual-blocks", "residual-bn", "ladder-1", "ladder-2", "ladder-3", "depth-16")
# what a plan may change beside a variant's own knobs, so that both sides have the same size, or the same pixels
ALLOWED = {**{name: {"blocks", "width", "growth"} for name in MATCHED}, "patch-half": {"patch", "batch_size"}}
STATED = {("rrdb", "scaling-1"): {"learning_rate"}, ("kernelgan", "relu"): {"iterations", "averaged", "estimates"}}
ADAPTED = [run for run in CPU.values() if run.method == "drn-adapt" and run.variant == "default"]


def pixels(run: Experiment) -> int:
    """Of HR where a run has it besides unpaired LR in every batch, else of all pictures as if each had HR."""
    method = run.build()
    count, side = method.batch
    return run.iterations * (count - method.unpaired * (run.method == "pseudo_sr")) * side**2


def test_every_variant_of_a_trained_method_sees_as_many_pixels_as_its_default() -> None:
    for run in CPU.values():
        if run.iterations and (default := CPU.get(run.name.replace(f".{run.variant}.", ".default."))):
            assert pixels(run) == pixels(default), run.name


def test_unpaired_lr_beside_the_pairs_is_no_hr_that_a_yardstick_lacks() -> None:
    arms = ("default", "no-cycle", "clean-pair", "uncorrected", "supervised")
    runs = [CPU[f"pseudo_sr.{arm}.x4.wild.s1"] for arm in arms]
    rows = pd.DataFrame([run_row(run, {"digest": ""}, {}) for run in runs]).astype(str)
    rows = rows.set_index("run", drop=False)
    assert {budget_mismatch(rows, f"pseudo_sr.{arm}", "pseudo_sr.default") for arm in arms} == {""}
    rows.loc[runs[3].name, "batch"] = "16"
    assert "HR pixels seen" in budget_mismatch(rows, "pseudo_sr.uncorrected", "pseudo_sr.default")


def test_every_variant_changes_what_it_declares_and_what_makes_it_comparable() -> None:
    for run in CPU.values():
        default = CPU.get(run.name.replace(f".{run.variant}.", ".default."))
        if default is None or run.variant == "default":
            continue
        here, there = run.build().knobs, default.build().knobs
        changed = {name for name in here if here[name] != there[name]}
        declared = set(run.entry.variants[run.variant]) | ALLOWED.get(run.variant, set())
        assert changed <= declared | STATED.get((run.method, run.variant.removeprefix("released-")), set()), run.name


@pytest.mark.parametrize("name", ["cpu", "demo", "gpu"])
def test_blocks_and_depths_are_compared_at_equal_numbers_of_parameters(name: str) -> None:
    def size(run: Experiment) -> int:
        network = run.build().network()
        assert network is not None
        return sum(parameter.numel() for parameter in network.parameters())

    found = {(run.method, run.variant): run for run in SUITES[name].experiments().values()}
    sizes = {key: size(run) for key, run in found.items() if run.method in ("rrdb", "esrgan")}
    for (method, variant), here in sizes.items():
        if variant in MATCHED:
            assert here == pytest.approx(sizes[method, "default"], rel=0.05), (method, variant)


def test_less_data_is_of_the_same_domain() -> None:
    for run in CPU.values():
        if run.variant == "less-data":
            assert {name.partition("-")[0] for name in run.train_sets} == set(SUITES["cpu"].train_sets)


def adversarial_slope(gan: str, weight: float, half: bool) -> float:
    """The size of the generator's weighted adversarial gradient where the discriminator knows nothing."""

    class Unsure(nn.Module):
        def forward(self, image: Tensor) -> Tensor:
            return image.mean((1, 2, 3))[:, None] / 100

    sr = torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(0)).requires_grad_()
    hr = torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    losses = PerceptualGan(Terms(0.0, weight, 0.0, gan=gan, half=half), None)
    (slope,) = torch.autograd.grad(losses.generator(sr, hr, Unsure())["loss"], sr)
    return float(slope.norm())


@pytest.mark.parametrize(
    ("method", "pairs"),
    [
        ("esrgan", (("default", "standard-gan"), ("residual-blocks", "ladder-3"))),
        ("msrgan", (("relativistic", "default"),)),
    ],
)
def test_gans_are_compared_at_equal_gradients(method: str, pairs: tuple[tuple[str, str], ...]) -> None:
    entry = find_entry(method)
    for pair in pairs:
        knobs = [entry.build(4, entry.variants[variant]).knobs for variant in pair]
        assert [one["gan"] for one in knobs] == ["relativistic", "standard"]
        slopes = [adversarial_slope(one["gan"], one["adversarial_weight"], one["ragan_half"]) for one in knobs]
        assert slopes[0] == pytest.approx(slopes[1], rel=0.02), pair


@pytest.mark.parametrize("run", ADAPTED, ids=lambda run: run.name)
def test_every_adaptation_has_the_control_without_unpaired_pictures(run: Experiment) -> None:
    control = CPU[run.name.replace(".default.", ".rho-0.")]
    assert control.warm_start == run.warm_start and control.train_sets == run.train_sets
    assert (control.iterations, control.build().unpaired) == (run.iterations, 0)


@pytest.mark.parametrize("suite", ["cpu", "demo"])
def test_an_estimated_kernel_stands_beside_the_best_that_is_known_without_the_picture(suite: str) -> None:
    runs = SUITES[suite].experiments()
    for run in [run for run in runs.values() if (run.method, run.variant) == ("zssr", "estimated")]:
        control = runs[run.name.replace(".estimated.", ".gaussian.")]
        assert control.kernel_from is not None and control.kernel_from.startswith("fixed-kernel.gaussian.")


def test_the_papers_sentences_on_kernelgan_are_tested_from_its_authors_setting() -> None:
    entry = find_entry("kernelgan")
    released = entry.build(2, entry.variants["released"]).knobs
    for claim in entry.claims:
        if claim.worse.startswith("kernelgan.released-"):
            worse = entry.build(2, entry.variants[claim.worse.partition(".")[2]]).knobs
            own = entry.variants.get(claim.worse.partition("released-")[2], {"gan_loss": "bce"})
            assert claim.better == "kernelgan.released"
            assert {name for name in worse if worse[name] != released[name]} == set(own), claim.id


def test_what_starts_from_a_network_that_saw_the_unpaired_pictures_is_refused() -> None:
    adapt = MethodPlan(
        "drn-adapt",
        10,
        train_sets={"default": ("Embedded-train-first",)},
        unpaired=("Embedded-train-second",),
        degradation="nearest",
        pairs="bicubic",
    )
    suite = Suite("s", "", ("Embedded-train",), ("Set5",), (MethodPlan("drn", 10), adapt))
    with pytest.raises(BadInput, match="start from one trained without it"):
        suite.experiments()
    start = MethodPlan("drn", 10, variants=("without-unpaired",), train_sets={"without-unpaired": ("BSD400",)})
    replace(suite, plans=(start, replace(adapt, starts={"default": "without-unpaired"}))).experiments()


def test_a_network_two_stages_back_must_not_have_seen_the_unpaired_pictures_either() -> None:
    chain = (
        MethodPlan(
            "drn",
            10,
            variants=("default", "without-unpaired"),
            train_sets={"without-unpaired": ("Embedded-train-first",)},
            starts={"without-unpaired": "default"},
        ),
        MethodPlan(
            "drn-adapt",
            10,
            train_sets={"default": ("Embedded-train-first",)},
            starts={"default": "without-unpaired"},
            unpaired=("Embedded-train-second",),
            degradation="nearest",
            pairs="bicubic",
        ),
    )
    with pytest.raises(BadInput, match=r"drn\.default.*start from one trained without it"):
        Suite("s", "", ("Embedded-train",), ("Set5",), chain).experiments()


def test_every_deep_baseline_of_a_short_suite_has_the_skip_of_the_picture() -> None:
    deep = ("srresnet", "msrresnet", "edsr", "rcan", "ddbpn", "rrdb")
    assert {run.build().knobs["image_skip"] for run in CPU.values() if run.method in deep} == {True}


@pytest.mark.parametrize("method", ["srresnet", "msrresnet", "edsr", "rcan", "ddbpn", "rrdb", "esrgan", "srgan"])
def test_the_skip_of_the_picture_is_off_as_in_the_papers_and_adds_the_enlarged_picture(method: str) -> None:
    entry, lr = find_entry(method), torch.rand(1, 3, 8, 8)
    assert entry.build(4, {}).knobs["image_skip"] is (method == "msrresnet")
    small = {"width": 8, "blocks": 1, "groups": 1, "growth": 4, "features": 8, "stages": 1, "reduction": 4}
    found = []
    for skip in (False, True):
        torch.manual_seed(0)
        network = entry.build(4, {"image_skip": skip} | {k: v for k, v in small.items() if k in entry.knobs}).network()
        assert network is not None
        found.append(network.eval()(lr))
    enlarged = nn.functional.interpolate(lr, scale_factor=4.0, mode="bilinear")
    added = torch.tensor(DIV2K_MEAN).view(3, 1, 1) if method in ("edsr", "rcan", "ddbpn") else torch.zeros(())
    assert torch.allclose(found[1] - found[0], enlarged - added, atol=1e-4)  # their mean colour is in it already


def test_baselines_choose_their_learning_rate_from_one_grid() -> None:
    trained = {run.method: run.build().knobs["learning_rate"] for run in CPU.values() if run.iterations}
    pixel = {method for method in trained if find_entry(method).pretrain is None and method != "enhancenet"}
    assert {trained[method] for method in pixel} <= set(RATES)


def test_every_rate_of_the_grid_is_tried_by_every_baseline_on_held_out_pictures_alone() -> None:
    from bench.workflow import Workflow

    tried = [Workflow(suite.name).runs for suite in RATE_SUITES]
    assert [{run.build().knobs["learning_rate"] for run in runs.values()} for runs in tried] == [{r} for r in RATES]
    names = {run.method for run in tried[0].values()}
    assert names >= {"srcnn", "espcn", "srresnet", "msrresnet", "edsr", "rcan", "ddbpn", "rrdb"}
    for runs in tried:
        for run in runs.values():
            cpu = CPU[run.name]
            differ = {name for name, value in run.build().knobs.items() if value != cpu.build().knobs[name]}
            assert differ <= {"learning_rate"} and run.test_sets == ("BSD-valid",)
            assert (run.iterations, run.train_sets, run.seed) == (cpu.iterations, cpu.train_sets, 1)
        assert {run.method for run in runs.values()} == names
