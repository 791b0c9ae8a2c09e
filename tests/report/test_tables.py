"""Tables mark the best, keep every digit, explain every n/a, and are the same bytes for the same scores."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from report_folder import (
    FETCH,
    IMAGES,
    INFOS,
    KERNELS,
    NAMES,
    Score,
    scores_of,
    setting,
    suite_info,
    write_kernel_run,
    write_results,
    write_rows,
    write_scores,
)

from bench.report.aggregate import RUN_COLUMNS, Mean, Scores, read, read_costs
from bench.report.comparisons import cost_table
from bench.report.render import Cell, Section, Table, latex_of, to_csv, to_grid, to_latex, to_markdown
from bench.report.tables import (
    ablation_tables,
    full,
    heading,
    image_table,
    method_table,
    rank,
    show_difference,
    show_mean,
)
from bench.runtime.results import add_counts

EDSR = "edsr.default.x4.bicubic.s1"


def read_tiny(results: Path, changed: dict[str, list[Score]] | None = None) -> Scores:
    return read(write_results(results, changed), suite_info(), INFOS)[0]


def rows_of(table: Table) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(to_csv(table))))


def shown(table: Table, section: int, row: str, column: str) -> str:
    """What a reader sees in a cell, with its marks."""
    lines = [line[2:-2].split(" | ") for line in to_grid(table.sections[section]).splitlines()]
    return next(line for line in lines if row in line[:2])[lines[0].index(column)]


def plain(*values: float | None) -> list[Mean]:
    return [Mean(value, ("a", "b") if value is not None else (), 2, 1) for value in values]


def test_best_and_second_follow_the_metrics_direction() -> None:
    assert rank(plain(1.0, 3.0, 2.0), "higher") == ["", "leading", "second"]
    assert rank(plain(1.0, 3.0, 2.0), "lower") == ["leading", "", "second"]


def test_equal_means_share_a_mark() -> None:
    assert rank(plain(3.0, 3.0000000001, 2.0, 1.0), "higher") == ["leading", "leading", "second", ""]


def test_where_all_are_equal_nothing_is_best() -> None:
    assert rank(plain(3.0, 3.0), "higher") == ["", ""]
    assert rank(plain(3.0), "lower") == [""]
    assert rank(plain(None, None), "lower") == ["", ""]


def test_a_mean_over_fewer_pictures_is_not_ranked() -> None:
    easy = Mean(99.0, ("a",), 2, 1, ("too small",))
    assert rank([easy, *plain(1.0, 2.0)], "higher") == ["", "second", "leading"]


def test_means_that_lack_the_same_pictures_are_ranked() -> None:
    means = [Mean(value, ("a",), 2, 1, ("too small",)) for value in (1.0, 2.0)]
    assert rank(means, "higher") == ["second", "leading"]


def test_the_method_table_shows_marks_and_rounded_means(tmp_path: Path) -> None:
    table = method_table(read_tiny(tmp_path))
    assert [section.title for section in table.sections] == ["Set5", "Set14"]
    assert shown(table, 0, "edsr", "psnr_y (dB) ↑") == "<u>30.00</u>"
    assert shown(table, 0, "bicubic", "psnr_y (dB) ↑") == "*27.50*"
    assert shown(table, 0, "esrgan", "psnr_y (dB) ↑") == "27.00"
    assert shown(table, 0, "esrgan", "lpips_alex ↓") == "<u>0.2700</u>"
    assert shown(table, 1, "edsr", "seeds") == "2"


def test_the_method_table_has_every_digit_and_the_runs_behind_a_row(tmp_path: Path) -> None:
    rows = rows_of(method_table(read_tiny(tmp_path)))
    assert [row["method"] for row in rows] == ["bicubic", "edsr", "esrgan"]
    assert rows[1]["Set5/psnr_y"] == "30.000000"
    assert rows[1]["Set14/lpips_alex"] == "0.295000"
    assert rows[1]["runs"] == "edsr.default.x4.bicubic.s1 edsr.default.x4.bicubic.s2"
    assert rows[2]["perceptual"] == "vgg-a"


def test_a_metric_without_any_value_has_a_column_in_the_csv_alone_and_says_how_to_get_it(tmp_path: Path) -> None:
    table = method_table(read_tiny(tmp_path))
    assert {row["Set5/ma"] for row in rows_of(table)} == {"n/a"}
    assert not any("ma ↑" in section.header for section in table.sections)
    assert f"Left out, n/a throughout: `ma`: {FETCH}." in table.footnotes


def test_a_row_awaits_retraining_until_its_digest_is_another(tmp_path: Path) -> None:
    scores = read_tiny(tmp_path)
    run = "edsr.default.x4.bicubic.s1"
    for digest, marked in ((scores.runs.at[run, "digest"], True), ("another", False)):
        awaiting = replace(scores, suite=replace(scores.suite, awaiting={run: (digest, "seen in training")}))
        table = method_table(awaiting)
        names = [row[0].text for row in table.sections[0].rows]
        assert ("edsr, awaits retraining" in names) == marked and ("edsr" in names) != marked
        assert ("Awaits retraining: edsr.default: seen in training." in table.footnotes) == marked
        assert table.records == method_table(scores).records


def test_a_mean_over_some_pictures_says_how_many(tmp_path: Path) -> None:
    rows = [(d, i, m, "too small" if (i, m) == ("face", "psnr_y") else v) for d, i, m, v in scores_of(EDSR)]
    table = method_table(read_tiny(tmp_path, {EDSR: rows}))
    assert shown(table, 1, "edsr", "psnr_y (dB) ↑") == "29.00 (2/3)"
    assert shown(table, 1, "bicubic", "psnr_y (dB) ↑") == "<u>27.00</u>"
    assert "`psnr_y` is n/a on some pictures of Set14: too small." in table.footnotes


def test_footnotes_give_the_protocol_of_every_metric(tmp_path: Path) -> None:
    table = method_table(read_tiny(tmp_path))
    assert "`psnr_y` (dB, higher is better): on luma. Source: Somebody 2018." in table.footnotes
    assert "`lpips_alex` (lower is better): on luma. Source: Somebody 2018." in table.footnotes


def test_only_methods_with_variants_have_an_ablation_table(tmp_path: Path) -> None:
    assert [table.name for table in ablation_tables(read_tiny(tmp_path))] == ["ablation-edsr", "ablation-esrgan"]


def test_an_ablation_shows_its_question_and_the_difference_to_the_default(tmp_path: Path) -> None:
    edsr, esrgan = ablation_tables(read_tiny(tmp_path))
    assert edsr.sections[0].lead == ("**loss**: L1 or L2?",)
    assert esrgan.sections[0].lead == ("**adversarial**: Which discriminator?",)
    assert [row[1].text for row in esrgan.sections[0].rows] == ["default", "sgan"]
    assert shown(edsr, 0, "l2", "psnr_y (dB) ↑") == "29.00 (−1.00)"
    assert shown(edsr, 0, "default", "psnr_y (dB) ↑") == "30.00"
    default, l2 = rows_of(edsr)
    assert (l2["axis"], l2["Set5/psnr_y"], l2["Set5/psnr_y difference"]) == ("loss", "29.000000", "-1.000000")
    assert default["Set5/psnr_y difference"] == ""
    assert l2["Set5/ma difference"] == "n/a"


def test_the_perceptual_network_is_shown_wherever_a_row_has_one(tmp_path: Path) -> None:
    edsr, esrgan = ablation_tables(read_tiny(tmp_path))
    assert "perceptual" not in edsr.columns
    assert shown(esrgan, 0, "sgan", "perceptual") == "vgg-a"


@pytest.mark.parametrize(("dead", "text"), [("3/8", "3/8"), ("0/8", "0/8"), ("", "n/a")])
def test_dead_generators_are_counted_beside_the_kernels(tmp_path: Path, dead: str, text: str) -> None:
    results = write_results(tmp_path)
    write_kernel_run(results, dead)
    trains = replace(suite_info(KERNELS), at_test={"kernelgan.default": (1000, 800)})
    table = method_table(read(results, trains, INFOS)[0])
    assert [row["dead_generators"] for row in rows_of(table)] == [dead]
    assert shown(table, 0, "kernelgan", "dead_generators") == text
    assert any(note.startswith("`dead_generators`") for note in table.footnotes)
    nothing_trained = method_table(read(results, suite_info(KERNELS), INFOS)[0])
    assert "dead_generators" not in nothing_trained.columns


def test_counts_of_several_seeds_are_added_where_all_were_counted() -> None:
    assert add_counts(["3/40", "0/40", "10/20"]) == "13/100"
    assert add_counts(["3/40", ""]) == "" and add_counts([]) == ""


def test_the_picture_table_has_every_run_and_picture(tmp_path: Path) -> None:
    table = image_table(read_tiny(tmp_path))
    rows = {(row["run"], row["dataset"], row["image"]): row for row in rows_of(table)}
    assert len(rows) == len(NAMES) * 5
    assert rows["edsr.default.x4.bicubic.s2", "Set5", "bird"]["psnr_y"] == "30.000000"
    assert rows["edsr.default.x4.bicubic.s2", "Set5", "bird"]["ma"] == "n/a"
    assert shown(table, 0, "bird", "edsr") == "<u>29.50</u>"
    assert not [section for section in table.sections if ": ma" in section.title]


def test_the_cost_table_has_every_run(tmp_path: Path) -> None:
    table = cost_table(read_costs(write_results(tmp_path), suite_info()))
    assert [row["run"] for row in rows_of(table)] == list(NAMES)
    assert shown(table, 0, EDSR, "training (s)") == "12.5"


def many_seeds(results: Path, noise: float) -> Scores:
    """Two methods, three seeds each; edsr is 1 dB above rcan, give or take noise from picture to picture."""
    random = np.random.default_rng(0)
    rows = []
    for method, level in (("rcan", 29.0), ("edsr", 30.0)):
        for seed in ("1", "2", "3"):
            name = f"{method}.default.x4.bicubic.s{seed}"
            trained = (*[1] * 4, "T", "", 1, 1, "", "", "d", "By X")
            rows.append((name, method, "default", "", 4, "bicubic", seed, *trained))
            scores = [(d, i, "psnr_y", level + noise * random.normal()) for d, images in IMAGES.items() for i in images]
            write_scores(results, name, scores)
    write_rows(results / "runs.csv", RUN_COLUMNS, rows)
    return read(results, suite_info(setting(("psnr_y",), tuple(row[0] for row in rows))), INFOS)[0]


def test_a_best_mean_is_bold_only_where_it_is_significantly_better(tmp_path: Path) -> None:
    sure = method_table(many_seeds(tmp_path / "sure", noise=0.01))
    assert [row[-1].mark for section in sure.sections for row in section.rows] == ["second", "best"] * 2
    unsure = method_table(many_seeds(tmp_path / "unsure", noise=3.0))
    assert {row[-1].mark for section in unsure.sections for row in section.rows} == {"second", "leading"}
    assert "significantly" in sure.legend and sure.legend in to_markdown(sure)


def test_a_best_mean_of_one_or_two_seeds_is_never_bold(tmp_path: Path) -> None:
    table = method_table(read_tiny(tmp_path))
    assert "best" not in {cell.mark for section in table.sections for row in section.rows for cell in row}


def test_every_cell_of_a_number_knows_what_the_csv_has(tmp_path: Path) -> None:
    table = method_table(read_tiny(tmp_path))
    for section in table.sections:
        column = section.header.index(heading(INFOS["psnr_y"]))
        for row, line in zip(section.rows, rows_of(table), strict=True):
            assert row[column].value == line[f"{section.title}/psnr_y"]


def test_latex_has_as_many_cells_a_row_as_columns_and_balanced_braces(tmp_path: Path) -> None:
    scores = read_tiny(tmp_path)
    for table in (method_table(scores), *ablation_tables(scores), image_table(scores)):
        text = to_latex(table)
        assert text.count(r"\begin{tabular}") == text.count(r"\bottomrule") == len(table.sections)
        bare = re.sub(r"\\[{}]", "", text)
        assert bare.count("{") == bare.count("}")
        grids = re.findall(r"\\toprule\n(.*?)\\bottomrule", text, re.S)
        for section, grid in zip(table.sections, grids, strict=True):
            lines = [line for line in grid.splitlines() if line.endswith(r"\\")]
            assert {len(re.findall(r"(?<!\\)&", line)) for line in lines} == {len(section.header) - 1}
            assert len(lines) == len(section.rows) + 1


def test_latex_escapes_what_it_would_read_as_a_command() -> None:
    text = to_latex(
        Table("t", "50 % of a_b & c", (), (), (Section("", ("x_1",), ((Cell("−1 × 2 #{}\\^~$", "best"),),)),))
    )
    assert r"\caption{50 \% of a\_b \& c.}" in text
    assert r"x\_1" in text
    expected = r"\textbf{$-$1 $\times$ 2 \#\{\}\textbackslash{}\textasciicircum{}\textasciitilde{}\$} \\"
    assert expected in text


def test_latex_keeps_the_marks_of_the_prose() -> None:
    assert latex_of("**Bold** `a_b` <u>u</u> *i* 5 * 3 * 2") == (
        r"\textbf{Bold} \texttt{a\_b} \underline{u} \textit{i} 5 * 3 * 2"
    )


def test_the_same_scores_in_another_order_give_the_same_bytes(tmp_path: Path) -> None:
    turned = {name: scores_of(name)[::-1] for name in NAMES}
    texts = [
        [render(table) for table in (method_table(scores), *ablation_tables(scores), image_table(scores))
         for render in (to_csv, to_markdown, to_latex)]
        for scores in (read_tiny(tmp_path / "a"), read_tiny(tmp_path / "b", turned))
    ]  # fmt: skip
    assert texts[0] == texts[1]


def test_every_row_of_a_grid_has_as_many_cells_as_its_header(tmp_path: Path) -> None:
    scores = read_tiny(tmp_path)
    for table in (method_table(scores), *ablation_tables(scores), image_table(scores)):
        for section in table.sections:
            assert {line.count("|") for line in to_grid(section).splitlines()} == {len(section.header) + 1}


def test_a_bar_in_a_text_does_not_break_the_grid() -> None:
    text = to_grid(Section("", ("a",), ((Cell("x|y\nz", "best"),),)))
    assert text.splitlines()[-1] == "| **x\\|y z** |"


@pytest.mark.parametrize(
    ("key", "unit", "expected"),
    [
        ("psnr_y", "dB", "12.35"),
        ("niqe", "1", "12.346"),
        ("niqe_pirm", "1", "12.346"),
        ("pi", "1", "12.346"),
        ("ssim_y", "1", "12.3456"),
    ],
)
def test_a_metric_is_rounded_as_its_field_does(key: str, unit: str, expected: str) -> None:
    assert show_mean(Mean(12.3456, ("a",), 1, 1), replace(INFOS["niqe"], key=key, unit=unit)) == expected


def test_differences_carry_their_sign() -> None:
    psnr = INFOS["psnr_y"]
    assert [show_difference(gap, psnr) for gap in (0.126, -0.126, 0.001, -0.001)] == [
        "+0.13",
        "−0.13",
        "±0.00",
        "±0.00",
    ]


def test_a_heading_names_unit_and_direction() -> None:
    assert heading(INFOS["psnr_y"]) == "psnr_y (dB) ↑"
    assert heading(INFOS["niqe"]) == "niqe ↓"


def test_full_precision_has_no_negative_zero() -> None:
    assert [full(value) for value in (-1e-9, 1 / 3, None, float("nan"), float("inf"))] == [
        "0.000000",
        "0.333333",
        "n/a",
        "n/a",
        "inf",
    ]
