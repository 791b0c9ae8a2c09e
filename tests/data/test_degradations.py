"""Degradations: the published ones against independent forms, the random ones against their own promises."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from pictures import noise, real, smooth
from scipy.ndimage import correlate, shift

from bench.data import degradations
from bench.data.blur_kernels import (
    aligned_centre,
    apply_kernel,
    bd_kernel,
    blur_down,
    centre_of_mass,
    covariance_of,
    disturbed_gaussian,
    gaussian,
)
from bench.data.degradations import DEGRADATIONS, degrade
from bench.data.images import F64, U8, crop_border, luma, read_image, round_half_up
from bench.data.resize import Rounding, resize, resize_float
from bench.errors import BadInput

RANDOM_KERNELS = ("kernel_paper", "kernel_generator")
SCALES = (2, 3, 4)


def measured_shift(picture: NDArray[np.float64], reference: NDArray[np.float64]) -> tuple[float, float]:
    """How far (rows, columns) `picture` is displaced from `reference`, in pixels, allowing for a different blur: least
    squares on the gradient and the three second derivatives."""
    slopes = [np.gradient(reference, axis=axis) for axis in (0, 1)]
    bends = [np.gradient(slopes[first], axis=second) for first, second in ((0, 0), (0, 1), (1, 1))]
    terms = np.stack([crop_border(term, 6).ravel() for term in slopes + bends], axis=1)
    found = np.linalg.lstsq(terms, crop_border(picture - reference, 6).ravel(), rcond=None)[0]
    return -float(found[0]), -float(found[1])


@pytest.mark.parametrize("name", DEGRADATIONS)
@pytest.mark.parametrize("shape", [(48, 60, 3), (48, 60)])
def test_every_degradation_is_deterministic_and_keeps_colour_and_size(name: str, shape: tuple[int, ...]) -> None:
    hr = smooth(0, *shape)
    once, again = degrade(hr, 4, name, 7, "a"), degrade(hr, 4, name, 7, "a")
    assert once.lr.dtype == np.uint8
    assert once.lr.shape == ((12, 15) if name == "bicubic_y" else (12, 15, *shape[2:]))
    assert np.array_equal(once.lr, again.lr)
    assert once.recipe == again.recipe


@pytest.mark.parametrize("name", DEGRADATIONS)
def test_a_seed_and_a_name_matter_exactly_where_the_table_says(name: str) -> None:
    hr = smooth(1, 64, 64, 3)
    base = degrade(hr, 2, name, 0, "a").lr
    for other in (degrade(hr, 2, name, 1, "a").lr, degrade(hr, 2, name, 0, "b").lr):
        assert np.array_equal(base, other) != DEGRADATIONS[name].seeded


@pytest.mark.parametrize("name", [name for name, entry in DEGRADATIONS.items() if entry.seeded])
def test_what_was_degraded_before_does_not_matter(name: str) -> None:
    hr = smooth(2, 32, 32, 3)
    alone = degrade(hr, 2, name, 0, "b").lr
    degrade(hr, 2, name, 0, "a")
    degrade(hr, 2, "dn", 5, "b")
    assert np.array_equal(degrade(hr, 2, name, 0, "b").lr, alone)


def test_a_picture_is_cropped_to_a_multiple_of_the_scale_first() -> None:
    hr = smooth(3, 50, 63, 3)
    assert np.array_equal(degrade(hr, 4, "bicubic").lr, degrade(hr[:48, :60], 4, "bicubic").lr)


def test_unknown_degradations_and_undefined_scales_are_refused() -> None:
    hr = smooth(4, 48, 48)
    with pytest.raises(BadInput, match="did you mean 'bicubic'"):
        degrade(hr, 2, "bicubc")
    with pytest.raises(BadInput, match="defined at x2, x3, x4, not x8"):
        degrade(hr, 8, "kernel_paper")
    with pytest.raises(BadInput, match="not x5"):
        bd_kernel(5)


@pytest.mark.parametrize("name", RANDOM_KERNELS)
@pytest.mark.parametrize("scale", SCALES)
def test_random_kernels_are_positive_sum_to_one_and_sit_where_bicubic_alignment_needs(name: str, scale: int) -> None:
    hr = smooth(5, 48, 48)
    for picture in range(20):
        made = degrade(hr, scale, name, 3, str(picture))
        assert made.kernel is not None
        goal = aligned_centre(made.kernel.shape[0], scale)
        assert made.kernel.min() >= 0
        assert made.kernel.sum() == pytest.approx(1, abs=1e-9)
        assert centre_of_mass(made.kernel) == pytest.approx((goal, goal), abs=1e-7)
        low, high = (0.6, 5.0) if (name, scale) == ("kernel_paper", 2) else (0.175 * scale, 2.5 * scale)
        assert all(low <= variance <= high for variance in made.recipe["variances"])


@pytest.mark.parametrize(("scale", "size"), [(2, 11), (3, 21), (4, 21)])
def test_the_papers_kernels_have_the_papers_sizes(scale: int, size: int) -> None:
    made = degrade(smooth(6, 48, 48), scale, "kernel_paper")
    assert made.kernel is not None
    assert made.kernel.shape == (size, size)
    generated = degrade(smooth(6, 48, 48), scale, "kernel_generator").kernel
    assert generated is not None
    assert generated.shape == (21, 21)


@pytest.mark.parametrize("name", RANDOM_KERNELS)
def test_the_kernels_of_x4_are_as_much_wider_as_the_scale(name: str) -> None:
    def mean_variance(scale: int) -> float:
        recipes = [degrade(smooth(7, 48, 48), scale, name, 0, str(number)).recipe for number in range(40)]
        return float(np.mean([recipe["variances"] for recipe in recipes]))

    assert 1.6 < mean_variance(4) / mean_variance(2) < 2.4


def test_a_drawn_kernel_has_the_variances_and_the_angle_it_was_asked_for() -> None:
    covariance = covariance_of((6.0, 1.5), 0.6)
    kernel = disturbed_gaussian(31, covariance, 2, np.ones((31, 31)))
    rows, columns = np.indices(kernel.shape)
    row, column = centre_of_mass(kernel)
    offsets = np.stack([(rows - row).ravel(), (columns - column).ravel()])
    measured = (offsets * kernel.ravel()) @ offsets.T
    assert measured == pytest.approx(covariance, abs=0.01)
    values, vectors = np.linalg.eigh(measured)
    assert values == pytest.approx([1.5, 6.0], abs=0.01)
    assert abs(vectors[:, 1] @ [np.cos(0.6), np.sin(0.6)]) == pytest.approx(1, abs=1e-3)


def test_a_blur_that_does_not_fit_its_kernel_is_refused() -> None:
    with pytest.raises(BadInput, match="too small"):
        disturbed_gaussian(3, covariance_of((400.0, 400.0), 0.0), 4, np.ones((3, 3)))


@pytest.mark.parametrize("name", [*RANDOM_KERNELS, "bd", "wild"])
@pytest.mark.parametrize("scale", SCALES)
def test_blurred_lr_is_not_displaced_from_bicubic_lr(name: str, scale: int) -> None:
    hr = smooth(7, 64 * scale, 64 * scale)
    reference = resize_float(hr.astype(np.float64), Fraction(1, scale))
    for picture in "abc":
        lr = degrade(hr, scale, name, 0, picture).lr.astype(np.float64)
        assert max(abs(d) for d in measured_shift(lr, reference)) < 0.05


@pytest.mark.parametrize("scale", SCALES)
def test_the_measurement_would_see_a_kernel_half_a_pixel_off(scale: int) -> None:
    hr = smooth(7, 64 * scale, 64 * scale)
    reference = resize_float(hr.astype(np.float64), Fraction(1, scale))
    kernel = disturbed_gaussian(21, covariance_of((1.5, 2.0), 0.4), scale, np.ones((21, 21)))
    lr = blur_down(hr.astype(np.float64), shift(kernel, (0.0, 0.5)), scale)
    rows, columns = measured_shift(lr, reference)
    assert abs(rows) < 0.05
    assert columns == pytest.approx(-0.5 / scale, abs=0.03)


@pytest.mark.parametrize("shape", [(40, 52, 3), (40, 52)])
@pytest.mark.parametrize("size", [13, 12, 33])
def test_shrinking_with_a_kernel_is_scipys_correlation_sampled(shape: tuple[int, ...], size: int) -> None:
    hr = noise(8, *shape).astype(np.float64)
    kernel = noise(9, size, size) / 1e4
    planes = hr.reshape(40, 52, -1)
    full = np.stack([correlate(planes[:, :, c], kernel, mode="reflect") for c in range(planes.shape[2])], axis=2)
    assert np.abs(blur_down(hr, kernel, 4) - full.reshape(hr.shape)[::4, ::4]).max() < 1e-9


def test_a_kernel_of_one_tap_takes_that_pixel_of_each_block() -> None:
    hr = noise(10, 12, 16, 3)
    for row in range(4):
        kernel = np.zeros((9, 9))
        kernel[4 + row, 4 + 2] = 1.0
        assert np.array_equal(apply_kernel(hr, kernel, 4), hr[row::4, 2::4])


def bd_by_hand(hr: U8, scale: int) -> F64:
    """As published: filter with replicated edges, then sample from pixel s/2 (1-based), or every second of three."""
    width = 7 if scale == 3 else 12
    middle = (width - 1) / 2
    window = gaussian(width, np.eye(2) * 1.6**2, (middle, middle))
    before = (width + 1) // 2 - 1  # imfilter's centre, 0-based
    padded = np.pad(hr.astype(np.float64), (before, width - 1 - before), mode="edge")
    filtered = np.einsum("ijuv,uv->ij", sliding_window_view(padded, (width, width)), window / window.sum())
    first = 1 if scale == 3 else scale // 2 - 1
    sampled: F64 = round_half_up(filtered[first::scale, first::scale])
    return sampled


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
def test_bd_is_the_published_blur_and_sampling(scale: int) -> None:
    hr = noise(11, 48, 72)
    assert np.array_equal(degrade(hr, scale, "bd").lr, bd_by_hand(hr, scale))


def test_dn_is_bicubic_with_noise_of_sigma_30() -> None:
    hr = np.full((240, 240, 3), 128, np.uint8)
    lr = degrade(hr, 3, "dn", 0, "a").lr.astype(np.float64)
    assert lr.mean() == pytest.approx(128, abs=1)
    assert lr.std() == pytest.approx(30, rel=0.02)
    assert abs(np.corrcoef(lr[:, :, 0].ravel(), lr[:, :, 1].ravel())[0, 1]) < 0.05


def test_the_three_bicubics_and_their_kin_differ() -> None:
    hr = noise(12, 48, 48, 3)
    made = {name: degrade(hr, 2, name).lr.tobytes() for name in ("bicubic", "bicubic_symmetric", "bicubic_float")}
    made |= {name: degrade(hr, 2, name).lr.tobytes() for name in ("bilinear", "nearest")}
    assert len(set(made.values())) == 5


def test_bicubic_y_replaces_both_pictures_by_8_bit_luma() -> None:
    hr = noise(13, 24, 24, 3)
    made = degrade(hr, 2, "bicubic_y")
    assert made.hr is not None
    assert np.array_equal(made.hr, round_half_up(luma(hr)))
    assert made.lr.shape == (12, 12)


def test_wild_hides_its_kernel_and_records_its_recipe() -> None:
    hr = smooth(14, 64, 64, 3)
    recipes = []
    for picture in range(12):
        made = degrade(hr, 2, "wild", 0, str(picture))
        assert made.kernel is None
        recipes.append(made.recipe)
    assert all(1 <= r["noise_sigma"] <= 10 and 60 <= r["jpeg_quality"] <= 95 for r in recipes)
    assert len({r["jpeg_quality"] for r in recipes}) > 3
    assert all(set(r) >= {"variances", "angle", "noise_sigma", "jpeg_quality"} for r in recipes)


def test_what_is_recorded_of_wild_is_what_was_done(monkeypatch: pytest.MonkeyPatch) -> None:
    encode, encoded = degradations._through_jpeg, list[tuple[U8, int]]()
    monkeypatch.setattr(degradations, "_through_jpeg", lambda *given: encoded.append(given) or encode(*given))
    hr = 64 + noise(3, 256, 256, 3) // 2
    for picture in "abc":
        made = degrade(hr, 2, "wild", 0, picture)
        ((noisy, quality),), recipe = encoded, made.recipe
        encoded.clear()
        assert quality == recipe["jpeg_quality"] and np.array_equal(made.lr, encode(noisy, quality))
        assert not np.array_equal(made.lr, noisy)
        flat = np.ones((recipe["size"], recipe["size"]))
        covariance = covariance_of(tuple(recipe["variances"]), recipe["angle"])
        blurred = blur_down(hr.astype(np.float64), disturbed_gaussian(recipe["size"], covariance, 2, flat), 2)
        assert np.std(noisy - blurred) == pytest.approx(np.hypot(recipe["noise_sigma"], 1 / 12**0.5), rel=0.03)


@pytest.mark.parametrize(
    ("kernel", "word"),
    [
        (np.ones((3, 3)), "sums to 9.0000"),
        (np.full((3, 3), np.nan), "finite"),
        (np.ones(9) / 9, "matrix"),
    ],
)
def test_a_kernel_that_is_none_is_refused(kernel: F64, word: str) -> None:
    with pytest.raises(BadInput, match=word):
        apply_kernel(noise(15, 8, 8), kernel, 2)


@pytest.mark.parametrize(
    ("name", "rounding", "expected"), [("bicubic", "each pass", 28.430), ("bicubic_y", "once", 28.420)]
)
def test_bicubic_upscaling_of_set5_scores_what_is_known(name: str, rounding: Rounding, expected: float) -> None:
    """House protocol: 28.430 dB. The luma pipeline that papers print keeps LR in float: 28.4207, ours is 8-bit."""
    scores = []
    for path in sorted((real("Set5") / "image_SRF_4").glob("*_HR.png")):
        hr = read_image(path)
        made = degrade(hr, 4, name)
        sr = resize(made.lr, Fraction(4), rounding=rounding)
        error = luma(sr) - luma(hr if made.hr is None else made.hr)
        scores.append(10 * np.log10(255**2 / np.mean(crop_border(error, 4) ** 2)))
    assert len(scores) == 5
    assert float(np.mean(scores)) == pytest.approx(expected, abs=0.001)
