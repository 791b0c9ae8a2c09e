"""Pictures that tests share: made ones, and real ones where BENCH_DATA holds them."""

from __future__ import annotations

import os
import sysconfig
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from bench.data.images import U8, read_image
from bench.runtime.paths import data_folder


def real(name: str) -> Path:
    """The folder of a data set; skips the test where it is not here."""
    folder = data_folder() / name
    if not folder.is_dir():
        pytest.skip(f"needs {name} under BENCH_DATA")
    return folder


def calibration_pair(name: str) -> tuple[U8, U8]:
    """(distorted, reference) of the calibration set that pyiqa ships."""
    folder = Path(os.environ.get("BENCH_CALIBRATION") or Path(sysconfig.get_path("purelib")) / "ResultsCalibra")
    if not (folder / "ref_dir").is_dir():
        pytest.skip("no calibration pictures: install pyiqa or set BENCH_CALIBRATION")
    return read_image(folder / "dist_dir" / f"{name}.bmp"), read_image(folder / "ref_dir" / f"{name}.bmp")


def noise(seed: int, *shape: int) -> U8:
    """Uniformly random bytes: any misplaced pixel shows."""
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def smooth(seed: int, *shape: int) -> U8:
    """Random blobs about three pixels wide, full range: enough structure to measure a shift by."""
    field = np.random.default_rng(seed).standard_normal(shape)
    field = gaussian_filter(field, sigma=(3, 3, 0)[: len(shape)], mode="wrap")
    low, high = field.min(), field.max()
    scaled: U8 = np.rint((field - low) / (high - low) * 255).astype(np.uint8)
    return scaled
