"""The wheel: what is in it, and that it works from any folder once it is installed."""

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
