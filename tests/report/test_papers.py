"""The papers' tables: printed digits stay as they are, and every cell says what may be said of it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from bench.data.images import crop_to_multiple, read_image, rounded_luma
from bench.errors import BadInput
from bench.metrics import METRICS
from bench.metrics.fidelity import psnr, ssim
from bench.metrics.pipelines import PIPELINES
from bench.report import Setting, SuiteInfo
from bench.report.aggregate import RUN_COLUMNS, Scores, average, read
from bench.report.papers import build, has_measurement, overview
from bench.report.papers.compare import EXPLAINED, VERDICTS
from bench.report.papers.declared import CONDITIONS, PICTURES, TABLES, mismatches
from bench.report.papers.reported import COLUMNS, FOLDER, PATH, Place, Reported, read_reported
from bench.report.render import Table, to_csv, to_markdown
from bench.runtime.rows import read_rows
from methods import METHODS, find_entry
from methods.common.blocks import count_parameters

FIGURES = read_reported()
RANGES = {"psnr_y": (15, 45), "psnr_y_rounded": (15, 45), "psnr_rgb": (15, 45), "ssim_y": (0.4, 1), "pi": (1, 9)}
SET5 = ("baby", "bird", "butterfly", "head", "woman")
RRDB = CONDITIONS["rrdb"].parameters[4]
PAPER_RRDB = {"iterations": "1000000", "train_set": "DIV2K-train+Flickr2K", "parameters": str(RRDB)}
SMALL_RRDB = {"iterations": "3000", "train_set": "BSD400", "parameters": "55235"}
Values = Callable[[str, str, str], float]
"""(run, image, metric) -> value"""


def run_row(method: str, seed: int = 1, variant: str = "default", **said: str) -> dict[str, str]:
    row = dict.fromkeys(RUN_COLUMNS, "")
    name = f"{method}.{variant}.x4.bicubic.s{seed}"
    known = {"run": name, "method": method, "variant": variant, "scale": "4", "degradation": "bicubic"}
    return {**row, **known, "seed": str(seed), "iterations": "0", "parameters": "0", **said}


def make_scores(
    runs: Sequence[Mapping[str, str]],
    values: Values,
    metrics: tuple[str, ...] = ("psnr_y",),
    pictures: Sequence[str] = SET5,
    dataset: str = "Set5",
) -> Scores:
    """Scores of one setting without a file."""
    table = pd.DataFrame(list(runs)).set_index("run", drop=False)
    rows = []
    for run in table["run"]:
        for image in pictures:
            for metric in metrics:
                value = values(run, image, metric)
                rows.append((run, dataset, image, metric, value, "no weights" if np.isnan(value) else ""))
    frame = pd.DataFrame(rows, columns=["run", "dataset", "image", "metric", "value", "note"])
    frame = frame.merge(table.reset_index(drop=True), on="run")
    setting = Setting("x4.bicubic", 4, "bicubic", (dataset,), metrics, tuple(table["run"]))
    return Scores(
        SuiteInfo("t", (setting,), deterministic=("bicubic",)), setting, METRICS, table, frame, average(frame, METRICS)
    )


def make_table(every: Sequence[Scores], table: str) -> Table:
    return build(every, FIGURES, {table: TABLES[table]})[0]


def records(table: Table) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(to_csv(table))))


def cell(
    every: Sequence[Scores], table: str, row: str, metric: str = "psnr_y", dataset: str = "Set5"
) -> dict[str, str]:
    wanted = (row, metric, dataset)
    found = [one for one in records(make_table(every, table)) if (one["row"], one["metric"], one["dataset"]) == wanted]
    assert len(found) == 1
    return found[0]


def level(value: float) -> Values:
    """Every picture near `value`, the mean exactly there."""
    offsets = dict(zip(SET5, (-2.0, -1.0, 0.0, 1.0, 2.0), strict=True))
    return lambda run, image, metric: value + offsets.get(image, 0.0)


def rrdb_cell(values: Values, seeds: int = 1, **said: str) -> dict[str, str]:
    runs = [run_row("rrdb", seed, **{**PAPER_RRDB, **said}) for seed in range(1, seeds + 1)]
    return cell([make_scores(runs, values)], "esrgan-psnr", "RRDB (DF2K)")


def test_every_printed_figure_has_a_known_metric_a_plausible_value_and_a_source() -> None:
    figures = read_reported()
    assert len(figures) > 1000
    for place, reported in figures.items():
        assert place.metric in METRICS
        low, high = RANGES[place.metric]
        assert low < reported.value < high, place
        assert reported.confidence.endswith(("source", "sources")) and reported.source
        assert not any(word in reported.confidence + reported.source for word in ("memory", "recall", "[P]", "[M]"))


def test_the_file_of_printed_figures_is_small_and_sorted_without_repetition() -> None:
    assert PATH.stat().st_size < 400_000
    with PATH.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    keys = [(*(row[c] for c in COLUMNS[1:5]), int(row["scale"]), row["degradation"], row["metric"]) for row in rows]
    assert keys == sorted(set(keys))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"value": "28,42"}, "not a figure"),
        ({"confidence": "recalled"}, "no source"),
        ({"source": ""}, "no source"),
        ({}, "twice"),
    ],
)
def test_a_figure_without_a_source_or_twice_is_refused(tmp_path: Path, change: dict[str, str], complaint: str) -> None:
    with PATH.open(newline="") as stream:
        row = next(csv.DictReader(stream))
    with (tmp_path / "reported.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        writer.writerows([row, {**row, **change}])
    with pytest.raises(BadInput, match=complaint):
        read_reported(tmp_path / "reported.csv")


def test_every_printed_figure_stands_unchanged_in_a_table_and_nothing_else_does() -> None:
    figures = read_reported()
    seen = set()
    built = build([], figures)
    for declared, table in zip(TABLES.values(), built, strict=True):
        labels = {row.label: row for row in declared.rows}
        assert len(labels) == len(declared.rows)
        for row in csv.DictReader(io.StringIO(to_csv(table))):
            who = labels[row["row"]]
            place = Place(
                declared.source,
                who.method,
                who.variant,
                row["dataset"],
                int(row["scale"]),
                row["degradation"],
                row["metric"],
            )
            assert row["reported"] == (figures[place].text if place in figures else "")
            assert row["verdict"] == "not run"
            seen.add(place)
        assert not has_measurement(table)
    assert set(figures) <= seen


def test_the_digits_that_a_reader_sees_are_the_printed_ones() -> None:
    text = to_markdown(make_table([], "esrgan-psnr"))
    assert "| RRDB (DF2K) | rrdb.default | 32.73 | – | – | not run | 0.9011 | – | – | not run |" in text
    assert "| Bicubic | bicubic.default | 26.00 |" in text


def test_tables_name_only_known_metrics_conditions_and_variants() -> None:
    for table in TABLES.values():
        assert {column.metric for column in table.columns} <= set(METRICS)
        for row in table.rows:
            assert row.conditions in ("", *CONDITIONS)
            method, _, variant = row.ours.partition(".")
            if method in METHODS:
                assert variant in METHODS[method].variants, row


def test_every_row_belongs_to_a_table_and_stands_with_that_tables_other_rows() -> None:
    owners = [row["table"] for row in read_rows(FOLDER / "paper_rows.csv")]
    assert [owner for owner, _ in groupby(owners)] == list(TABLES)


def test_a_figure_covers_what_would_be_printed_with_its_digits() -> None:
    rounded = Reported("28.42", "p", "s", "1 source", "")
    assert [rounded.covers(value) for value in (28.414, 28.4151, 28.4249, 28.426)] == [False, True, True, False]
    cut = Reported("0.810", "p", "s", "1 source", "three decimals, truncated")
    assert [cut.covers(value) for value in (0.8099, 0.8100, 0.8109, 0.8111)] == [False, True, True, False]


def test_bicubic_matches_where_it_gives_the_printed_digits() -> None:
    found = cell([make_scores([run_row("bicubic")], level(28.4207))], "common-x4", "Bicubic")
    assert (found["reported"], found["measured"], found["verdict"]) == ("28.42", "28.420700", "matches")
    assert found["difference"] == "0.000700"


def test_bicubic_on_set5_differs_because_the_printed_one_is_of_luma_alone() -> None:
    found = cell([make_scores([run_row("bicubic")], level(28.4302))], "common-x4", "Bicubic")
    assert found["verdict"] == "differs: printed of luma alone"
    assert (found["low"] < "0" < found["high"], found["pictures"]) == (True, "5")


def test_seeds_under_the_papers_conditions_reproduce_a_figure_within_the_margin() -> None:
    found = rrdb_cell(level(32.65), seeds=3)
    assert (found["verdict"], found["conditions"]) == ("reproduced", "")


@pytest.mark.parametrize("at", [32.73, 32.60])
def test_one_seed_decides_nothing_even_with_the_printed_digits(at: float) -> None:
    assert rrdb_cell(level(at))["verdict"] == "undecided: one seed"


def test_a_figure_is_reproduced_by_being_surely_within_the_margin_and_not_by_being_uncertain() -> None:
    def spread(by: float, at: float) -> Values:
        return lambda run, image, metric: level(at)(run, image, metric) + by * (int(run[-1]) - 2)

    assert rrdb_cell(spread(0.02, 32.72), seeds=3)["verdict"] == "reproduced"
    assert rrdb_cell(spread(0.2, 32.73), seeds=3)["verdict"] == "undecided"
    assert rrdb_cell(spread(0.001, 32.60), seeds=3)["verdict"] == "not reproduced"


def test_a_wide_spread_of_pictures_does_not_make_a_reproduction() -> None:
    found = rrdb_cell(lambda run, image, metric: level(31.0)(run, image, metric) + 1e-4 * int(run[-1]), seeds=3)
    assert float(found["low"]) < 0 < float(found["high"])
    assert found["verdict"] == "not reproduced"


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"train_set": "DIV2K-train"}, "data"),
        ({"iterations": "970000"}, "length"),
        ({"parameters": "11662019"}, "size"),
        ({"perceptual": "vgg19"}, "perceptual network"),
        ({"warm_start": "rrdb.bn.x4.bicubic.s1"}, "start"),
    ],
)
def test_one_condition_that_differs_is_named_and_is_never_a_reproduction(change: dict[str, str], word: str) -> None:
    found = rrdb_cell(level(32.73), **change)
    assert found["verdict"] == f"other conditions: {word}"
    assert found["conditions"]


def test_lengths_within_two_percent_are_alike() -> None:
    assert rrdb_cell(level(32.73), seeds=3, iterations="985000")["verdict"] == "reproduced"


def test_a_small_run_says_everything_that_differs() -> None:
    found = rrdb_cell(level(32.73), **SMALL_RRDB)
    assert found["verdict"] == "other conditions: data, length, size"
    assert "trained on BSD400, not DIV2K-train+Flickr2K; 3,000 iterations, not 1,000,000" in found["conditions"]


def test_a_part_of_the_test_set_is_another_condition() -> None:
    scores = make_scores([run_row("bicubic")], level(28.42), pictures=SET5[1:4])
    found = cell([scores], "common-x4", "Bicubic")
    assert (found["verdict"], found["conditions"]) == ("other conditions: test pictures", "3 of the 5 pictures of Set5")


def test_a_value_that_could_not_be_measured_is_not_available_and_says_why() -> None:
    scores = make_scores([run_row("bicubic")], lambda run, image, metric: np.nan)
    found = cell([scores], "common-x4", "Bicubic")
    assert (found["measured"], found["verdict"]) == ("n/a", "n/a")
    assert "`psnr_y` is n/a on Set5: no weights." in make_table([scores], "common-x4").footnotes


def test_what_the_paper_only_shows_has_a_measurement_and_no_printed_figure() -> None:
    runs = [run_row("esrgan", variant="ladder-1"), run_row("esrgan")]
    table = make_table([make_scores(runs, level(25.0))], "esrgan-ablation")
    first, last = records(table)[0], records(table)[-1]
    assert (first["ours"], first["verdict"], first["reported"]) == ("esrgan.ladder-1", "only shown as pictures", "")
    assert (last["row"], last["verdict"]) == ("column 7 (more data)", "not run")
    assert "| esrgan.ladder-1 | only shown as pictures | 25.00 | – | only shown as pictures |" in to_markdown(table)


def test_a_measurement_beside_which_no_source_prints_a_figure_is_said_so() -> None:
    found = cell([make_scores([run_row("srgan")], level(29.4), metrics=("psnr_rgb",))], "common-x4", "SRGAN")
    assert found["verdict"] == "not scored"
    scores = make_scores([run_row("drn")], level(40.0), metrics=("lr_psnr",))
    assert cell([scores], "drn-lambda", "DRN-S (0.1)", "lr_psnr")["verdict"] == "no figure at hand"


def test_every_line_of_a_csv_has_a_name_of_its_own_and_columns_that_mean_what_they_do_elsewhere() -> None:
    for table in build([]):
        names = [record[0] for record in table.records]
        assert len(set(names)) == len(names)
        assert set(table.columns) & set(RUN_COLUMNS) == {"scale", "degradation"}


@pytest.mark.parametrize("stem", ["img_001", "baboon"])
def test_a_single_picture_is_found_under_both_of_its_names(stem: str) -> None:
    scores = make_scores([run_row("bicubic")], lambda *_: 22.4367, pictures=(stem, "img_002"), dataset="Set14")
    found = cell([scores], "esrgan-per-image", "Bicubic", dataset="Set14/baboon")
    assert (found["reported"], found["verdict"], found["pictures"], found["low"]) == ("22.44", "matches", "1", "")


def test_a_start_that_was_trained_otherwise_is_another_condition() -> None:
    start = run_row("rrdb", **SMALL_RRDB)
    gan = {"iterations": "400000", "train_set": "DIV2K-train", "parameters": str(RRDB), "perceptual": "vgg19"}
    runs = [start, run_row("esrgan", warm_start=start["run"], **gan)]
    table = pd.DataFrame(runs).set_index("run", drop=False)
    clauses = [one.clause for one in mismatches(table, runs[1]["run"], CONDITIONS["esrgan"], 4)]
    assert "its start: 3,000 iterations, not 1,000,000" in clauses
    assert f"its start: 55,235 parameters, not {RRDB:,}" in clauses
    assert any("no source at hand says on what" in clause for clause in clauses)


def test_pictures_degraded_here_stand_in_at_the_scale_whose_kernels_the_paper_describes() -> None:
    row = run_row("zssr", variant="estimated", scale="2", degradation="kernel_paper")
    scores = make_scores([row], level(30.36), dataset="DIV2K-valid")
    setting = Setting("x2.kernel_paper", 2, "kernel_paper", ("DIV2K-valid",), ("psnr_y",), scores.setting.runs)
    here = Scores(scores.suite, setting, METRICS, scores.runs, scores.frame, scores.means)
    found = cell([here], "kernelgan-benchmark", "KernelGAN + ZSSR", dataset="DIV2K-valid")
    assert (found["reported"], found["verdict"]) == ("30.36", "other conditions: test pictures")
    table = records(make_table([here], "kernelgan-benchmark"))
    assert {one["scale"] for one in table} == {"2"}


def test_a_changed_score_changes_exactly_its_cells() -> None:
    def changed(run: str, image: str, metric: str) -> float:
        return level(30.0)(run, image, metric) + (1.0 if run.startswith("edsr") and metric == "psnr_y" else 0.0)

    runs = [run_row("bicubic"), run_row("edsr"), run_row("rcan")]
    metrics = ("psnr_y", "ssim_y")
    one, other = (build([make_scores(runs, values, metrics)]) for values in (level(30.0), changed))
    pairs = [(a, b) for x, y in zip(one, other, strict=True) for a, b in zip(x.records, y.records, strict=True)]
    moved = [a for a, b in pairs if a != b]
    assert {(row[2], row[4], row[7]) for row in moved} == {("edsr.default", "Set5", "psnr_y")}
    assert len(moved) == 3  # common-x4, esrgan-psnr, drn-x4


def test_the_same_scores_give_the_same_bytes() -> None:
    runs = [run_row("bicubic"), run_row("rrdb", **SMALL_RRDB), run_row("rrdb", 2, **SMALL_RRDB)]
    one, other = (build([make_scores(runs, level(30.123456789))]) for _ in range(2))
    assert [to_csv(t) + to_markdown(t) for t in one] == [to_csv(t) + to_markdown(t) for t in other]


def test_the_overview_counts_every_cell_once() -> None:
    tables = build([make_scores([run_row("bicubic"), run_row("rrdb", **SMALL_RRDB)], level(28.42))])
    rows = list(csv.DictReader(io.StringIO(to_csv(overview(tables)))))
    assert [row["table"] for row in rows] == list(TABLES)
    for row, table in zip(rows, tables, strict=True):
        assert int(row["cells"]) == len(table.records) == sum(int(row[verdict]) for verdict in VERDICTS)
    first = rows[[row["table"] for row in rows].index("common-x4")]
    assert (first["matches"], first["other conditions"]) == ("1", "2")


@pytest.mark.parametrize(("key", "scale"), [("srcnn", 4), ("edsr-baseline", 2), ("srresnet", 4)])
def test_a_network_at_the_papers_size_is_not_told_to_differ_in_size(key: str, scale: int) -> None:
    method, _, variant = CONDITIONS[key].method.partition(".")
    with torch.device("meta"):
        network = find_entry(method).build(scale, find_entry(method).variants[variant]).network()
    assert network is not None
    row = run_row(method, variant=variant, parameters=str(count_parameters(network)))
    table = pd.DataFrame([row]).set_index("run", drop=False)
    assert "size" not in {one.word for one in mismatches(table, row["run"], CONDITIONS[key], scale)}


def test_the_demo_suite_runs_nothing_that_a_paper_prints() -> None:
    results = Path(__file__).parents[2] / "results" / "demo"
    runs = pd.read_csv(results / "runs.csv", dtype=str, keep_default_na=False)
    names = tuple(runs[(runs["scale"] == "4") & (runs["degradation"] == "bicubic")]["run"])
    setting = Setting("x4.bicubic", 4, "bicubic", ("Embedded-test",), ("psnr_y", "ssim_y"), names)
    built = build(read(results, SuiteInfo("demo", (setting,)), METRICS))
    assert len(built) == len(TABLES)
    assert not any(has_measurement(table) for table in built)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_luma_alone_gives_the_printed_bicubic_of_set5(bench_data: Path, scale: int) -> None:
    pipeline = next(one for one in PIPELINES.values() if one.luma_only)
    figures, found = read_reported(), []
    for path in sorted((bench_data / "Set5" / f"image_SRF_{scale}").glob("*_HR.png")):
        hr = rounded_luma(crop_to_multiple(read_image(path), scale))
        sr = pipeline.upscaled(hr, scale)
        found.append((psnr(sr, hr, scale), ssim(sr, hr, scale)))
    if len(found) != 5:
        pytest.skip(f"needs Set5/image_SRF_{scale} under BENCH_DATA")
    for metric, value in zip(("psnr_y", "ssim_y"), np.mean(found, axis=0), strict=True):
        assert figures[Place("benchmark", "Bicubic", "", "Set5", scale, "bicubic", metric)].covers(float(value))
        assert (f"bicubic.default/Set5/{metric}", scale) in EXPLAINED


def test_the_pictures_of_the_per_image_table_belong_to_known_sets() -> None:
    assert {name.partition("/")[0] for name in PICTURES} == {"Set14", "BSD100"}
    assert all(stems[0] == name.partition("/")[2] for name, stems in PICTURES.items())
