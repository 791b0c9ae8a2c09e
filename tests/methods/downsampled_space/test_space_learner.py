"""How the loss in the downsampled space trains: its terms, their gradients, its upsamplers, starts and noise."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn.functional import l1_loss, mse_loss

from bench.api import Batch, Knobs, Picture, Training
from bench.errors import BadInput
from bench.suites import SUITES, find_run
from methods.common.blocks import bicubic, count_parameters
from methods.downsampled_space.entry import ENTRY
from methods.downsampled_space.losses import charbonnier
from methods.downsampled_space.method import SpaceLearner, SpaceRecipe
from methods.downsampled_space.network import UPSAMPLERS, SpaceKnobs, SpaceNetwork

SMALL: Knobs = {
    **{"blocks": 1, "width": 8, "growth": 4, "batch_size": 2, "patch": 32, "discriminator_width": 4},
    **{"learning_rate": 1e-3, "perceptual": "stlpips-vgg16", "layer": "conv1_2"},
}


def learner_of(variant: str = "default", **knobs: Any) -> SpaceLearner:
    torch.manual_seed(0)
    learner = ENTRY.build(4, {**SMALL, **ENTRY.variants[variant], **knobs}).learner(Training(10, seed=3))
    assert isinstance(learner, SpaceLearner)
    return learner


def batch_of(step: int = 0) -> Batch:
    hr = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(step))
    return Batch(nn.functional.avg_pool2d(hr, 4), hr, step)


@pytest.mark.parametrize("variant", ["default", "hr-loss", "with-hr-loss", "everything"])
def test_the_generators_gradient_is_that_of_the_weighted_sum_of_the_terms(variant: str) -> None:
    learner, plain, batch = learner_of(variant), learner_of(variant), batch_of()
    sr = plain.trained(batch.lr)
    terms = plain._terms(sr, batch.lr, batch.hr)
    loss = torch.stack([plain.weights[name] * term for name, term in terms.items()]).sum()
    expected = torch.autograd.grad(loss, list(plain.trained.parameters()))
    losses = learner.step(batch)
    assert float(losses["loss"]) == pytest.approx(float(loss.detach()), rel=1e-5)
    for parameter, slope in zip(learner.trained.parameters(), expected, strict=True):
        assert parameter.grad is not None
        assert torch.allclose(parameter.grad, slope, rtol=1e-3, atol=1e-6 * float(loss.detach()))


def test_the_terms_are_the_articles() -> None:
    learner, batch = learner_of("with-hr-loss"), batch_of()
    sr = learner.trained(batch.lr).detach()
    terms = learner._terms(sr, batch.lr, batch.hr)
    shrunk = nn.functional.interpolate(sr, scale_factor=0.25, mode="bicubic", antialias=True)
    inside = (slice(None), slice(None), slice(2, -2), slice(2, -2))  # where torch's border does not reach
    assert float(terms["shrunk"]) == pytest.approx(float(mse_loss(shrunk[inside], batch.lr[inside])), rel=1e-4)
    assert torch.equal(terms["pixel"], l1_loss(sr, batch.hr))
    x, y = torch.rand(2, 4, 4)
    assert float(charbonnier(x, y)) == pytest.approx(float(((x - y) ** 2 + 1e-6).sqrt().mean()))


@pytest.mark.parametrize(("variant", "content"), [("adversarial", "shrunk"), ("hr-adversarial", "pixel")])
def test_the_cosine_is_of_the_gans_gradient_and_the_content_losss(variant: str, content: str) -> None:
    learner, batch = learner_of(variant), batch_of()
    sr = learner.trained(batch.lr).detach().requires_grad_()
    terms = learner._terms(sr, batch.lr, batch.hr)
    first, second = (torch.autograd.grad(terms[name], sr, retain_graph=True)[0] for name in ("adversarial", content))
    expected = (first * second).sum() / (first.norm() * second.norm())
    assert float(learner.step(batch)["gradient_cosine"]) == pytest.approx(float(expected), abs=1e-5)


@pytest.mark.parametrize("variant", ["default", "hr-loss", "esrgan"])
def test_a_run_without_two_forces_has_no_cosine(variant: str) -> None:
    assert ("gradient_cosine" in learner_of(variant).step(batch_of())) == (variant == "esrgan")


def test_the_discriminator_and_the_learned_kernel_learn_from_their_own_losses() -> None:
    for variant, part in (("adversarial", "discriminator"), ("kernel-learned", "duals")):
        learner = learner_of(variant)
        before = [p.detach().clone() for p in learner.parts[part].parameters()]
        learner.step(batch_of())
        assert not any(torch.equal(a, b) for a, b in zip(before, learner.parts[part].parameters(), strict=True))


@pytest.mark.parametrize("variant", ["default", "everything", "kernel-learned", "noise-adversarial"])
def test_a_step_reads_no_value_back_so_that_one_graph_can_hold_it(variant: str) -> None:
    learner = learner_of(variant)
    learner.begin(batch_of())
    with FakeTensorMode(allow_non_fake_inputs=True) as fake:  # its tensors have no values: reading one raises
        batch = batch_of()
        losses = learner.learn(Batch(fake.from_tensor(batch.lr), fake.from_tensor(batch.hr), 0))
        with pytest.raises(Exception, match="_local_scalar_dense"):
            float(losses["loss"])


@pytest.mark.parametrize("variant", ["everything", "noise-adversarial", "kernel-learned"])
def test_a_resumed_run_is_the_same_run_bit_for_bit(variant: str) -> None:
    whole, first, resumed = (learner_of(variant) for _ in range(3))
    for step in range(3):
        whole.step(batch_of(step))
    first.step(batch_of(0))
    resumed.load_state_dict(first.state_dict())
    for step in (1, 2):
        resumed.step(batch_of(step))
    for a, b in zip(whole.network.state_dict().values(), resumed.network.state_dict().values(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("upsampler", UPSAMPLERS)
def test_every_upsampler_enlarges_by_every_scale(upsampler: str, scale: int) -> None:
    network = SpaceNetwork(scale, SpaceKnobs(1, 8, 4, upsampler))
    assert network(torch.rand(2, 3, 5, 7)).shape == (2, 3, 5 * scale, 7 * scale)


def test_upsamplers_are_compared_at_equal_numbers_of_parameters() -> None:
    with torch.device("meta"):
        counts = {name: count_parameters(SpaceNetwork(4, SpaceKnobs(upsampler=name))) for name in UPSAMPLERS}
    assert counts["sub-pixel"] == 16_613_168
    assert all(count == pytest.approx(counts["sub-pixel"], rel=0.02) for count in counts.values())


@pytest.mark.parametrize(("upsampler", "layers"), [("sub-pixel", 2), ("shuffle-stages", 1)])
def test_icnr_starts_with_phases_that_are_alike(upsampler: str, layers: int) -> None:
    def spread(last_layer: str) -> float:
        torch.manual_seed(0)
        network = SpaceNetwork(4, SpaceKnobs(1, 8, 4, upsampler, last_layer))
        enlarged = network.upsample[:layers](torch.ones(1, 8, 6, 6))[..., 8:-8, 8:-8]  # what is constant stays it
        return float(enlarged.std((-1, -2)).max().detach())

    assert spread("icnr") < 1e-6 < 1e-3 < spread("default")


def test_a_zero_start_on_the_residual_is_bicubic() -> None:
    lr = torch.rand(1, 3, 6, 6)
    network = SpaceNetwork(4, SpaceKnobs(1, 8, 4, last_layer="zero", residual=True))
    assert torch.equal(network(lr), bicubic(lr, 4))


def test_the_noise_of_training_is_a_function_of_seed_and_step() -> None:
    def drawn(seed: int, step: int) -> Tensor:
        learner = ENTRY.build(4, {**SMALL, "noise": 2}).learner(Training(10, seed=seed))
        assert isinstance(learner, SpaceLearner)
        learner.begin(batch_of(step))
        return learner.noise

    assert torch.equal(drawn(1, 5), drawn(1, 5))
    assert not torch.equal(drawn(1, 5), drawn(2, 5)) and not torch.equal(drawn(1, 5), drawn(1, 6))


def test_noise_changes_the_sr_and_the_same_seed_repeats_it() -> None:
    method = ENTRY.build(4, {**SMALL, "noise": 2})
    upscale, lr = method.upscaler(method.network()), torch.rand(3, 6, 6)
    first, again, other = (upscale(Picture("x", lr, seed=seed)) for seed in (1, 1, 2))
    assert method.draws > 1 and torch.equal(first, again) and not torch.equal(first, other)
    assert ENTRY.build(4, SMALL).draws == 1


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"kernel": "lanczos"}, "unknown kernel in the loss"),
        ({"distance": "l3"}, "unknown distance"),
        ({"perceptual_weight": 1.0}, "weigh both or none"),
        ({"shrunk_weight": 0.0}, "every loss has weight 0"),
        ({"kernel": "learned", "own_lr": True}, "needs the LR that is given"),
    ],
)
def test_a_recipe_that_makes_no_sense_is_refused(knobs: Knobs, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        SpaceRecipe(**knobs)


def test_what_a_network_or_scale_cannot_do_is_refused() -> None:
    with pytest.raises(BadInput, match="unknown upsampler"):
        SpaceKnobs(upsampler="deconv")
    with pytest.raises(BadInput, match="ICNR"):
        SpaceKnobs(upsampler="nearest", last_layer="icnr")
    with pytest.raises(BadInput, match="set the patch knob"):
        learner_of(patch=16)
    with pytest.raises(BadInput, match="x4, not x2"):
        ENTRY.build(2, {**SMALL, "kernel": "kernelgan"}).learner(Training(1))


def test_a_variant_may_start_from_another_of_its_method() -> None:
    run = find_run("cpu", "downsampled_space.from-hr-loss.x4.bicubic_float.s1")
    assert run.warm_start == "downsampled_space.hr-loss.x4.bicubic_float.s1"
    started = [r for r in SUITES["cpu"].experiments("downsampled_space").values() if r.warm_start]
    assert [r.variant for r in started] == ["from-hr-loss"]
