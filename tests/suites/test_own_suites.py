"""A suite and data sets of one's own: a file that is checked as the built-in ones are, pictures that stay the same."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pictures import smooth

from bench.data import datasets
from bench.data.datasets import DataSet, declare, find
from bench.data.images import write_png
from bench.data.prepare import prepare_test, prepare_train
from bench.errors import BadInput
from bench.suites import OWN_SUITES, SUITES, find_run, find_suite

FILE = """
from bench.data.datasets import DataSet
from bench.suites.suite import MethodPlan, Suite

PHOTOS = DataSet("photos", hr="*_HR.png", lr="lr/{{name}}_x{{scale}}.png", role="test", licence="mine")
PLANS = (MethodPlan("bicubic"),)
SUITE = Suite({name!r}, "on my photos", ("Embedded-train",), ({test!r},), PLANS, metrics=({metric!r},))
"""


@pytest.fixture(autouse=True)
def data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A data folder with photos/; what joins in a test leaves with it."""
    monkeypatch.setenv("BENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    monkeypatch.setenv("BENCH_SUITES", "")
    for place, name in enumerate(("a", "b")):
        write_png(tmp_path / "data" / "photos" / f"{name}_HR.png", smooth(place, 48, 40, 3))
        write_png(tmp_path / "data" / "photos" / "lr" / f"{name}_x4.png", smooth(place, 12, 10, 3))
    known = [(table, dict(table)) for table in (SUITES, OWN_SUITES, datasets.OWN)]
    yield tmp_path / "data"
    for table, before in known:
        table.clear()
        table.update(before)


def write(folder: Path, name: str = "my-suite", test: str = "photos", metric: str = "psnr_y") -> str:
    (folder / "my_suite.py").write_text(FILE.format(name=name, test=test, metric=metric))
    return str(folder / "my_suite.py")


def test_a_suite_is_found_by_its_file_and_then_by_its_name(tmp_path: Path) -> None:
    suite = find_suite(write(tmp_path))
    assert find_suite("my-suite") is suite is find_suite(write(tmp_path))
    assert find_run("my-suite", "bicubic.default.x4.bicubic.s1").test_sets == ("photos",)


@pytest.mark.parametrize(
    ("said", "changed"),
    [("taken", {"name": "demo"}), ("metric", {"metric": "psnr"}), ("dataset", {"test": "fotos"})],
)
def test_a_suite_that_cannot_run_is_refused(tmp_path: Path, said: str, changed: dict[str, str]) -> None:
    with pytest.raises(BadInput, match=said):
        find_suite(write(tmp_path, **changed))
    assert "my-suite" not in SUITES


def test_a_declared_set_pairs_hr_and_lr_by_pattern(data: Path) -> None:
    declare(DataSet("photos", hr="*_HR.png", lr="lr/{name}_x{scale}.png"))
    assert [(s.name, s.lr.name) for s in find("photos", 4) if s.lr] == [("a", "a_x4.png"), ("b", "b_x4.png")]
    (data / "photos" / "lr" / "b_x4.png").unlink()
    with pytest.raises(BadInput, match="its LR is missing"):
        find("photos", 4)


@pytest.mark.parametrize("dataset", [DataSet("Set5"), DataSet("a/b"), DataSet("photos", hr="HR.png")])
def test_a_set_without_a_name_of_its_own_or_a_pattern_is_refused(dataset: DataSet) -> None:
    with pytest.raises(BadInput, match="data set"):
        declare(dataset)


def test_a_plain_folder_trains_and_tests(data: Path, tmp_path: Path) -> None:
    assert [source.name for source in find("photos", 4)] == ["a_HR", "b_HR"]
    assert len(prepare_train(["photos"], 4, "bicubic", tmp_path / "train")["pictures"]) == 2
    assert len(prepare_test("photos", 4, "bicubic", tmp_path / "test")["pictures"]) == 2


@pytest.mark.parametrize("change", ["changed", "gone", "more"])
def test_a_set_that_changed_since_its_first_use_is_refused(data: Path, tmp_path: Path, change: str) -> None:
    prepare_test("photos", 4, "bicubic", tmp_path / "first")
    if change == "gone":
        (data / "photos" / "b_HR.png").unlink()
    else:
        write_png(data / "photos" / f"{'b' if change == 'changed' else 'c'}_HR.png", smooth(9, 48, 40, 3))
    with pytest.raises(BadInput, match="since the set was first used"):
        prepare_test("photos", 4, "bicubic", tmp_path / "again")
    (record,) = (tmp_path / "work" / "first_use").iterdir()
    record.unlink()
    prepare_test("photos", 4, "bicubic", tmp_path / "again")
