"""The wheel: what is in it, and that it works from any folder once it is installed; and what the set-up installs."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from bench import __version__
from bench.__main__ import main
from bench.runtime.code_digest import ROOT
from bench.runtime.git import git

USE = """
import site, sys
site.addsitedir(sys.argv.pop(1))
import numpy as np
from bench import metrics
from bench.__main__ import main
from bench.suites import read_awaiting, find_suite
black = np.zeros((20, 20, 3), np.uint8)
assert metrics.psnr_y(black, black + 1, scale=4) > 49
assert read_awaiting("cpu") is not None and find_suite("demo").experiments()
sys.exit(main(["new", "mine"]) or main(["check", "bicubic"]))
"""


def test_the_version_and_the_workflow_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    for option, word in (("--version", f"sr-bench {__version__}"), ("--snakefile", str(ROOT / "Snakefile"))):
        with pytest.raises(SystemExit) as stop:
            main([option])
        assert stop.value.code == 0 and capsys.readouterr().out.strip() == word


def test_the_wheel_holds_all_that_a_checkout_does_under_one_name_and_works_anywhere(tmp_path: Path) -> None:
    wheels = pytest.importorskip("hatchling.builders.wheel", reason="needs hatchling, which builds the wheel")
    wheel = zipfile.ZipFile(next(wheels.WheelBuilder(str(ROOT)).build(directory=str(tmp_path))))
    names = set(wheel.namelist())
    assert {name.split("/")[0] for name in names} == {"sr_bench", "sr_bench.pth", f"sr_bench-{__version__}.dist-info"}
    tracked = git("ls-files", "bench", "methods", "Snakefile")
    assert tracked is not None
    assert not {f"sr_bench/{name}" for name in tracked.decode().split()} - names
    wheel.extractall(tmp_path / "site")
    (tmp_path / "elsewhere").mkdir()
    line = [sys.executable, "-c", USE, str(tmp_path / "site")]
    done = subprocess.run(line, cwd=tmp_path / "elsewhere", capture_output=True, text=True, env={"PATH": ""})
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "elsewhere" / "mine.py").is_file()


STUB = """#!/bin/sh
case "$1" in
-c) ;;
-m) mkdir -p .venv/bin && cp "$0" .venv/bin/pip ;;
install) echo "$@" >> calls; for last; do :; done; test ! -f "$last" || cp "$last" taken ;;
esac
"""


def test_the_set_up_takes_every_package_but_torch_by_its_locked_hash_even_where_it_is_there(tmp_path: Path) -> None:
    (tmp_path / ".ci").mkdir()
    for name in (".ci/setup", "requirements.lock"):
        shutil.copy(ROOT / name, tmp_path / name)
    stub = tmp_path / "bin" / "python3.11"
    stub.parent.mkdir()
    stub.write_text(STUB)
    stub.chmod(0o755)
    subprocess.run(["bash", ".ci/setup"], cwd=tmp_path, check=True, env={"PATH": f"{stub.parent}:{os.environ['PATH']}"})
    first, everything = (tmp_path / "calls").read_text().splitlines()
    assert " torch==" in first and {"--require-hashes", "--force-reinstall", "--no-deps"} <= set(everything.split())
    locked = (ROOT / "requirements.lock").read_text()
    named = re.findall(r"^[\w.-]+==\S+", locked, re.M)
    taken = re.split(r"\n(?=\w)", (tmp_path / "taken").read_text())
    assert [line.split()[0] for line in taken if "==" in line] == [n for n in named if not n.startswith("torch==")]
    assert all("--hash=sha256:" in line for line in taken if "==" in line)
