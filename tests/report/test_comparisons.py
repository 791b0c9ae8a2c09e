"""What is gained over a baseline, and how much of a gap is closed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import pytest

from bench.metrics import METRICS
from bench.report import Setting, SuiteInfo
from bench.report.aggregate import Scores, average
from bench.report.comparisons import gain_table, gap_table, share_closed


def test_a_third_of_the_gap_is_a_third_with_an_interval_around_it() -> None:
    rng = np.random.default_rng(0)
    whole = 3 + 0.1 * rng.standard_normal((3, 40))
    closed, low, high = share_closed(whole / 3 + 0.05 * rng.standard_normal((3, 40)), whole)
    assert closed == pytest.approx(1 / 3, abs=0.01)
    assert low < closed < high and high - low < 0.05


def test_without_a_gap_there_is_nothing_to_close() -> None:
    assert np.isnan(share_closed(np.ones((3, 5)), -np.ones((3, 5)))).all()
    noise = np.random.default_rng(0).standard_normal((3, 8))
    closed, low, high = share_closed(noise, noise - noise.mean() + 0.01)
    assert np.isfinite(closed) and np.isnan(low) and np.isnan(high)


def test_an_estimate_worse_than_the_floor_closes_less_than_nothing() -> None:
    assert share_closed(np.full((3, 4), -0.5), np.full((3, 4), 2.0)) == (-0.25, -0.25, -0.25)


def scores_of(values: Mapping[str, Sequence[float]], metric: str = "psnr_y") -> Scores:
    """Variants of zssr with these values on two pictures, three seeds each, and bicubic with one; default: 0."""
    runs = [
        (f"{name}.s{seed}", *name.split("."), seed) for name in values for seed in "123"[: 1 if "bi" in name else 3]
    ]
    table = pd.DataFrame(runs, columns=["run", "method", "variant", "seed"]).assign(axis="")
    rows = [
        (run, "A", image, metric, values[f"{m}.{v}"][n], "") for run, m, v, _ in runs for n, image in enumerate("ab")
    ]
    frame = pd.DataFrame(rows, columns=["run", "dataset", "image", "metric", "value", "note"]).merge(table, on="run")
    setting = Setting("x2.blur", 2, "blur", ("A",), (metric,), tuple(table["run"]))
    suite = SuiteInfo(
        "tiny",
        (setting,),
        deterministic=("bicubic",),
        baselines={"zssr": ("bicubic.default", "absent.default")},
        gaps={"zssr": ("default", "estimated", "true"), "pseudo_sr": ("uncorrected", "default", "supervised")},
    )
    return Scores(suite, setting, METRICS, table.set_index("run", drop=False), frame, average(frame, METRICS))


ALL = {"bicubic.default": (26, 28), "zssr.default": (28, 30), "zssr.estimated": (27.5, 29.5), "zssr.true": (30, 32)}


def test_the_gap_of_an_entry_is_tabled_with_how_much_of_it_is_closed() -> None:
    table = gap_table([scores_of(ALL)])
    assert table is not None
    row = dict(zip(table.columns, table.records[0], strict=True))
    assert (row["closed"], row["better"], row["seeds"], row["pictures"]) == ("-0.250000", "zssr.estimated", "3", "2")
    shown = [cell.text for cell in table.sections[0].rows[0]]
    assert shown == ["×2 blur", "zssr.estimated", "psnr_y", "−0.500", "+2.000", "−25 %", "−25 % to −25 %", "3 × 2"]


def test_a_gap_that_another_method_declares_is_tabled_in_its_own_words() -> None:
    names = ("uncorrected", "default", "supervised")
    table = gap_table([scores_of({f"pseudo_sr.{name}": (20 + n, 22 + n) for n, name in enumerate(names)})])
    assert table is not None and len(table.records) == 1
    row = dict(zip(table.columns, table.records[0], strict=True))
    assert (row["closed"], row["better"], row["worse"]) == ("0.500000", "pseudo_sr.default", "pseudo_sr.uncorrected")
    assert "`pseudo_sr.default` between `pseudo_sr.uncorrected`" in table.legend and "zssr" not in table.legend


def test_a_gap_of_which_a_variant_was_not_run_has_no_table() -> None:
    assert gap_table([scores_of({name: values for name, values in ALL.items() if name != "zssr.true"})]) is None


def test_the_gain_over_each_baseline_that_was_run_has_a_row() -> None:
    table = gain_table([scores_of(ALL)])
    assert table is not None
    assert [record[3] for record in table.records] == ["bicubic.default"]
    row = dict(zip(table.columns, table.records[0], strict=True))
    assert (row["better"], row["gain"], row["mean_better"], row["seeds"]) == (
        "zssr.default",
        "2.000000",
        "29.000000",
        "3",
    )
