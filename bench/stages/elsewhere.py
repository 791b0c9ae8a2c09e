"""Make the runs of a pack: train, upscale and score, the most telling first, and send back what is finished.

It imports nothing that a machine with torch, numpy, scipy, pillow, safetensors and tqdm lacks.
"""

import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from pathlib import Path
from typing import Any

from bench.data.prepare import MANIFEST, RECORD, prepare_test
from bench.errors import BadInput, Diverged, OutOfTime
from bench.runtime.code_digest import ROOT
from bench.runtime.devices import choose_device, use_threads, whole_memory_mib
from bench.runtime.files import read_json
from bench.runtime.output import changed_files, check_place
from bench.runtime.packed import pack_of
from bench.runtime.parallel import process_pool
from bench.runtime.parcel import write_parcel
from bench.runtime.results import FILES
from bench.stages.gpu_hours import process_mib
from bench.stages.run import estimate_runs, score_run, train_run, upscale_run
from bench.stages.train import Limits, checkpoint_path
from bench.suites import find_suite
from bench.suites.experiment import Experiment
from bench.suites.workdir import Workdir

Files = dict[str, Path]


def make_packed_runs(minutes: float, processes: int, out: Path) -> None:
    """Make the runs of the pack that this code is in, in `processes` processes, and write the finished ones to the
    parcel `out` after each. Raises BadInput for a pack that is damaged and, before any is made, as `check_place` does;
    OutOfTime where runs are left at the limit: the same call goes on."""
    check_place(out, (), record=FILES)
    pack = pack_of()
    if pack is None:
        raise BadInput(f"{ROOT}: is no pack; make one with python -m bench pack")
    if changed := changed_files(ROOT):
        raise BadInput(f"{ROOT / changed[0]}: missing, or changed since it was packed; copy the pack again")
    layout, everything = Workdir(pack["suite"]), find_suite(pack["suite"]).experiments()
    runs = [everything[name] for name in pack["runs"]]
    deadline = time.time() + 60 * minutes
    for run in runs:
        for name, folder in layout.test_sets(run).items():
            if not (folder / MANIFEST).is_file():
                prepare_test(name, run.scale, run.degradation, folder)
    for _ in _as_finished(runs, layout, processes, deadline):
        done = [run for run in runs if _is_finished(run, layout)]
        write_parcel(out, pack, _groups(done, layout), pack["return_bytes"])
    if left := [run.name for run in runs if not _is_finished(run, layout)]:
        raise OutOfTime(f"{len(left)} of {len(runs)} runs are left, {left[0]} first; run the same command to resume")


def _as_finished(runs: list[Experiment], layout: Workdir, processes: int, deadline: float) -> Iterator[str]:
    """The names of runs as they are finished, those of an earlier call once before all others. A run begins when those
    that it takes something of are finished, in order, until the deadline. Raises BadInput of a run, for lack of memory,
    say, when no other can begin."""
    waiting = [run for run in runs if not _is_finished(run, layout)]
    if len(waiting) < len(runs):
        yield "what an earlier call finished"
    unfinished = {run.name for run in waiting}
    failed: list[BadInput] = []
    with process_pool(processes) as pool:
        begun: dict[Future[list[str]], list[str]] = {}
        while True:
            ready = [run for run in waiting if not unfinished.intersection(run.sources)]
            for names in _together(ready)[: processes - len(begun)] if time.time() < deadline else ():
                if begun and not _fit([*begun.values(), names], layout.suite):
                    break
                begun[pool.submit(_make, layout.suite, names, deadline)] = names
                waiting = [run for run in waiting if run.name not in names]
            if not begun:
                break
            for job in wait(begun, return_when=FIRST_COMPLETED).done:
                del begun[job]
                if isinstance(error := job.exception(), BadInput):
                    failed.append(error)
                    continue
                unfinished.difference_update(job.result())
                yield from job.result()
    if failed:
        raise failed[0]


def _together(runs: Iterable[Experiment]) -> list[list[str]]:
    """The names of runs, in order, that one process makes: on a GPU those that estimate kernels are made side by side.
    Elsewhere each is on its own."""
    on_gpu = choose_device("auto").type == "cuda"
    groups: dict[str, list[str]] = {}
    for run in runs:
        groups.setdefault("kernels" if run.estimates and on_gpu else run.name, []).append(run.name)
    return list(groups.values())


def _fit(jobs: Iterable[list[str]], suite: str) -> bool:
    """Whether a GPU has memory for all these jobs at once, by what its suite says that their runs hold."""
    if choose_device("auto").type != "cuda":
        return True
    runs = find_suite(suite).experiments()
    return sum(max(process_mib(suite, runs[name]) for name in names) for names in jobs) < whole_memory_mib()


def _make(suite: str, names: list[str], deadline: float) -> list[str]:
    """Estimate the kernels of runs, or train a run until the deadline and upscale, then score; which came to their
    end."""
    everything, layout = find_suite(suite).experiments(), Workdir(suite)
    runs = [everything[name] for name in names]
    use_threads(runs[0].threads)
    device = choose_device("auto")
    try:
        if runs[0].estimates:
            estimate_runs(runs, layout, device)
        for run in runs if not runs[0].estimates else ():
            if run.iterations and not (layout.run(run.name) / "train.json").is_file():
                train_run(run, layout, device, Limits(max(0.0, deadline - time.time()) / 60), settled=True)
            upscale_run(run, everything, layout, device)
    except (OutOfTime, Diverged) as stop:
        print(stop, file=sys.stderr)
        return []
    for run in runs:
        score_run(run, layout)
    return names


def _is_finished(run: Experiment, layout: Workdir) -> bool:
    return layout.score_record(run).is_file()


def records_of(run: Experiment, layout: Workdir) -> list[Path]:
    """The small files that say all about a run: what its report is made of, apart from pictures and networks."""
    found = [folder / name for folder in layout.prepared(run).values() for name in (MANIFEST, RECORD)]
    found += [layout.scores(run), layout.score_record(run)]
    found += [layout.run(run.name) / name for name in ("train.json", "curves.jsonl") if run.iterations]
    return [*found, layout.made(run)]


def made_by(run: Experiment, layout: Workdir, outputs: Mapping[str, Any]) -> list[Path]:
    """The pictures, or kernels, of a run. outputs: as its record names them."""
    return [layout.made(run).parent / name for name in outputs]


def _groups(runs: list[Experiment], layout: Workdir) -> Iterator[Files]:
    """What comes back, most needed first: everything small and the kernels; the networks; the pictures."""

    def named(paths: Iterable[Path]) -> Files:
        return {path.relative_to(layout.root).as_posix(): path for path in paths}

    outputs = {run.name: read_json(records_of(run, layout)[-1])["outputs"] for run in runs}
    small: Files = {}
    for run in runs:
        small |= named(records_of(run, layout))
        small |= named(made_by(run, layout, outputs[run.name])) if run.estimates else {}
    yield small
    for run in runs:
        if run.iterations:
            yield named([checkpoint_path(layout.run(run.name))])
    for run in runs:
        if not run.estimates:
            yield named(made_by(run, layout, outputs[run.name]))
