"""REPORT.md says what the numbers say, links to what is there, and is replaced whole or not at all."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from report_folder import (
    INFOS,
    KERNELS,
    NAMES,
    scores_of,
    setting,
    suite_info,
    write_curves,
    write_kernel_run,
    write_kernels,
    write_pictures,
    write_results,
)

from bench.api import Claim
from bench.errors import BadInput
from bench.report.aggregate import read
from bench.report.document import build
from bench.report.summary import headline, tally
from bench.report.tables import method_table
from bench.report.verdicts import Verdict

BICUBIC = "bicubic.default.x4.bicubic.s1"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete report of the tiny suite."""
    work = tmp_path_factory.mktemp("tiny")
    write_results(work / "results")
    write_pictures(work)
    write_curves(work)
    return build(work / "results", work, suite_info(), INFOS, work / "page")


def test_a_variants_training_step_stands_beside_its_defaults(report: Path) -> None:
    text = report.read_text()
    assert "| edsr.default | 6.1 | 1.00 |" in text and "| edsr.l2 | 6.1 | 1.00 |" in text
    assert "bicubic.default | " not in text.partition("### A training step")[2]


def test_every_link_leads_to_a_file(report: Path) -> None:
    links = re.findall(r"\]\(([^#)]+)\)", report.read_text())
    assert len(links) >= 8
    assert not [link for link in links if not (report.parent / link).is_file()]


def test_the_report_is_made_of_the_suites_own_words_and_numbers(report: Path) -> None:
    text = report.read_text()
    for words in (
        "# Suite `tiny`: ×4 bicubic",
        "Made for a test.",
        "L1 or L2?",
        "**edsr**: Other data.",
        "| edsr | 2,000 | 16 | 128 | BSD400 | 300,000 iterations | By X 2018 |",
        "| bicubic | – | – | – | – | – | By X 2018 |",
        "Trained here for 2,000 iterations",
        "Set14 (3 pictures)",
        "vgg-a",
        "python -m bench fetch forest",
        "python -m bench why results/tiny methods esrgan Set5/psnr_y",
    ):
        assert words in text, words


def test_nothing_but_the_report_is_left_behind(report: Path) -> None:
    names = {path.name for path in report.parent.iterdir()}
    assert names == {"REPORT.md", "runs.csv", "cost.csv", "scores", "tables", "figures", "material.tar.xz"}
    assert {path.suffix for path in (report.parent / "tables").iterdir()} == {".csv"}
    assert {path.suffix for path in (report.parent / "figures").iterdir()} == {".png"}


def test_the_page_has_every_table_and_figure_in_every_format(report: Path) -> None:
    page = report.parents[1] / "page"
    assert {path.name for path in page.iterdir()} == {"index.html", "tables", "figures"}
    for name in ("tables/per-image.csv", "tables/methods.tex", "tables/methods.md", "figures/crops.svg"):
        assert (page / name).stat().st_size > 0


def test_a_report_made_again_of_what_it_left_is_the_same_bytes(report: Path, tmp_path: Path) -> None:
    results = Path(shutil.copytree(report.parent, tmp_path / "results"))
    build(results, tmp_path / "nowhere", suite_info(), INFOS, tmp_path / "page")
    for old, new in ((report.parent, results), (report.parents[1] / "page", tmp_path / "page")):
        before, after = (
            {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
            for folder in (old, new)
        )
        assert {name for name in before | after if before.get(name) != after.get(name)} == set()


def test_the_headline_names_the_best_and_its_gap_to_bicubic(tmp_path: Path) -> None:
    lines = headline(read(write_results(tmp_path), suite_info(), INFOS)[0])
    assert "edsr is best on Set5 (30.00 dB, 2.50 dB above bicubic)" in lines[0]
    assert "esrgan is best on Set14 (0.2650, 0.0050 below bicubic)" in lines[1]
    assert "no" in lines[2] and "1 to 2 seeds" in lines[2] and "significance" in lines[2]


def test_a_variant_with_a_name_of_its_own_leads_under_it_and_is_compared_with_the_best_control(tmp_path: Path) -> None:
    named = replace(suite_info(), headlines={"edsr.l2": "edsr+l2"}, deterministic=("bicubic", "esrgan"))
    scores = read(write_results(tmp_path), named, INFOS)[0]
    assert [entrant.label for entrant in scores.entrants][:3] == ["bicubic", "edsr", "edsr+l2"]
    assert scores.best_control("Set5", "psnr_y") == "bicubic"
    best = replace(named, deterministic=("edsr", "bicubic"))
    assert replace(scores, suite=best).best_control("Set5", "psnr_y") == "edsr"


def test_what_is_trained_at_test_time_shows_its_parameters_and_iterations_and_never_0(tmp_path: Path) -> None:
    named = replace(suite_info(), at_test={"bicubic.default": (1234, 120)})
    table = method_table(read(write_results(tmp_path), named, INFOS)[0])
    place = table.sections[0].header.index("parameters")
    assert table.sections[0].rows[0][place].text == "1,234 at test time, up to 120 iterations a picture"
    assert table.records[0][table.columns.index("parameters")] == "1234"


def test_the_headline_does_not_hide_that_bicubic_is_best(tmp_path: Path) -> None:
    better = [(d, i, m, 40.0 if m == "psnr_y" else v) for d, i, m, v in scores_of(BICUBIC)]
    lines = headline(read(write_results(tmp_path, {BICUBIC: better}), suite_info(), INFOS)[0])
    assert "bicubic is best on Set5 (40.00 dB, 10.00 dB above the runner-up, edsr)" in lines[0]


def test_the_headline_of_one_method_claims_nothing(tmp_path: Path) -> None:
    lines = headline(read(write_results(tmp_path), suite_info(setting(runs=(BICUBIC,))), INFOS)[0])
    assert "only bicubic ran on Set5" in lines[0]


def test_a_suite_without_a_perceptual_metric_says_so(tmp_path: Path) -> None:
    lines = headline(read(write_results(tmp_path), suite_info(setting(("psnr_y", "ma"))), INFOS)[0])
    assert lines[1] == "**Perception**: no metric of this kind has a value for every method."


def test_a_report_can_be_made_from_scores_alone(tmp_path: Path) -> None:
    text = build(write_results(tmp_path / "results"), tmp_path, suite_info(), INFOS).read_text()
    assert text.count("Not drawn: ") == 2
    assert not (tmp_path / "results" / "figures" / "crops.png").exists()


def claim(identity: str, better: str, worse: str) -> Claim:
    return Claim(identity, "L1 is better than L2.", f"{better} > {worse}", "psnr_y", "By X 2018")


def test_claims_are_told_with_their_verdicts(tmp_path: Path) -> None:
    claims = (claim("loss", "edsr.default", "edsr.l2"), claim("other", "edsr.default", "vdsr.default"))
    suite = replace(suite_info(), claims=claims)
    text = build(write_results(tmp_path / "results"), tmp_path, suite, INFOS, tmp_path / "page").read_text()
    words = "0 hold, 0 are contradicted, 0 show no relevant difference, 0 are undecided, 2 were not tested"
    assert f"Of 2 claims of the papers and of this project, {words}." in text.splitlines()[4]
    assert "L1 is better than L2." in text
    page = (tmp_path / "page" / "index.html").read_text()
    assert "No claim is decided here" not in page and page.count("L1 is better than L2.") == 2
    assert (tmp_path / "results" / "tables" / "claims.csv").is_file()


def test_the_first_lines_say_how_many_verdicts_are_of_networks_that_will_change(tmp_path: Path) -> None:
    about = ("id", "text", "source", "better", "worse", "psnr_y", "family")
    stale, judged = Verdict(*about, "holds", stale=True), Verdict(*about, "undecided")
    unjudged = Verdict(*about, "not tested", stale=True)
    assert tally([stale, judged, unjudged]).endswith(" For 1 of the 2 judged, a run awaits retraining.")
    assert "retraining" not in tally([judged, unjudged])
    awaiting = {NAMES[1]: ("d", "seen in training")}
    lines = headline(read(write_results(tmp_path), replace(suite_info(), awaiting=awaiting), INFOS)[0])
    assert lines[-2] == "Await retraining, so that their numbers will change: edsr."


def test_every_setting_has_its_tables_and_its_part_of_the_report(tmp_path: Path) -> None:
    results = write_results(tmp_path / "results")
    write_kernel_run(results)
    write_kernels(tmp_path)
    text = build(results, tmp_path, suite_info(setting(), KERNELS), INFOS).read_text()
    for words in ("# Suite `tiny`\n", "## Methods, ×4 bicubic", "## Methods, ×2 blur, kernels", "**Blur kernels**"):
        assert words in text, words
    assert (results / "tables" / "methods.csv").is_file()
    assert (results / "tables" / "methods.x2.blur.kernels.csv").is_file()
    assert (results / "figures" / "kernels.x2.blur.kernels.png").is_file()
    links = re.findall(r"\]\(([^#)]+)\)", text)
    assert not [link for link in links if not (results / link).is_file()]


def test_a_failed_build_leaves_the_old_report_as_it_was(tmp_path: Path) -> None:
    results = write_results(tmp_path / "results")
    build(results, tmp_path, suite_info(), INFOS)
    before = {path: path.read_bytes() for path in results.rglob("*") if path.is_file()}
    broken = tmp_path / "runs" / NAMES[1] / "curves.jsonl"
    broken.parent.mkdir(parents=True)
    broken.write_text('{"step": 1, "lo')
    with pytest.raises(BadInput, match="line 1 is no entry with a step"):
        build(results, tmp_path, suite_info(), INFOS)
    assert {path: path.read_bytes() for path in results.rglob("*") if path.is_file()} == before


def test_stale_tables_do_not_survive_a_new_report(tmp_path: Path) -> None:
    results = write_results(tmp_path / "results")
    build(results, tmp_path, suite_info(), INFOS)
    assert (results / "tables" / "ablation-edsr.csv").is_file()
    defaults = tuple(name for name in NAMES if ".default." in name)
    build(results, tmp_path, suite_info(setting(runs=defaults)), INFOS)
    assert not (results / "tables" / "ablation-edsr.csv").exists()


def test_costs_change_no_table_of_scores(tmp_path: Path) -> None:
    results = write_results(tmp_path / "results")
    tables = []
    for seconds in ("12.5", "99.9"):
        (results / "cost.csv").write_text((results / "cost.csv").read_text().replace("12.5", seconds))
        build(results, tmp_path, suite_info(), INFOS)
        tables.append({path.name: path.read_bytes() for path in (results / "tables").iterdir()})
    assert {name for name in tables[0] if tables[0][name] != tables[1][name]} == {"cost.csv"}
