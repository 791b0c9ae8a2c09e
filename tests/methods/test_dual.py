"""The dual regression term on other networks: what it adds, and that it adds nothing where it weighs nothing."""

from __future__ import annotations

import io
from typing import Any

import pytest
import torch
from torch import Tensor

from bench.api import Batch, Entry, Knobs, Training
from bench.errors import BadInput
from methods import edsr, rcan, srresnet
from methods.common.dual import DownBlock, Duals
from methods.common.pixel import PIXEL_LOSSES, PixelLearner

SMALL: Knobs = {"width": 8, "blocks": 1, "groups": 1, "reduction": 4, "learning_rate": 1e-3}
ENTRIES = [srresnet.ENTRY, edsr.ENTRY, rcan.ENTRY]
NAMES = [entry.name for entry in ENTRIES]


def learner_of(entry: Entry, scale: int = 4, ema: float = 0.0, **knobs: Any) -> PixelLearner:
    torch.manual_seed(0)
    small = {name: value for name, value in SMALL.items() if name in entry.knobs}
    learner = entry.build(scale, {**small, "ema": ema, **knobs}).learner(Training(10))
    assert isinstance(learner, PixelLearner)
    return learner


def make_batch(step: int, scale: int = 4) -> Batch:
    generator = torch.Generator().manual_seed(step)
    lr, hr = (torch.rand(2, 3, 6 * size, 6 * size, generator=generator) for size in (1, scale))
    return Batch(lr, hr, step)


def test_a_dual_network_halves_and_knows_no_range() -> None:
    torch.manual_seed(0)
    dual = DownBlock(3, 16, 3)
    image = torch.rand(1, 3, 12, 10)
    assert dual(image).shape == (1, 3, 6, 5)
    assert [name for name, _ in dual.named_parameters()] == ["shrink.weight", "widen.weight"]
    torch.testing.assert_close(dual(255 * image), 255 * dual(image), rtol=1e-5, atol=1e-4)


def test_dual_networks_work_in_full_precision_under_autocast() -> None:
    duals = Duals(2, 4)
    image = torch.rand(1, 3, 8, 8)
    expected = duals(image, 1)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(duals(image, 1), expected)


@pytest.mark.parametrize("entry", ENTRIES, ids=NAMES)
def test_the_dual_variant_adds_its_weighted_term_in_the_methods_own_loss(entry: Entry) -> None:
    learner = learner_of(entry, **entry.variants["dual"])
    assert learner.dual is not None
    batch = make_batch(0)
    distance = PIXEL_LOSSES["l2" if entry.name == "srresnet" else "l1"]
    with torch.no_grad():
        sr = learner.trained(batch.lr)
        lower = learner.dual.duals.levels[0](learner.dual.duals.levels[1](sr))
    losses = learner.step(batch)
    assert float(losses["dual"]) == pytest.approx(float(0.1 * distance(lower, batch.lr)), rel=1e-5)
    assert float(losses["loss"]) == pytest.approx(float(distance(sr, batch.hr) + losses["dual"]), rel=1e-5)


@pytest.mark.parametrize("entry", ENTRIES, ids=NAMES)
def test_the_term_reaches_both_networks(entry: Entry) -> None:
    plain, dual = learner_of(entry), learner_of(entry, dual_weight=0.1)
    assert dual.dual is not None
    same = [torch.equal(a, b) for a, b in zip(plain.trained.parameters(), dual.trained.parameters(), strict=True)]
    assert all(same), "the dual networks are drawn after the network"
    before = [value.detach().clone() for value in dual.dual.duals.parameters()]
    for learner in (plain, dual):
        learner.step(make_batch(0))
    assert not any(torch.equal(a, b) for a, b in zip(before, dual.dual.duals.parameters(), strict=True))
    pairs = zip(plain.trained.parameters(), dual.trained.parameters(), strict=True)
    assert any(not torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("entry", ENTRIES, ids=NAMES)
@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_a_saved_run_with_duals_goes_on_bit_for_bit(entry: Entry, ema: float) -> None:
    whole, first, second = (learner_of(entry, dual_weight=0.1, ema=ema) for _ in range(3))
    for step in range(4):
        whole.step(make_batch(step))
    for step in range(2):
        first.step(make_batch(step))
    buffer = io.BytesIO()
    torch.save(first.state_dict(), buffer)
    buffer.seek(0)
    second.load_state_dict(torch.load(buffer, weights_only=True))
    for step in (2, 3):
        second.step(make_batch(step))
    assert whole.dual is not None and second.dual is not None
    for ours, theirs in ((whole.network, second.network), (whole.dual.duals, second.dual.duals)):
        state: dict[str, Tensor] = theirs.state_dict()
        assert all(torch.equal(value, state[name]) for name, value in ours.state_dict().items())


@pytest.mark.parametrize("entry", ENTRIES, ids=NAMES)
def test_without_a_weight_a_run_is_what_it_was(entry: Entry) -> None:
    learner = learner_of(entry, schedule="constant")
    assert learner.dual is None
    assert set(learner.state_dict()) == {"network", "adam"}
    torch.manual_seed(0)
    network = learner_of(entry).trained
    adam = torch.optim.Adam(network.parameters(), lr=1e-3, fused=True)
    distance = PIXEL_LOSSES["l2" if entry.name == "srresnet" else "l1"]
    for step in range(3):
        batch = make_batch(step)
        assert set(learner.step(batch)) == {"loss"}
        adam.zero_grad()
        distance(network(batch.lr), batch.hr).backward()  # type: ignore[no-untyped-call]
        adam.step()
    state = network.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in learner.network.state_dict().items())


def test_a_scale_that_cannot_be_halved_is_refused() -> None:
    with pytest.raises(BadInput, match="cannot undo x3; choose x2, x4 or x8"):
        learner_of(edsr.ENTRY, scale=3, dual_weight=0.1)
    assert learner_of(edsr.ENTRY, scale=3).dual is None
