"""Facts of the papers: every network has the published number of parameters."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from methods import find_entry
from methods.common.adversarial import StridedDiscriminator, vgg_discriminator
from methods.common.blocks import count_parameters

TRAINED = {"mean_shift_trained": True}
COUNTS: list[tuple[str, int, dict[str, Any], int]] = [
    ("srcnn", 4, {"filters": (9, 1, 5)}, 8_129),
    ("srcnn", 4, {"filters": (9, 3, 5)}, 24_416 + 97),
    ("srcnn", 4, {}, 57_184 + 97),
    ("espcn", 2, {}, 21_284),
    ("espcn", 3, {}, 22_729),
    ("espcn", 4, {}, 24_752),
    ("srresnet", 4, {}, 1_549_462),
    ("srresnet", 4, {"batch_norm": False}, 1_545_238),
    ("srgan", 4, {}, 1_549_462),
    ("msrresnet", 2, {}, 1_369_859),
    ("msrresnet", 3, {}, 1_554_499),
    ("msrresnet", 4, {}, 1_517_571),
    ("msrgan", 4, {}, 1_517_571),
    ("edsr", 2, {}, 40_729_603),
    ("edsr", 3, {}, 43_680_003),
    ("edsr", 4, {}, 43_089_923),
    ("edsr", 4, TRAINED, 43_089_923 + 24),
    ("rcan", 2, TRAINED, 15_444_667),
    ("rcan", 3, TRAINED, 15_629_307),
    ("rcan", 4, TRAINED, 15_592_379),
    ("rcan", 8, TRAINED, 15_740_091),
    ("rcan", 4, {}, 15_592_379 - 24),
    ("ddbpn", 2, {}, 5_956_931),
    ("ddbpn", 4, {}, 10_429_763),
    ("ddbpn", 8, {}, 23_209_283),
    ("drn", 2, {}, 606_378),
    ("drn", 4, {}, 4_804_065),
    ("drn", 8, {}, 5_403_000),
    ("drn", 4, {"mean_shift_trained": False}, 4_804_065 - 24),
    ("drn-adapt", 4, {}, 4_804_065),
    ("enhancenet", 4, {}, 852_867),
    ("rrdb", 4, {}, 16_697_987),
    ("rrdb", 4, {"blocks": 16}, 11_662_019),
]
VARIANTS = [
    ("edsr", "baseline", {2: 1_369_859, 3: 1_554_499, 4: 1_517_571}),
    ("drn", "large", {4: 9_825_893, 8: 10_004_018}),
    ("ddbpn", "small", {2: 1_260_867, 4: 2_207_043, 8: 4_910_403}),
]


def count(name: str, scale: int, knobs: Any) -> int:
    """Parameters of a network whose tensors are never allocated."""
    with torch.device("meta"):
        network = find_entry(name).build(scale, knobs).network()
    assert network is not None
    return count_parameters(network)


@pytest.mark.parametrize(("name", "scale", "knobs", "expected"), COUNTS)
def test_a_network_has_the_published_number_of_parameters(
    name: str, scale: int, knobs: dict[str, Any], expected: int
) -> None:
    assert count(name, scale, knobs) == expected


@pytest.mark.parametrize(("name", "variant", "expected"), VARIANTS)
def test_a_smaller_variant_has_the_published_number_of_parameters(
    name: str, variant: str, expected: dict[int, int]
) -> None:
    assert {scale: count(name, scale, find_entry(name).variants[variant]) for scale in expected} == expected


def test_the_discriminators_have_the_published_number_of_parameters() -> None:
    with torch.device("meta"):
        esrgan = [count_parameters(vgg_discriminator(patch)) for patch in (128, 256)]
        srgan = count_parameters(StridedDiscriminator(96, (64, 128, 256, 512)))
    assert esrgan == [14_499_401, 21_055_049]
    assert f"{srgan / 1e6:.2f} M" == "23.56 M"
