"""Verbs for methods of one's own: new, check; compare, on two folders of pictures, without a suite or a workflow."""

from __future__ import annotations

import importlib.util
import re
import shlex
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from bench.commands.options import SCALE, Arguments, add_lr, add_output, keys
from bench.errors import BadInput
from bench.runtime.code_digest import ROOT

if TYPE_CHECKING:
    from bench.suites.suite import Suite

TEMPLATE = Path(__file__).with_name("method.py.txt")


def add_verbs(verbs: Any) -> None:
    """Add this module's verbs to the parser."""
    new = verbs.add_parser("new", help="write NAME.py, a method that runs as it is")
    new.add_argument("name", metavar="NAME", help="small letters, digits and _")
    new.set_defaults(verb=write_method)

    check = verbs.add_parser("check", help="whether a method keeps to what every method must keep to")
    check.add_argument("method", metavar="FILE", help="a method file, or any method's name")
    check.add_argument("--suite", default="demo", help="at the size that it has there (default: demo)")
    check.set_defaults(verb=check_file)

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


def write_method(arguments: Arguments) -> None:
    from bench.runtime.files import replacing
    from methods import METHODS

    name, out = arguments.name, Path(f"{arguments.name}.py")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise BadInput(f"{name!r} is no name for a method; use small letters, digits and _, a letter first")
    if name in METHODS:
        raise BadInput(f"the name {name!r} is taken by a method of the project; choose another")
    if out.exists():
        raise BadInput(f"{out}: is there already; choose another name, or remove it")
    module = importlib.util.find_spec(name)
    if module is not None and module.origin is not None:  # from this folder, a file of that name would hide it
        raise BadInput(f"the name {name!r} is taken by a Python module; choose another")
    title = "".join(word.title() for word in name.split("_"))
    with replacing(out) as temporary:
        temporary.write_text(TEMPLATE.read_text().replace("Mine", title).replace('"mine"', f'"{name}"'))
    print(f"{out}: a method that runs as it is. Edit it, then:")
    print(f"  python -m bench check {out}")
    where = "" if Path("Snakefile").is_file() else f"-s {shlex.quote(str(ROOT / 'Snakefile'))} "
    print(f"  snakemake {where}--cores 2 compare --config suite=demo methods=bicubic,rrdb.default,{out}")


def check_file(arguments: Arguments) -> None:
    """A line a check. Raises BadInput, naming those that fail."""
    from bench.runtime.devices import use_threads
    from bench.stages.conformance import Subject, check_method
    from bench.suites import find_suite
    from methods import find_method

    entry, variant = find_method(arguments.method)
    use_threads(1)
    run = find_suite(arguments.suite).experiment(entry.name, variant or "default", 1)
    failed: dict[str, str] = {}  # fault to the check that found it first
    for finding in check_method(Subject(entry, run.knobs, run.scale)):
        first = failed.setdefault(finding.fault, finding.check) if finding.fault else ""
        text = f"as {first}" if first not in ("", finding.check) else finding.fault or finding.note
        print(f"{'FAULT' if finding.fault else 'ok':5}  {finding.check:11}  {text}".rstrip())
    if failed:
        raise BadInput(f"{arguments.method}: fails {', '.join(failed.values())}; mend what the lines above say")


def compare_methods(arguments: Arguments) -> None:
    """Everything that the workflow does of a suite, in one process: prepare, upscale, score, report."""
    from bench.data.prepare import prepare_test
    from bench.provenance.record import write_results
    from bench.report.described import describe
    from bench.report.document import build
    from bench.runtime.checksums import seal
    from bench.runtime.devices import choose_device, use_threads
    from bench.runtime.output import output_folder
    from bench.runtime.results import FILES
    from bench.stages.run import score_run, upscale_run
    from bench.suites.workdir import Workdir

    suite, mine = _suite(arguments)
    device, runs = choose_device(arguments.device), list(suite.experiments().values())
    use_threads(suite.threads)
    kept = output_folder(arguments.out, [arguments.hr, arguments.lr], arguments.overwrite, record=FILES)
    with kept as results, TemporaryDirectory() as work:
        layout = Workdir(suite.name, within=Path(work))
        (dataset,) = suite.test_sets
        prepare_test(dataset, suite.scale, suite.degradation, layout.test_data(dataset, suite.scale, suite.degradation))
        for run in sorted(runs, key=lambda run: "sha256" not in run.knobs):  # what is not trained here fails fast
            upscale_run(run, {}, layout, device)
            score_run(run, layout)
        order = write_results(suite, runs, layout, results)
        build(results, layout.root, describe(suite, order, results, mine), page=results / "page")
        seal(results)
    print(f"{len(runs)} methods compared: {arguments.out / 'page' / 'index.html'}")


def _suite(arguments: Arguments) -> tuple[Suite, str]:
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
    metrics = keys(arguments.metrics) or DEFAULT_METRICS
    plans = tuple(MethodPlan(method, variants=tuple(names)) for method, names in variants.items())
    title = f"{len(arguments.methods)} methods on the pictures of {arguments.hr.name}"
    return Suite("compare", title, (), (name,), plans, scale=arguments.scale, metrics=metrics), mine
