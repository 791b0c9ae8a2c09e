"""Whether runs came out as published: scores, kernels and curves decide, seconds and commits do not."""

from __future__ import annotations

from pathlib import Path
from shutil import copytree

import pytest

from bench.provenance.reproduction import NEW, SHOWN, differences, summarise
from bench.runtime.results import SCORE_COLUMNS, pack_material, read_records, write_records, write_scores

RUNS = ("m.default.x4.bicubic.s1", "m.wide.x4.bicubic.s1")
FIRST = RUNS[0]


def score(value: str = "28.000000", note: str = "") -> dict[str, str]:
    return dict(zip(SCORE_COLUMNS, ("Set5", "baby", "psnr_y", value, note), strict=True))


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """Results of two runs."""
    here = tmp_path / "here"
    write_scores(here, "m", {run: [score()] for run in RUNS})
    write_records(here, "m", {run: {"kernels": {"Set5/baby.npy": "a"}, "cost": 1, "code": "c"} for run in RUNS})
    write_curves(here, "loss,step,value\n")
    return here


def write_curves(results: Path, text: str) -> None:
    folder = results.parent / f"curves of {results.name}"
    (folder / "curves").mkdir(parents=True, exist_ok=True)
    (folder / "curves" / f"{FIRST}.csv").write_text(text)
    pack_material(folder, results)


def test_other_seconds_and_another_commit_are_no_difference(here: Path, tmp_path: Path) -> None:
    published = copytree(here, tmp_path / "published")
    write_records(published, "m", {run: {**r, "cost": 2, "code": "d"} for run, r in read_records(here).items()})
    found = differences(RUNS, here, published)
    assert set(found.values()) == {""}
    assert summarise(found, Path("REPORT.md"), "s") == "2 of 2 runs reproduced byte for byte; report: REPORT.md"


@pytest.mark.parametrize(
    ("scores", "words"),
    [
        (score("28.250000"), "differs in psnr_y by up to 0.250000 on Set5/baby"),
        (score("", "too small"), "differs in psnr_y (n/a in one of the two) on Set5/baby"),
    ],
)
def test_the_largest_difference_of_each_metric_is_said(
    scores: dict[str, str], words: str, here: Path, tmp_path: Path
) -> None:
    published = copytree(here, tmp_path / "published")
    write_scores(published, "m", {FIRST: [scores], RUNS[1]: [score()]})
    found = differences(RUNS, here, published)
    assert found == {FIRST: words, RUNS[1]: ""}
    lines = summarise(found, Path("REPORT.md"), "s").splitlines()
    assert lines[0] == f"{FIRST} {words}"
    assert lines[1].startswith("1 of 2 runs reproduced byte for byte") and lines[1].endswith("suite=s publish=true")


def test_other_kernels_or_training_curves_are_a_difference(here: Path, tmp_path: Path) -> None:
    published = copytree(here, tmp_path / "published")
    records = read_records(here)
    records[RUNS[1]]["kernels"] = {"Set5/baby.npy": "b"}
    write_records(published, "m", records)
    write_curves(published, "loss,step,value\nloss,1.0,2.0\n")
    assert differences(RUNS, here, published) == {
        FIRST: "differs in training curves",
        RUNS[1]: "differs in kernels",
    }


def test_runs_that_one_of_the_two_lacks_are_named(here: Path, tmp_path: Path) -> None:
    published = copytree(here, tmp_path / "published")
    write_scores(here, "m", {FIRST: [score()]})
    assert differences(RUNS, here, published)[RUNS[1]] == "is published, but no run of the suite any more"
    assert differences(RUNS, published, here)[RUNS[1]] == NEW


def test_a_suite_that_was_never_published_says_how_to(here: Path, tmp_path: Path) -> None:
    text = summarise(differences(RUNS, here, tmp_path / "nowhere"), Path("REPORT.md"), "s")
    assert text.startswith("suite s is not published yet; report: REPORT.md; to publish: ")


def test_of_many_runs_that_differ_the_first_are_listed() -> None:
    found = {f"run {number}": "differs in kernels" for number in range(SHOWN + 5)}
    lines = summarise(found, Path("REPORT.md"), "s").splitlines()
    assert len(lines) == SHOWN + 2 and lines[-2] == "... and 5 more"
