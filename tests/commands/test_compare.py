"""`compare`: one's own method against others, on any two folders of pictures."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from pictures import smooth

import methods
from bench.__main__ import main
from bench.data import datasets
from bench.data.images import read_image, write_png
from bench.runtime.rows import read_rows


@pytest.fixture(autouse=True)
def as_before(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """What joins in a test leaves with it."""
    monkeypatch.setenv("BENCH_METHODS", "")
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    known = [(table, dict(table)) for table in (methods.METHODS, methods.GUESTS, datasets.OWN)]
    yield
    for table, before in known:
        table.clear()
        table.update(before)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """hr/, lr/ as bicubic makes it, and sr/: bicubic's pictures."""
    for place, name in enumerate(("first", "second", "third")):
        write_png(tmp_path / "hr" / f"{name}.png", smooth(place, 64, 48, 3))
    assert main(["degrade", "--hr", str(tmp_path / "hr"), "--scale", "4", "--out", str(tmp_path / "lr")]) == 0
    assert main(["upscale", "--method", "bicubic", "--lr", str(tmp_path / "lr"), "--out", str(tmp_path / "sr")]) == 0
    return tmp_path


def compare(folder: Path, *words: str) -> int:
    fixed = ["--hr", str(folder / "hr"), "--out", str(folder / "out"), "--metrics", "psnr_y,ssim_y"]
    return main(["compare", *words, *fixed])


def test_a_folder_of_bicubics_pictures_ties_with_bicubic(pictures: Path) -> None:
    assert compare(pictures, "bicubic", f"folder:{pictures / 'sr'}", "--lr", str(pictures / "lr")) == 0
    rows = read_rows(pictures / "out" / "tables" / "rivals.csv")
    assert {(row["metric"], row["better"], row["difference"], row["verdict"]) for row in rows} == {
        ("psnr_y", "sr.default", "0.000000", "undecided"),
        ("ssim_y", "sr.default", "0.000000", "undecided"),
    }
    assert (pictures / "out" / "page" / "index.html").is_file()
    (row,) = [row for row in read_rows(pictures / "out" / "runs.csv") if row["method"] == "sr"]
    assert row["train_set"] == "elsewhere"


def test_lr_pairs_by_its_pattern_and_what_is_left_out_is_counted(
    pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for picture in (pictures / "lr").glob("*.png"):
        shutil.copy(picture, picture.with_name(f"{picture.stem}_LR.png"))
    words = ["bicubic", f"folder:{pictures / 'sr'}", "--lr", str(pictures / "lr"), "--lr-pattern", "{name}_LR.png"]
    assert compare(pictures, *words) == 0
    assert "3 of 6 pictures left out" in capsys.readouterr().err


@pytest.mark.parametrize("place", [".", "", "../sr", "写真", "{name}.png"])
def test_a_folder_takes_part_however_its_path_is_written(
    pictures: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    shutil.copytree(pictures / "sr", pictures / "sr" / "写真")
    monkeypatch.chdir(pictures / "sr")
    assert compare(pictures, "bicubic", f"folder:{place}") == 0
    assert len(read_rows(pictures / "out" / "runs.csv")) == 2


def test_a_comparison_takes_the_place_of_its_last_one_and_of_nothing_else(
    pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compare(pictures, "bicubic") == compare(pictures, "bicubic") == 0
    (pictures / "out" / "mine.txt").write_text("mine")
    assert compare(pictures, "bicubic") == 2
    assert "mine.txt, which this program did not make" in capsys.readouterr().err


def test_the_same_hr_with_other_lr_is_another_set(pictures: Path) -> None:
    for picture in (pictures / "lr").glob("*.png"):
        write_png(pictures / "other" / picture.name, 255 - read_image(picture))
    assert compare(pictures, "bicubic") == 0
    assert compare(pictures, "bicubic", "--lr", str(pictures / "other")) == 0


@pytest.mark.parametrize("made", ["None", "1 / 0", "{}['x']"])
def test_a_method_of_ones_own_that_fails_is_one_line(
    pictures: Path, capsys: pytest.CaptureFixture[str], made: str
) -> None:
    text = f"""
from dataclasses import dataclass

from bench.api import Entry, Method


@dataclass(frozen=True)
class Failing(Method):
    def upscaler(self, network):
        return lambda picture: {made}


ENTRY = Entry("failing", Failing, "ours")
"""
    (pictures / "failing.py").write_text(text)
    assert compare(pictures, "bicubic", str(pictures / "failing.py")) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("bench ")]
    assert len(lines) == 1 and "failing.py" in lines[0] and "bench check" in lines[0]
    assert not (pictures / "out").exists()


def test_a_picture_that_is_missing_is_named_before_anything_is_upscaled(
    pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (pictures / "sr" / "first.png").unlink()
    assert compare(pictures, "bicubic", f"folder:{pictures / 'sr'}") == 2
    assert "picture/s" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("bicubic", "rrdb"), "rrdb.default: has to be trained first"),
        (("bicubic", "bicubik"), "did you mean 'bicubic'"),
        (("bicubic", "folder:nothing"), "no such pictures"),
        (("bicubic", "{}/sr"), "say what is there: folder:"),
        (("bicubic", "folder:{}/sr", "--lr", "{}/lr", "--scale", "2"), "expected 24x32"),
    ],
)
def test_what_cannot_be_compared_is_one_line_and_nothing_is_written(
    pictures: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    assert compare(pictures, *(word.format(pictures) for word in words)) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("bench ")]
    assert len(lines) == 1 and said in lines[0]
    assert not (pictures / "out").exists()


def test_an_earlier_comparison_is_replaced_and_other_files_are_not(
    pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("bicubic", f"folder:{pictures / 'sr'}")
    (pictures / "out").mkdir()
    (pictures / "out" / "mine.txt").write_text("mine")
    assert compare(pictures, *words) == 2
    assert "mine.txt" in capsys.readouterr().err
