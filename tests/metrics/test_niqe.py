"""NIQE against the authors' values and against pyiqa."""

from __future__ import annotations

import csv
import os
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
from scipy.ndimage import maximum_filter, minimum_filter
from torchvision_stub import import_or_skip

import bench.metrics.niqe_model as module
from bench.data.images import F64, U8, read_image, rgb2gray
from bench.errors import BadInput
from bench.metrics.niqe_model import niqe, niqe_of, niqe_pirm

CALIBRATION = Path(sysconfig.get_path("purelib")) / "ResultsCalibra" / "dist_dir"
OFFICIAL = {"I03": 15.7536293917814, "I04": 3.65492152353770, "I06": 3.23547743716998, "I08": 3.18403333858339}
OFFICIAL["I19"] = 8.63519663862637


def calibration(name: str) -> U8:
    path = CALIBRATION / f"{name}.bmp"
    if not path.is_file():
        pytest.skip("needs the calibration pictures that the package pyiqa ships")
    return read_image(path)


def textured(height: int, width: int, seed: int = 0) -> F64:
    """Smoothed noise in whole grey levels: no flat window."""
    noise = np.random.default_rng(seed).normal(size=(height + 2, width + 2))
    smooth = noise[1:-1, 1:-1] + 0.5 * (noise[:-2, 1:-1] + noise[2:, 1:-1] + noise[1:-1, :-2] + noise[1:-1, 2:])
    levels: F64 = np.floor((128 + 25 * smooth).clip(1, 254))
    return levels


@pytest.fixture(scope="module")
def pyiqa_niqe(tmp_path_factory: pytest.TempPathFactory) -> Callable[[F64 | U8, int], float]:
    """pyiqa's NIQE of a (h, w) luma, or of an RGB picture by MATLAB's Y, with a border dropped."""
    reference = import_or_skip("pyiqa", "pyiqa.archs.niqe_arch")
    import torch

    mean, covariance = module._pristine()
    model = tmp_path_factory.mktemp("niqe") / "model.mat"
    scipy.io.savemat(model, {"mu_prisparam": mean[None], "cov_prisparam": covariance})

    def value(picture: F64 | U8, border: int = 0) -> float:
        network = reference.NIQE(pretrained_model_path=str(model), crop_border=border, color_space="ycbcr")
        planes = picture[None] if picture.ndim == 2 else picture.transpose(2, 0, 1)
        return float(network(torch.from_numpy(planes[None] / 255.0)))

    return value


@pytest.mark.parametrize("name", OFFICIAL)
def test_the_authors_values_are_met_within_one_percent(name: str) -> None:
    assert niqe_of(calibration(name)) == pytest.approx(OFFICIAL[name], rel=0.006)


def test_the_authors_value_is_met_to_rounding_where_no_window_is_flat() -> None:
    image = calibration("I04")
    assert not (_spread(rgb2gray(image)) == 0).any()
    assert niqe_of(image) == pytest.approx(OFFICIAL["I04"], rel=1e-10)


def test_the_rest_to_the_authors_value_is_the_sign_of_a_rounding_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """With -1e-14 for the exact zeros at the finest scale's grey level 248, I06 has the authors' value."""
    image = calibration("I06")
    normalise = module._normalise

    def rounded(pictures: F64) -> F64:
        coefficients = normalise(pictures)
        coefficients[(coefficients == 0) & (pictures == 248)] = -1e-14
        return coefficients

    assert niqe_of(image) != pytest.approx(OFFICIAL["I06"], rel=1e-5)
    monkeypatch.setattr(module, "_normalise", rounded)
    assert niqe_of(image) == pytest.approx(OFFICIAL["I06"], rel=1e-10)


def _spread(picture: F64) -> F64:
    """Range of the grey levels in each 7x7 window."""
    spread: F64 = maximum_filter(picture, 7, mode="nearest") - minimum_filter(picture, 7, mode="nearest")
    return spread


def test_the_constants_above_are_those_of_the_calibration_table() -> None:
    table = Path(os.environ.get("BENCH_WEIGHTS", "")).parent / "calibration" / "results_official.csv"
    if not table.is_file():
        pytest.skip("needs the table of official values beside BENCH_WEIGHTS")
    with table.open() as stream:
        row = next(row for row in csv.DictReader(stream) if row["Method"] == "niqe")
    assert {name: float(row[f"{name}.bmp"]) for name in OFFICIAL} == OFFICIAL


@pytest.mark.parametrize(("height", "width"), [(192, 192), (96, 199), (290, 205)])
def test_niqe_is_pyiqa_s_on_pictures_without_flat_windows(height: int, width: int, pyiqa_niqe: Any) -> None:
    luma = textured(height, width)
    assert niqe(luma) == pytest.approx(pyiqa_niqe(luma), rel=1e-5)


def test_black_blocks_enter_the_mean_and_not_the_covariance_as_in_pyiqa(pyiqa_niqe: Any) -> None:
    luma = textured(288, 288)
    luma[:192, :100] = 0
    assert niqe(luma) == pytest.approx(pyiqa_niqe(luma), rel=1e-4)


def test_the_pirm_protocol_is_pyiqa_s_with_matlab_s_y_and_a_border_of_four(pyiqa_niqe: Any) -> None:
    image = calibration("I04")
    assert niqe_pirm(image) == pytest.approx(pyiqa_niqe(image, 4), rel=1e-4)


def test_pixels_beyond_the_last_whole_block_do_not_count() -> None:
    luma = textured(210, 230)
    assert niqe(luma) == niqe(luma[:192, :192])


def test_rgb_with_equal_channels_has_the_value_of_its_grey_picture() -> None:
    grey = textured(192, 192).astype(np.uint8)
    assert niqe_of(np.repeat(grey[:, :, None], 3, axis=2)) == niqe_of(grey)


@pytest.mark.parametrize(("height", "width"), [(95, 500), (96, 96), (191, 191)])
def test_fewer_than_two_whole_blocks_are_refused_with_the_size(height: int, width: int) -> None:
    with pytest.raises(BadInput, match=f"{width}x{height}"):
        niqe(textured(height, width))


def test_a_flat_picture_has_no_value() -> None:
    with pytest.raises(BadInput, match="flat"):
        niqe(np.full((192, 192), 77.0))
