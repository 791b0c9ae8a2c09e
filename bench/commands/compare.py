"""The verb compare: one's own method against others on two folders of pictures, without a suite or a workflow."""

import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from bench.commands.options import SCALE, Arguments, add_lr, add_output
from bench.errors import BadInput

if TYPE_CHECKING:
    from bench.suites.suite import Suite


def add_verbs(verbs: Any) -> None:
    """Add this module's verb to the parser."""
    compare = verbs.add_parser("compare", help="a page about the last METHOD against the others, on any pictures")
    compare.add_argument("methods", nargs="+", metavar="METHOD", help="bicubic, folder:DIR, spandrel:FILE, onnx:FILE")
    compare.add_argument("--hr", type=Path, required=True)
    add_lr(compare, required=False, text="default: made from HR, bicubically")
    compare.add_argument("--hr-pattern", default="{name}")
    compare.add_argument("--scale", type=SCALE, default=4)
    compare.add_argument("--metrics", help="keys joined by commas (list metrics shows them)")
    compare.add_argument("--device", default="auto", help="auto, cpu or cuda")
    add_output(compare)
    compare.set_defaults(verb=compare_methods)


def compare_methods(arguments: Arguments) -> None:
    """Everything that the workflow does of a suite, in one process: prepare, upscale, score, report."""
    from bench.data.prepare import prepare_test
    from bench.provenance.record import write_results
    from bench.report.described import describe
    from bench.report.document import build
    from bench.runtime.checksums import seal
    from bench.runtime.devices import choose_device, use_threads
    from bench.runtime.output import output_folder
    from bench.stages.run import score_run, upscale_run
    from bench.suites.workdir import Workdir

    suite, mine = _suite(arguments)
    device, runs = choose_device(arguments.device), list(suite.experiments().values())
    use_threads(suite.threads)
    inputs = [arguments.hr, arguments.lr]
    with output_folder(arguments.out, inputs, arguments.overwrite) as results, TemporaryDirectory() as work:
        layout = Workdir(suite.name, within=Path(work))
        (dataset,) = suite.test_sets
        prepare_test(dataset, suite.scale, suite.degradation, layout.test_data(dataset, suite.scale, suite.degradation))
        for run in runs:
            upscale_run(run, {}, layout, device)
            score_run(run, layout)
        order = write_results(suite, runs, layout, results)
        build(results, layout.root, describe(suite, order, results, mine), page=results / "page")
        seal(results)
    print(f"{len(runs)} methods compared: {arguments.out / 'page' / 'index.html'}")


def _suite(arguments: Arguments) -> "tuple[Suite, str]":
    """(a suite of these methods on these pictures, the '<method>.<variant>' that the page is about). Raises BadInput
    for a method that has to be trained first."""
    from bench.data.datasets import DATASETS, DataSet, declare
    from bench.metrics import DEFAULT_METRICS
    from bench.suites.suite import MethodPlan, Suite
    from methods import find_method

    variants: dict[str, dict[str, None]] = {}
    for entry, variant in map(find_method, arguments.methods):
        variants.setdefault(entry.name, {})[variant or "default"] = None
        mine = f"{entry.name}.{variant or 'default'}"
        trained = "sha256" in entry.default or entry.build(arguments.scale, {}).network() is None
        if entry.estimates or not trained:
            remedy = "compare it in a suite (snakemake compare), or give its pictures as folder:DIR"
            raise BadInput(f"{mine}: has to be trained first; {remedy}")
    name = re.sub(r"[^\w-]+", "-", arguments.hr.resolve().name, flags=re.ASCII).strip("-_")
    name = f"own-{name}" if name in DATASETS or not name else name
    lr = str(arguments.lr.resolve() / arguments.lr_pattern) if arguments.lr else ""
    declare(DataSet(name, "test", folder=str(arguments.hr.resolve()), hr=arguments.hr_pattern, lr=lr))
    metrics = tuple(arguments.metrics.split(",")) if arguments.metrics else DEFAULT_METRICS
    plans = tuple(MethodPlan(method, variants=tuple(names)) for method, names in variants.items())
    title = f"{len(arguments.methods)} methods on the pictures of {arguments.hr.name}"
    return Suite("compare", title, (), (name,), plans, scale=arguments.scale, metrics=metrics), mine
