"""What is committed under results/ is what its records say: every link is recomputed, every table built anew."""

from __future__ import annotations

import csv
import re

import pytest

from bench.provenance.verify import render, verify
from bench.report.described import rebuild_tables
from bench.runtime.code_digest import ROOT

SUITES = sorted(path.parent.name for path in (ROOT / "results").glob("*/runs.csv"))


@pytest.mark.parametrize("suite", SUITES)
def test_no_link_of_the_published_results_is_broken(suite: str) -> None:
    links = verify(ROOT / "results" / suite, None, rebuild_tables)
    assert not [link for link in links if link.state == "broken"], render(links)
    assert {"file", "digest", "cell follows from scores", "table rebuilt"} <= {link.kind for link in links}


def test_suites_are_published() -> None:
    assert {"cpu", "demo"} <= set(SUITES)


def test_what_is_published_stays_small() -> None:
    files = [path for path in (ROOT / "results").rglob("*") if path.is_file()]
    assert len(files) <= 400 and sum(path.stat().st_size for path in files) <= 14 * 2**20
    assert max(path.stat().st_size for path in files if path.suffix == ".png") <= 100_000
    assert {path.suffix for path in files} == {".md", ".csv", ".jsonl", ".json", ".png", ".xz"}


@pytest.mark.parametrize("suite", SUITES)
def test_the_published_report_links_to_files_that_are_there(suite: str) -> None:
    report = ROOT / "results" / suite / "REPORT.md"
    links = re.findall(r"\]\(([^#)]+)\)", report.read_text())
    assert links and not [link for link in links if not (report.parent / link).is_file()]


@pytest.mark.parametrize("suite", SUITES)
def test_every_mean_of_the_tables_of_methods_is_that_of_plain_arithmetic_on_the_scores(suite: str) -> None:
    folder = ROOT / "results" / suite
    scores: dict[tuple[str, str, str], dict[str, str]] = {}  # (run, data set, metric) -> picture -> cell
    for path in (folder / "scores").glob("*.csv"):
        for row in csv.DictReader(path.open(newline="")):
            for metric in row.keys() - {"run", "dataset", "image"}:
                scores.setdefault((row["run"], row["dataset"], metric), {})[row["image"]] = row[metric]
    compared = 0
    for path in (folder / "tables").glob("methods*.csv"):
        for row in csv.DictReader(path.open(newline="")):
            for column in (name for name in row if "/" in name and " " not in name):
                cells = [scores.get((run, *column.split("/")), {}) for run in row["runs"].split()]
                known = [image for image in cells[0] if all(is_number(seed.get(image, "")) for seed in cells)]
                if not known:
                    assert row[column] == "n/a"
                    continue
                power = 2 if column.endswith("/rmse_pirm") else 1
                means = [(sum(float(seed[i]) ** power for i in known) / len(known)) ** (1 / power) for seed in cells]
                assert abs(sum(means) / len(means) - float(row[column])) < 2e-6, (path.name, row["runs"], column)
                compared += 1
    assert compared >= 20


def is_number(cell: str) -> bool:
    return bool(cell) and not cell.startswith("n/a")
