"""What was chosen by trying, on which pictures: never on a test set."""

from __future__ import annotations

from bench.data.datasets import DATASETS, VALIDATION
from bench.runtime.code_digest import ROOT
from bench.runtime.rows import read_rows
from bench.suites import find_suite

FILE = ROOT / "bench" / "suites" / "choices.csv"


def test_no_test_set_is_named_among_the_choices() -> None:
    text = FILE.read_text()
    assert not [name for name, dataset in DATASETS.items() if dataset.role == "test" and name in text]


def test_every_choice_was_made_on_validation_pictures_or_is_to_be_made_again() -> None:
    for row in read_rows(FILE):
        assert row["pictures"] in VALIDATION.values() or "to be chosen again" in row["note"]
        assert bool(row["measured"]) == bool(row["pictures"])


def test_a_suite_has_the_value_that_won() -> None:
    for row in read_rows(FILE):
        run = find_suite(row["suite"]).experiment(row["method"], "default", 1)
        value = run.iterations if row["knob"] == "iterations" else run.build().knobs[row["knob"]]
        assert row["winner"] in row["grid"].split()
        assert float(row["winner"]) == float(value)
