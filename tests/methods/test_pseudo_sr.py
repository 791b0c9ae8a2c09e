"""Pseudo-supervision: what each loss is, which weights it reaches and which not, and what a step may look at."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from pictures import real
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn.functional import binary_cross_entropy_with_logits, l1_loss, mse_loss

from bench.api import Batch, Knobs, Training
from bench.data.datasets import find
from bench.data.images import read_image
from bench.data.orientations import in_every_orientation
from bench.data.patches import PairedAndUnpaired, PatchStore
from bench.data.pixel_checksums import pixel_sha256
from bench.data.prepare import prepare_test, prepare_train
from bench.errors import BadInput
from bench.metrics.fidelity import lr_psnr
from bench.runtime.files import read_json
from bench.runtime.record import Stage, code_of
from bench.stages.run import open_store, train_run
from bench.stages.score import score_run
from bench.stages.train import Limits
from bench.stages.upscale import TestSet as SetToUpscale
from bench.stages.upscale import prepare, upscale_sets
from bench.suites import SUITES
from bench.suites.workdir import Workdir
from methods.common.blocks import DIV2K_MEAN, count_parameters
from methods.common.optimise import drop_at
from methods.common.rcan import RCAN, RcanKnobs
from methods.pseudo_sr.entry import ENTRY
from methods.pseudo_sr.method import PseudoLearner, PseudoRecipe, PseudoSr, within
from methods.pseudo_sr.network import Degrader, PairKnobs, PatchDiscriminator, build_upscaler

SMALL: Knobs = {
    **{"width": 8, "groups": 1, "blocks": 1, "growth": 4, "reduction": 4, "correction_blocks": 1},
    **{"degrader_width": 8, "degrader_blocks": 1, "discriminator_width": 4, "batch_size": 2, "patch": 64},
    **{"learning_rate": 1e-3, "perceptual": "stlpips-vgg16", "layer": "conv1_2"},
}
STEPS = 10


def learner_of(variant: str = "default", **knobs: Any) -> PseudoLearner:
    torch.manual_seed(0)
    learner = ENTRY.build(4, {**SMALL, **ENTRY.variants[variant], **knobs}).learner(Training(STEPS, seed=3))
    assert isinstance(learner, PseudoLearner)
    return learner


def batch_of(step: int = 0, count: int = 2) -> Batch:
    """Random pictures: the domains need not look different."""
    generator = torch.Generator().manual_seed(step)
    lr, hr, x = (torch.rand(count, 3, side, side, generator=generator) for side in (16, 64, 16))
    return Batch(lr, hr, step, unpaired=x)


def test_the_networks_have_the_published_number_of_parameters() -> None:
    with torch.device("meta"):
        released = RcanKnobs(groups=5, blocks=10, mean_shift_trained=True)
        counts = [
            RCAN(1, released),
            *(RCAN(scale, dataclasses.replace(released, blocks=20)) for scale in (2, 4)),
            build_upscaler(2, PairKnobs(upscaler="rrdb")),
            *(PatchDiscriminator(64, halvings) for halvings in (0, 1, 2)),
            PatchDiscriminator(64, instance_norm=True),
        ]
        assert list(map(count_parameters, counts)) == [3_946_915, 7_816_427, 7_964_139, 16_697_987, *4 * [2_764_737]]
        # the paper's tables are of networks that learn an identity shift of colours, 12 numbers at either end
        assert count_parameters(Degrader(64, 6, norm=True, noise=True)) == 1_291_379 - 24
        default = ENTRY.build(4, {}).network()
        assert default is not None and count_parameters(default) == 3_946_915 + 7_964_139 - 2 * 24
        alone = ENTRY.build(4, ENTRY.variants["uncorrected"]).network()
        assert alone is not None and count_parameters(alone) == 7_964_139 - 24


@pytest.mark.parametrize(("side", "halvings", "field"), [(32, 0, 17), (64, 1, 19), (128, 2, 21)])
def test_the_discriminators_give_maps_of_the_published_size(side: int, halvings: int, field: int) -> None:
    assert PatchDiscriminator(4, halvings)(torch.rand(1, 3, side, side)).shape == (1, 1, field, field)


def test_a_sharpening_discriminator_sees_details_enlarged_and_everything_else_as_it_is() -> None:
    plain, sharp = PatchDiscriminator(4), PatchDiscriminator(4, sharpening=8.0)
    sharp.load_state_dict(plain.state_dict())
    flat = torch.full((1, 3, 20, 20), 0.3)
    assert torch.allclose(sharp(flat), plain(flat), atol=1e-6)
    dot = torch.zeros(1, 3, 20, 20)
    dot[..., 10, 10] = 1.0
    seen = dot * 9.0
    seen[..., 8:13, 8:13] -= 8 / 25
    assert torch.allclose(sharp(dot), plain(seen), atol=1e-5)
    judges = learner_of("faces", discriminator_sharpening=8.0).discriminators
    assert {name: judge.sharpening for name, judge in judges.items()} == {
        **dict.fromkeys(("x", "clean", "upscaled"), 8.0),
        "texture": 0.0,
    }


class Plain:
    """The objectives of one batch, written from the paper's equations. mean: the ensemble's, where it is a constant."""

    def __init__(self, learner: PseudoLearner, pictures: tuple[Tensor, ...]) -> None:
        self.learner, self.recipe = learner, learner.recipe
        self.x, self.y_down, self.y, self.z = pictures
        self.mean: Tensor | None = None
        self.mean = self.ensemble().detach() if self.recipe.ensemble_sides == "one" else None
        self.fixed_fake_x = learner.degrader(self.y_down, self.z).detach()

    def correct(self, image: Tensor) -> Tensor:
        found: Tensor = self.learner.trained.correct(image)
        return found

    def upscale(self, image: Tensor) -> Tensor:
        found: Tensor = self.learner.trained.upscale(image)
        return found

    def ensemble(self) -> Tensor:
        if self.mean is not None:
            return self.mean
        return torch.stack(list(in_every_orientation(self.correct, self.x))).mean(0)

    def distance(self, name: str, image: Tensor, real: bool) -> Tensor:
        logits = self.learner.discriminators[name](image)
        loss = mse_loss if self.recipe.gan == "lsgan" else binary_cross_entropy_with_logits
        return loss(logits, torch.full_like(logits, float(real)))

    def generators(self) -> Tensor:
        recipe, fake_x = self.recipe, self.learner.degrader(self.y_down, self.z)
        recovered = self.correct(fake_x)
        judged = ("x", fake_x), ("clean", self.correct(self.x))
        if not recipe.intermediate:
            judged = judged[0], ("upscaled", self.upscale(self.correct(self.x)))
        distances = [self.distance(name, image, True) for name, image in judged]
        loss = recipe.adversarial_weight * torch.stack(distances).sum()
        if not recipe.intermediate:
            return loss + recipe.cycle_weight * l1_loss(self.upscale(recovered), self.y)
        loss = loss + recipe.cycle_weight * l1_loss(recovered, self.y_down)
        same = self.x if recipe.identity_input == "corrupted" else self.y_down
        loss = loss + recipe.identity_weight * l1_loss(self.correct(same), same)
        loss = loss + recipe.ensemble_weight * l1_loss(self.correct(self.x), self.ensemble())
        if recipe.upscaled_weight:
            loss = loss + recipe.upscaled_weight * self.distance("upscaled", self.upscale(recovered), True)
        if recipe.reconstruction_reaches:
            loss = loss + l1_loss(self.upscale(recovered), self.y)
        return loss

    def upscaler(self) -> Tensor:
        if not self.recipe.intermediate:
            return self.generators()
        lr = {"pseudo": self.correct(self.fixed_fake_x), "clean": self.y_down, "degraded": self.fixed_fake_x}
        return l1_loss(self.upscale(lr[self.recipe.pairs].detach()), self.y)

    def discriminators(self) -> Tensor:
        recipe, fake_x = self.recipe, self.learner.degrader(self.y_down, self.z).detach()
        clean, recovered = self.correct(self.x).detach(), self.correct(fake_x).detach()
        pairs = [("x", self.x, fake_x)]
        if not recipe.intermediate:
            pairs += [("upscaled", self.y, self.upscale(clean).detach())]
        else:
            pairs += [("clean", self.y_down, clean)]
            if recipe.upscaled_weight:
                pairs += [("upscaled", self.upscale(clean).detach(), self.upscale(recovered).detach())]
        return sum(
            ((self.distance(name, real, True) + self.distance(name, fake, False)) / 2 for name, real, fake in pairs),
            torch.zeros(()),
        )


def slope(loss: Callable[[], Tensor], weights: list[nn.Parameter], direction: list[Tensor], size: float) -> float:
    """The central difference of a loss along a direction."""
    values = []
    for sign in (1, -2, 1):
        for weight, way in zip(weights, direction, strict=True):
            weight.data.add_(way, alpha=sign * size)
        values.append(loss().item())
    return (values[0] - values[1]) / (2 * size)


VARIANTS = [
    variant
    for variant in ENTRY.variants
    if variant
    not in ("faces", "uncorrected", "supervised", "two-stage", "off-the-shelf")  # same losses, or tested below
]


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_gradient_is_the_finite_difference_of_its_own_objective_and_of_nothing_else(
    variant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Tensor, "float", Tensor.double)  # differences need the digits
    # a weight of 1 left out would not show
    learner = learner_of(variant, learning_rate=0.0, adversarial_weight=0.7)
    for part in (learner.trained, learner.degrader, learner.discriminators):
        part.double()
    batch = batch_of()
    assert batch.unpaired is not None
    pictures = tuple(p.double() for p in (batch.unpaired, batch.lr, batch.hr, learner.draw_noise(batch)))
    plain = Plain(learner, pictures)
    for adam in (learner.adam, learner.generator_adam, learner.discriminator_adam):
        adam.set_rate(0)
    learner.learn_from(*pictures, torch.ones(()))
    torch.manual_seed(1)
    for loss, weights in (
        (plain.generators, learner.generators),
        (plain.upscaler, learner.upscaler),
        (plain.discriminators, learner.judging),
    ):
        direction = [torch.randn_like(weight) for weight in weights]
        ours = sum(float((w.grad * d).sum()) for w, d in zip(weights, direction, strict=True) if w.grad is not None)
        assert ours == pytest.approx(slope(loss, weights, direction, 1e-7), rel=2e-3, abs=1e-6)


def test_the_unpaired_pictures_are_the_ones_corrected_and_exchanging_the_domains_is_another_objective() -> None:
    batch, losses = batch_of(), []
    assert batch.unpaired is not None
    for domains in (None, (batch.unpaired, batch.lr), (batch.lr, batch.unpaired)):
        learner = learner_of(learning_rate=0.0)
        rest = batch.hr, learner.draw_noise(batch), torch.ones(())
        found = learner.learn_from(*domains, *rest) if domains else learner.step(batch)
        losses.append({name: float(value) for name, value in found.items()})
    assert losses[0] == losses[1]
    assert all(losses[0][name] != losses[2][name] for name in losses[0])


def test_generators_meet_the_discriminators_of_this_step_and_the_upscaler_what_generators_made_before_theirs() -> None:
    learners = learner_of(), learner_of(learning_rate=0.0)
    for learner in learners:
        learner.step(batch_of())

    def alike(name: str) -> bool:
        return all(torch.equal(a.grad, b.grad) for a, b in zip(*(getattr(one, name) for one in learners), strict=True))

    assert alike("judging") and alike("upscaler") and not alike("generators")


def test_the_defaults_are_the_published_ones() -> None:
    published: Knobs = {
        **{"cycle_weight": 1.0, "identity_weight": 2.0, "ensemble_weight": 1.0, "upscaled_weight": 0.1},
        **{"adversarial_weight": 1.0, "gan": "lsgan", "discriminator_sharpening": 0.0, "warmup": 5000 / 300_000},
        **{"learning_rate": 1e-4, "batch_size": 16, "lr_patch": 32, "schedule": "halve"},
        **{"width": 64, "groups": 5, "correction_blocks": 10, "degrader_width": 64, "degrader_blocks": 6},
        **{"discriminator_width": 64, "image_skip": False},
    }
    default = ENTRY.build(4, {})
    assert (default.batch, default.unpaired) == ((16 + 16, 32 * 4), 16)
    knobs = default.knobs
    assert {name: knobs[name] for name in published} == published
    assert [round(300 * milestone) for milestone in knobs["milestones"]] == [100, 180, 240, 280]
    learner = learner_of("faces")
    adams = learner.generator_adam, learner.discriminator_adam, learner.adam
    assert [adam.adam.param_groups[0]["betas"] for adam in adams] == [(0.5, 0.999), (0.5, 0.999), (0.9, 0.999)]
    layers = {name: list(judge.modules()) for name, judge in learner.discriminators.items()}
    strides = {name: [one.stride[0] for one in all_ if isinstance(one, nn.Conv2d)] for name, all_ in layers.items()}
    assert strides == {**dict.fromkeys(("x", "clean", "texture"), 5 * [1]), "upscaled": [2, 2, 1, 1, 1]}
    norms = [name for name, all_ in layers.items() for one in all_ if isinstance(one, nn.InstanceNorm2d)]
    assert norms == 3 * ["texture"]


def test_an_equivariant_correction_has_no_ensemble_loss_and_another_one_has() -> None:
    learner = learner_of()
    assert float(learner.step(batch_of())["ensemble"]) > 1e-4
    learner.correct = lambda image: 2 * image
    assert float(learner._correct(*(torch.rand(2, 3, 16, 16) for _ in range(3)))[2]["ensemble"]) < 1e-6


def frozen(before: list[Tensor], weights: list[nn.Parameter]) -> bool:
    same = [torch.equal(a, b) for a, b in zip(before, weights, strict=True)]
    assert all(same) or sum(same) < len(same) / 2
    return all(same)


@pytest.mark.parametrize(("variant", "first"), [("two-stage", "generators"), ("off-the-shelf", "upscaler")])
def test_a_stage_moves_its_own_networks_alone(variant: str, first: str) -> None:
    learner = learner_of(variant)
    for step in range(STEPS):
        held = {name: [w.detach().clone() for w in getattr(learner, name)] for name in ("generators", "upscaler")}
        learner.step(batch_of(step))
        moved = {name for name, before in held.items() if not frozen(before, getattr(learner, name))}
        assert moved == ({first} if step < STEPS / 2 else {"generators", "upscaler"} - {first})


def test_every_optimiser_has_its_rate_and_the_upscaler_one_of_its_own() -> None:
    learner = learner_of(upscaler_rate=2e-3)
    learner.begin(batch_of())
    adams = learner.generator_adam, learner.discriminator_adam, learner.adam
    assert [float(adam.adam.param_groups[0]["lr"]) for adam in adams] == [1e-3, 1e-3, 2e-3]


def test_the_skip_of_the_picture_is_of_correction_and_degrader_too() -> None:
    skip, plain = learner_of(image_skip=True), learner_of()
    x, z, mean = torch.rand(2, 3, 16, 16), torch.rand(2, 1, 4, 4), torch.tensor(DIV2K_MEAN).view(3, 1, 1)
    assert torch.allclose(skip.correct(x) - plain.correct(x), x - mean, atol=1e-5)
    assert torch.allclose(skip.degrader(x, z) - plain.degrader(x, z), x, atol=1e-5)


def test_a_stage_goes_through_the_whole_schedule_in_its_part_of_the_run() -> None:
    schedule = within((0.5, 1.0), drop_at((0.5,), 0.5))
    assert [schedule(progress) for progress in (0.4, 0.5, 0.74, 0.75, 0.99)] == [0.0, 1.0, 1.0, 0.5, 0.5]


def test_the_upscaler_of_faces_warms_up_on_pixels_alone() -> None:
    learner, plain = learner_of("faces", warmup=0.5), learner_of("rrdb")
    plain.trained.load_state_dict(learner.trained.state_dict())
    plain.degrader.load_state_dict(learner.degrader.state_dict())
    texture = [w.detach().clone() for w in learner.discriminators["texture"].parameters()]
    for step in range(2):
        before = {name: w.detach().clone() for name, w in learner.trained.upscale.named_parameters()}
        learner.step(batch_of(STEPS // 2 * step))
        judges = list(learner.discriminators["texture"].parameters())
        assert frozen(texture, judges) == (step == 0)
        if step == 0:
            plain.step(batch_of())
            for a, b in zip(learner.upscaler, plain.upscaler, strict=True):
                assert a.grad is not None and b.grad is not None and torch.allclose(a.grad, b.grad, atol=1e-6)
        assert not all(torch.equal(w, before[name]) for name, w in learner.trained.upscale.named_parameters())


def relativistic(right: Tensor, wrong: Tensor, right_mean: Tensor, wrong_mean: Tensor) -> Tensor:
    above, below = right - wrong_mean, wrong - right_mean
    loss = binary_cross_entropy_with_logits
    return (loss(above, torch.ones_like(above)) + loss(below, torch.zeros_like(below))) / 2


def test_the_upscaler_of_faces_and_its_discriminator_learn_from_the_published_terms() -> None:
    learner, batch = learner_of("faces", learning_rate=0.0), batch_of()
    assert batch.unpaired is not None and learner.perceptual is not None and learner.perceptual.features is not None
    judge, see, y = learner.discriminators["texture"], learner.perceptual.features, batch.hr
    z = learner.draw_noise(batch)
    learner.learn_from(batch.unpaired, batch.lr, y, z, torch.zeros(()))
    sr = learner.trained.upscale(learner.trained.correct(learner.degrader(batch.lr, z)).detach())
    real, fake = judge(y), judge(sr)
    adversarial = relativistic(fake, real, fake.mean(), real.mean())
    learnt = l1_loss(see(sr), see(y)) + 5e-3 * adversarial + 1e-2 * l1_loss(sr, y)
    judged = relativistic(real, fake, real.mean().detach(), fake.mean().detach())
    for loss, weights in ((learnt, learner.upscaler), (judged, list(judge.parameters()))):
        expected = torch.cat([g.flatten() for g in torch.autograd.grad(loss, weights, retain_graph=True)])
        ours = torch.cat([weight.grad.flatten() for weight in weights if weight.grad is not None])
        assert float((ours - expected).norm()) < 1e-4 * float(expected.norm())


def test_noise_is_a_function_of_seed_and_step_and_reaches_the_degraded_picture() -> None:
    learner = learner_of()
    first, again, other = (learner.draw_noise(batch_of(step)) for step in (0, 0, 1))
    assert torch.equal(first, again) and not torch.equal(first, other)
    learner.training = dataclasses.replace(learner.training, seed=4)
    assert not torch.equal(first, learner.draw_noise(batch_of(0)))
    y_down = batch_of().lr
    assert not torch.equal(learner.degrader(y_down, first), learner.degrader(y_down, other))
    silent = learner_of("no-noise").degrader
    assert torch.equal(silent(y_down, first), silent(y_down, other))


@pytest.mark.parametrize("variant", [name for name, knobs in ENTRY.variants.items() if knobs.get("pairs") != "given"])
def test_a_step_reads_no_value_back_so_that_one_graph_can_hold_it(variant: str) -> None:
    learner = learner_of(variant)
    with FakeTensorMode(allow_non_fake_inputs=True) as fake:  # its tensors have no values: reading one raises
        batch = batch_of()
        assert batch.unpaired is not None
        pictures = [fake.from_tensor(p) for p in (batch.unpaired, batch.lr, batch.hr, learner.draw_noise(batch))]
        losses = learner.learn_from(*pictures, torch.ones(()))
        with pytest.raises(Exception, match="_local_scalar_dense"):
            float(losses["loss"])


@pytest.mark.parametrize("patch", [32, 72])
def test_a_patch_that_the_discriminators_or_the_noise_do_not_fit_is_refused(patch: int) -> None:
    with pytest.raises(BadInput, match="set the patch knob to a multiple of 16"):
        learner_of(patch=patch)


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"gan": "wgan"}, "unknown GAN kind"),
        ({"pairs": "true"}, "unknown kind of pairs"),
        ({"order": "both"}, "unknown order"),
        ({"pairs": "clean", "reconstruction_reaches": True}, "not behind clean ones"),
        ({"intermediate": False, "upscaler_loss": "perceptual-gan"}, "has no perceptual loss"),
    ],
)
def test_a_recipe_that_makes_no_sense_is_refused(knobs: Knobs, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        PseudoRecipe(**knobs)


def test_a_scale_that_is_no_power_of_2_is_refused() -> None:
    with pytest.raises(BadInput, match="x3"):
        ENTRY.build(3, {})


@pytest.mark.parametrize("suite", ["demo", "cpu", "pilot"])
def test_no_picture_is_on_both_sides_and_no_network_has_seen_the_other_side(suite: str) -> None:
    runs = [run for run in SUITES[suite].experiments("pseudo_sr").values() if run.method == "pseudo_sr"]
    halves = {run.train_sets for run in runs}, {run.unpaired_sets for run in runs if run.unpaired_sets}
    assert [len(half) for half in halves] == [1, 1]
    assert all(run.warm_start is None and bool(run.unpaired_sets) == bool(run.build().unpaired) for run in runs)
    assert {run.pairs for run in runs if run.variant == "supervised"} == {"wild"}
    assert {run.pairs for run in runs if run.variant != "supervised"} == {"bicubic"}
    assert ENTRY.gap is not None
    floor_to_ceiling = [run for name in ENTRY.gap for run in runs if (run.variant, run.seed) == (name, 1)]
    given = [(run.pairs, bool(run.unpaired_sets)) for run in floor_to_ceiling]
    assert given == [("bicubic", False), ("bicubic", True), ("wild", False)]
    if suite != "demo":
        real("BSD400")
    pictures = [[source.hr for (name,) in half for source in find(name, 4)] for half in halves]
    sides = [{pixel_sha256(read_image(path)) for path in paths} for paths in pictures]
    assert sides[0] and sides[1] and not sides[0] & sides[1]


def test_all_upscalers_of_a_suite_have_one_size_and_see_as_many_pictures() -> None:
    for suite in ("demo", "cpu", "pilot"):
        built = {
            run.variant: (run.iterations, run.build())
            for run in SUITES[suite].experiments("pseudo_sr").values()
            if run.method == "pseudo_sr" and run.variant in ("default", "uncorrected", "supervised")
        }
        steps, batches = zip(*((n, method.batch[0] - method.unpaired) for n, method in built.values()), strict=True)
        assert len(built) == 3 and len(set(steps)) == len(set(batches)) == 1


@pytest.mark.parametrize("variant", ["default", "clean-pair", "degraded-pair", "uncorrected"])
def test_the_corrected_lr_is_kept_and_scored_where_test_time_corrects(variant: str, tmp_path: Path) -> None:
    method = ENTRY.build(4, {**SMALL, **ENTRY.variants[variant]})
    assert isinstance(method, PseudoSr)
    network = method.network()
    corrector = method.corrector(network)
    assert network is not None and (corrector is not None) == (variant in ("default", "clean-pair"))
    seen = torch.rand(1, 3, 8, 8)
    assert torch.equal(network(seen), network.upscale(network.correct(seen) if corrector else seen))
    prepare_test("Embedded-one", 4, "wild", tmp_path / "data")
    sets, stage = [SetToUpscale("one", tmp_path / "data" / "lr")], Stage(code_of([]), torch.device("cpu"), {})
    upscale_sets(prepare(method, network, torch.device("cpu")), sets, tmp_path / "sr", method, stage, corrector)
    kept = list((tmp_path / "sr" / "one" / "corrected").glob("*.png"))
    assert [read_image(path).shape for path in kept] == (
        [read_image(path).shape for path in (tmp_path / "data" / "lr").glob("*.png")] if corrector else []
    )
    (record,) = score_run(tmp_path / "sr", {"one": tmp_path / "data"}, ["corrected_psnr"], 4)
    hr, lr = (read_image(next((tmp_path / "data" / side).glob("*.png"))) for side in ("hr", "lr"))
    given = read_image(kept[0]) if corrector else lr
    assert record.value == lr_psnr(hr, given, 4)


def test_a_run_draws_clean_pairs_of_one_half_and_wild_lr_of_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_WORK", str(tmp_path))
    store = open_store(SUITES["demo"].experiments("pseudo_sr")["pseudo_sr.default.x4.wild.s1"], Workdir("demo"))
    assert isinstance(store, PairedAndUnpaired)
    made = [read_json(one.folder / "manifest.json") for one in (store.paired, store.unpaired)]
    assert [(facts["degradation"], facts["datasets"]) for facts in made] == [
        ("bicubic", ["Embedded-train-first"]),
        ("wild", ["Embedded-train-second"]),
    ]


def test_a_plan_without_unpaired_pictures_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_WORK", str(tmp_path))
    run = SUITES["demo"].experiments("pseudo_sr")["pseudo_sr.default.x4.wild.s1"]
    run = dataclasses.replace(run, unpaired_sets=())
    with pytest.raises(BadInput, match="no set; name some as `unpaired`"):
        train_run(run, Workdir("demo"), torch.device("cpu"), Limits(), settled=False)


def test_wild_values_are_recorded_for_each_picture_and_drawn_from_the_seed(tmp_path: Path) -> None:
    stores = [
        prepare_train(("Embedded-train-second",), 4, "wild", tmp_path / str(n), seed)
        for n, seed in enumerate((0, 0, 1))
    ]
    recipes = [[facts["recipe"] for facts in store["pictures"].values()] for store in stores]
    assert recipes[0] == recipes[1] != recipes[2]
    assert all({"variances", "angle", "noise_sigma", "jpeg_quality"} <= set(recipe) for recipe in recipes[0])
    assert len({recipe["noise_sigma"] for recipe in recipes[0]}) == len(recipes[0])
    assert PatchStore(tmp_path / "0").lr_batch(0, 1, 2, 64).shape == (2, 3, 16, 16)
