"""Scores of many runs become means without losing an n/a, an order or a picture."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from report_folder import (
    FETCH,
    INFOS,
    KERNELS,
    NAMES,
    RUNS,
    scores_of,
    setting,
    suite_info,
    write_kernel_run,
    write_results,
)

from bench.errors import BadInput
from bench.metrics.means import PSNR_CEILING
from bench.report.aggregate import NOT_SCORED, Mean, Scores, difference, methods_of, read, read_costs, widen
from bench.report.tables import footnotes
from bench.runtime.results import read_scores as stored_scores
from bench.runtime.results import score_text
from bench.tracking import mean_scores

EDSR = "edsr.default.x4.bicubic.s1"


def read_tiny(results: Path) -> Scores:
    return read(results, suite_info(), INFOS)[0]


def test_a_mean_is_over_pictures_and_seeds(tmp_path: Path) -> None:
    means = read_tiny(write_results(tmp_path)).means
    edsr = means["edsr", "default", "Set14", "psnr_y"]
    assert edsr.value == pytest.approx((30 + 29 + 28 + 31 + 30 + 29) / 6, abs=1e-12)
    assert (len(edsr.pictures), edsr.of, edsr.seeds, edsr.reasons) == (3, 3, 2, ())
    assert means["edsr", "l2", "Set5", "psnr_y"].value == pytest.approx(29.0, abs=1e-12)


def test_a_mean_keeps_each_seeds_figure_and_has_an_interval_from_three_seeds_on() -> None:
    three = Mean(2.0, ("a",), 1, 3, (), (1.0, 2.0, 3.0))
    assert three.half_width == pytest.approx(4.302653 / math.sqrt(3), abs=1e-6)
    assert Mean(2.0, ("a",), 1, 2, (), (1.0, 3.0)).half_width is None
    assert Mean(math.inf, ("a",), 1, 3, (), (1.0, math.inf, 3.0)).half_width is None


def test_the_mirror_and_the_tables_have_the_same_means(tmp_path: Path) -> None:
    scores = read_tiny(write_results(tmp_path))
    path = tmp_path / "scores.csv"
    path.write_text(score_text(stored_scores(tmp_path, "esrgan")[NAMES[-1]]))
    mirrored = mean_scores(path)
    assert len(mirrored) == 4
    for name, value in mirrored.items():
        dataset, metric = name.split("/")
        assert scores.means["esrgan", "default", dataset, metric].value == value


def test_a_quadratic_mean_is_the_root_of_the_mean_square(tmp_path: Path) -> None:
    values = {"baby": 3.0, "bird": 4.0}
    scores = {name: [("Set5", image, "rmse_pirm", value) for image, value in values.items()] for name in NAMES}
    write_results(tmp_path, scores)
    means = read(tmp_path, suite_info(setting(("rmse_pirm",))), INFOS)[0].means
    assert means["edsr", "default", "Set5", "rmse_pirm"].value == pytest.approx(math.sqrt(12.5), abs=1e-12)


def test_a_metric_without_any_value_keeps_its_reason(tmp_path: Path) -> None:
    mean = read_tiny(write_results(tmp_path)).means["bicubic", "default", "Set5", "ma"]
    assert mean == Mean(None, (), 2, 1, (FETCH,))


def test_a_picture_without_a_value_for_one_seed_leaves_the_mean_of_all_seeds(tmp_path: Path) -> None:
    rows = [(d, i, m, "too small" if (i, m) == ("comic", "psnr_y") else v) for d, i, m, v in scores_of(EDSR)]
    mean = read_tiny(write_results(tmp_path, {EDSR: rows})).means["edsr", "default", "Set14", "psnr_y"]
    assert mean.value == pytest.approx((30 + 28 + 31 + 29) / 4, abs=1e-12)
    assert mean.pictures == ("face", "zebra")
    assert mean.reasons == ("too small",)


def test_a_picture_that_one_run_was_not_scored_on_is_not_silently_left_out(tmp_path: Path) -> None:
    rows = [row for row in scores_of(EDSR) if row[1] != "zebra"]
    mean = read_tiny(write_results(tmp_path, {EDSR: rows})).means["edsr", "default", "Set14", "psnr_y"]
    assert (mean.of, len(mean.pictures), mean.reasons) == (3, 2, (NOT_SCORED,))


def test_the_infinite_psnr_of_identical_pictures_counts_as_the_ceiling(tmp_path: Path) -> None:
    rows = [(d, i, m, math.inf if m == "psnr_y" else v) for d, i, m, v in scores_of(EDSR)]
    scores = read_tiny(write_results(tmp_path, {EDSR: rows}))
    assert scores.means["edsr", "default", "Set5", "psnr_y"].each[0] == PSNR_CEILING
    assert scores.frame["capped"].sum() == len([row for row in rows if row[2] == "psnr_y"])
    lines = footnotes(scores, [variant for variant in scores.variants if variant.name == "edsr.default"])
    assert any(line.startswith("`psnr_y`: ") and "count as that" in line for line in lines)


def test_the_order_is_the_suites_and_not_the_files(tmp_path: Path) -> None:
    scores = read_tiny(write_results(tmp_path))
    assert tuple(scores.runs.index) == NAMES
    assert methods_of(scores.runs) == ["bicubic", "edsr", "esrgan"]
    assert list(widen(scores.frame).index[:6]) == [
        (NAMES[0], "Set5", "baby"),
        (NAMES[0], "Set5", "bird"),
        (NAMES[0], "Set14", "comic"),
        (NAMES[0], "Set14", "face"),
        (NAMES[0], "Set14", "zebra"),
        (NAMES[1], "Set5", "baby"),
    ]


def test_the_default_comes_first_wherever_it_is_listed(tmp_path: Path) -> None:
    variants = read_tiny(write_results(tmp_path)).variants
    esrgan = [(variant.axis, variant.variant) for variant in variants if variant.method == "esrgan"]
    assert esrgan == [("", "default"), ("adversarial", "sgan")]


def test_scores_are_found_without_a_folder_of_their_method_too(tmp_path: Path) -> None:
    write_results(tmp_path)
    expected = read_tiny(tmp_path).means
    for path in list((tmp_path / "scores").rglob("*.csv")):
        path.rename(tmp_path / "scores" / path.name)
    assert read_tiny(tmp_path).means == expected


def test_means_over_other_pictures_are_not_subtracted() -> None:
    whole, part = Mean(3.0, ("a", "b"), 2, 1), Mean(1.0, ("a",), 2, 1, ("too small",))
    assert difference(whole, whole) == 0.0
    assert difference(part, part) == 0.0
    assert difference(part, whole) is None
    assert difference(whole, None) is None
    assert difference(Mean(None, (), 2, 1), whole) is None


def test_the_first_available_metric_has_a_value_for_every_default(tmp_path: Path) -> None:
    scores = read_tiny(write_results(tmp_path))
    assert scores.first_available(("pi", "ma", "lpips_alex", "psnr_y")) == "lpips_alex"
    assert scores.first_available(("ma",)) is None


def test_costs_are_empty_for_a_run_without_any(tmp_path: Path) -> None:
    write_results(tmp_path)
    kept = [line for line in (tmp_path / "cost.csv").read_text().splitlines(keepends=True) if EDSR not in line]
    (tmp_path / "cost.csv").write_text("".join(kept))
    costs = read_costs(tmp_path, suite_info())
    assert list(costs["run"]) == list(NAMES)
    assert costs.loc[EDSR, "train_seconds"] == ""
    assert costs.loc[NAMES[0], "train_seconds"] == "12.5"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("Set5,baby,28.1,", "Set5 baby is there twice"),
        ("Set5,bird,nan,", "neither a number nor 'n/a: why'"),
        ("Set5,bird,n/a,", "neither a number nor 'n/a: why'"),
        ('Set5,bird,"12,5",', "neither a number nor 'n/a: why'"),
        ("Set5,bird,28.1", "rows of different lengths"),
    ],
)
def test_a_contradictory_or_torn_score_file_is_refused_by_name(tmp_path: Path, line: str, words: str) -> None:
    write_results(tmp_path)
    path = tmp_path / "scores" / "edsr.csv"
    path.write_text(f"run,dataset,image,psnr_y,ssim_y\n{EDSR},Set5,baby,30.0,\n{EDSR},{line}\n")
    with pytest.raises(BadInput, match=words) as caught:
        read_tiny(tmp_path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_scores_are_refused_by_name(tmp_path: Path) -> None:
    write_results(tmp_path)
    (tmp_path / "scores" / "edsr.csv").unlink()
    with pytest.raises(BadInput, match=f"edsr.csv: no score of {EDSR}"):
        read_tiny(tmp_path)


def test_a_score_file_without_its_pictures_is_refused_by_name(tmp_path: Path) -> None:
    write_results(tmp_path)
    (tmp_path / "scores" / "edsr.csv").write_text("run,dataset\nx,Set5\n")
    with pytest.raises(BadInput, match=r"edsr\.csv: lacks the column image"):
        read_tiny(tmp_path)


def test_a_run_that_is_not_listed_is_refused_with_the_nearest(tmp_path: Path) -> None:
    write_results(tmp_path)
    with pytest.raises(BadInput, match=f"did you mean '{EDSR}'"):
        read(tmp_path, suite_info(setting(runs=("edsr.defualt.x4.bicubic.s1",))), INFOS)


def test_an_unknown_metric_is_refused_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="did you mean 'psnr_y'"):
        read(write_results(tmp_path), suite_info(setting(("psnr_x",))), INFOS)


def test_runs_of_another_scale_are_refused(tmp_path: Path) -> None:
    write_results(tmp_path)
    path = tmp_path / "runs.csv"
    path.write_text(path.read_text().replace(f"{EDSR},edsr,default,,4,", f"{EDSR},edsr,default,,2,"))
    with pytest.raises(BadInput, match=f"{EDSR}: is not x4 bicubic"):
        read_tiny(tmp_path)


def test_where_a_setting_lacks_a_default_every_variant_stands_for_its_method(tmp_path: Path) -> None:
    wanted = tuple(run[0] for run in RUNS if run[2] != "default" or run[1] == "bicubic")
    scores = read(write_results(tmp_path), suite_info(setting(runs=wanted)), INFOS)[0]
    assert [one.label for one in scores.entrants] == ["bicubic", "edsr.l2", "esrgan.sgan"]
    assert scores.first_available(("psnr_y",)) == "psnr_y"


def test_every_setting_has_its_own_scores_and_all_but_the_first_a_suffix(tmp_path: Path) -> None:
    write_results(tmp_path)
    write_kernel_run(tmp_path)
    scores = read(tmp_path, suite_info(setting(), KERNELS), INFOS)
    assert [one.suffix for one in scores] == ["", ".x2.blur.kernels"]
    assert [list(one.runs["method"].unique()) for one in scores] == [["bicubic", "edsr", "esrgan"], ["kernelgan"]]
    assert scores[1].means["kernelgan", "default", "Set5", "kernel_ncc"].value == pytest.approx(0.85, abs=1e-12)
    assert scores[1].setting.title == "×2 blur, kernels"
