"""Kernel PSNR and cross-correlation: what they must not notice, and what they must."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bench.data.images import F64
from bench.errors import BadInput
from bench.metrics import METRICS, Sample
from bench.metrics.kernels import align, centre_of_mass, kernel_ncc, kernel_psnr


def gaussian(size: int, row: float, column: float, sigmas: tuple[float, float] = (1.5, 2.5)) -> F64:
    """An anisotropic Gaussian around (row, column), summing to 1."""
    y, x = np.mgrid[:size, :size]
    values = np.exp(-((y - row) ** 2) / (2 * sigmas[0] ** 2) - (x - column) ** 2 / (2 * sigmas[1] ** 2))
    kernel: F64 = values / values.sum()
    return kernel


def test_a_kernel_equals_itself() -> None:
    kernel = gaussian(21, 10.3, 9.1)
    assert kernel_psnr(kernel, kernel) == math.inf
    assert kernel_ncc(kernel, kernel) == pytest.approx(1, abs=1e-12)


def test_whole_pixel_shifts_and_zero_padding_do_not_count() -> None:
    kernel = np.zeros((21, 21))
    kernel[5:14, 6:17] = np.random.default_rng(0).random((9, 11))
    moved = np.pad(kernel[3:18, 4:20], ((0, 5), (1, 0)))
    assert kernel_psnr(moved, kernel) > 250
    assert kernel_ncc(moved, kernel) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize(("rows", "columns"), [(0.5, 0.0), (0.3, -0.4), (-1.25, 2.5)])
def test_sub_pixel_shifts_hardly_count(rows: float, columns: float) -> None:
    true, moved = gaussian(25, 12, 12), gaussian(25, 12 + rows, 12 + columns)
    assert kernel_psnr(moved, true) > 60
    assert kernel_ncc(moved, true) > 0.99999


def test_even_and_odd_sizes_meet() -> None:
    assert kernel_psnr(gaussian(16, 7.5, 7.5), gaussian(21, 10, 10)) > 45


def test_psnr_and_correlation_of_symmetric_kernels_are_those_of_the_arrays() -> None:
    true, other = gaussian(21, 10, 10), gaussian(21, 10, 10, (2.5, 1.5))
    error = float(np.mean((true - other) ** 2))
    assert kernel_psnr(other, true) == pytest.approx(10 * math.log10(true.max() ** 2 / error), abs=1e-6)
    cosine = float((true * other).sum() / np.sqrt((true**2).sum() * (other**2).sum()))
    assert kernel_ncc(other, true) == pytest.approx(cosine, abs=1e-9)
    assert cosine < 0.97


@pytest.mark.parametrize("key", [key for key, metric in METRICS.items() if "true_kernel" in metric.needs])
def test_zeros_around_either_kernel_change_no_kernel_metric(key: str) -> None:
    picture = np.zeros((8, 8), np.uint8)
    estimate, truth = gaussian(17, 8.3, 7.6, (1.0, 2.0)), gaussian(11, 5, 5)

    def measure(estimate_zeros: int, truth_zeros: int) -> float:
        kernels = np.pad(estimate, estimate_zeros), np.pad(truth, (truth_zeros, 2 * truth_zeros))
        return METRICS[key].function(Sample(picture, None, None, 2, *kernels))

    zeros = (0, 4, 10, 20)
    values = [measure(first, second) for first in zeros for second in zeros]
    assert max(values) - min(values) < 1e-9


def test_the_mean_is_over_the_true_kernels_support_and_error_beyond_it_counts() -> None:
    truth, wide = gaussian(7, 3, 3, (1.0, 1.0)), gaussian(21, 10, 10, (3.0, 3.0))
    error = float(np.square(wide - np.pad(truth, 7)).sum()) / 7**2
    assert kernel_psnr(wide, truth) == pytest.approx(10 * math.log10(truth.max() ** 2 / error), abs=1e-6)


def test_a_wrong_sum_counts_for_psnr_and_not_for_correlation() -> None:
    true = gaussian(15, 7, 7)
    assert kernel_psnr(1.1 * true, true) == pytest.approx(10 * math.log10(true.max() ** 2 / np.mean((0.1 * true) ** 2)))
    assert kernel_ncc(1.1 * true, true) == pytest.approx(1, abs=1e-12)


def test_alignment_leaves_the_true_kernel_as_it_is() -> None:
    true = gaussian(15, 7.2, 6.1)
    estimate, truth = align(gaussian(17, 8, 8), true)
    assert truth.max() == true.max()
    assert centre_of_mass(estimate) == pytest.approx(centre_of_mass(truth), abs=1e-3)


@pytest.mark.parametrize("kernel", [np.zeros((3, 3)), np.ones(9), np.full((3, 3), np.nan), -np.ones((3, 3))])
def test_what_is_no_kernel_is_refused(kernel: F64) -> None:
    with pytest.raises(BadInput, match="no kernel"):
        kernel_psnr(kernel, gaussian(9, 4, 4))


def test_a_centre_of_mass_outside_the_kernel_is_refused() -> None:
    with pytest.raises(BadInput, match="outside"):
        kernel_ncc(np.array([[2.0, 0.0, -1.5], [0.0, 0.0, 0.0]]), gaussian(9, 4, 4))


def test_the_metrics_need_both_kernels() -> None:
    picture = np.zeros((8, 8), np.uint8)
    kernel = gaussian(9, 4, 4)
    assert METRICS["kernel_ncc"].function(Sample(picture, None, None, 2, kernel, kernel)) == pytest.approx(1)
    with pytest.raises(BadInput, match="--true-kernels"):
        METRICS["kernel_psnr"].function(Sample(picture, None, None, 2, kernel))
