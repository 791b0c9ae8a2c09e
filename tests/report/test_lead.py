"""What a report opens with: figures reported and measured, or one's own method against the others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from report_folder import INFOS, NAMES, Score, scores_of, suite_info, write_pictures, write_results

from bench.report import SuiteInfo
from bench.report.aggregate import read
from bench.report.document import build
from bench.report.papers.published import explain
from bench.report.rivals import best_rival, closest, rivals_table
from bench.runtime.rows import Row, read_rows

BICUBIC = NAMES[0]


def reported_cell(folder: Path, psnr: float) -> Row:
    """The common benchmark's row of bicubic on Set5 x4, where this was measured on every picture."""
    rows: list[Score] = [(dataset, image, metric, psnr if metric == "psnr_y" else value)
                         for dataset, image, metric, value in scores_of(BICUBIC)]  # fmt: skip
    write_results(folder, {BICUBIC: rows})
    suite = replace(suite_info(), reported={"Bicubic": "bicubic.default"})
    build(folder, folder / "work", suite, INFOS)
    cells = {row["cell"]: row for row in read_rows(folder / "tables" / "reported.csv")}
    return cells["benchmark/Bicubic/Set5/x4/psnr_y"]


@pytest.mark.parametrize(("psnr", "verdict"), [(28.4249, "exact"), (28.4151, "exact"), (28.4302, "differs")])
def test_the_printed_digits_are_exact_and_nothing_else_is(tmp_path: Path, psnr: float, verdict: str) -> None:
    cell = reported_cell(tmp_path, psnr)
    assert (cell["reported"], cell["measured"], cell["verdict"]) == ("28.42", f"{psnr:.6f}", verdict)
    assert "pictures are not shown" in (tmp_path / "REPORT.md").read_text()


def test_a_difference_is_diagnosed_where_the_pictures_are_here(tmp_path: Path) -> None:
    write_results(tmp_path / "results")
    write_pictures(tmp_path)
    suite = replace(suite_info(), reported={"Bicubic": "bicubic.default"})
    explain(read(tmp_path / "results", suite, INFOS), tmp_path, tmp_path / "results")
    rows = {row["cell"]: row["explanation"] for row in read_rows(tmp_path / "results" / "explained.csv")}
    assert rows["benchmark/Bicubic/Set5/x4/psnr_y"].startswith("no convention explains it; the nearest, Y")


@pytest.fixture
def mine(tmp_path: Path) -> SuiteInfo:
    """ESRGAN's default as one's own method."""
    write_results(tmp_path)
    labels = {"edsr.l2": "edsr.l2", "esrgan.sgan": "esrgan.sgan"}
    return replace(suite_info(), mine="esrgan.default", headlines=labels)


def test_my_method_meets_every_other_on_every_metric(mine: SuiteInfo, tmp_path: Path) -> None:
    (scores,) = read(tmp_path, mine, INFOS)
    table = rivals_table([scores])
    assert table is not None
    rows = [dict(zip(table.columns, record, strict=True)) for record in table.records]
    assert {(row["metric"], row["worse"]) for row in rows} == {
        (metric, rival)
        for metric in ("psnr_y", "lpips_alex", "ma")
        for rival in ("bicubic.default", "edsr.default", "edsr.l2", "esrgan.sgan")
    }
    (one,) = [row for row in rows if (row["metric"], row["worse"]) == ("psnr_y", "bicubic.default")]
    assert (one["difference"], one["verdict"], one["seeds"]) == ("-0.500000", "not tested", "1")
    shown = {row[1].text: row for row in table.sections[1].rows}
    assert shown["bicubic"][5].text == "unknown: one seed"


def test_pictures_are_chosen_by_mine_and_the_best_of_the_others(mine: SuiteInfo, tmp_path: Path) -> None:
    (scores,) = read(tmp_path, mine, INFOS)
    assert best_rival(scores, "psnr_y") == "edsr"
    assert [entrant.label for entrant in closest(scores)] == ["edsr", "esrgan"]


def test_a_page_about_my_method_says_nothing_of_the_papers(mine: SuiteInfo, tmp_path: Path) -> None:
    write_pictures(tmp_path)
    text = build(tmp_path, tmp_path, mine, INFOS, tmp_path / "page").read_text()
    page = (tmp_path / "page" / "index.html").read_text()
    assert "## esrgan against the others" in text and "esrgan against the others" in page
    assert 'data-left="esrgan" data-right="edsr"' in page
    assert "claims" not in text.split("## Training")[0]
