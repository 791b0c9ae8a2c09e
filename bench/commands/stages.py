"""The stages of a suite, in data-flow order: prepare, train, upscale, score, report, mirror, publish.

Jobs may outlive a workflow that was killed; a stage that finds another process at its work waits for its turn.
"""

from __future__ import annotations

import argparse
import shutil
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

Arguments = argparse.Namespace


def add_verbs(verbs: Any) -> None:
    """Add this module's verbs to the parser."""
    prepare = verbs.add_parser("prepare", help="degrade a data set of a suite, or build a training store")
    prepare.add_argument("sets", help="data set, or sets joined by + for training")
    prepare.add_argument("--role", choices=("train", "test"), required=True)
    prepare.add_argument("--scale", type=int, default=4)
    prepare.add_argument("--degradation", default="bicubic")
    prepare.add_argument("--out", type=Path, required=True)
    prepare.set_defaults(verb=prepare_data)

    train = verbs.add_parser("train", help="train one run of a suite; the same command resumes")
    train.add_argument("run", metavar="RUN", help="<method>.<variant>.x<scale>.<degradation>.s<seed>")
    train.add_argument("--suite", default="demo")
    train.add_argument("--minutes", type=float, help="stop after so long, exit 75")
    train.add_argument("--device", default="auto", help="auto, cpu or cuda")
    train.add_argument("--out", type=Path, help="run folder (default: the suite's)")
    train.set_defaults(verb=train_run)

    for name, verb, text in (
        ("upscale-suite", upscale_runs, "upscale the suite's test sets with every run of a method"),
        ("score-suite", score_runs, "score every run of a method"),
        ("mirror", mirror, "mirror a method's runs, or the suite's tables, into MLflow"),
    ):
        stage = verbs.add_parser(name, help=text)
        stage.add_argument("--suite", default="demo")
        stage.add_argument("--shard")
        stage.add_argument("--method", required=name != "mirror")
        stage.add_argument("--device", default="auto", help="auto, cpu or cuda")
        stage.set_defaults(verb=verb)

    report = verbs.add_parser("report", help="tables, figures and REPORT.md from the scores")
    report.add_argument("--suite", default="demo")
    report.add_argument("--shard")
    report.add_argument("--methods", help="only these, joined by commas (for `compare`)")
    report.add_argument("--out", type=Path, help="results folder (default: the suite's)")
    report.set_defaults(verb=make_report)

    publish = verbs.add_parser("publish", help="copy a suite's results to BENCH_RESULTS/<suite>")
    publish.add_argument("--suite", default="demo")
    publish.set_defaults(verb=publish_results)


def prepare_data(arguments: Arguments) -> None:
    from bench.data.prepare import prepare_test, prepare_train

    names = tuple(arguments.sets.split("+"))
    if arguments.role == "train":
        prepare_train(names, arguments.scale, arguments.degradation, arguments.out)
    else:
        prepare_test(arguments.sets, arguments.scale, arguments.degradation, arguments.out)


def train_run(arguments: Arguments) -> None:
    """Prepares the training store first where it is not there yet."""
    from bench.data.patches import PatchStore
    from bench.data.prepare import prepare_train
    from bench.devices import choose_device, use_threads
    from bench.files import read_json
    from bench.layout import Layout
    from bench.suites import check_trainable, find_run
    from bench.train import Limits, train
    from bench.weights import locate

    run = find_run(arguments.suite, arguments.run)
    check_trainable(run)
    use_threads(run.threads)
    device = choose_device(arguments.device)
    for name in run.build().needs_weights:
        locate(name)
    layout = Layout(arguments.suite)
    store = layout.train_data(run)
    with _turn(layout, store.name):
        if not (store / "manifest.json").is_file():
            prepare_train(run.train_sets, run.scale, run.degradation, store)
    folder = arguments.out or layout.run(run.name)
    with _turn(layout, run.name) as waited:
        if waited and (folder / "train.json").is_file() and read_json(folder / "train.json")["digest"] == run.digest():
            return  # the other process has just finished it
        train(run, PatchStore(store), folder, device, Limits(arguments.minutes))


def upscale_runs(arguments: Arguments) -> None:
    """Every run of the method in one process: imports are paid once."""
    from bench.devices import choose_device, use_threads
    from bench.layout import Layout
    from bench.suites import suite
    from bench.train import checkpoint_path, load_network
    from bench.upscale import prepare, upscale_sets

    chosen, layout = suite(arguments.suite), Layout(arguments.suite)
    use_threads(chosen.threads)
    device = choose_device(arguments.device)
    with _turn(layout, f"upscale.{arguments.method}"):
        for run in _runs(arguments):
            method = run.build()
            network = method.network()
            if network is not None:
                network = load_network(network, checkpoint_path(layout.run(run.name)))
            sets = [(name, layout.test_data(name, run.scale, run.degradation)) for name in chosen.test_sets]
            upscale_sets(prepare(method, network, device), sets, layout.sr(run), run.scale, device)


def score_runs(arguments: Arguments) -> None:
    """Every run of the method in one process; a metric whose weights are absent is n/a with the reason."""
    from bench.layout import Layout
    from bench.score import score_run, write_csv
    from bench.suites import suite

    chosen, layout = suite(arguments.suite), Layout(arguments.suite)
    with _turn(layout, f"score.{arguments.method}"):
        for run in _runs(arguments):
            sets = {name: layout.test_data(name, run.scale, run.degradation) for name in chosen.test_sets}
            records = score_run(layout.sr(run), sets, chosen.metrics, run.scale, workers=1)
            write_csv(layout.scores(run), records, with_dataset=True)


def make_report(arguments: Arguments) -> None:
    from bench.commands.reporting import build_report
    from bench.layout import Layout

    with _turn(Layout(arguments.suite), "report"):
        build_report(arguments.suite, arguments.shard, arguments.methods, arguments.out)


def mirror(arguments: Arguments) -> None:
    from bench.commands.reporting import mirror_method, mirror_tables

    if arguments.method:
        mirror_method(arguments.suite, _runs(arguments))
    else:
        mirror_tables(arguments.suite)


def publish_results(arguments: Arguments) -> None:
    """The published folder is replaced whole, so that nothing stale stays in it."""
    from bench.errors import BadInput
    from bench.files import replacing
    from bench.layout import Layout
    from bench.paths import results_folder

    made = Layout(arguments.suite).results
    if not (made / "REPORT.md").is_file():
        raise BadInput(f"{made}: no report to publish; run snakemake --cores 8 all first")
    with replacing(results_folder() / arguments.suite) as temporary:
        shutil.copytree(made, temporary)


def _turn(layout: Any, work: str) -> AbstractContextManager[bool]:
    """The right to do a piece of a suite's work; True where another process had it first."""
    from bench.files import locked

    return locked(layout.root / "turns" / work, wait=True)


def _runs(arguments: Arguments) -> list[Any]:
    """The runs of one method in the suite or its shard."""
    from bench.suites import suite

    runs = suite(arguments.suite).experiments(arguments.shard or None).values()
    return [run for run in runs if run.method == arguments.method]
