"""Prepared folders: what is in them, that it is the same every time, and that nothing is left after an error."""

from __future__ import annotations

import json
import shutil
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from pictures import noise, real, smooth

from bench.data.blur_kernels import apply_kernel
from bench.data.datasets import DATASETS, DataSet
from bench.data.images import crop_to_multiple, read_image, to_rgb, write_png
from bench.data.pixel_checksums import pixel_sha256
from bench.data.prepare import degrade_folder, prepare_test, prepare_train
from bench.data.resize import resize
from bench.errors import BadInput
from bench.runtime.checksums import hash_file

SHAPES = {"a": (33, 42, 3), "b": (40, 36), "c": (36, 37, 3)}


@pytest.fixture(autouse=True)
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two small sets of three pictures, one of them grey: Tiny to train on, Probe to test on. Returns Tiny's folder."""
    monkeypatch.setenv("BENCH_DATA", str(tmp_path / "data"))
    for name, role in (("Tiny", "train"), ("Probe", "test")):
        monkeypatch.setitem(DATASETS, name, DataSet(name, role, 3, "none", "made", name, how="draw it"))  # type: ignore[arg-type]
        for number, (picture, shape) in enumerate(SHAPES.items()):
            folder = tmp_path / "data" / name / ("HR" if name == "Probe" else "")
            write_png(folder / f"{picture}.png", smooth(number + 10 * (name == "Probe"), *shape))
    return tmp_path / "data" / "Tiny"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("[!.]*")) if p.is_file()}


@pytest.mark.parametrize("degradation", ["bicubic", "kernel_generator", "wild"])
def test_preparing_twice_gives_the_same_bytes(tmp_path: Path, degradation: str) -> None:
    for out in ("one", "two"):
        prepare_test("Probe", 4, degradation, tmp_path / out / "p")
        prepare_train(("Tiny",), 4, degradation, tmp_path / out / "t")
    one, two = (contents(tmp_path / out) for out in ("one", "two"))
    for name in ("p/prepare.json", "t/prepare.json"):  # says when and where besides
        first, second = json.loads(one.pop(name)), json.loads(two.pop(name))
        assert all(first[part] == second[part] for part in ("code", "inputs", "outputs"))
    assert one == two
    manifest = (tmp_path / "one" / "p" / "manifest.json").read_text()
    assert str(tmp_path) not in manifest


def test_a_test_folder_holds_hr_lr_and_a_manifest_that_tells_their_pixels(tmp_path: Path) -> None:
    facts = prepare_test("Probe", 4, "bicubic", tmp_path / "p")
    pictures = [f"{side}/{name}.png" for side in ("hr", "lr") for name in "abc"]
    assert sorted(contents(tmp_path / "p")) == [*pictures, "manifest.json", "prepare.json"]
    assert facts == json.loads((tmp_path / "p" / "manifest.json").read_text())
    assert (facts["dataset"], facts["copy"], facts["seed"]) == ("Probe", "unpinned copy", None)
    for name in "abc":
        hr, lr = (read_image(tmp_path / "p" / side / f"{name}.png") for side in ("hr", "lr"))
        assert np.array_equal(lr, resize(hr, Fraction(1, 4)))
        assert facts["pictures"][name]["hr_sha256"] == pixel_sha256(hr)
        assert facts["pictures"][name]["lr_sha256"] == pixel_sha256(lr)
        assert facts["pictures"][name]["lr_from"] == "made"
    assert facts["pictures"]["a"]["cropped_from"] == [33, 42]
    assert facts["pictures"]["a"]["hr_size"] == [32, 40]
    assert facts["pictures"]["b"]["cropped_from"] is None


@pytest.mark.parametrize("role", ["test", "train"])
def test_how_a_folder_was_made_is_recorded_beside_its_manifest(tmp_path: Path, tiny: Path, role: str) -> None:
    out = tmp_path / "out"
    if role == "test":
        prepare_test("Probe", 4, "bicubic", out)
    else:
        prepare_train(("Tiny",), 4, "bicubic", out)
    record = json.loads((out / "prepare.json").read_text())
    assert record["code"]["starts"] == ["bench.data.prepare"] and {"commit", "sha256"} <= record["code"].keys()
    assert record["seconds"] >= 0 and record["device"] and "numpy" in record["environment"]
    assert set(record["inputs"]) == ({*"abc"} if role == "test" else {"Tiny/a", "Tiny/b", "Tiny/c"})
    assert record["outputs"] == {"manifest.json": hash_file(out / "manifest.json")}


def test_shipped_lr_is_used_for_bicubic_and_for_nothing_else(tmp_path: Path) -> None:
    shipped = noise(9, 8, 10, 3)
    for name, shape in SHAPES.items():
        lr = shipped if name == "a" else noise(9, shape[0] // 4, shape[1] // 4, *shape[2:])
        write_png(tmp_path / "data" / "Probe" / "LR_bicubic" / "X4" / f"{name}x4.png", lr)
    facts = prepare_test("Probe", 4, "bicubic", tmp_path / "p")
    assert facts["pictures"]["a"]["lr_from"] == "shipped"
    assert np.array_equal(read_image(tmp_path / "p" / "lr" / "a.png"), shipped)
    facts = prepare_test("Probe", 4, "bicubic_float", tmp_path / "q")
    assert facts["pictures"]["a"]["lr_from"] == "made"


def test_a_written_kernel_reproduces_the_written_lr(tmp_path: Path) -> None:
    facts = prepare_test("Probe", 2, "kernel_paper", tmp_path / "p", seed=5)
    assert facts["seed"] == 5
    for name in "abc":
        kernel = np.load(tmp_path / "p" / "kernels" / f"{name}.npy")
        hr = read_image(tmp_path / "p" / "hr" / f"{name}.png")
        assert kernel.dtype == np.float64
        assert np.array_equal(apply_kernel(hr, kernel, 2), read_image(tmp_path / "p" / "lr" / f"{name}.png"))


def test_luma_degradation_writes_luma_to_score_against(tmp_path: Path) -> None:
    prepare_test("Probe", 4, "bicubic_y", tmp_path / "p")
    assert read_image(tmp_path / "p" / "hr" / "a.png").shape == (32, 40)
    assert read_image(tmp_path / "p" / "lr" / "a.png").shape == (8, 10)


def test_a_folder_of_ours_is_replaced_as_a_whole(tmp_path: Path) -> None:
    prepare_test("Probe", 4, "kernel_paper", tmp_path / "p")
    prepare_test("Probe", 4, "bicubic", tmp_path / "p")
    assert not (tmp_path / "p" / "kernels").exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["data", "p"]


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    prepare_test("Probe", 4, "bicubic", tmp_path / "p")
    assert (tmp_path / "p" / "manifest.json").is_file()


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "thesis.txt").write_text("years of work")
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match=r"thesis\.txt"):
        prepare_test("Probe", 4, "bicubic", tmp_path / "p")
    with pytest.raises(BadInput, match="is a file"):
        degrade_folder(tmp_path / "data" / "Tiny", 4, "bicubic", tmp_path / "file")
    assert contents(tmp_path / "p") == {"thesis.txt": b"years of work"}


def test_nothing_is_left_after_an_error_and_the_old_folder_survives(tmp_path: Path, tiny: Path) -> None:
    prepare_train(("Tiny",), 4, "bicubic", tmp_path / "t")
    before = contents(tmp_path / "t")
    (tiny / "c.png").write_bytes(b"broken")
    with pytest.raises(BadInput, match=r"c\.png"):
        prepare_train(("Tiny",), 4, "bicubic", tmp_path / "t")
    assert contents(tmp_path / "t") == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["data", "t"]


def test_a_training_store_holds_every_picture_as_planar_rgb(tmp_path: Path, tiny: Path) -> None:
    facts = prepare_train(("Tiny",), 4, "bicubic", tmp_path / "t")
    index = json.loads((tmp_path / "t" / "index.json").read_text())
    assert index["scale"] == 4
    assert [picture["name"] for picture in index["pictures"]] == ["Tiny/a", "Tiny/b", "Tiny/c"]
    assert facts["copies"] == {"Tiny": "unpinned copy"}
    for picture in index["pictures"]:
        hr = crop_to_multiple(read_image(tiny / f"{picture['name'][5:]}.png"), 4)
        for side, expected in (("hr", to_rgb(hr)), ("lr", to_rgb(resize(hr, Fraction(1, 4))))):
            size = picture[f"{side}_size"]
            stored = np.fromfile(
                tmp_path / "t" / f"{side}.u8", np.uint8, 3 * size[0] * size[1], offset=picture[f"{side}_offset"]
            )
            assert np.array_equal(stored.reshape(3, *size).transpose(1, 2, 0), expected)


def test_levels_are_kept_beside_a_store_whose_other_bytes_stay(tmp_path: Path, tiny: Path) -> None:
    prepare_train(("Tiny",), 8, "bicubic", tmp_path / "plain")
    facts = prepare_train(("Tiny",), 8, "bicubic", tmp_path / "t", levels=(4, 2))
    plain, more = contents(tmp_path / "plain"), contents(tmp_path / "t")
    assert sorted(set(more) - set(plain)) == ["lr2.u8", "lr4.u8"]
    assert all(plain[name] == more[name] for name in ("hr.u8", "lr.u8"))
    assert "levels" not in json.loads(plain["manifest.json"]) and "levels" not in json.loads(plain["index.json"])
    index = json.loads(more["index.json"])
    assert index["levels"] == facts["levels"] == [4, 2]
    for picture in index["pictures"]:
        hr = crop_to_multiple(read_image(tiny / f"{picture['name'][5:]}.png"), 8)
        for level in (4, 2):
            expected = resize(hr, Fraction(1, level))
            height, width = picture[f"lr{level}_size"]
            start = picture[f"lr{level}_offset"]
            stored = np.frombuffer(more[f"lr{level}.u8"], np.uint8)[start : start + 3 * height * width]
            assert np.array_equal(stored.reshape(3, height, width).transpose(1, 2, 0), to_rgb(expected))
            assert facts["pictures"][picture["name"]][f"lr{level}_sha256"] == pixel_sha256(expected)


@pytest.mark.parametrize(("scale", "levels"), [(4, (3,)), (4, (4,)), (4, (1,)), (8, (2, 2)), (2, (4,))])
def test_levels_that_no_pyramid_has_are_refused(tmp_path: Path, scale: int, levels: tuple[int, ...]) -> None:
    with pytest.raises(BadInput, match=rf"x{levels[0]} is no level between HR and x{scale}"):
        prepare_train(("Tiny",), scale, "bicubic", tmp_path / "t", levels=levels)
    assert not (tmp_path / "t").exists()


@pytest.mark.parametrize(
    ("names", "word"),
    [
        (("Probe",), "Probe is a test set"),
        (("Tiny", "Tiny"), "named twice"),
        ((), "no training set"),
        (("Tinny",), "Tiny"),
    ],
)
def test_unusable_training_sets_are_refused(tmp_path: Path, names: tuple[str, ...], word: str) -> None:
    with pytest.raises(BadInput, match=word):
        prepare_train(names, 4, "bicubic", tmp_path / "t")
    assert not (tmp_path / "t").exists()


def test_any_folder_can_be_degraded(tmp_path: Path, tiny: Path) -> None:
    facts = degrade_folder(tiny, 2, "kernel_generator", tmp_path / "lr", seed=1)
    assert sorted(p.name for p in (tmp_path / "lr").glob("[!.]*")) == [
        "a.png",
        "b.png",
        "c.png",
        "kernels",
        "manifest.json",
    ]
    assert read_image(tmp_path / "lr" / "b.png").shape == (20, 18)
    assert facts["pictures"]["a"]["recipe"]["tap_noise"] == 0.4


def test_degrading_a_folder_equals_preparing_the_set(tmp_path: Path) -> None:
    prepare_test("Probe", 4, "wild", tmp_path / "p", seed=2)
    degrade_folder(tmp_path / "data" / "Probe" / "HR", 4, "wild", tmp_path / "lr", seed=2)
    for name in "abc":
        assert np.array_equal(
            read_image(tmp_path / "p" / "lr" / f"{name}.png"), read_image(tmp_path / "lr" / f"{name}.png")
        )


def test_pictures_of_one_name_in_two_sets_draw_on_their_own_and_one_picture_draws_the_same_by_any_name(
    tmp_path: Path, tiny: Path
) -> None:
    (tmp_path / "other").mkdir()
    shutil.copy(tiny / "a.png", tmp_path / "other" / "b.png")
    shutil.copy(tiny / "b.png", tmp_path / "other" / "a.png")
    here, there = (
        degrade_folder(folder, 4, "wild", tmp_path / "lr" / folder.name)["pictures"]
        for folder in (tiny, tmp_path / "other")
    )
    assert here["a"]["recipe"] == there["b"]["recipe"] != here["b"]["recipe"] == there["a"]["recipe"]


def test_degrading_an_empty_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    with pytest.raises(BadInput, match="holds no picture"):
        degrade_folder(tmp_path / "none", 4, "bicubic", tmp_path / "lr")
    assert not (tmp_path / "lr").exists()


def test_the_shipped_lr_of_set5_is_degraded_to_the_last_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    folder = real("Set5") / "image_SRF_3"
    for path in folder.glob("*_HR.png"):
        write_png(tmp_path / "hr" / path.name, read_image(path))
    degrade_folder(tmp_path / "hr", 3, "bicubic", tmp_path / "lr")
    for path in folder.glob("*_LR.png"):
        assert np.array_equal(read_image(tmp_path / "lr" / path.name.replace("_LR", "_HR")), read_image(path))
