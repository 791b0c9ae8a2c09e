"""What a network costs: formulas against hand counts, methods against the papers and an independent counter."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from bench.api import Knobs, Method, Picture
from bench.data import resize
from bench.stages.cost import Count, count, latency, per_sr_megapixel
from bench.suites import find_suite
from methods import find_entry
from methods.common import luma
from methods.downsampled_space import network as space


class Pieces(nn.Module):
    """One of each layer that is counted; the convolution is used twice."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, (3, 5), padding=(1, 2))
        self.grouped = nn.Conv2d(8, 8, 3, stride=2, padding=1, groups=4)
        self.gate = nn.Linear(8, 8)
        self.up = nn.ConvTranspose2d(8, 3, 4, stride=8, groups=1)

    def forward(self, lr: Tensor) -> Tensor:
        x = self.first(lr) + self.first(lr)  # (N, 8, h, w)
        x = self.grouped(x)  # (N, 8, h/2, w/2)
        x = x * self.gate(x.mean((2, 3)))[..., None, None]
        return nn.functional.interpolate(self.up(x), size=(4 * lr.shape[2], 4 * lr.shape[3]))


@dataclass(frozen=True)
class PiecesMethod(Method):
    def network(self) -> nn.Module:
        return Pieces()


def counted(method: Method, side: int) -> Count:
    found = count(method, side)
    assert found is not None
    return found


def test_every_layer_counts_as_by_hand() -> None:
    side = 16
    first = 2 * side * side * 8 * 3 * 3 * 5
    grouped = 8 * 8 * 8 * 2 * 3 * 3
    gate = 8 * 8
    up = 8 * 8 * 8 * 3 * 4 * 4
    parameters = (360 + 8) + (144 + 8) + (64 + 8) + (384 + 3)
    assert count(PiecesMethod(), side) == Count(parameters, first + grouped + gate + up)


@pytest.mark.parametrize("name", ["srcnn", "espcn", "srresnet", "msrresnet"])
def test_a_network_counts_as_by_an_independent_counter_of_operations(name: str) -> None:
    method = find_entry(name).build(4, {})
    network = method.network()
    assert network is not None
    with FlopCounterMode(display=False) as counter:
        method.upscaler(network.eval())(Picture("", torch.rand(3, 16, 16)))
    convolutions = sum(
        count for operation, count in counter.get_flop_counts()["Global"].items() if "convolution" in str(operation)
    )
    assert 2 * counted(method, 16).macs == convolutions


@pytest.mark.parametrize(("name", "giga"), [("srcnn", 52.7), ("msrresnet", 146.1)])
def test_a_network_counts_as_its_paper_says_for_720p(name: str, giga: float) -> None:
    """Ahn et al. (CARN), ECCV 2018, table 1: Mult-Adds at x4 for an SR picture of 1280 x 720."""
    macs = counted(find_entry(name).build(4, {}), 64).macs
    assert per_sr_megapixel(macs, 4) * 1280 * 720 / 1e15 == pytest.approx(giga, abs=0.06)


def test_every_run_of_the_demo_suite_is_counted_or_has_no_network() -> None:
    methods = {run.build() for run in find_suite("demo").experiments().values()}
    for method in methods:
        network = method.network()
        found = count(method)
        assert (found is None) == (network is None)
        if network is not None and not isinstance(network, nn.ModuleList) and not method.levels:
            assert counted(method, 64).parameters == sum(one.numel() for one in network.parameters())


def test_a_network_mixed_of_two_costs_one_and_a_picture_mixed_of_two_costs_both() -> None:
    knobs = {"width": 8, "growth": 4, "blocks": 1}
    one = counted(find_entry("rrdb").build(4, knobs), 8)
    mixed = counted(find_entry("esrgan-interpolation").build(4, {**knobs, "between": "network"}), 8)
    both = counted(find_entry("esrgan-interpolation").build(4, {**knobs, "between": "image"}), 8)
    assert mixed == one and both == Count(2 * one.parameters, 2 * one.macs)


def test_counting_does_not_touch_the_random_state() -> None:
    torch.manual_seed(3)
    before = torch.rand(3)
    torch.manual_seed(3)
    count(PiecesMethod(), 8)
    assert torch.equal(torch.rand(3), before)


def test_four_times_the_pixels_cost_four_times_a_convolutional_network() -> None:
    method = find_entry("espcn").build(4, {})
    assert counted(method, 32).macs == 4 * counted(method, 16).macs


def test_latency_is_the_median_of_what_the_upscaler_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter([0.0, 90.0, 100.0, 101.0, 200.0, 203.0, 300.0, 302.0])
    monkeypatch.setattr("bench.stages.cost.time.perf_counter", lambda: next(ticks))
    assert latency(PiecesMethod(), torch.device("cpu"), side=8, repeats=3) == 2.0


@pytest.mark.parametrize(
    ("name", "knobs"), [("srcnn", {}), ("downsampled_space", {"projected": True, "blocks": 1, "width": 8})]
)
def test_what_is_cached_while_counting_has_values_afterwards(name: str, knobs: Knobs) -> None:
    for cached in (luma._like, space._inverse, resize._matrix):
        cached.cache_clear()
    method = find_entry(name).build(4, knobs)
    assert count(method, side=32)
    network = method.network()
    assert network is not None
    assert method.upscaler(network.eval())(Picture("", torch.rand(3, 32, 32))).isfinite().all()
