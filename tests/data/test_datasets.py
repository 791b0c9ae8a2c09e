"""Finding the pictures of a set in each layout, and noticing when they are not what they should be."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from pictures import noise, real

from bench.data import embedded
from bench.data.datasets import DATASETS, PINNED, UNPINNED, Source, check, find, read_pair, verify
from bench.data.embedded import EMBEDDED, Embedded
from bench.data.here import status
from bench.data.images import read_image, write_png
from bench.data.pixel_checksums import PIXEL_CHECKSUMS, pixel_sha256
from bench.errors import BadInput

NAMES = ("baby", "bird", "butterfly", "head", "woman")


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty BENCH_DATA."""
    monkeypatch.setenv("BENCH_DATA", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def edsr_layout(folder: Path, scale: int) -> None:
    for number, name in enumerate(NAMES):
        hr = noise(number, 8 * scale, 9 * scale, 3)
        write_png(folder / "HR" / f"{name}.png", hr)
        write_png(folder / "LR_bicubic" / f"X{scale}" / f"{name}x{scale}.png", noise(number, 8, 9, 3))


def srf_layout(folder: Path, scale: int, count: int) -> None:
    for number in range(count):
        stem = f"img_{number + 1:03d}_SRF_{scale}"
        write_png(folder / f"image_SRF_{scale}" / f"{stem}_HR.png", noise(number, 8 * scale, 9 * scale, 3))
        write_png(folder / f"image_SRF_{scale}" / f"{stem}_LR.png", noise(number, 8, 9, 3))


def test_the_layout_with_hr_and_lr_bicubic_folders_is_understood(data: Path) -> None:
    edsr_layout(data / "Set5", 4)
    found = find("Set5", 4)
    assert tuple(source.name for source in found) == NAMES
    assert found[0].lr == data / "Set5" / "LR_bicubic" / "X4" / "babyx4.png"
    assert find("Set5", 2)[0].lr is None
    assert verify("Set5") == ([], UNPINNED)


def test_the_image_srf_layout_is_understood(data: Path) -> None:
    srf_layout(data / "Urban100", 2, 100)
    found = find("Urban100", 2)
    assert found[0].name == "img_001"
    assert found[99].lr == data / "Urban100" / "image_SRF_2" / "img_100_SRF_2_LR.png"
    assert verify("Urban100") == ([2], UNPINNED)


def test_a_plain_folder_is_understood(data: Path) -> None:
    for number in range(91):
        write_png(data / "T91" / f"t{number}x.png", noise(number, 6, 6, 3))
    assert len(find("T91", 4)) == 91
    assert find("T91", 4)[0].lr is None
    assert verify("T91") == ([], UNPINNED)


def test_the_prefixed_folders_of_div2k_are_understood(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DATASETS, "DIV2K-valid", dataclasses.replace(DATASETS["DIV2K-valid"], count=1))
    write_png(data / "DIV2K" / "DIV2K_valid_HR" / "0801.png", noise(0, 16, 16, 3))
    write_png(data / "DIV2K" / "DIV2K_valid_LR_bicubic" / "X4" / "0801x4.png", noise(0, 4, 4, 3))
    (source,) = find("DIV2K-valid", 4)
    assert source.name == "0801"
    assert source.lr is not None
    with pytest.raises(BadInput, match="DIV2K-train is not here"):
        find("DIV2K-train", 4)


def test_a_missing_set_names_folder_and_remedy_in_one_line(data: Path) -> None:
    with pytest.raises(BadInput) as caught:
        find("Set5", 4)
    text = str(caught.value)
    assert str(data / "Set5") in text
    assert "python -m bench fetch Set5" in text
    assert "BENCH_DATA" in text
    assert "\n" not in text
    with pytest.raises(BadInput, match="under BENCH_DATA as Urban100/"):
        find("Urban100", 4)


def test_an_unknown_set_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(BadInput, match="did you mean 'Set14'"):
        find("Set41", 4)


def test_a_scale_that_is_not_there_names_those_that_are(data: Path) -> None:
    srf_layout(data / "BSD100", 2, 1)
    with pytest.raises(BadInput, match="holds x2 but not x3"):
        find("BSD100", 3)


def test_an_incomplete_set_is_refused(data: Path) -> None:
    srf_layout(data / "Set5", 4, 4)
    with pytest.raises(BadInput, match=r"4 pictures .* expected 5"):
        find("Set5", 4)


def test_a_missing_lr_is_named(data: Path) -> None:
    edsr_layout(data / "Set5", 4)
    (data / "Set5" / "LR_bicubic" / "X4" / "headx4.png").unlink()
    with pytest.raises(BadInput, match=r"headx4\.png is missing"):
        find("Set5", 4)


def test_pictures_with_the_pinned_names_and_other_pixels_are_refused(data: Path) -> None:
    srf_layout(data / "Set5", 4, 5)
    with pytest.raises(BadInput, match=r"Set5: img_001 has pixels of sha256 .* expected .*; extract the set again"):
        verify("Set5")


def test_sizes_of_hr_and_shipped_lr_must_agree(tmp_path: Path) -> None:
    write_png(tmp_path / "hr.png", noise(0, 32, 33, 3))
    write_png(tmp_path / "lr.png", noise(0, 8, 8, 3))
    source = Source("a", tmp_path / "hr.png", tmp_path / "lr.png")
    hr, lr = read_pair(source, 4)
    assert lr is not None
    assert (hr.shape, lr.shape) == ((32, 33, 3), (8, 8, 3))
    with pytest.raises(BadInput, match=r"lr\.png: 8x8 pixels, expected 16x16 for the 33x32 HR at x2"):
        read_pair(source, 2)


def test_a_grey_lr_of_an_rgb_picture_is_refused(tmp_path: Path) -> None:
    write_png(tmp_path / "hr.png", noise(0, 32, 32, 3))
    write_png(tmp_path / "lr.png", noise(0, 8, 8))
    with pytest.raises(BadInput, match="grey"):
        read_pair(Source("a", tmp_path / "hr.png", tmp_path / "lr.png"), 4)


def test_a_picture_smaller_than_the_scale_is_refused(tmp_path: Path) -> None:
    write_png(tmp_path / "hr.png", noise(0, 3, 32))
    with pytest.raises(BadInput, match="32x3 pixels, smaller than the scale 4"):
        read_pair(Source("a", tmp_path / "hr.png"), 4)


def test_a_corrupt_picture_of_a_set_is_named(data: Path) -> None:
    edsr_layout(data / "Set5", 4)
    (data / "Set5" / "HR" / "bird.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    with pytest.raises(BadInput, match=r"bird\.png"):
        read_pair(find("Set5", 4)[1], 4)


def test_status_has_a_line_for_every_set(data: Path) -> None:
    edsr_layout(data / "Set5", 4)
    rows = {name: facts for name, *facts in status()}
    assert list(rows) == list(DATASETS)
    assert (rows["Set5"][1:4], rows["Set5"][-1]) == (["yes", "5", UNPINNED], "")
    assert rows["Set14"][1:3] == ["no", "0"] and "fetch Set14" in rows["Set14"][-1]
    assert all(licence and source for *_, licence, source, _ in rows.values())


def test_every_set_says_how_to_get_it() -> None:
    for entry in DATASETS.values():
        assert entry.name in EMBEDDED or entry.how or entry.archive
        if entry.archive is not None:
            pinned = any(name == entry.name for name, _ in PIXEL_CHECKSUMS)
            assert pinned or (entry.archive.sha256 and len(entry.archive.sha256) == 64)


def test_no_picture_is_in_a_training_and_a_test_set() -> None:
    names = [(picture.package, picture.file) for pictures in EMBEDDED.values() for picture in pictures]
    assert len(set(names)) == len(names)


def test_every_picture_of_a_pinned_set_has_a_checksum() -> None:
    for (name, _), checksums in PIXEL_CHECKSUMS.items():
        assert len(checksums) == DATASETS[name].count
        assert all(len(checksum) == 64 and int(checksum, 16) for checksum in checksums.values())


def test_a_copy_is_pinned_by_its_names_and_pixels_but_not_by_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    digests = {name: pixel_sha256(noise(number, 4, 4)) for number, name in enumerate("abcde")}
    monkeypatch.setitem(PIXEL_CHECKSUMS, ("Set5", 4), digests)
    assert check("Set5", 4, dict(reversed(digests.items()))) == PINNED
    assert check("Set5", 4, {**digests, "f": digests["a"]}) == UNPINNED
    with pytest.raises(BadInput, match=r"Set5: b has pixels of sha256 .* extract the set again"):
        check("Set5", 4, {**digests, "b": digests["a"]})


def test_the_shape_is_part_of_a_pixel_digest() -> None:
    assert pixel_sha256(np.zeros((2, 6), np.uint8)) != pixel_sha256(np.zeros((2, 2, 3), np.uint8))


@pytest.mark.parametrize("name", ["Embedded-train", "Embedded-test"])
def test_embedded_photographs_are_here_and_unchanged(name: str) -> None:
    for package in ("skimage", "sklearn", "matplotlib", "ResultsCalibra"):
        if embedded.package_folder(package) is None:
            pytest.skip(f"needs the package that ships {package}")
    assert verify(name) == ([], PINNED)
    assert all(read_image(source.hr).ndim == 3 for source in find(name, 4))
    assert len(find(name, 4)) == DATASETS[name].count


def test_a_missing_package_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    absent = Embedded("moon", "no_such_package_here", "moon.png", "some-wheel", "CC0")
    monkeypatch.setitem(EMBEDDED, "Embedded-test", (absent,))
    with pytest.raises(BadInput, match=r"moon: .* pip install some-wheel"):
        find("Embedded-test", 4)


def test_pixels_that_decode_differently_are_noticed() -> None:
    right = PIXEL_CHECKSUMS["Embedded-train", 0]
    assert check("Embedded-train", 4, right) == PINNED
    with pytest.raises(BadInput, match=r"rocket has pixels .* reinstall .* JPEG pictures also need Pillow as locked"):
        check("Embedded-train", 4, {**right, "rocket": "0" * 64})


@pytest.mark.parametrize("name", ["Set5", "Set14", "BSD100", "BSD400", "T91"])
def test_the_real_sets_are_the_pinned_ones(name: str) -> None:
    real(name)
    assert verify(name)[1] == PINNED


def test_a_changed_picture_of_a_real_set_is_named(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    folder = real("Set5")
    monkeypatch.setenv("BENCH_DATA", str(data))
    for path in (folder / "image_SRF_4").iterdir():
        image = read_image(path)
        if path.name == "img_003_SRF_4_HR.png":
            image[5, 5, 0] ^= 1
        write_png(data / "Set5" / "image_SRF_4" / path.name, image)
    with pytest.raises(BadInput, match="Set5: img_003 has pixels"):
        verify("Set5")
