"""The chain behind one number: found from any cell, recomputed, and told apart from a number that does not follow."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from traced_folder import fake, write_traced

from bench.errors import BadInput
from bench.provenance.trace import why
from bench.runtime.code_digest import ROOT

EDSR = "edsr.default.x4.bicubic.s1"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_traced(tmp_path_factory.mktemp("results"), tmp_path_factory.mktemp("repository"))


def test_a_mean_over_seeds_is_recomputed_and_every_run_behind_it_is_told(results: Path) -> None:
    answer = why(results, "methods", "edsr", "Set5/psnr_y")
    assert answer.follows
    assert "31.250000: the table's figure follows" in answer.text
    assert "over 2 pictures of Set5, the mean over 2 seeds" in answer.text
    for told in (EDSR, "edsr.default.x4.bicubic.s2", "baby", "30.500000", "seed 2", "2,000 iterations on T91"):
        assert told in answer.text


def test_every_hash_of_the_chain_is_told_in_full_on_demand(results: Path) -> None:
    text = why(results, "methods", "esrgan", "Set5/psnr_y", 64).text.replace("\n" + " " * 18, " ")
    for name in ("Set5", "T91", "network of esrgan.default.x4.bicubic.s1", f"network of {EDSR}"):
        assert fake(name) in text
    assert "starts from" in text and "methods.tiny" in text and "torch 2.13.0" in text


def test_the_second_run_tells_only_what_it_does_not_share_with_the_first(results: Path) -> None:
    text = why(results, "ablation-edsr", "bn", "Set5/psnr_y difference").text
    assert "-1.250000: the table's figure follows" in text
    assert "as above but batch_norm=False" in text
    assert text.count("methods.tiny") == 1


@pytest.mark.parametrize(
    ("table", "row", "column", "figure"),
    [
        ("methods", "edsr default", "Set5 psnr_y", "31.250000"),
        ("tables/methods.csv", "edsr.default.x4.bicubic.s2", "Set5/psnr_y", "31.250000"),
        ("methods", "bicubic", "Set5 ma", "n/a"),
        ("methods", "edsr", "parameters", "1234"),
        ("methods", "edsr", "seeds", "2"),
        ("ablation-edsr", "default", "Set5/psnr_y difference", ""),
        ("ablation-edsr", "edsr.bn", "Set5 psnr_y", "30.000000"),
        ("per-image", f"{EDSR} Set5 bird", "psnr_y", "32.000000"),
        ("per-image", f"{EDSR}/bird", "psnr_y", "32.000000"),
    ],
)
def test_a_cell_is_found_by_any_of_its_names_and_follows(
    table: str, row: str, column: str, figure: str, results: Path
) -> None:
    answer = why(results, table, row, column)
    assert answer.follows and answer.text.startswith(figure or "(empty)")


@pytest.mark.parametrize(
    ("table", "row", "column", "runs"),
    [
        ("effects", "edsr bn psnr_y", "difference", ["edsr.bn.x4.bicubic.s1", EDSR, "edsr.default.x4.bicubic.s2"]),
        ("claims", "esrgan.sharp", "difference", [EDSR, "esrgan.default.x4.bicubic.s1"]),
        ("paper-edsr", "EDSR/Set5", "reported", [EDSR, "edsr.default.x4.bicubic.s2"]),
    ],
)
def test_a_statistic_is_traced_to_its_runs_and_said_to_be_checked_elsewhere(
    table: str, row: str, column: str, runs: list[str], results: Path
) -> None:
    answer = why(results, table, row, column)
    assert answer.follows and "verify builds the whole table anew" in answer.text
    assert all(f"\n{run}\n" in answer.text for run in runs)


def test_a_measured_figure_beside_a_printed_one_is_recomputed(results: Path) -> None:
    assert "31.250000: the table's figure follows" in why(results, "paper-edsr", "EDSR/Set5", "measured").text
    with pytest.raises(BadInput, match="nothing was measured"):
        why(results, "paper-edsr", "RCAN/Set5", "measured")


@pytest.mark.parametrize(
    ("table", "row", "column", "said"),
    [
        ("method", "edsr", "Set5/psnr_y", "did you mean 'methods'"),
        ("methods", "edrs", "Set5/psnr_y", "did you mean 'edsr'"),
        ("methods", "edsr", "Set5/psnr", "did you mean 'Set5/psnr_y'"),
        ("per-image", EDSR, "psnr_y", "names 2 rows; say which"),
    ],
)
def test_a_name_that_is_not_there_is_refused_with_the_nearest(
    table: str, row: str, column: str, said: str, results: Path
) -> None:
    with pytest.raises(BadInput, match=said):
        why(results, table, row, column)


def test_a_figure_that_does_not_follow_is_told(tmp_path: Path) -> None:
    copy = write_traced(tmp_path / "results", tmp_path / "repository")
    table = copy / "tables" / "methods.csv"
    table.write_text(table.read_text().replace("31.250000", "31.350000"))
    answer = why(copy, "methods", "edsr", "Set5/psnr_y")
    assert not answer.follows and "31.250000: THE TABLE SAYS 31.350000: IT DOES NOT FOLLOW" in answer.text


def test_scores_changed_after_they_were_recorded_are_told(tmp_path: Path) -> None:
    results = write_traced(tmp_path / "results", tmp_path / "repository")
    path = results / "scores" / "bicubic.csv"
    path.write_text(path.read_text().replace("28.000000", "28.100000"))
    table = results / "tables" / "methods.csv"
    table.write_text(table.read_text().replace("29.000000", "29.050000"))
    answer = why(results, "methods", "bicubic", "Set5/psnr_y")
    assert "the table's figure follows" in answer.text
    assert not answer.follows and "are not those that were recorded" in answer.text


def test_a_folder_without_tables_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="name a results folder"):
        why(tmp_path, "methods", "edsr", "Set5/psnr_y")


def test_the_verb_imports_nothing_heavy(results: Path) -> None:
    program = (
        "import argparse, sys; from bench.commands import trace\n"
        "parser = argparse.ArgumentParser(); trace.add_verbs(parser.add_subparsers())\n"
        f"arguments = parser.parse_args(['why', {str(results)!r}, 'methods', 'edsr', 'Set5/psnr_y'])\n"
        "arguments.verb(arguments)\n"
        "assert not {'torch', 'pandas', 'scipy', 'matplotlib'} & set(sys.modules), 'heavy import'\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("31.250000")
