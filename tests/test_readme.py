"""The README is kept true: its commands exist, its example works, its files are there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import torch

from bench.__main__ import build_parser
from bench.api import Batch, Picture, Training
from bench.runtime.code_digest import ROOT
from bench.suites import SUITES
from methods import METHODS, load_guest

TEXT = (ROOT / "README.md").read_text()
EXAMPLE = TEXT.split("```python\n")[1].split("```")[0]


def test_the_check_before_landing_runs_the_readmes_test_command() -> None:
    command = next(line for line in TEXT.splitlines() if "# set up, then pass the tests" in line)
    assert command.split("#")[0].strip() in (ROOT / ".ci" / "run").read_text()


@pytest.mark.parametrize("line", re.findall(r"^\.venv/bin/python -m bench (.*)$", TEXT, re.M))
def test_every_bench_command_of_the_readme_parses(line: str) -> None:
    build_parser().parse_args(shlex.split(line, comments=True))


def test_the_method_of_the_readme_trains_and_upscales_as_it_is_printed(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(EXAMPLE)
    entry = load_guest(path)
    assert entry.name == "mine" and list(entry.variants) == ["default", "wide"]
    method = entry.build(2, {"width": 8, "batch_size": 1, "patch": 16})
    learner = method.learner(Training(1))
    assert learner is not None
    assert learner.step(Batch(torch.rand(1, 3, 8, 8), torch.rand(1, 3, 16, 16), 0))["loss"] > 0
    sr = method.upscaler(learner.network.eval())(Picture("x", torch.rand(3, 5, 7)))
    assert sr.shape == (3, 10, 14)


def test_a_method_that_joins_with_one_line_is_run_by_the_demo_suite(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mine.py"
    path.write_text(EXAMPLE)
    runs = len(SUITES["demo"].experiments())
    monkeypatch.setitem(METHODS, "mine", load_guest(path))
    found = SUITES["demo"].experiments()
    assert len(found) == runs + 1 and found["mine.default.x4.bicubic.s1"].iterations == 500


def test_every_file_the_readme_names_exists() -> None:
    for name in re.findall(r"\b((?:bench|methods|tests)/[\w/]+\.py)\b", TEXT):
        assert (ROOT / name).is_file(), name


def test_the_readme_is_short_enough_to_read() -> None:
    assert len(TEXT.splitlines()) < 200
