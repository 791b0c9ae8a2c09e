"""DRN: the objective against a plain one, what its knobs change, and that a saved run goes on as if never stopped."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
import torch
from published import BLOCKS, WIDTH, drn_pyramid
from safetensors.torch import save_file
from torch import Tensor
from torch.nn.functional import conv2d, leaky_relu

from bench.api import Batch, Entry, Knobs, Training
from bench.errors import BadInput
from bench.stages.train import load_weights
from methods.common.blocks import count_parameters
from methods.common.dual import Duals
from methods.drn import adapt, paired
from methods.drn.adapt import AdaptLearner, DrnAdapt
from methods.drn.key_maps import DRN_OFFICIAL
from methods.drn.network import PrimalKnobs
from methods.drn.paired import Drn, PairedLearner

SMALL: Knobs = {"features": WIDTH // 2, "blocks": BLOCKS, "reduction": 4, "learning_rate": 1e-3}
STEPS = 10
VARIANTS = [(entry, variant) for entry in (paired.ENTRY, adapt.ENTRY) for variant in entry.variants]


def drn(**knobs: Any) -> Drn:
    method = paired.ENTRY.build(knobs.pop("scale", 4), {**SMALL, **knobs})
    assert isinstance(method, Drn)
    return method


def adaptation(**knobs: Any) -> DrnAdapt:
    method = adapt.ENTRY.build(4, {**SMALL, **knobs})
    assert isinstance(method, DrnAdapt)
    return method


def make_batch(step: int = 0, pairs: int = 2, unpaired: int = 0, scale: int = 4, side: int = 6) -> Batch:
    """Random pictures: the levels need not belong together."""
    generator = torch.Generator().manual_seed(step)

    def draw(count: int, size: int) -> Tensor:
        return torch.rand(count, 3, size, size, generator=generator)

    levels = tuple(draw(pairs, side * scale // level) for level in drn(scale=scale).levels)
    lone = draw(unpaired, side) if unpaired else None
    return Batch(draw(pairs, side), draw(pairs, side * scale), step, levels, lone)


def learner_of(entry: Entry, variant: str, **knobs: Any) -> PairedLearner | AdaptLearner:
    torch.manual_seed(0)
    chosen = {**SMALL, "batch_size": 10, **entry.variants[variant], **knobs}
    if variant == "large":
        chosen |= {"blocks": 1, "features": 5}
    learner = entry.build(4, chosen).learner(Training(STEPS))
    assert isinstance(learner, PairedLearner | AdaptLearner)
    return learner


def next_batch(learner: PairedLearner | AdaptLearner, step: int) -> Batch:
    share = learner.recipe.unpaired_share if isinstance(learner, AdaptLearner) else 0
    lone = round(share * learner.recipe.batch_size)
    return make_batch(step, learner.recipe.batch_size - lone, lone, side=4)


def copy_of(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in tensors.items()}


def moved(before: dict[str, Tensor], after: dict[str, Tensor]) -> bool:
    return any(not torch.equal(before[name], after[name]) for name in before)


def halve(state: dict[str, Tensor], level: int, image: Tensor) -> Tensor:
    """A dual network, plainly."""
    x = conv2d(image, state[f"levels.{level}.shrink.weight"], stride=2, padding=1)
    return conv2d(leaky_relu(x, 0.2), state[f"levels.{level}.widen.weight"], padding=1)


def reference_loss(
    network: dict[str, Tensor], duals: dict[str, Tensor], batch: Batch, chain: str, supervision: str
) -> Tensor:
    """The objective in [0, 255], written from its equation."""
    sr = drn_pyramid(network, batch.lr)
    wanted = [255 * image for image in (batch.lr, *batch.levels, batch.hr)]
    top = len(sr) - 1
    kept = range(top + 1) if supervision == "all" else [top]
    loss = torch.stack([(sr[k] - wanted[k]).abs().mean() for k in kept]).sum()
    lower = sr[top]
    for k in range(top, 0, -1):
        lower = halve(duals, k - 1, sr[k] if chain == "level" else lower)
        last = k == (top if chain == "level" else 1)
        if supervision == "all" or last:
            loss = loss + 0.1 * (lower - wanted[k - 1]).abs().mean()
    return loss


@pytest.mark.parametrize("scale", [2, 4, 8])
@pytest.mark.parametrize("chain", ["level", "cascade"])
@pytest.mark.parametrize("supervision", ["all", "top"])
def test_the_gradient_is_that_of_a_plain_objective_to_float64_rounding(
    scale: int, chain: str, supervision: str
) -> None:
    torch.manual_seed(1)
    knobs = drn(scale=scale, dual_chain=chain, supervision=supervision)
    learner = knobs.learner(Training(STEPS))
    learner.network.double()
    assert learner.duals is not None
    learner.duals.double()
    float_batch = make_batch(scale=scale)
    batch = Batch(
        float_batch.lr.double(),
        float_batch.hr.double(),
        0,
        tuple(image.double() for image in float_batch.levels),
    )
    sizes = {"blocks": BLOCKS}
    names = {name: DRN_OFFICIAL.theirs(name, sizes) for name, _ in learner.network.named_parameters()}
    network = {names[name] or "": value for name, value in copy_of(dict(learner.network.named_parameters())).items()}
    duals = copy_of(dict(learner.duals.named_parameters()))
    for value in (*network.values(), *duals.values()):
        value.requires_grad_()
    expected = reference_loss(network, duals, batch, chain, supervision)
    expected.backward()  # type: ignore[no-untyped-call]
    losses = learner.step(batch)
    torch.testing.assert_close(losses["loss"], expected.detach(), rtol=1e-12, atol=0)
    for name, parameter in learner.network.named_parameters():
        wanted = network[names[name] or ""].grad
        assert (parameter.grad is None) == (wanted is None), name
        if parameter.grad is not None and wanted is not None:
            torch.testing.assert_close(parameter.grad, wanted, rtol=1e-9, atol=1e-9)
    for name, parameter in learner.duals.named_parameters():
        moment, grad = learner.dual_adam.adam.state[parameter]["exp_avg"], duals[name].grad
        wanted = torch.zeros_like(moment) if grad is None else grad  # after one step a tenth of the gradient
        torch.testing.assert_close(10 * moment, wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("entry", "variant"), VARIANTS, ids=lambda value: getattr(value, "name", value))
def test_a_saved_learner_goes_on_bit_for_bit(entry: Entry, variant: str) -> None:
    whole, first, second = (learner_of(entry, variant) for _ in range(3))
    for step in range(4):
        whole.step(next_batch(whole, step))
    for step in range(2):
        first.step(next_batch(first, step))
    buffer = io.BytesIO()
    torch.save(first.state_dict(), buffer)
    buffer.seek(0)
    for value in second.network.parameters():
        value.data.zero_()
    second.load_state_dict(torch.load(buffer, weights_only=True))
    for step in (2, 3):
        losses = second.step(next_batch(second, step))
    assert all(bool(torch.isfinite(value)) for value in losses.values())
    assert not moved(copy_of(whole.network.state_dict()), second.network.state_dict())
    ours, theirs = whole.state_dict(), second.state_dict()
    assert ours.keys() == theirs.keys()
    if "duals" in ours:
        assert not moved(ours["duals"], theirs["duals"])


@pytest.mark.parametrize("entry", [paired.ENTRY, adapt.ENTRY], ids=lambda entry: entry.name)
def test_losses_have_the_same_names_at_every_step(entry: Entry) -> None:
    for variant in entry.variants:
        learner = learner_of(entry, variant)
        names = {tuple(learner.step(next_batch(learner, step))) for step in (0, STEPS - 1)}
        assert len(names) == 1


def test_without_a_weight_there_are_no_dual_networks() -> None:
    plain = drn(dual_weight=0.0).learner(Training(STEPS))
    assert plain.duals is None
    assert set(plain.state_dict()) == {"network", "adam"}
    assert set(plain.step(make_batch())) == {"loss", "primal"}
    assert drn(dual="bicubic").learner(Training(STEPS)).duals is None
    assert drn().learner(Training(STEPS)).duals is not None


def test_the_dual_networks_change_nothing_of_the_networks_beginning() -> None:
    states = []
    for weight in (0.0, 0.1):
        torch.manual_seed(3)
        states.append(drn(dual_weight=weight).learner(Training(STEPS)).network.state_dict())
    assert not moved(*states)


@pytest.mark.parametrize(
    ("scale", "size", "expected"), [(4, "small", 864), (4, "large", 1080), (8, "small", 432), (8, "large", 540)]
)
def test_a_dual_network_has_the_published_number_of_parameters(scale: int, size: str, expected: int) -> None:
    count = len(Drn(scale).levels) + 1
    duals = Duals(count, PrimalKnobs(size).sizes(scale)[1])
    assert [count_parameters(dual) for dual in duals.levels] == [expected] * count


def test_an_upscaled_picture_is_the_top_of_the_pyramid() -> None:
    torch.manual_seed(0)
    network = drn().network()
    lr = torch.rand(1, 3, 5, 7)
    pyramid = network.pyramid(lr)
    assert [tuple(image.shape[-2:]) for image in pyramid] == [(5, 7), (10, 14), (20, 28)]
    torch.testing.assert_close(network(lr), pyramid[-1] / 255)


def test_frozen_duals_learn_from_true_pictures_alone_and_then_stay() -> None:
    learner = drn(dual="frozen", dual_warmup=0.2).learner(Training(STEPS))
    assert learner.duals is not None
    primal = drn(dual_weight=0.0).learner(Training(STEPS))
    primal.network.load_state_dict(learner.network.state_dict())
    for step in range(2):
        before = copy_of(learner.duals.state_dict())
        learner.step(make_batch(step))
        primal.step(make_batch(step))
        assert moved(before, learner.duals.state_dict())
    assert not moved(primal.network.state_dict(), learner.network.state_dict())
    before = copy_of(learner.duals.state_dict())
    learner.step(make_batch(2))
    primal.step(make_batch(2))
    assert not moved(before, learner.duals.state_dict())
    assert moved(primal.network.state_dict(), learner.network.state_dict())


def test_training_reduces_the_primal_and_the_dual_loss() -> None:
    torch.manual_seed(0)
    learner = drn(schedule="constant", learning_rate=3e-3).learner(Training(80))
    flat = make_batch()
    losses = [learner.step(Batch(flat.lr, flat.hr, step, flat.levels)) for step in range(80)]
    for name in ("primal", "dual"):
        assert losses[-1][name] < 0.8 * losses[0][name]


def test_a_bf16_run_in_channels_last_stays_near_float32() -> None:
    losses = []
    for precision, channels_last in (("float32", False), ("bf16", True)):
        torch.manual_seed(0)
        training = Training(STEPS, precision=precision, channels_last=channels_last)  # type: ignore[arg-type]
        learner = drn().learner(training)
        losses.append([float(learner.step(make_batch(step))["loss"]) for step in range(3)])
    assert losses[1] == pytest.approx(losses[0], rel=0.02)


def test_the_learning_rate_ends_at_the_published_one() -> None:
    for rate in (1e-4, 2e-3):
        factor = drn(learning_rate=rate).recipe.rates()
        assert rate * factor(0.0) == pytest.approx(rate)
        assert rate * factor(1 - 1e-12) == pytest.approx(1e-7, rel=1e-3)


@pytest.mark.parametrize("choice", ["size", "bicubic_input", "dual_chain", "supervision", "dual"])
def test_an_unknown_choice_is_named(choice: str) -> None:
    with pytest.raises(BadInput, match="'none'"):
        drn(**{choice: "none"})


def test_sizes_and_scales_that_do_not_exist_are_refused() -> None:
    assert PrimalKnobs().sizes(2) == (30, 16)
    with pytest.raises(BadInput, match="no published large size at x2"):
        Drn(2, PrimalKnobs("large"))
    with pytest.raises(BadInput, match="cannot undo x3"):
        Drn(3)
    assert (Drn(2).levels, Drn(4).levels, Drn(8).levels) == ((), (2,), (4, 2))


def test_pictures_without_their_levels_are_refused() -> None:
    batch = make_batch()
    with pytest.raises(BadInput, match="needs the training pictures at x2 too"):
        drn().learner(Training(STEPS)).step(Batch(batch.lr, batch.hr, 0))


def test_the_duals_of_an_adaptation_learn_from_the_network_that_has_just_learned() -> None:
    learner = learner_of(adapt.ENTRY, "rho-100")
    assert isinstance(learner, AdaptLearner)
    batch = next_batch(learner, 0)
    duals = {name: value.requires_grad_() for name, value in copy_of(learner.duals.state_dict()).items()}
    learner.step(batch)
    assert batch.unpaired is not None
    with torch.no_grad():
        lower = learner.network.pyramid(batch.unpaired)[-1]
    for level in (1, 0):
        lower = halve(duals, level, lower)
    (0.1 * (lower - 255 * batch.unpaired).abs().mean()).backward()  # type: ignore[no-untyped-call]
    for name, parameter in learner.duals.named_parameters():
        torch.testing.assert_close(parameter.grad, duals[name].grad, rtol=1e-4, atol=1e-5)


def test_an_adaptation_weighs_pairs_and_unpaired_pictures_by_their_shares() -> None:
    learner = learner_of(adapt.ENTRY, "default")
    assert isinstance(learner, AdaptLearner)
    batch = next_batch(learner, 0)
    assert (len(batch.lr), len(batch.unpaired if batch.unpaired is not None else [])) == (7, 3)
    duals = copy_of(learner.duals.state_dict())
    with torch.no_grad():
        pairs = learner.network.pyramid(batch.lr)
        lone = learner.network.pyramid(batch.unpaired if batch.unpaired is not None else batch.lr)
    targets = [255 * image for image in (batch.lr, *batch.levels, batch.hr)]
    primal = sum(float((sr - y).abs().mean()) for sr, y in zip(pairs, targets, strict=True))
    dual = sum(float((halve(duals, k - 1, pairs[k]) - targets[k - 1]).abs().mean()) for k in (1, 2))
    closed = float((halve(duals, 0, halve(duals, 1, lone[-1])) - 255 * batch.unpaired).abs().mean())
    losses = learner.step(batch)
    assert float(losses["primal"]) == pytest.approx(0.7 * primal, rel=1e-5)
    assert float(losses["dual"]) == pytest.approx(0.7 * dual + 0.3 * closed, rel=1e-5)
    assert float(losses["loss"]) == pytest.approx(float(losses["primal"] + 0.1 * losses["dual"]), rel=1e-5)


@pytest.mark.parametrize(("kind", "reaches_top"), [("cascade", True), ("level1", False)])
def test_only_the_cascade_tells_the_top_output_of_an_unpaired_picture(kind: str, reaches_top: bool) -> None:
    learner = learner_of(adapt.ENTRY, "rho-100", adapt_dual=kind)
    before = copy_of(learner.network.tail[-1].state_dict())
    learner.step(next_batch(learner, 0))
    assert moved(before, learner.network.tail[-1].state_dict()) == reaches_top


def test_an_adaptation_starts_from_the_network_and_the_duals_of_the_paired_run_or_says_what_lacks() -> None:
    earlier, learner = drn().learner(Training(STEPS)), adaptation().learner(Training(STEPS))
    assert isinstance(earlier, PairedLearner) and isinstance(learner, AdaptLearner) and earlier.duals is not None
    network, duals = earlier.network.state_dict(), earlier.duals.state_dict()
    learner.warm_start({**network, **{f"duals/{key}": value for key, value in duals.items()}})
    assert not moved(network, learner.network.state_dict())
    assert not moved(duals, learner.duals.state_dict())
    with pytest.raises(BadInput, match="has no duals"):
        learner.warm_start(network)
    with pytest.raises(RuntimeError, match="Missing key"):
        learner.warm_start({})


def test_a_checkpoint_gives_the_network_alone_unless_its_companions_are_asked_for(tmp_path: Path) -> None:
    save_file({"head": torch.ones(1), "duals/levels.0": torch.zeros(2)}, tmp_path / "checkpoint.safetensors")
    assert set(load_weights(tmp_path / "checkpoint.safetensors")) == {"head"}
    assert len(load_weights(tmp_path / "checkpoint.safetensors", companions=True)) == 2


def test_the_share_of_unpaired_pictures_follows_rho() -> None:
    counts = [adaptation(unpaired_share=share, batch_size=10).unpaired for share in (0, 0.1, 0.3, 0.5, 0.7, 1)]
    assert counts == [0, 1, 3, 5, 7, 10]
    with pytest.raises(BadInput, match="share from 0 to 1"):
        adaptation(unpaired_share=1.5)
    with pytest.raises(BadInput, match="dual_weight above 0"):
        adaptation(dual_weight=0.0)
