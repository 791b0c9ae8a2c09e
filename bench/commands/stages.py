"""The stages of a suite, in data-flow order: prepare, train, upscale, score, report, mirror, publish.

Jobs may outlive a workflow that was killed; a stage that finds another process at its work waits for its turn.
"""

from __future__ import annotations

import argparse
import functools
import shutil
import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from bench.commands.options import JOBS, SCALE, add_output, minutes

Arguments = argparse.Namespace


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
    train.add_argument("run", metavar="RUN", help="<method>.<variant>.x<scale>.<degradation>.s<seed>")
    train.add_argument("--suite", default="demo")
    train.add_argument("--minutes", type=minutes, help="stop after so long, exit 75")
    train.add_argument("--device", default="auto", help="auto, cpu or cuda")
    add_output(train, required=False, text="run folder (default: the suite's)")
    train.add_argument(
        "--settle",
        action="store_true",
        help="make a divergence the run's result, n/a in every table, instead of exit 3",
    )
    train.set_defaults(verb=train_run)

    kernels = verbs.add_parser("kernels-suite", help="estimate the blur kernels of one run's test sets")
    kernels.add_argument("run", metavar="RUN")
    kernels.add_argument("--suite", default="demo")
    kernels.add_argument("--device", default="auto", help="auto, cpu or cuda")
    kernels.set_defaults(verb=kernel_run)

    for name, verb, text in (
        ("upscale-suite", upscale_runs, "upscale the suite's test sets with every run of a method"),
        ("score-suite", score_runs, "score every run of a method"),
        ("mirror", mirror, "mirror a method's runs, or the suite's tables, into MLflow"),
    ):
        stage = verbs.add_parser(name, help=text)
        stage.add_argument("--suite", default="demo")
        stage.add_argument("--shard")
        stage.add_argument("--reuse", action="store_true", help="without the runs whose published scores still hold")
        stage.add_argument("--method", required=name != "mirror")
        stage.add_argument("--device", default="auto", help="auto, cpu or cuda")
        if name != "mirror":
            stage.add_argument("--processes", type=JOBS, default=1, help="runs at once (bytes do not depend on it)")
        stage.set_defaults(verb=verb)

    report = verbs.add_parser("report", help="tables, figures and REPORT.md from the scores")
    report.add_argument("--suite", default="demo")
    report.add_argument("--shard")
    report.add_argument("--reuse", action="store_true", help="take over published scores that still hold")
    report.add_argument("--methods", help="only these, joined by commas (for `compare`)")
    add_output(report, required=False, text="results folder (default: the suite's)")
    report.set_defaults(verb=make_report)

    publish = verbs.add_parser("publish", help="copy a suite's results to BENCH_RESULTS/<suite>")
    publish.add_argument("--suite", default="demo")
    publish.set_defaults(verb=publish_results)


def scales(text: str) -> tuple[int, ...]:
    """'4' or '4+x2' as numbers, the scale itself first."""
    return tuple(SCALE(word) for word in text.split("+x"))


def prepare_data(arguments: Arguments) -> None:
    from bench.data.prepare import prepare_test, prepare_train

    names = tuple(arguments.sets.split("+"))
    scale, *levels = arguments.scale
    if arguments.role == "train":
        options = {"levels": tuple(levels), "overwrite": arguments.overwrite}
        prepare_train(names, scale, arguments.degradation, arguments.out, **options)
    else:
        prepare_test(arguments.sets, scale, arguments.degradation, arguments.out, overwrite=arguments.overwrite)


def train_run(arguments: Arguments) -> None:
    """Prepares the training store first where it is not there yet."""
    from bench.errors import Diverged
    from bench.runtime.devices import choose_device, use_threads
    from bench.runtime.files import read_json
    from bench.runtime.output import claim_folder
    from bench.runtime.weights import locate
    from bench.stages.divergence import inherited, settle, told
    from bench.stages.train import FILES, Limits, train
    from bench.suites import check_trainable, find_run
    from bench.suites.workdir import Workdir

    run = find_run(arguments.suite, arguments.run)
    check_trainable(run)
    use_threads(run.threads)
    device = choose_device(arguments.device)
    for name in run.build().needs_weights:
        locate(name)
    layout = Workdir(arguments.suite)
    folder = arguments.out or layout.run(run.name)
    if arguments.out is not None:
        claim_folder(folder, FILES, arguments.overwrite)
    store = _training_store(layout, run)
    with _turn(layout, run.name) as waited:
        if waited and (folder / "train.json").is_file() and read_json(folder / "train.json")["digest"] == run.digest():
            return  # the other process has just finished it
        why = inherited(run, layout)
        try:
            if why:
                raise Diverged(f"{run.name}: has nothing to start from, for the {why}")
            train(run, store, folder, device, Limits(arguments.minutes))
        except Diverged as error:
            if not arguments.settle:
                raise
            print(f"{error}; kept as the run's result", file=sys.stderr)
            settle(run, store.folder, folder, device, why or told(run.name, error))


def _training_store(layout: Any, run: Any) -> Any:
    """What a run draws its batches from, made where it is not there yet."""
    from bench.data.patches import PairedAndUnpaired, PatchStore
    from bench.data.prepare import prepare_train

    def opened(place: Path, sets: tuple[str, ...], degradation: str, levels: tuple[int, ...]) -> PatchStore:
        with _turn(layout, place.name):
            if not (place / "manifest.json").is_file():
                prepare_train(sets, run.scale, degradation, place, levels=levels)
        return PatchStore(place)

    method = run.build()
    pairs = opened(layout.train_data(run), run.train_sets, run.pairs, method.levels)
    if not run.unpaired_sets:
        return pairs

    others = opened(layout.unpaired_data(run), run.unpaired_sets, run.degradation, ())
    return PairedAndUnpaired(pairs, others, method.unpaired)


def kernel_run(arguments: Arguments) -> None:
    """The blur kernel of every test picture of a run, all its sets side by side."""
    from bench.runtime.devices import choose_device, use_threads
    from bench.stages.estimate import estimate_sets
    from bench.suites import find_run
    from bench.suites.workdir import Workdir

    run, layout = find_run(arguments.suite, arguments.run), Workdir(arguments.suite)
    use_threads(run.threads)
    device = choose_device(arguments.device)
    with _turn(layout, f"kernels.{run.name}"):
        sets = {name: layout.test_data(name, run.scale, run.degradation) / "lr" for name in run.test_sets}
        estimate_sets(run.build(), sets, layout.kernels(run), run.seed, device)


def upscale_runs(arguments: Arguments) -> None:
    """Every run of the method; a process pays for its imports once."""
    from bench.runtime.parallel import work_through
    from bench.suites.workdir import Workdir

    task = functools.partial(_upscale, arguments.suite, arguments.device)
    with _turn(Workdir(arguments.suite), f"upscale.{arguments.method}"):
        work_through(task, [run.name for run in _runs(arguments)], arguments.processes)


def _upscale(suite_name: str, device_name: str, name: str) -> None:
    from bench.runtime.devices import choose_device, use_threads
    from bench.stages.divergence import no_pictures, reason
    from bench.stages.upscale import TestSet, prepare, upscale_sets
    from bench.suites import find_suite
    from bench.suites.suite import TRUTH
    from bench.suites.workdir import Workdir

    layout, everything = Workdir(suite_name), find_suite(suite_name).experiments()
    run = everything[name]
    use_threads(run.threads)
    device = choose_device(device_name)
    why = reason(run, layout)
    if why:
        no_pictures(layout.sr(run), device, why)
        return
    told = layout.kernels(everything[run.kernel_from]) if run.kernel_from in everything else None
    sets = []
    for one in run.test_sets:
        data = layout.test_data(one, run.scale, run.degradation)
        kernels = data / "kernels" if run.kernel_from == TRUTH else told and told / one
        sets.append(TestSet(one, data / "lr", kernels, run.seed))
    upscaler = prepare(run.build(), _trained(layout, run), device)
    upscale_sets(upscaler, sets, layout.sr(run), run.scale, device)


def _trained(layout: Any, run: Any) -> Any:
    """The network that a run upscales with: its own, another run's, several others', or none."""
    from torch import nn

    from bench.stages.train import checkpoint_path, load_network

    network = run.build().network()
    if network is None:
        return None
    names = run.network_from or (run.name,)
    parts = list(network) if isinstance(network, nn.ModuleList) else [network]
    for part, name in zip(parts, names, strict=True):
        load_network(part, checkpoint_path(layout.run(name)))
    return network.eval()


def score_runs(arguments: Arguments) -> None:
    """Every run of the method; a metric whose weights are absent is n/a with the reason."""
    from bench.runtime.parallel import work_through
    from bench.suites.workdir import Workdir

    task = functools.partial(_score, arguments.suite)
    layout = Workdir(arguments.suite)
    with _turn(layout, f"score.{arguments.method}"):
        shutil.rmtree(layout.results / "scores" / arguments.method, ignore_errors=True)  # of runs that are no more
        work_through(task, [run.name for run in _runs(arguments)], arguments.processes)


def _score(suite_name: str, name: str) -> None:
    from bench.stages.divergence import no_scores, reason
    from bench.stages.score import score_kernels, score_run, write_csv
    from bench.suites import find_run
    from bench.suites.workdir import Workdir

    layout, run = Workdir(suite_name), find_run(suite_name, name)
    sets = {one: layout.test_data(one, run.scale, run.degradation) for one in run.test_sets}
    if run.estimates:
        records = score_kernels(layout.kernels(run), sets, run.metrics)
    elif why := reason(run, layout):
        records = no_scores(sets, run.metrics, why)
    else:
        records = score_run(layout.sr(run), sets, run.metrics, run.scale, workers=1)
    write_csv(layout.scores(run), records, with_dataset=True)


def make_report(arguments: Arguments) -> None:
    from bench.commands.reporting import build_report
    from bench.runtime.output import output_folder
    from bench.suites.workdir import Workdir

    with _turn(Workdir(arguments.suite), "report"):
        if arguments.out is None:
            build_report(arguments.suite, arguments.shard, arguments.methods, None, arguments.reuse)
            return
        with output_folder(arguments.out, [Workdir(arguments.suite).results], arguments.overwrite) as folder:
            build_report(arguments.suite, arguments.shard, arguments.methods, folder, arguments.reuse)


def mirror(arguments: Arguments) -> None:
    from bench.commands.reporting import mirror_method, mirror_tables

    if arguments.method:
        mirror_method(arguments.suite, _runs(arguments))
    else:
        mirror_tables(arguments.suite)


def publish_results(arguments: Arguments) -> None:
    """The published folder is replaced whole, so that nothing stale stays in it."""
    from bench.errors import BadInput
    from bench.runtime.files import making_folder
    from bench.runtime.paths import results_folder
    from bench.suites.workdir import Workdir

    made = Workdir(arguments.suite).results
    if not (made / "REPORT.md").is_file():
        raise BadInput(f"{made}: no report to publish; run snakemake --cores 8 all first")
    with making_folder(results_folder() / arguments.suite) as folder:
        shutil.copytree(made, folder, ignore=shutil.ignore_patterns(".*"), dirs_exist_ok=True)  # Snakemake's marks


def _turn(layout: Any, work: str) -> AbstractContextManager[bool]:
    """The right to do a piece of a suite's work; True where another process had it first."""
    from bench.runtime.files import locked

    return locked(layout.root / "turns" / work, wait=True)


def _runs(arguments: Arguments) -> list[Any]:
    """The runs of one method in the suite or its shard."""
    from bench.provenance.reuse import needed
    from bench.suites import find_suite

    runs = needed(find_suite(arguments.suite), arguments.shard or None, arguments.reuse).values()
    return [run for run in runs if run.method == arguments.method]
