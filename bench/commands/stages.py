"""The stages of a suite, in data-flow order: prepare, train, upscale, score, report, mirror, publish; and its runs that
are made on another machine: pack, make-packed-runs, adopt.

Jobs may outlive a workflow that was killed; a stage that finds another process at its work waits for its turn.
"""

import argparse
import contextlib
import functools
import shutil
from pathlib import Path
from typing import Any

from bench.commands.options import COUNT, JOBS, SCALE, Arguments, add_output, minutes


def add_verbs(verbs: Any) -> None:
    """Add this module's verbs to the parser."""
    prepare = verbs.add_parser("prepare", help="degrade a data set of a suite, or build a training store")
    prepare.add_argument("sets", help="data set, or sets joined by + for training")
    prepare.add_argument("--role", choices=("train", "test"), required=True)
    prepare.add_argument("--scale", type=scales, default=(4,), help="4; for training also 4+x2")
    prepare.add_argument("--degradation", default="bicubic")
    add_output(prepare)
    prepare.set_defaults(verb=prepare_data)

    train = verbs.add_parser("train", help="train one run of a suite; the same command resumes")
    train.add_argument("run", metavar="RUN", help="<method>.<variant>.x<scale>.<degradation>.s<seed>, or a method")
    train.add_argument("--suite", default="demo")
    train.add_argument("--minutes", type=minutes, help="stop after so long, exit 75")
    train.add_argument("--device", default="auto", help="auto, cpu or cuda")
    text = "a step as one CUDA graph (default: on a GPU; bytes do not depend on it)"
    train.add_argument("--graph", action=argparse.BooleanOptionalAction, help=text)
    add_output(train, required=False, text="run folder (default: the suite's)")
    train.add_argument(
        "--settle",
        action="store_true",
        help="make a divergence the run's result, n/a in every table, instead of exit 3",
    )
    train.set_defaults(verb=train_run)

    kernels = verbs.add_parser("kernels-suite", help="estimate the blur kernels of runs' test sets")
    kernels.add_argument("runs", metavar="RUN", nargs="+", help="on a GPU, several are made side by side")
    kernels.add_argument("--suite", default="demo")
    kernels.add_argument("--device", default="auto", help="auto, cpu or cuda")
    kernels.set_defaults(verb=kernel_runs)

    for name, verb, text in (
        ("upscale-suite", upscale_runs, "upscale the suite's test sets with every run of a method"),
        ("score-suite", score_runs, "score every run of a method"),
        ("mirror", mirror, "mirror a method's runs, or all of them and the tables, into MLflow"),
    ):
        stage = verbs.add_parser(name, help=text)
        stage.add_argument("--suite", default="demo")
        stage.add_argument("--shard")
        stage.add_argument("--reuse", action="store_true", help="without the runs whose published scores still hold")
        stage.add_argument("--method", required=name != "mirror")
        stage.add_argument("--methods", default="", help="only these, joined by commas (for `compare`)")
        stage.add_argument("--device", default="auto", help="auto, cpu or cuda")
        if name != "mirror":
            stage.add_argument("--processes", type=JOBS, default=1, help="runs at once (bytes do not depend on it)")
        stage.set_defaults(verb=verb)

    report = verbs.add_parser("report", help="tables, figures and REPORT.md from the scores")
    report.add_argument("--suite", default="demo")
    report.add_argument("--shard")
    report.add_argument("--reuse", action="store_true", help="take over published scores that still hold")
    report.add_argument("--methods", default="", help="only these, joined by commas (for `compare`)")
    add_output(report, required=False, text="results folder (default: the suite's)")
    report.set_defaults(verb=make_report)

    publish = verbs.add_parser("publish", help="compare a suite's results with those in BENCH_RESULTS/<suite>")
    publish.add_argument("--suite", default="demo")
    publish.add_argument("--shard")
    publish.add_argument("--reuse", action="store_true", help="compare only the runs that were made again")
    publish.add_argument("--write", action="store_true", help="and replace these by them")
    publish.add_argument("--overwrite", action="store_true", help="and other files there, too")
    publish.set_defaults(verb=publish_results)

    pack = verbs.add_parser("pack", help="what a bare GPU machine needs to make runs of a suite")
    pack.add_argument("--suite", required=True)
    pack.add_argument("--shard", help="of the suite, or several joined by +; default: all")
    pack.add_argument("--limit-mb", type=COUNT, default=60, help="of the pack")
    pack.add_argument("--return-mb", type=COUNT, default=100, help="of what comes back, at most 8 files of 16 MiB")
    add_output(pack)
    pack.set_defaults(verb=pack_runs)

    make = verbs.add_parser("make-packed-runs", help="make the runs of the pack that this code is in (go.sh)")
    make.add_argument("--minutes", type=minutes, required=True, help="begin nothing after so long, exit 75")
    make.add_argument("--processes", type=JOBS, default=1, help="runs at once (bytes do not depend on it)")
    make.add_argument("--out", type=Path, required=True, metavar="DIR", help="gets what comes back")
    make.set_defaults(verb=make_runs)

    adopt = verbs.add_parser("adopt", help="what came back: checked, then part of results/<suite>")
    adopt.add_argument("parcel", type=Path, metavar="DIR")
    adopt.set_defaults(verb=adopt_runs)


def scales(text: str) -> tuple[int, ...]:
    """'4' or '4+x2' as numbers, the scale itself first."""
    return tuple(SCALE(word) for word in text.split("+x"))


def prepare_data(arguments: Arguments) -> None:
    import bench.suites  # noqa: F401 - its data sets of one's own
    from bench.data.prepare import prepare_test, prepare_train
    from bench.errors import BadInput

    names = tuple(arguments.sets.split("+"))
    scale, *levels = arguments.scale
    if arguments.role == "train":
        prepare_train(names, scale, arguments.degradation, arguments.out, levels=levels, overwrite=arguments.overwrite)
    elif levels:
        raise BadInput(f"a test set has one scale; give --scale {scale} alone")
    else:
        prepare_test(arguments.sets, scale, arguments.degradation, arguments.out, overwrite=arguments.overwrite)


def train_run(arguments: Arguments) -> None:
    """Prepares the training store first where it is not there yet."""
    from bench.runtime.devices import choose_device, use_threads
    from bench.runtime.graph import find_recorder
    from bench.runtime.output import claim_folder
    from bench.runtime.weights import locate
    from bench.stages import run as stages
    from bench.stages.budget import settle_budget
    from bench.stages.conformance import try_out
    from bench.stages.train import FILES, Limits
    from bench.suites import check_trainable, find_run, find_suite
    from bench.suites.workdir import Workdir

    run, layout = find_run(arguments.suite, arguments.run), Workdir(arguments.suite)
    check_trainable(run)
    use_threads(run.threads)
    device, limits = choose_device(arguments.device), Limits(arguments.minutes, graph=arguments.graph)
    find_recorder(device, arguments.graph)
    for name in run.build().needs_weights:
        locate(name)  # before anything is written
    if arguments.out is not None:
        claim_folder(arguments.out, FILES, arguments.overwrite)
    try_out(find_suite(arguments.suite), run.method)
    settle_budget(find_suite(arguments.suite), run.method, device, limits)
    run = find_run(arguments.suite, arguments.run)  # as it was settled
    stages.train_run(run, layout, device, limits, arguments.settle, arguments.out)


def kernel_runs(arguments: Arguments) -> None:
    """The blur kernel of every test picture of runs."""
    from bench.runtime.devices import choose_device, use_threads
    from bench.stages.run import estimate_runs
    from bench.suites import find_run
    from bench.suites.workdir import Workdir

    runs, layout = [find_run(arguments.suite, name) for name in arguments.runs], Workdir(arguments.suite)
    use_threads(runs[0].threads)
    with contextlib.ExitStack() as turns:
        for run in sorted(runs, key=lambda run: run.name):
            turns.enter_context(layout.turn(f"kernels.{run.name}"))
        estimate_runs(runs, layout, choose_device(arguments.device))


def upscale_runs(arguments: Arguments) -> None:
    """Every run of the method; a process pays for its imports once."""
    from bench.runtime.devices import choose_device
    from bench.runtime.parallel import work_through
    from bench.suites.workdir import Workdir

    task = functools.partial(_upscale, arguments.suite, arguments.device)
    on_gpu = choose_device(arguments.device).type == "cuda"
    with Workdir(arguments.suite).turn(f"upscale.{arguments.method}"):
        work_through(task, [run.name for run in _runs(arguments)], arguments.processes, on_gpu)


def _upscale(suite_name: str, device_name: str, name: str) -> float:
    from bench.runtime.devices import choose_device, held_memory_mib, use_threads
    from bench.stages.run import upscale_run
    from bench.suites import find_suite
    from bench.suites.workdir import Workdir

    runs = find_suite(suite_name).experiments()
    use_threads(runs[name].threads)
    device = choose_device(device_name)
    upscale_run(runs[name], runs, Workdir(suite_name), device)
    return held_memory_mib(device)


def score_runs(arguments: Arguments) -> None:
    """Every run of the method; a metric whose weights are absent is n/a with the reason."""
    from bench.runtime.parallel import work_through
    from bench.suites.workdir import Workdir

    task = functools.partial(_score, arguments.suite)
    layout = Workdir(arguments.suite)
    with layout.turn(f"score.{arguments.method}"):
        shutil.rmtree(layout.root / "scores" / arguments.method, ignore_errors=True)  # of runs that are no more
        work_through(task, [run.name for run in _runs(arguments)], arguments.processes)


def _score(suite_name: str, name: str) -> float:
    from bench.stages.run import score_run
    from bench.suites import find_run
    from bench.suites.workdir import Workdir

    score_run(find_run(suite_name, name), Workdir(suite_name))
    return 0.0


def make_report(arguments: Arguments) -> None:
    from bench.commands.reporting import build_report
    from bench.runtime.output import output_folder
    from bench.suites.workdir import Workdir

    layout, own = Workdir(arguments.suite), arguments.out is None
    with layout.turn("report"):
        target = (
            contextlib.nullcontext() if own else output_folder(arguments.out, [layout.results], arguments.overwrite)
        )
        with target as folder:
            build_report(arguments.suite, arguments.shard, arguments.methods, folder, arguments.reuse)


def mirror(arguments: Arguments) -> None:
    from bench.commands import reporting

    reporting.mirror(arguments.suite, _runs(arguments), whole=arguments.method is None)


def publish_results(arguments: Arguments) -> None:
    """Say which runs came out as published. With --write the published folder is replaced, whole, so that nothing stale
    stays in it; one that holds more than was published there is left alone."""
    from bench.errors import BadInput
    from bench.provenance.reproduction import differences, summarise
    from bench.provenance.reuse import needed
    from bench.runtime.output import output_folder
    from bench.runtime.paths import results_folder
    from bench.runtime.results import FILES, REPORT, read_records
    from bench.suites import find_suite
    from bench.suites.workdir import Workdir

    here, published = Workdir(arguments.suite).results, results_folder() / arguments.suite
    if not (here / REPORT).is_file():
        raise BadInput(f"{here}: no report to publish; run snakemake --cores 8 all first")
    if arguments.write:
        with output_folder(published, [here], arguments.overwrite, record=FILES) as folder:
            shutil.copytree(here, folder, ignore=shutil.ignore_patterns(".*"), dirs_exist_ok=True)  # Snakemake's marks
        print(f"{len(read_records(published))} runs published; report: {published / REPORT}")
        return
    runs = list(needed(find_suite(arguments.suite), arguments.shard or None, arguments.reuse))
    whole = not (arguments.shard or arguments.reuse)
    gone = [run for run in read_records(published) if run not in runs] if whole else []
    print(summarise(differences([*runs, *gone], here, published), here / REPORT, arguments.suite))


def _runs(arguments: Arguments) -> list[Any]:
    """The runs of one method, or of all, in the suite or its shard."""
    from bench.provenance.reuse import needed
    from bench.suites import find_suite

    runs = needed(find_suite(arguments.suite), arguments.shard or None, arguments.reuse, arguments.methods).values()
    return [run for run in runs if arguments.method in (None, run.method)]


def pack_runs(arguments: Arguments) -> None:
    from bench.provenance.pack import pack

    limits = (arguments.limit_mb, arguments.return_mb)
    names = pack(arguments.suite, arguments.shard, arguments.out, *limits, arguments.overwrite)
    print(f"{len(names)} runs to make, {names[0]} first: bash {arguments.out}/go.sh [MINUTES] [OUT] [PROCESSES]")


def make_runs(arguments: Arguments) -> None:
    from bench.stages.elsewhere import make_packed_runs

    make_packed_runs(arguments.minutes, arguments.processes, arguments.out)


def adopt_runs(arguments: Arguments) -> None:
    from bench.provenance.adopt import adopt

    names = adopt(arguments.parcel)
    print("\n".join([*names, f"{len(names)} runs adopted"]))
