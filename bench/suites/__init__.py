"""SUITES: named lists of experiments with their data, sizes, lengths and seeds.

A suite scales a method by naming its knobs (width, blocks, iterations), never by leaving parts out.
"""

import os
import re
from pathlib import Path

from bench.data.datasets import DataSet, declare, find_dataset
from bench.errors import BadInput, check_choice, pick
from bench.metrics import METRICS
from bench.runtime.rows import read_rows
from bench.suites.cpu import CPU, PILOT
from bench.suites.demo import DEMO, SMOKE
from bench.suites.experiment import Experiment
from bench.suites.gpu import GPU
from bench.suites.paper import PAPER
from bench.suites.published import PUBLISHED_SUITE
from bench.suites.rates import RATE_SUITES
from bench.suites.suite import ELSEWHERE, Suite
from methods import find_method, import_file

SUITES: dict[str, Suite] = {
    suite.name: suite for suite in (DEMO, CPU, GPU, PAPER, PUBLISHED_SUITE, SMOKE, PILOT, *RATE_SUITES)
}

OWN_SUITES: dict[str, Path] = {}
"""The suites in SUITES that are of files of one's own: name to the file. BENCH_SUITES hands them on to processes."""


def find_suite(name: str) -> Suite:
    """The suite of that name, or of a Python file of one's own, which joins SUITES. Raises BadInput, naming the
    nearest, where there is none, and as `_join` does."""
    return _join(Path(name)) if name.endswith(".py") else pick("suite", name, SUITES)


def _join(path: Path) -> Suite:
    """Let a file's SUITE, and its data sets, be found by name, here and in every process started from here. Raises
    BadInput for a file that defines none, or one with a name that is taken or a run that cannot be made."""
    file = path.resolve()
    for name, known in OWN_SUITES.items():
        if known == file:
            return SUITES[name]
    module = import_file(path, f"suite_{path.stem}", "suite")
    suite = getattr(module, "SUITE", None)
    if not isinstance(suite, Suite):
        raise BadInput(f"{path}: defines no SUITE; make it a bench.suites.suite.Suite")
    if suite.name in SUITES or not re.fullmatch(r"[A-Za-z][\w-]*", suite.name, re.ASCII):
        raise BadInput(f"{path}: the suite's name {suite.name!r} is taken, or not of letters, digits, _ and -")
    for dataset in vars(module).values():
        if isinstance(dataset, DataSet):
            declare(dataset)
    runs = suite.experiments().values()
    for name in dict.fromkeys(name for run in runs for name in (*run.train_sets, *run.unpaired_sets, *run.test_sets)):
        if name != ELSEWHERE:
            find_dataset(name)
    for metric in dict.fromkeys(metric for run in runs for metric in run.metrics):
        check_choice("metric", metric, METRICS)
    SUITES[suite.name], OWN_SUITES[suite.name] = suite, file
    os.environ["BENCH_SUITES"] = os.pathsep.join(map(str, OWN_SUITES.values()))
    return suite


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


for _file in filter(None, os.environ.get("BENCH_SUITES", "").split(os.pathsep)):
    _join(Path(_file))
