"""Differences over seeds and pictures: intervals, their coverage, Holm, pairing."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from report.error_rates import RATES, SEEDS, TAILS, Component, rates, read_components, simulate
from scipy import stats

from bench.errors import BadInput
from bench.report.statistics import (
    Effect,
    Squares,
    crossed_bootstrap,
    detectable,
    distance,
    effect,
    equivalence,
    half_width,
    holm,
    interval,
    interval_half,
    mean_squares,
    paired,
)


def table_of(seed: int, size: tuple[int, int, int], spread: tuple[float, float, float]) -> Any:
    """(replicates, seeds, pictures), normal, with these standard deviations of seed, picture and rest."""
    one = Component("", "", "", *size[1:], *spread, "", "")
    return simulate(np.random.default_rng(seed), one, "normal", size)


def bounds(replicates: float, percent: float, of: int = 1) -> float:
    """Three standard errors of a share, in per cent, and one more for the highest of many."""
    return (3 + (of > 1)) * 100 * math.sqrt(percent / 100 * (1 - percent / 100) / replicates)


@pytest.mark.slow
@pytest.mark.parametrize("tails", TAILS)
@pytest.mark.parametrize("seeds", SEEDS)
def test_the_committed_error_rates_are_found_again(seeds: int, tails: str) -> None:
    committed = pd.read_csv(RATES).query("seeds == @seeds and tails == @tails")
    assert list(committed["pictures"]) == ["as run", "5", "14", "100"]
    for line in committed.itertuples():
        pictures = 0 if line.pictures == "as run" else int(str(line.pictures))
        again = rates(read_components(), seeds, pictures, tails, 1000, seed=1)
        draws = 1 / (1 / 1000 + 1 / line.replicates)  # both have an error
        assert again.familywise == pytest.approx(line.familywise, abs=bounds(draws, 5))
        assert again.familywise_paper == pytest.approx(line.familywise_paper, abs=bounds(draws, 5, 11))
        assert again.coverage == pytest.approx(line.coverage, abs=0.5)
        assert again.lowest == pytest.approx(line.lowest, abs=bounds(draws, line.lowest, 37))
        assert again.highest == pytest.approx(line.highest, abs=bounds(draws, line.highest, 37))


def test_the_committed_error_rates_keep_what_a_verdict_promises() -> None:
    committed = pd.read_csv(RATES)
    assert set(committed["seeds"]) == set(SEEDS) and set(committed["tails"]) == set(TAILS)
    for line in committed.query("pictures != '5'").itertuples():
        assert line.familywise <= 5 + bounds(line.replicates, 5), line
        assert line.familywise_paper <= 5 + bounds(line.replicates, 5, 11), line
        assert abs(line.coverage - 95) <= 2, line
        assert line.lowest >= 93 and line.highest <= 99, line
    five = committed.query("pictures == '5'")
    assert 88 <= five["lowest"].min() < 93 and five["familywise_paper"].max() > 7  # too few, as the module says


def test_a_short_simulation_already_covers_about_as_it_should() -> None:
    found = rates(read_components(), 3, 0, "normal", 200)
    assert abs(found.coverage - 95) <= 2.5 and found.familywise <= 10


def test_estimated_degrees_of_freedom_would_raise_false_alarms_among_many_claims() -> None:
    tables = table_of(0, (40000, 3, 119), (0.25, 1, 0.25))
    squares = mean_squares(tables)
    excess = np.maximum(0, squares.seed - squares.rest)
    total = squares.picture + excess
    df = total**2 / (squares.picture**2 / 118 + excess**2 / 2)
    alpha = 0.05 / 37
    guessed = np.abs(squares.mean) > stats.t.isf(alpha / 2, df) * np.sqrt(total / (3 * 119))
    assert guessed.mean() > 2 * alpha
    assert (np.abs(squares.mean) > half_width(squares, alpha)).mean() < 1.5 * alpha


def test_the_correction_for_skewness_keeps_few_skewed_pictures_from_alarming() -> None:
    one = Component("", "", "", 5, 10, 0, 1, 0.1, "", "")
    tables = simulate(np.random.default_rng(0), one, "skewed", (20000, 5, 10))
    squares = mean_squares(tables)
    limit = half_width(squares, 0.05)
    assert (np.abs(squares.mean) > limit).mean() > 0.09
    assert (distance(tables, squares) > limit).mean() < 0.05
    low, high = interval(tables, squares, 0.05)
    assert 0.93 < ((low <= 0) & (high >= 0)).mean() < 0.97


def test_seeds_that_matter_more_than_pictures_leave_the_skewness_of_these_nothing_to_correct() -> None:
    pictures = np.random.default_rng(0).standard_exponential((1, 14)) / 100
    table = np.array([[-1.0], [0.0], [1.0]]) + pictures
    squares = mean_squares(table)
    low, high = interval(table, squares, 0.05)
    half = float(interval_half(squares, 0.05))
    assert (float(squares.mean - low), float(high - squares.mean)) == (pytest.approx(half), pytest.approx(half))


def test_the_correction_for_skewness_widens_an_interval_and_never_narrows_it() -> None:
    one = Component("", "", "", 5, 10, 0, 1, 0.1, "", "")
    tables = simulate(np.random.default_rng(0), one, "skewed", (200, 5, 10))
    squares = mean_squares(tables)
    low, high = interval(tables, squares, 0.05)
    half = interval_half(squares, 0.05)
    assert (low <= squares.mean - half + 1e-9).all() and (high >= squares.mean + half - 1e-9).all()
    assert (high - low > 2.1 * half).mean() > 0.5


def test_an_interval_is_no_wider_without_skewness_than_the_test_that_gives_the_p() -> None:
    for spread in ((0, 1, 1), (1, 1, 1), (1, 0, 0.1)):
        squares = mean_squares(table_of(3, (500, 3, 14), spread))
        assert (interval_half(squares, 0.05) <= half_width(squares, 0.05) * (1 + 1e-12)).all()


def test_treating_every_cell_as_a_sample_of_its_own_would_cover_far_too_seldom() -> None:
    tables = table_of(0, (1000, 5, 14), (1, 1, 1)).reshape(1000, -1)
    half = stats.t.ppf(0.975, 69) * tables.std(axis=1, ddof=1) / math.sqrt(70)
    assert (np.abs(tables.mean(axis=1)) <= half).mean() < 0.7


def test_the_mean_squares_are_those_of_a_table_worked_by_hand() -> None:
    table = np.array([[1.0, 2.0, 6.0], [3.0, 4.0, 8.0]])  # seeds 2 apart, pictures 2, 3, 7: nothing rests
    squares = mean_squares(table)
    seed, picture = 6.0, 14.0  # 3 * (1 + 1) / 1 and 2 * (4 + 1 + 9) / 2
    assert float(squares.mean) == pytest.approx(4)
    assert (float(squares.seed), float(squares.picture)) == (pytest.approx(seed), pytest.approx(picture))
    assert float(squares.rest) == pytest.approx(0, abs=1e-12)
    weighed = stats.t.isf(0.025, 1) ** 2 * seed + stats.t.isf(0.025, 2) ** 2 * picture
    assert float(half_width(squares, 0.05)) == pytest.approx(math.sqrt(weighed / 6))


def test_without_an_effect_of_seeds_the_interval_is_the_paired_t_interval_of_the_pictures() -> None:
    rng = np.random.default_rng(4)
    pictures = np.outer((-1, 1), rng.standard_normal(6)).ravel()  # as many above as below: no skewness
    rest = rng.standard_normal((4, 12)) / 10
    table = pictures + rest - rest.mean(axis=1, keepdims=True) - rest.mean(axis=0)
    found = effect(table)
    low, high = stats.t.interval(0.95, 11, found.mean, stats.sem(table.mean(axis=0)))
    assert (found.low, found.high) == (pytest.approx(float(low)), pytest.approx(float(high)))
    assert found.p == pytest.approx(float(stats.ttest_1samp(table.mean(axis=0), 0).pvalue))
    assert (found.kind, found.seeds, found.pictures) == ("two-way", 4, 12)
    assert found.df == 11


def test_a_seed_effect_widens_the_interval_however_many_pictures_there_are() -> None:
    table = np.array([[-1.0], [0.0], [1.0]]) + np.random.default_rng(0).standard_normal((3, 500)) / 100
    found = effect(table)
    assert found.df == pytest.approx(2, abs=0.05)
    assert found.high - found.low == pytest.approx(2 * stats.t.ppf(0.975, 2) / math.sqrt(3), rel=0.02)


def test_p_is_below_5_per_cent_only_where_the_interval_leaves_zero_out() -> None:
    tables = table_of(5, (60, 3, 30), (0.3, 1, 0.5)) + 0.6
    found = [effect(table) for table in tables]
    assert all(one.low > 0 or one.high < 0 for one in found if one.p < 0.05)
    assert {one.p < 0.05 for one in found} == {True, False}


def test_p_is_the_level_at_which_the_interval_begins_to_leave_zero_out() -> None:
    table = np.outer(np.ones(3), np.outer((-1, 1), np.arange(1, 9)).ravel()) + 2  # nothing of seeds
    found = effect(table)
    assert effect(table, level=1 - found.p).low == pytest.approx(0, abs=1e-6)


def test_a_difference_far_beyond_its_spread_is_found_however_skewed() -> None:
    skewed = np.random.default_rng(0).standard_exponential((3, 14)) / 10
    assert effect(skewed + 1).p < 1e-3 and effect(skewed - 1).p < 1e-3


def test_the_smallest_detectable_difference_is_detected_four_times_in_five() -> None:
    for alpha in (0.05, 0.05 / 20):
        tables = table_of(6, (20000, 5, 40), (1, 0, 0.01))  # seeds alone: four degrees of freedom, and a known error
        size = detectable(Squares(np.zeros(()), np.array(40.0), np.array(1e-6), np.array(1e-6), 5, 40), alpha)
        squares = mean_squares(tables + size)
        found = (np.abs(squares.mean) > half_width(squares, alpha)).mean()
        assert found == pytest.approx(0.8, abs=0.02)


def test_two_one_sided_tests_find_the_absence_of_a_relevant_difference_and_never_call_uncertainty_so() -> None:
    sure, unsure = (table_of(11, (1, 3, 40), (spread, spread, spread))[0] for spread in (0.01, 0.2))
    assert equivalence(sure, 0.1) < 0.01 and equivalence(sure + 0.2, 0.1) > 0.99
    assert equivalence(unsure, 0.1) > 0.05
    assert equivalence(np.zeros((3, 5)), 0.1) == 0 and math.isnan(equivalence(np.zeros((2, 5)), 0.1))


def test_at_the_margin_two_one_sided_tests_err_in_5_per_cent_at_most() -> None:
    tables = table_of(12, (400, 5, 30), (0.02, 0.02, 0.02)) + 0.1
    assert np.mean([equivalence(table, 0.1) < 0.05 for table in tables]) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 400)


def test_fewer_than_three_seeds_say_so_and_two_have_no_p() -> None:
    table = np.arange(9.0) + np.array([[1.0], [2.0]])  # not skewed
    found = effect(table)
    assert found.kind == "pictures only" and math.isnan(found.p)
    assert "fewer than 3 seeds" in found.note
    assert found.low == pytest.approx(float(stats.t.interval(0.95, 8, found.mean, stats.sem(table.mean(axis=0)))[0]))


def test_one_pair_of_outputs_is_tested_by_signed_ranks_and_labelled_so() -> None:
    values = np.array([0.3, -0.1, 0.5, 0.7, 0.2, 0.9])
    found = effect(values[None])
    assert found.kind == "one pair, Wilcoxon"
    assert found.p == pytest.approx(float(stats.wilcoxon(values).pvalue))
    assert effect(np.zeros((1, 6))).p == 1


def test_pictures_without_a_value_are_left_out_and_counted() -> None:
    table = np.random.default_rng(8).standard_normal((3, 6))
    holed = table.copy()
    holed[1, 2] = np.nan
    found = effect(holed)
    assert found.pictures == 5 and "1 of 6 pictures left out" in found.note
    assert found.mean == pytest.approx(np.delete(table, 2, axis=1).mean())


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (np.full((3, 4), np.inf), "infinite"),
        (np.zeros((3, 1)), "1 of 1 pictures"),
        (np.full((3, 4), np.nan), "0 of 4 pictures"),
        (np.zeros(5), "one row a seed"),
        (np.zeros((0, 5)), "one row a seed"),
    ],
)
def test_what_has_no_mean_is_refused(table: Any, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        effect(table)


def test_equal_outputs_differ_by_nothing_surely() -> None:
    found = effect(np.zeros((3, 5)))
    assert (found.low, found.mean, found.high, found.p, found.detectable(0.05)) == (0, 0, 0, 1, 0)


def test_the_bootstrap_is_seeded_and_near_the_interval_where_both_hold() -> None:
    table = table_of(9, (1, 20, 60), (0.5, 1, 0.5))[0]
    found = effect(table)
    assert crossed_bootstrap(table) == (found.boot_low, found.boot_high)
    assert found.boot_high - found.boot_low == pytest.approx(found.high - found.low, rel=0.15)


def test_holm_steps_down_in_any_order_and_never_decreases() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.04, 0.01, 0.005]) == pytest.approx([0.04, 0.02, 0.015])
    assert holm([0.9, 0.8]) == [1, 1]
    assert holm([]) == []


def test_holm_keeps_the_chance_of_any_false_alarm_at_5_per_cent() -> None:
    p = np.random.default_rng(10).uniform(size=(4000, 8))
    assert np.mean([min(holm(row)) < 0.05 for row in p.tolist()]) == pytest.approx(0.05, abs=0.015)


Value = Callable[[str, int, str], float]


def frame_of(runs: dict[str, tuple[int, ...]], value: Value) -> pd.DataFrame:
    """Runs '<method>/<variant>' with their seeds, on three pictures of two sets."""
    rows = [
        (*run.split("/"), str(seed), dataset, image, "psnr_y", value(run, seed, image))
        for run, seeds in runs.items()
        for seed in seeds
        for dataset, image in (("A", "x"), ("A", "y"), ("B", "x2"))
    ]
    return pd.DataFrame(rows, columns=["method", "variant", "seed", "dataset", "image", "metric", "value"])


def measured(run: str, seed: int, image: str) -> float:
    return {"drn/lambda-0.1": 30.0, "drn/default": 29.0, "bicubic/default": 20.0}[run] + seed**2 + len(image)


def test_runs_are_paired_seed_by_seed_over_the_pictures_of_all_sets() -> None:
    frame = frame_of({"drn/lambda-0.1": (1, 2, 3), "drn/default": (3, 2, 1, 4)}, measured)
    table = paired(frame, "drn.lambda-0.1", "drn.default", "psnr_y", ("A", "B"))
    assert table.shape == (3, 3) and np.allclose(table, 1)
    assert paired(frame, "drn.lambda-0.1", "drn.default", "psnr_y", ("A",)).shape == (3, 2)


def test_bicubic_stands_beside_every_seed_and_a_trained_method_does_not() -> None:
    frame = frame_of({"drn/lambda-0.1": (1, 2, 3), "drn/default": (2,), "bicubic/default": (7,)}, measured)
    sets, fixed = ("A", "B"), ("bicubic",)
    table = paired(frame, "drn.lambda-0.1", "bicubic.default", "psnr_y", sets, fixed)
    assert table.tolist() == [[10 + s * s - 49] * 3 for s in (1, 2, 3)]
    assert paired(frame, "bicubic.default", "drn.lambda-0.1", "psnr_y", sets, fixed).tolist() == (-table).tolist()
    assert paired(frame, "drn.lambda-0.1", "drn.default", "psnr_y", sets, fixed).shape == (1, 3)
    with pytest.raises(BadInput, match="no seed in common"):
        paired(frame, "drn.lambda-0.1", "bicubic.default", "psnr_y", sets)


def test_what_cannot_be_paired_is_refused_by_name() -> None:
    frame = frame_of({"drn/lambda-0.1": (1,), "drn/default": (2,)}, measured)
    with pytest.raises(BadInput, match="no seed in common"):
        paired(frame, "drn.lambda-0.1", "drn.default", "psnr_y", ("A",))
    with pytest.raises(BadInput, match="defualt"):
        paired(frame, "drn.defualt", "drn.default", "psnr_y", ("A",))
    endless = frame_of({"drn/lambda-0.1": (1,), "drn/default": (1,)}, lambda *_: math.inf)
    with pytest.raises(BadInput, match="infinite"):
        paired(endless, "drn.lambda-0.1", "drn.default", "psnr_y", ("A",))


def test_a_missing_value_reaches_the_effect_as_one() -> None:
    frame = frame_of(
        {"drn/lambda-0.1": (1, 2, 3), "drn/default": (1, 2, 3)},
        lambda run, seed, image: math.nan if (seed, image) == (2, "y") else measured(run, seed, image),
    )
    found: Effect = effect(paired(frame, "drn.lambda-0.1", "drn.default", "psnr_y", ("A", "B")))
    assert found.pictures == 2 and found.mean == pytest.approx(1)
