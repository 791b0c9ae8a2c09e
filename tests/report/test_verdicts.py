"""Claims judged on simulated scores, variants against their defaults, budgets, and the two tables."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import pytest

from bench.api import Claim
from bench.errors import BadInput
from bench.metrics import METRICS
from bench.report import Setting, SuiteInfo
from bench.report.aggregate import Scores, average
from bench.report.described import describe
from bench.report.html_tables import PILLS
from bench.report.render import to_csv, to_markdown
from bench.report.rules import MARGINS, WORDS, Status
from bench.report.verdict_tables import claims_table, effects_table
from bench.report.verdicts import ablation_effects, budget_mismatch, judge
from bench.suites import SUITES
from methods import METHODS

INFOS = {name: METRICS[name] for name in ("psnr_y", "niqe")}
SETS = {"A": 6, "B": 9}
# variant of method m: what it adds to psnr_y; niqe falls by as much
GAINS = {"default": 0.0, "good": 1.0, "same": 0.0, "bad": -1.0}
Value = Callable[[str, int, str, str], float]


def value(variant: str, seed: int, image: str, metric: str) -> float:
    """The gain, a seed's and a picture's share, and noise, the same in every call."""
    rng = np.random.default_rng([seed, *f"{variant}{image}".encode()])
    shared = seed / 10 + np.random.default_rng([*image.encode()]).normal()
    score = GAINS[variant] + shared + 0.1 * rng.normal()
    return 30 + score if metric == "psnr_y" else 5 - score


def scores_of(seeds: int = 3, give: Value = value, degradation: str = "bicubic", sets: int = 2) -> Scores:
    """Scores of method m, its four variants, and of bicubic with one seed."""
    runs = [(f"m.{v}.s{s}", "m", v, "" if v == "default" else "axis", s) for v in GAINS for s in range(1, seeds + 1)]
    runs.append(("bicubic.s1", "bicubic", "default", "", 1))
    table = pd.DataFrame(runs, columns=["run", "method", "variant", "axis", "seed"])
    table = table.assign(scale="4", degradation=degradation, warm_start="", batch="4", patch="48", iterations="100")
    table.loc[table["method"] == "bicubic", ["iterations", "batch", "patch"]] = ["0", "", ""]
    table["seed"] = table["seed"].map(str)
    places = dict(list(SETS.items())[:sets])
    rows = []
    for run, method, variant, _, seed in runs:
        for dataset, image in ((d, f"{d}{i}") for d, n in places.items() for i in range(n)):
            for metric in INFOS:
                found = give(variant, seed, image, metric) - (3 if method == "bicubic" else 0)
                rows.append((run, dataset, image, metric, found, "" if not math.isnan(found) else "no weights"))
    frame = pd.DataFrame(rows, columns=["run", "dataset", "image", "metric", "value", "note"]).merge(table, on="run")
    setting = Setting(f"x4.{degradation}", 4, degradation, tuple(places), tuple(INFOS), tuple(table["run"]))
    suite = SuiteInfo("tiny", (setting,), deterministic=("bicubic",))
    return Scores(suite, setting, INFOS, table.set_index("run", drop=False), frame, average(frame, INFOS))


def claim(better: str, worse: str, metric: str = "psnr_y") -> Claim:
    return Claim(f"m.{better}-{worse}", f"{better} beats {worse}.", f"m.{better} > m.{worse}", metric, "section 1")


def test_a_claim_holds_is_contradicted_or_stays_undecided() -> None:
    claims = [claim("good", "default"), claim("bad", "default"), claim("same", "default")]
    verdicts = judge(claims, [scores_of()])
    assert [verdict.status for verdict in verdicts] == ["holds", "contradicted", "undecided"]
    assert verdicts[0].effect is not None and verdicts[0].effect.mean == pytest.approx(1, abs=0.15)
    assert (verdicts[0].effect.seeds, verdicts[0].effect.pictures) == (3, 15)


def test_lower_is_better_where_the_metric_says_so() -> None:
    found = judge([claim("good", "default", "niqe"), claim("bad", "default", "niqe")], [scores_of()])
    assert [verdict.status for verdict in found] == ["holds", "contradicted"]
    assert found[0].effect is not None and found[0].effect.mean < 0 < found[0].lead


def test_two_seeds_give_an_interval_and_no_verdict() -> None:
    found = judge([claim("good", "default")], [scores_of(seeds=2)])[0]
    assert found.status == "not tested" and found.p_adjusted is None
    assert "2 of 3 seeds or more" in found.note
    assert found.effect is not None and found.effect.detectable(0.05) > 0


def test_what_has_no_scores_was_not_run_and_says_why() -> None:
    absent = claim("better", "default")
    elsewhere = replace(claim("good", "default"), degradation="nearest")
    unmeasured = claim("good", "default", "pi")
    found = judge([absent, elsewhere, unmeasured], [scores_of()])
    assert {verdict.status for verdict in found} == {"not tested"}
    assert all(verdict.note.startswith("not run: ") for verdict in found)
    assert "m.better" in found[0].note and "nearest" in found[1].note and "pi" in found[2].note


def test_a_metric_that_is_not_available_was_not_run_for_the_reason_its_scores_give() -> None:
    found = judge([claim("good", "default", "niqe")], [scores_of(give=lambda v, s, i, m: math.nan)])[0]
    assert (found.status, found.note) == ("not tested", "n/a: no weights")


def test_an_infinite_difference_is_not_tested() -> None:
    found = judge([claim("good", "default")], [scores_of(give=lambda v, *_: math.inf if v == "good" else 30.0)])[0]
    assert found.status == "not tested" and "infinite" in found.note


def test_a_claim_finds_the_setting_it_speaks_of() -> None:
    every = [scores_of(), scores_of(degradation="nearest")]
    named = replace(claim("good", "default"), degradation="nearest")
    anywhere = replace(named, degradation="", scale=0)
    assert [verdict.setting for verdict in judge([named, anywhere], every)] == ["x4.nearest", "x4.bicubic"]


def test_single_sets_are_shown_beside_the_verdict_on_all() -> None:
    found = judge([claim("good", "default")], [scores_of()])[0]
    assert [(place, one.pictures) for place, one in found.sets] == [("A", 6), ("B", 9)]


def test_more_claims_make_each_one_harder_to_hold() -> None:
    alone = judge([claim("good", "default")], [scores_of()])[0]
    among = judge([claim("good", "default"), claim("bad", "default"), claim("same", "bad")], [scores_of()])[0]
    assert (alone.p_adjusted, among.p_adjusted) == (pytest.approx(alone.p), pytest.approx(3 * alone.p))
    assert alone.effect is not None and (alone.level, among.level) == (0.05, pytest.approx(0.05 / 3))
    assert alone.effect.detectable(among.level) > alone.effect.detectable(alone.level)


def test_the_correction_is_over_one_papers_claims_and_sanity_controls_stand_apart() -> None:
    scores = scores_of()
    named = replace(scores, suite=replace(scores.suite, papers={"m": "By X 2018", "n": "By X 2018"}))
    claims = [
        replace(claim("good", "default"), id="m.good"),
        replace(claim("same", "default"), id="n.same"),
        replace(claim("bad", "default"), id="other.bad"),
        replace(claim("default", "x"), id="m.bicubic", sides="m.default > bicubic.default"),
    ]
    found = judge(claims, [named])
    assert [verdict.family for verdict in found] == ["By X 2018", "By X 2018", "other", "sanity controls"]
    assert [verdict.level for verdict in found] == [0.025, 0.025, 0.05, 0.05]


def test_equal_methods_show_no_relevant_difference_even_where_a_tiny_one_is_significant() -> None:
    def tiny(variant: str, seed: int, image: str, metric: str) -> float:
        return 30 + 0.01 * GAINS[variant] + value("default", seed, image, metric) / 100

    found = judge([claim("good", "default"), claim("same", "default")], [scores_of(give=tiny)])
    assert [verdict.status for verdict in found] == ["no relevant difference"] * 2
    assert found[0].p_adjusted is not None and found[0].p_adjusted < 0.05


@pytest.mark.parametrize(("iterations", "status"), [("100", "holds"), ("90", "holds"), ("110", "not tested")])
def test_a_verdict_stands_only_where_the_winner_had_no_more_training(iterations: str, status: str) -> None:
    scores = scores_of()
    scores.runs.loc[scores.runs["variant"] == "good", "iterations"] = iterations
    found = judge([claim("good", "default")], [scores])[0]
    assert found.status == status and ("unequal budget" in found.note) == (status == "not tested")


def test_what_is_alike_after_unequal_training_is_not_tested() -> None:
    scores = scores_of(give=lambda variant, seed, image, metric: 30 + seed / 1000)
    scores.runs.loc[scores.runs["variant"] == "same", "iterations"] = "90"
    assert judge([claim("same", "default")], [scores])[0].status == "not tested"


def test_every_metric_has_a_margin_and_every_verdict_its_words() -> None:
    assert set(MARGINS) == set(METRICS) and all(margin > 0 and why for margin, why in MARGINS.values())
    assert list(WORDS) == list(get_args(Status)) == list(PILLS)


def test_bicubic_with_one_seed_is_judged_against_three() -> None:
    found = judge([replace(claim("default", "x"), sides="m.default > bicubic.default")], [scores_of()])[0]
    assert found.status == "holds" and found.effect is not None and found.effect.seeds == 3


def test_every_variant_is_set_against_its_default_on_every_metric() -> None:
    rows = ablation_effects(scores_of())
    assert [(row.variant, row.metric) for row in rows] == [(v, m) for m in INFOS for v in ("good", "same", "bad")]
    signs = {(row.variant, row.metric): np.sign(row.effect.mean) for row in rows if row.effect is not None}
    assert signs["good", "psnr_y"] == signs["bad", "niqe"] == 1
    assert signs["bad", "psnr_y"] == signs["good", "niqe"] == -1


def test_the_false_discovery_rate_of_the_axes_is_over_one_metric() -> None:
    rows = [row for row in ablation_effects(scores_of()) if row.metric == "psnr_y"]
    raw = sorted(row.effect.p for row in rows if row.effect is not None)
    rates = sorted(row.p_adjusted for row in rows if row.p_adjusted is not None)
    assert rates == pytest.approx([min(3 * raw[0], 3 * raw[1] / 2, raw[2]), min(3 * raw[1] / 2, raw[2]), raw[2]])
    assert {row.level for row in rows} == {0.05 * 2 / 3}  # two found of three: a further one would be tested at that


def test_budgets_that_differ_by_more_than_two_per_cent_are_marked() -> None:
    runs = scores_of().runs
    assert budget_mismatch(runs, "m.good", "m.default") == ""
    runs.loc[runs["variant"] == "good", "iterations"] = "102"
    assert budget_mismatch(runs, "m.good", "m.default") == ""
    runs.loc[runs["variant"] == "good", "iterations"] = "103"
    assert budget_mismatch(runs, "m.good", "m.default").startswith("iterations 103 against 100")
    runs.loc[runs["variant"] == "bad", "patch"] = "64"
    pixels = f"HR pixels seen {100 * 4 * 64**2:,} against {100 * 4 * 48**2:,}"
    assert budget_mismatch(runs, "m.bad", "m.default") == pixels
    with pytest.raises(BadInput, match="no such variant"):
        budget_mismatch(runs, "m.worse", "m.default")


def test_a_run_has_spent_what_the_runs_before_it_spent_too() -> None:
    runs = scores_of().runs
    runs.loc["m.good.s1", "warm_start"] = "m.default.s1"
    assert budget_mismatch(runs, "m.good", "m.default").startswith("iterations 200 against 100")


def test_a_network_taken_from_another_setting_brings_its_budget_along() -> None:
    everything = scores_of().runs
    here = scores_of(degradation="nearest").runs.set_axis([f"{run}.n" for run in everything.index], axis=0)
    here = here.assign(run=here.index, iterations="0", batch="", patch="")
    both = pd.concat([here, everything])
    here.loc["m.good.s1.n", ["iterations", "batch", "patch", "warm_start"]] = ["10", "4", "48", "m.default.s1"]
    both.loc["m.good.s1.n", ["iterations", "batch", "patch", "warm_start"]] = ["10", "4", "48", "m.default.s1"]
    assert budget_mismatch(here, "m.good", "m.default", both).startswith("iterations 110 against 100")


def test_the_claims_table_keeps_every_claim_and_separates_what_was_not_run() -> None:
    every = [scores_of()]
    table = claims_table(judge([claim("good", "default"), claim("better", "default")], every), every)
    records = list(csv.DictReader(io.StringIO(to_csv(table))))
    assert [record["status"] for record in records] == ["holds", "not tested"]
    assert float(records[0]["low"]) < float(records[0]["difference"]) < float(records[0]["high"])
    assert records[1]["difference"] == "n/a"
    assert [section.title for section in table.sections] == [
        "",
        "Set by set: intervals, no verdicts",
        "Without a result",
        "Families",
        "Margins, set beforehand",
    ]
    assert [[cell.text for cell in row] for row in table.sections[3].rows] == [["m", "2", "1"]]
    assert re.search(r"\| holds \| m\.good − m\.default \| .* \| 3 × 15 \|", to_markdown(table))


def test_the_effects_table_has_a_section_a_metric_and_none_without_variants() -> None:
    scores = scores_of()
    table = effects_table(scores, ablation_effects(scores))
    assert table is not None and table.name == "effects"
    assert [section.title for section in table.sections] == ["psnr_y (dB) ↑", "niqe ↓"]
    assert len(table.records) == 6 and {len(record) for record in table.records} == {len(table.columns)}
    only = scores.runs[scores.runs["method"] == "bicubic"]
    alone = replace(scores, runs=only, frame=scores.frame[scores.frame["method"] == "bicubic"])
    assert effects_table(alone, ablation_effects(alone)) is None


def test_the_same_scores_give_the_same_bytes() -> None:
    first, second = (effects_table(scores, ablation_effects(scores)) for scores in (scores_of(), scores_of()))
    assert first is not None and second is not None and to_csv(first) == to_csv(second)


CLAIMS = [(name, one) for name, entry in METHODS.items() for one in entry.claims]


def test_the_ids_of_claims_are_unique_and_name_their_method() -> None:
    ids = [one.id for _, one in CLAIMS]
    assert len(ids) == len(set(ids)) > 0
    assert all(one.id.startswith(f"{name}.") for name, one in CLAIMS)


@pytest.mark.parametrize(("method", "one"), CLAIMS, ids=[one.id for _, one in CLAIMS])
def test_a_claim_names_what_exists(method: str, one: Claim) -> None:
    known = {f"{name}.{variant}" for name, entry in METHODS.items() for variant in entry.variants}
    assert {one.better, one.worse} <= known and one.better != one.worse
    assert one.metric in METRICS
    assert any(side.startswith(f"{method}.") for side in (one.better, one.worse))
    assert one.text.endswith(".") and one.source


def test_claims_on_methods_that_a_suite_plans_are_listed_though_nothing_of_them_was_run(tmp_path: Path) -> None:
    suite = SUITES["cpu"]
    listed = {claim.id for claim in describe(suite, ["bicubic.default.x4.bicubic.s1"], tmp_path).claims}
    planned = {plan.method for plan in suite.plans}
    assert "pseudo_sr" in planned
    assert listed == {claim.id for name in planned for claim in METHODS[name].claims}
