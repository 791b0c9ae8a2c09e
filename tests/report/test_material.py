"""What figures are drawn from can be kept with the results, and read back without the work folder."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from report_folder import (
    INFOS,
    KERNELS,
    setting,
    suite_info,
    write_curves,
    write_kernel_run,
    write_kernels,
    write_pictures,
    write_results,
)

from bench.errors import BadInput
from bench.report.aggregate import Scores, read
from bench.report.comparisons import gain_table
from bench.report.losses import FOLDER as CURVES
from bench.report.material import keep_material, read_material


@pytest.fixture
def every(tmp_path: Path) -> list[Scores]:
    results = write_results(tmp_path / "results")
    write_kernel_run(results)
    write_pictures(tmp_path)
    write_curves(tmp_path)
    write_kernels(tmp_path)
    return read(results, suite_info(setting(), KERNELS), INFOS)


def test_kept_material_is_the_same_without_the_work_folders(every: list[Scores], tmp_path: Path) -> None:
    results = tmp_path / "results"
    before = [read_material(scores, tmp_path, results) for scores in every]
    for material, scores in zip(before, every, strict=True):
        keep_material(material, scores, tmp_path, results, results)
    for folder in ("runs", "sr", "kernels", "data"):
        shutil.rmtree(tmp_path / folder)
    pictures, kernels = (read_material(scores, tmp_path, results) for scores in every)
    assert pictures.panels.keys() == before[0].panels.keys() != set()
    for key, curves in pictures.panels.items():
        for (name, *arrays), (other, *others) in zip(curves, before[0].panels[key], strict=True):
            assert name == other and all(map(np.array_equal, arrays, others))
    assert pictures.gallery.runs == before[0].gallery.runs and pictures.gallery.absent == ()
    for picture, other in zip(pictures.gallery.pictures, before[0].gallery.pictures, strict=True):
        assert picture.window == other.window and picture.thumbnail == other.thumbnail
        assert picture.crops.keys() == other.crops.keys() and "HR" in picture.crops
        assert all(np.array_equal(picture.crops[name], other.crops[name]) for name in picture.crops)
    assert kernels.kernels is not None and before[1].kernels is not None
    assert kernels.kernels.kernels.keys() == before[1].kernels.kernels.keys()
    assert kernels.kernels.rows == ("true kernel", "kernelgan")


def test_what_is_in_the_work_folder_goes_before_what_was_kept(every: list[Scores], tmp_path: Path) -> None:
    results = tmp_path / "results"
    keep_material(read_material(every[0], tmp_path, results), every[0], tmp_path, results, results)
    write_curves(tmp_path, steps=10)
    panels = read_material(every[0], tmp_path, results).panels
    assert max(steps[-1] for _, steps, _ in panels["edsr", "loss"]) == 10


def test_torn_curves_are_refused_by_name(every: list[Scores], tmp_path: Path) -> None:
    results = tmp_path / "results"
    keep_material(read_material(every[0], tmp_path, results), every[0], tmp_path, results, results)
    shutil.rmtree(tmp_path / "runs")
    path = next((results / CURVES).glob("*.csv"))
    path.write_text("loss,step\nloss,x\n")
    with pytest.raises(BadInput, match=rf"{path.name}: lacks the column value"):
        read_material(every[0], tmp_path, results)


def test_without_a_declared_baseline_there_is_no_table_of_gains(every: list[Scores]) -> None:
    assert gain_table(every) is None
