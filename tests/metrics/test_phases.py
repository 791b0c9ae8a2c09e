"""Artifacts of sub-pixel layers as numbers: phases, peaks of the spectrum, and how far draws differ."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bench.data.datasets import find
from bench.data.images import F64, crop_to_multiple, luma, read_image
from bench.errors import BadInput
from bench.metrics import METRICS, Sample
from bench.metrics.phases import lattice_excess, phase_deviation

PHOTOGRAPH = read_image(find("Embedded-test", 4)[0].hr)


def pattern(scale: int, height: int, width: int) -> F64:
    """A pattern that repeats every `scale` pixels, of mean 0 and standard deviation 1."""
    block = np.random.default_rng(0).standard_normal((scale, scale))
    block = (block - block.mean()) / block.std()
    repeats = -(-height // scale), -(-width // scale)
    return np.tile(block, repeats)[:height, :width]


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_phase_deviation_of_a_pattern_is_its_own(scale: int) -> None:
    assert phase_deviation(np.full((36, 48), 7.0), scale) == 0
    assert phase_deviation(100 + 5 * pattern(scale, 36, 48), scale) == pytest.approx(5)
    plane = luma(PHOTOGRAPH)
    assert phase_deviation(plane, scale) < 0.5 < phase_deviation(plane + 5 * pattern(scale, *plane.shape), scale)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_a_pattern_of_half_a_grey_level_stands_out_of_the_spectrum_of_a_photograph(scale: int) -> None:
    plane = luma(PHOTOGRAPH)
    assert abs(lattice_excess(plane, scale)) < 5
    assert lattice_excess(plane + 2 * pattern(scale, *plane.shape), scale) > lattice_excess(plane, scale) + 5


def test_noise_of_every_frequency_has_no_peaks() -> None:
    noise = np.random.default_rng(0).standard_normal((400, 400))
    assert abs(lattice_excess(noise, 4)) < 1.5


def test_a_picture_too_small_for_them_has_none() -> None:
    with pytest.raises(BadInput, match="too small for a spectrum"):
        lattice_excess(np.zeros((64, 200)), 4)
    with pytest.raises(BadInput, match="no block"):
        phase_deviation(np.zeros((3, 3)), 4)


@pytest.mark.parametrize(
    ("metric", "field", "why"), [("diversity", "draws", "draws nothing"), ("seed_deviation", "seeds", "one seed")]
)
def test_how_far_several_sr_differ_is_their_standard_deviation(metric: str, field: str, why: str) -> None:
    black, white = np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), 10, np.uint8)
    alone = Sample(black, None, None, 4)
    assert METRICS[metric].function(replace(alone, **{field: (white,)})) == 5
    assert METRICS[metric].function(replace(alone, **{field: (black, black)})) == 0
    with pytest.raises(BadInput, match=why):
        METRICS[metric].function(alone)


def test_a_cosine_is_that_of_the_run() -> None:
    sr = crop_to_multiple(PHOTOGRAPH, 4)
    assert METRICS["gradient_cosine"].function(Sample(sr, None, None, 4, gradient_cosine=-0.25)) == -0.25
    with pytest.raises(BadInput, match="did not train with an adversarial loss"):
        METRICS["gradient_cosine"].function(Sample(sr, None, None, 4))
