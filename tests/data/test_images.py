"""Every pixel convention, and every kind of picture that must be refused by name."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from pictures import noise
from PIL import Image

from bench.data import images
from bench.data.images import read_image, write_png
from bench.errors import BadInput


def png_bytes(depth: int, colour: int, width: int, height: int, row: bytes) -> bytes:
    """A PNG of identical rows, for the forms that Pillow cannot write."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    body = zlib.compress((b"\0" + row) * height)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def refused(path: Path) -> str:
    with pytest.raises(BadInput) as caught:
        read_image(path)
    text = str(caught.value)
    assert path.name in text
    assert "\n" not in text
    return text


@pytest.mark.parametrize("shape", [(7, 5), (7, 5, 3)])
def test_a_written_picture_is_read_back_exactly(tmp_path: Path, shape: tuple[int, ...]) -> None:
    picture = noise(0, *shape)
    write_png(tmp_path / "deep" / "a.png", picture)
    assert np.array_equal(read_image(tmp_path / "deep" / "a.png"), picture)


def test_the_same_pixels_give_the_same_bytes_and_no_leftovers(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", noise(1, 9, 9, 3))
    write_png(tmp_path / "b.png", noise(1, 9, 9, 3))
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.png", "b.png"]


def test_a_failed_write_leaves_the_old_picture_and_nothing_else(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", noise(1, 4, 4))
    before = (tmp_path / "a.png").read_bytes()
    with pytest.raises((TypeError, ValueError)):
        write_png(tmp_path / "a.png", noise(1, 4, 4, 7))
    assert (tmp_path / "a.png").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


def test_a_16_bit_grey_png_is_refused(tmp_path: Path) -> None:
    (tmp_path / "deep.png").write_bytes(png_bytes(16, 0, 4, 3, bytes(8)))
    assert "16" in refused(tmp_path / "deep.png")


def test_a_16_bit_rgb_png_is_refused_although_pillow_would_read_it(tmp_path: Path) -> None:
    (tmp_path / "deep.png").write_bytes(png_bytes(16, 2, 4, 3, bytes(24)))
    assert Image.open(tmp_path / "deep.png").mode == "RGB"
    assert "16-bit" in refused(tmp_path / "deep.png")


@pytest.mark.parametrize(
    ("mode", "word"),
    [("RGBA", "alpha"), ("LA", "alpha"), ("P", "palette"), ("1", "1-bit")],
)
def test_a_png_of_another_mode_is_refused_with_its_reason(tmp_path: Path, mode: str, word: str) -> None:
    Image.new(mode, (4, 4)).save(tmp_path / "odd.png")
    assert word in refused(tmp_path / "odd.png")


@pytest.mark.parametrize(("mode", "colour"), [("RGB", (1, 2, 3)), ("L", 1)])
def test_a_transparent_colour_is_refused(tmp_path: Path, mode: str, colour: object) -> None:
    Image.new(mode, (4, 4)).save(tmp_path / "odd.png", transparency=colour)
    assert "transparent" in refused(tmp_path / "odd.png")


def test_a_cmyk_jpeg_is_refused(tmp_path: Path) -> None:
    Image.new("CMYK", (8, 8)).save(tmp_path / "print.jpg")
    assert "CMYK" in refused(tmp_path / "print.jpg")


def test_a_floating_point_tiff_is_refused(tmp_path: Path) -> None:
    Image.new("F", (8, 8)).save(tmp_path / "float.tif")
    assert "floating point" in refused(tmp_path / "float.tif")


def test_a_truncated_png_is_refused(tmp_path: Path) -> None:
    write_png(tmp_path / "whole.png", noise(2, 40, 40, 3))
    (tmp_path / "half.png").write_bytes((tmp_path / "whole.png").read_bytes()[:2000])
    assert "cannot be read" in refused(tmp_path / "half.png")


def test_a_png_with_a_damaged_body_is_refused(tmp_path: Path) -> None:
    write_png(tmp_path / "bad.png", noise(2, 40, 40, 3))
    content = bytearray((tmp_path / "bad.png").read_bytes())
    content[100:400] = bytes(300)
    (tmp_path / "bad.png").write_bytes(bytes(content))
    assert "cannot be read" in refused(tmp_path / "bad.png")


def test_text_named_png_is_refused(tmp_path: Path) -> None:
    (tmp_path / "note.png").write_text("not a picture")
    assert "replace the file" in refused(tmp_path / "note.png")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert "no such file" in refused(tmp_path / "nowhere.png")


def test_a_missing_or_empty_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "readme.txt").write_text("no picture")
    with pytest.raises(BadInput, match="holds no picture"):
        images.image_files(tmp_path)
    with pytest.raises(BadInput, match="no such folder"):
        images.image_files(tmp_path / "nowhere")


def test_two_pictures_of_one_name_are_refused(tmp_path: Path) -> None:
    for name in ("a.png", "a.bmp", "b.png"):
        Image.new("L", (2, 2)).save(tmp_path / name)
    with pytest.raises(BadInput, match="more than one picture named a"):
        images.image_files(tmp_path)


def test_pictures_are_listed_by_name_without_hidden_ones(tmp_path: Path) -> None:
    for name in ("b.png", "a.jpg", ".c.png"):
        Image.new("L", (2, 2)).save(tmp_path / name)
    assert [p.name for p in images.image_files(tmp_path)] == ["a.jpg", "b.png"]


def test_luma_of_black_white_and_the_primaries_is_matlabs() -> None:
    colours = np.array([[[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 255]]], dtype=np.uint8)
    assert images.luma(colours)[0] == pytest.approx([16.0, 235.0, 81.481, 144.553, 40.966], abs=1e-9)


def test_luma_equals_skimages_rgb2ycbcr() -> None:
    color = pytest.importorskip("skimage.color")
    picture = noise(3, 20, 30, 3)
    assert np.abs(images.luma(picture) - color.rgb2ycbcr(picture)[:, :, 0]).max() < 1e-9


def test_a_grey_picture_is_its_own_luma() -> None:
    picture = noise(4, 5, 6)
    assert np.array_equal(images.luma(picture), picture)


def test_uint8_survives_the_way_to_float_and_back() -> None:
    every = np.arange(256, dtype=np.uint8).reshape(16, 16)
    picture = np.stack([every, every.T, 255 - every], axis=2)
    assert np.array_equal(images.to_uint8(images.to_tensor(picture)), picture)
    assert np.array_equal(images.to_uint8(images.to_tensor(every), grey=True), every)


def test_values_outside_the_range_are_clipped_and_fractions_rounded() -> None:
    values = torch.tensor([-0.5, 0.4 / 255, 0.6 / 255, 1.5]).reshape(1, 2, 2).repeat(3, 1, 1)
    assert images.to_uint8(values)[:, :, 0].tolist() == [[0, 0], [1, 255]]


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_diverged_picture_is_refused(bad: float) -> None:
    with pytest.raises(BadInput, match="NaN or infinite"):
        images.to_uint8(torch.full((3, 2, 2), bad))


def test_halves_round_up() -> None:
    assert images.round_half_up(np.array([0.5, 1.5, 2.5, 2.4])).tolist() == [1, 2, 3, 2]


def test_borders_are_cropped_and_a_picture_that_vanishes_is_refused() -> None:
    assert images.crop_border(noise(5, 10, 12, 3), 4).shape == (2, 4, 3)
    assert images.crop_border(noise(5, 10, 12), 0).shape == (10, 12)
    with pytest.raises(BadInput, match="8x12"):
        images.crop_border(noise(5, 12, 8), 4)


def test_pictures_are_cropped_to_a_multiple_from_the_end() -> None:
    picture = noise(6, 11, 13, 3)
    assert np.array_equal(images.crop_to_multiple(picture, 4), picture[:8, :12])
