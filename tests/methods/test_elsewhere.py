"""Methods trained elsewhere: their pictures pair with the right ones, and are those that they are said to be."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from pictures import noise

import methods
from bench.data.images import write_png
from bench.data.prepare import prepare_test
from bench.errors import BadInput
from bench.provenance.reuse import needed
from bench.runtime.files import read_json
from bench.runtime.rows import read_rows
from bench.stages.run import score_run, upscale_run
from bench.suites.experiment import Experiment
from bench.suites.published import PUBLISHED_SUITE, is_here
from bench.suites.suite import MethodPlan, Suite
from bench.suites.workdir import Workdir
from methods.elsewhere import Pictures, check_pictures, pictures_entry

SET5 = ("baby", "bird", "butterfly", "head", "woman")
NUMBERS = tuple(f"img_00{number}" for number in range(1, 6))


def write(folder: Path, *names: str) -> Path:
    for number, name in enumerate(names):
        write_png(folder / f"{name}.png", noise(number, 8, 8))
    return folder


def pictures(place: Path) -> Pictures:
    entry = pictures_entry("theirs", place)
    method = entry.build(4, entry.default)
    assert isinstance(method, Pictures)
    return method


def test_pictures_pair_by_name_or_by_a_pattern(tmp_path: Path) -> None:
    write(tmp_path / "plain", *SET5)
    write(tmp_path / "own" / "Set5" / "x4", *(f"{name}_mine_x4" for name in SET5))
    for place, file in (("plain", "baby.png"), ("own/{set}/x{scale}/{name}_mine_x{scale}.png", "baby_mine_x4.png")):
        assert pictures(tmp_path / place).find("Set5", SET5)["baby"].name == file


def test_a_folder_of_folders_is_one_for_each_data_set(tmp_path: Path) -> None:
    write(tmp_path / "Set5", *SET5)
    assert pictures(tmp_path).find("Set5", SET5)["head"] == tmp_path / "Set5" / "head.png"


def test_a_numbered_set_pairs_in_the_order_of_the_names(tmp_path: Path) -> None:
    found = pictures(write(tmp_path, *SET5)).find("Set5", NUMBERS)
    assert [found[number].stem for number in NUMBERS] == list(SET5)


@pytest.mark.parametrize("names", [SET5[:4], (*SET5, "other"), ("img_001", *SET5[1:])])
def test_a_numbered_set_does_not_pair_with_more_fewer_or_some_numbers(tmp_path: Path, names: tuple[str, ...]) -> None:
    with pytest.raises(BadInput, match=r"no SR of img_00\d of Set5"):
        pictures(write(tmp_path, *names)).find("Set5", NUMBERS)


def test_a_picture_that_is_missing_and_a_folder_without_any_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no SR of woman of Set5"):
        pictures(write(tmp_path, *SET5[:4])).find("Set5", SET5)
    with pytest.raises(BadInput, match="no such pictures"):
        pictures_entry("theirs", tmp_path / "{name}_nothing.png")


def test_a_picture_that_changed_is_refused(tmp_path: Path) -> None:
    method = pictures(write(tmp_path, *SET5))
    assert check_pictures(method.sha256) == method.sha256
    write_png(tmp_path / "head.png", noise(9, 8, 8))
    with pytest.raises(BadInput, match="get the original again"):
        check_pictures(method.sha256)


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workdir:
    """A work folder with one test set."""
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    prepared = Workdir("theirs")
    prepare_test("Embedded-one", 4, "bicubic", prepared.test_data("Embedded-one", 4, "bicubic"))
    return prepared


SUITE = Suite("theirs", "", (), ("Embedded-one",), (MethodPlan("bicubic"),), metrics=("psnr_y", "ssim_y"))


def scored(run: Experiment, layout: Workdir) -> list[dict[str, str]]:
    upscale_run(run, {}, layout, torch.device("cpu"))
    score_run(run, layout)
    return read_rows(layout.scores(run))


def test_a_folder_of_a_methods_pictures_has_the_methods_scores(
    layout: Workdir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = SUITE.experiment("bicubic", "default", 1)
    expected = scored(run, layout)
    shutil.copytree(layout.sr(run) / "Embedded-one", tmp_path / "copy")
    monkeypatch.setitem(methods.METHODS, "copied", pictures_entry("copied", tmp_path / "copy"))
    copied = replace(SUITE, plans=(MethodPlan("copied"),)).experiment("copied", "default", 1)
    assert scored(copied, layout) == expected
    record = read_json(layout.sr(copied) / "upscale.json")
    assert record["inputs"]["elsewhere"] == record["experiment"]["knobs"]["sha256"]
    assert record["experiment"]["train_sets"] == ["elsewhere"]


def test_pictures_of_another_size_are_refused(layout: Workdir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (picture,) = (layout.test_data("Embedded-one", 4, "bicubic") / "hr").iterdir()
    monkeypatch.setitem(methods.METHODS, "small", pictures_entry("small", write(tmp_path / "small", picture.stem)))
    run = replace(SUITE, plans=(MethodPlan("small"),)).experiment("small", "default", 1)
    with pytest.raises(BadInput, match="8x8, not"):
        upscale_run(run, {}, layout, torch.device("cpu"))
    assert not layout.sr(run).exists()


def test_what_authors_published_is_run_where_it_is_here() -> None:
    runs = PUBLISHED_SUITE.experiments()
    assert set(needed(PUBLISHED_SUITE, None, False)) == {name for name, run in runs.items() if is_here(run)}
    assert is_here(runs["bicubic.default.x4.bicubic.s1"])
