"""SUITES: named lists of experiments with their data, sizes, lengths and seeds.

A suite scales a method by naming its knobs (width, blocks, iterations), never by leaving parts out.
"""

import re
from pathlib import Path

from bench.errors import BadInput, pick
from bench.runtime.rows import read_rows
from bench.suites.cpu import CPU, PILOT
from bench.suites.demo import DEMO, SMOKE
from bench.suites.experiment import Experiment
from bench.suites.gpu import GPU
from bench.suites.paper import PAPER
from bench.suites.published import PUBLISHED_SUITE
from bench.suites.rates import RATE_SUITES
from bench.suites.suite import Suite
from methods import find_method

SUITES: dict[str, Suite] = {
    suite.name: suite for suite in (DEMO, CPU, GPU, PAPER, PUBLISHED_SUITE, SMOKE, PILOT, *RATE_SUITES)
}


def find_suite(name: str) -> Suite:
    """The suite of that name. Raises BadInput, naming the nearest, where there is none."""
    return pick("suite", name, SUITES)


def find_run(suite_name: str, run: str) -> Experiment:
    """A run of a suite by name, or the first run of a method, named as `find_method` takes it. Raises BadInput, naming
    the nearest, where there is none."""
    suite = find_suite(suite_name)
    if not re.search(r"\.s\d+$", run):
        entry, variant = find_method(run)
        return suite.experiment(entry.name, variant or "default", 1)
    return pick(f"run in suite {suite_name}", run, suite.experiments())


def read_awaiting(suite: str) -> dict[str, tuple[str, str]]:
    """The published runs of a suite that await retraining: run to (its digest, why)."""
    rows = read_rows(Path(__file__).with_name("awaiting.csv"))
    return {row["run"]: (row["digest"], row["reason"]) for row in rows if row["suite"] == suite}


def check_trainable(run: Experiment) -> None:
    """Raise BadInput where a run has nothing to train."""
    if run.iterations == 0:
        raise BadInput(f"{run.name} has nothing to train; upscale with it directly")
