"""The README is kept true: its commands exist, its example works, its files are there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from bench import metrics
from bench.__main__ import build_parser, main
from bench.runtime.code_digest import ROOT
from bench.suites import SUITES
from methods import METHODS, load_guest

TEXT = (ROOT / "README.md").read_text()
EXAMPLE = TEXT.split("```python\n")[1].split("```")[0]


def test_the_check_before_landing_runs_the_readmes_test_command() -> None:
    command = next(line for line in TEXT.splitlines() if "# set up, then pass the tests" in line)
    assert command.split("#")[0].strip() in (ROOT / ".ci" / "run").read_text()


def test_every_shard_of_the_evidence_is_named() -> None:
    row = next(line for line in TEXT.splitlines() if line.startswith("| cpu |"))
    assert sorted(re.findall(r"`([\w-]+)`", row)) == sorted(SUITES["cpu"].shards)


@pytest.mark.parametrize("line", re.findall(r"^\.venv/bin/python -m bench (.*)$", TEXT, re.M))
def test_every_bench_command_of_the_readme_parses(line: str) -> None:
    build_parser().parse_args(shlex.split(line, comments=True))


def test_the_metrics_of_the_readme_are_numbers_of_arrays() -> None:
    generator = np.random.default_rng(0)
    sr, hr = (generator.integers(0, 256, (200, 200, 3), dtype=np.uint8) for _ in range(2))
    found: dict[str, object] = {"sr": sr, "hr": hr, "lr": hr[::4, ::4]}
    for line in EXAMPLE.splitlines():
        if line.startswith("metrics.") and "lpips" not in line and "niqe" not in line:  # these need weights
            assert isinstance(eval(line, {"metrics": metrics}, found), float), line


def test_a_method_that_joins_with_one_line_is_run_by_the_demo_suite(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["new", "mine"]) == 0
    path = tmp_path / "mine.py"
    runs = len(SUITES["demo"].experiments())
    monkeypatch.setitem(METHODS, "mine", load_guest(path))
    found = SUITES["demo"].experiments()
    assert len(found) == runs + 2 and found["mine.wide.x4.bicubic.s1"].iterations > 500


def test_every_file_the_readme_names_exists() -> None:
    for name in re.findall(r"\b((?:bench|methods|tests)/[\w/]+\.py)\b", TEXT):
        assert (ROOT / name).is_file(), name


def test_the_readme_is_short_enough_to_read() -> None:
    assert len(TEXT.splitlines()) < 200
