"""The README is kept true: its commands exist, its example works, its files are there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from bench.__main__ import build_parser
from bench.runtime.code_digest import ROOT
from methods import load_guest

TEXT = (ROOT / "README.md").read_text()
IMPORTS = """
from dataclasses import dataclass
from torch import nn
from bench.api import Axis, Entry, Method, Training, Upscaler
from methods.common.pixel import PixelLearner, Recipe, feed_forward
"""


def test_the_check_before_landing_runs_the_readmes_test_command() -> None:
    command = next(line for line in TEXT.splitlines() if "# set up, then pass the tests" in line)
    assert command.split("#")[0].strip() in (ROOT / ".ci" / "run").read_text()


@pytest.mark.parametrize("line", re.findall(r"^\.venv/bin/python -m bench (.*)$", TEXT, re.M))
def test_every_bench_command_of_the_readme_parses(line: str) -> None:
    build_parser().parse_args(shlex.split(line, comments=True))


def test_the_method_of_the_readme_can_be_added(tmp_path: Path) -> None:
    example = TEXT.split("```python\n")[1].split("```")[0]
    body = example.replace(
        "def network(self) -> nn.Module: ...", "def network(self) -> nn.Module: return nn.Identity()"
    )
    path = tmp_path / "mine.py"
    path.write_text("from __future__ import annotations\n" + IMPORTS + body)
    entry = load_guest(path)
    assert entry.name == "mine" and list(entry.variants) == ["default", "wide"]


def test_every_file_the_readme_names_exists() -> None:
    for name in re.findall(r"\b((?:bench|methods|tests)/[\w/]+\.py)\b", TEXT):
        assert (ROOT / name).is_file(), name


def test_the_readme_is_short_enough_to_read() -> None:
    assert len(TEXT.splitlines()) < 200
