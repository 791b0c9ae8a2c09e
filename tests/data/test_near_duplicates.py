"""Pictures of training sets that are pictures of test sets: found however cut, and not trained on."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.data.datasets import DATASETS, VALIDATION, DataSet, Source, find
from bench.data.images import U8, read_image, write_png
from bench.data.near_duplicates import NEAR_DUPLICATES, search
from bench.data.prepare import left_out, prepare_train
from bench.errors import BadInput

EMBEDDED = {source.name: source for source in find("Embedded-test", 4)}


def write(folder: Path, **pictures: U8) -> list[Source]:
    for name, picture in pictures.items():
        write_png(folder / f"{name}.png", np.ascontiguousarray(picture))
    return [Source(name, folder / f"{name}.png") for name in pictures]


def test_a_photograph_is_found_cropped_resized_mirrored_or_whole_on_either_side(tmp_path: Path) -> None:
    photograph = read_image(EMBEDDED["lighthouse"].hr)
    height, width = photograph.shape[:2]
    cropped = photograph[height // 5 : -height // 7, width // 9 : -width // 4]
    half = np.asarray(Image.fromarray(cropped[:, ::-1]).resize((cropped.shape[1] // 2, cropped.shape[0] // 2)))
    mine = write(tmp_path, cropped=cropped, mirrored=half, whole=photograph[::2, ::2])
    for train, test in (
        ({"mine": mine}, {"theirs": [*EMBEDDED.values()]}),
        ({"theirs": [*EMBEDDED.values()]}, {"mine": mine}),
    ):
        found = {(one.train, one.test) for one in search(train, test)}
        assert {frozenset(pair) for pair in found} == {frozenset((one.name, "lighthouse")) for one in mine}


def test_different_photographs_and_flat_pictures_are_not_taken_for_one(tmp_path: Path) -> None:
    slope = np.repeat(np.arange(96, dtype=np.uint8)[:, None], 96, axis=1)
    smooth = write(tmp_path, slope=slope, steeper=2 * slope, flat=np.full((96, 96), 7, np.uint8))
    assert search({"train": find("Embedded-train", 4)}, {"test": [*EMBEDDED.values(), *smooth]}) == []


def test_pictures_held_out_are_not_in_a_training_store(train_store: Path) -> None:
    names = {entry["name"] for entry in json.loads((train_store / "index.json").read_text())["pictures"]}
    held = {f"Embedded-train/{source.name}" for source in find("Embedded-valid", 4)}
    assert len(held) == 2 and len(names) == 7 and not held & names
    assert set(json.loads((train_store / "manifest.json").read_text())["left_out"]) == held


def test_validation_sets_are_not_trained_on_and_share_nothing_with_what_is_known_of_test_sets(tmp_path: Path) -> None:
    for whole, part in VALIDATION.items():
        with pytest.raises(BadInput, match=f"{part} is a validation set"):
            prepare_train((part,), 4, "bicubic", tmp_path / "t")
        assert DATASETS[whole].role == "train" and DATASETS[part].role == "valid"


def test_training_on_bsd400_leaves_out_its_validation_pictures_and_woman(bench_data: Path) -> None:
    excluded = left_out("BSD400", 4)
    assert 400 - len(excluded) == 379
    assert excluded["302003"] == "shows what Set5/img_005 shows"
    assert not {source.name for source in find("BSD-valid", 4)} & {one.train for one in NEAR_DUPLICATES}
    halves = {**left_out("BSD400-first", 4), **left_out("BSD400-second", 4)}
    assert halves == excluded


@pytest.mark.parametrize("whole", [True, False])
def test_a_users_own_set_that_overlaps_a_test_set_is_refused_unless_that_is_meant(
    whole: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    mine = DataSet("Mine", "train", 1, "none", "made", "Mine", how="draw it")
    monkeypatch.setitem(DATASETS, "Mine", mine)
    picture = read_image(EMBEDDED["lighthouse"].hr)
    write(tmp_path / "Mine", harbour=picture if whole else picture[40:, 60:])
    with pytest.raises(BadInput, match="Mine: harbour shows what Embedded-test/lighthouse shows; remove them"):
        prepare_train(("Mine",), 4, "bicubic", tmp_path / "t")
    assert not (tmp_path / "t").exists()
    monkeypatch.setitem(DATASETS, "Mine", dataclasses.replace(mine, overlap=True))
    prepare_train(("Mine",), 4, "bicubic", tmp_path / "t")
    assert "warning: Mine: harbour shows what Embedded-test/lighthouse shows" in capsys.readouterr().err


@pytest.mark.slow
def test_the_list_is_what_the_search_finds(bench_data: Path) -> None:
    train = {name: find(name, 4) for name in ("BSD400", "T91", "Embedded-train")}
    test = {name: find(name, 4) for name in ("Set5", "Set14", "BSD100", "Embedded-test")}
    assert tuple(search(train, test)) == NEAR_DUPLICATES
