"""How long runs train on one H100, by gpu_rates.csv: training steps a second in bf16 and channels_last, each step one
CUDA graph (EDSR's: eager), measured on an H100 80 GB with torch 2.11 and pictures of BSD400. And what they hold of its
memory, by gpu_memory.csv: what is alive at once in a step of the suite's batch, counted by tests/speed/memory.py."""

import functools
import json
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from bench.api import Method
from bench.runtime.devices import GPU_CONTEXT_MIB
from bench.runtime.rows import read_rows
from bench.runtime.turns import MARGIN
from bench.stages.cost import count
from bench.suites.experiment import Experiment
from bench.suites.suite import ON_GPU
from methods import find_entry

RATES, MEMORY = (Path(__file__).with_name(name) for name in ("gpu_rates.csv", "gpu_memory.csv"))


class _Step(NamedTuple):
    """A training step. pixels: of HR in a batch; work: these times the multiply-accumulates of the upscaling network
    for an LR picture of fixed size."""

    method: str
    pixels: float
    work: float
    seconds: float = 0.0


def _step(name: str, method: Method, batch: int, patch: int, seconds: float = 0.0) -> _Step:
    counted, pixels = count(method), batch * patch**2
    assert counted is not None
    return _Step(name, pixels, pixels * counted.macs, seconds)


@functools.cache
def _measured() -> list[_Step]:
    return [
        _step(
            row["method"],
            find_entry(row["method"]).build(4, json.loads(row["knobs"])),
            int(row["batch"]),
            int(row["patch"]),
            1 / float(row["steps_per_second"]),
        )
        for row in read_rows(RATES)
    ]


def training_seconds(run: Experiment) -> float:
    """Of one run, alone on the GPU: the measured step of its method that is nearest in work, times the ratio of the
    works, and with a perceptual loss at least that of the pixels. A method that was not measured goes by ESRGAN's where
    it has such a loss, else by RRDB's. No step is faster than the fastest that was measured."""
    if not run.iterations:
        return 0.0
    method, rates = run.build(), _measured()
    perceptual = bool(method.needs_weights)
    step = _step(run.method, method, *method.batch)
    stand_in = "esrgan" if perceptual else "rrdb"
    name = run.method if run.method in {rate.method for rate in rates} else stand_in
    rate = min(
        (rate for rate in rates if rate.method == name),
        key=lambda rate: max(rate.work / step.work, step.work / rate.work),
    )
    ratio = max(step.work / rate.work, step.pixels / rate.pixels if perceptual else 0.0)
    return run.iterations * max(rate.seconds * ratio, min(rate.seconds for rate in rates))


@functools.cache
def _held() -> dict[tuple[str, str], float]:
    return {(row["suite"], row["run"]): float(row["mib"]) for row in read_rows(MEMORY)}


def name_without_seed(run: Experiment) -> str:
    """What the table of memory calls a run, whatever its seed."""
    return run.name.rpartition(".s")[0]


def training_mib(suite: str, run: Experiment) -> float:
    """What training a run holds of a GPU at most, CUDA's context and the pictures apart; 0 where nobody counted it."""
    return _held().get((suite, name_without_seed(run)), 0.0)


def process_mib(suite: str, run: Experiment) -> float:
    """What of a GPU's memory is kept for a process that trains a run."""
    return GPU_CONTEXT_MIB + MARGIN * training_mib(suite, run)


def render_needs(suite: str, runs: Collection[Experiment]) -> str:
    """Two lines: how many GPU hours the training of runs takes, and what one of them holds at most; how a GPU is
    used."""
    hours = sum(training_seconds(run) for run in runs) / 3600
    trained = [run for run in runs if run.iterations]
    most = max((training_mib(suite, run) for run in trained), default=0.0)
    return (
        f"suite {suite}: {len(runs)} runs, {len(trained)} of them trained, in {hours:.1f} GPU hours on one H100"
        f" (estimated), each in at most {most / 1024:.1f} GiB of its memory (counted)\n{ON_GPU}"
    )
