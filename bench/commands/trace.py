"""Verbs about published results: why, verify, page; and what a network costs: cost."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

from bench.commands.options import Arguments, Whole, add_method, add_output
from bench.errors import BadInput


def add_verbs(verbs: Any) -> None:
    """Add this module's verbs to the parser."""
    why = verbs.add_parser("why", help="the run, code, data, seed and environment behind one number")
    why.add_argument("results", type=Path, metavar="RESULTS_DIR", help="such as results/demo")
    why.add_argument("table", metavar="TABLE", help="a file of tables/, such as methods")
    why.add_argument("row", metavar="ROW", help="a method, 'method variant', a run, or 'run picture'")
    why.add_argument("column", metavar="COLUMN", help="as in the CSV's header: 'Set5/psnr_y'")
    why.add_argument("--full", action="store_true", help="hashes with every digit")
    why.set_defaults(verb=explain)

    verify = verbs.add_parser("verify", help="recompute every link of that chain, every file's hash")
    verify.add_argument("results", type=Path, metavar="RESULTS_DIR", help="such as results/demo")
    verify.add_argument("--work", type=Path, metavar="DIR", help="the suite's work folder: check what is not committed")
    verify.set_defaults(verb=verify_folder)

    page = verbs.add_parser("page", help="the report as a page to open, every table as LaTeX, every figure as SVG")
    page.add_argument("results", type=Path, metavar="RESULTS_DIR", help="such as results/demo")
    add_output(page, text="gets index.html, tables/ and figures/")
    page.set_defaults(verb=make_page)

    cost = verbs.add_parser("cost", help="parameters and multiply-accumulates of a method, and its latency here")
    add_method(cost)
    cost.add_argument("--side", type=Whole(1, 2**16), default=64, help="side of the square LR picture, pixels")
    cost.add_argument("--latency", action="store_true", help="measure it, too")
    cost.set_defaults(verb=show_cost)


def explain(arguments: Arguments) -> None:
    """Exit code 1 where the figure does not follow from the recorded score files."""
    from bench.provenance.trace import SHORT, why

    answer = why(arguments.results, arguments.table, arguments.row, arguments.column, 64 if arguments.full else SHORT)
    print(answer.text)
    if not answer.follows:
        raise SystemExit(1)


def verify_folder(arguments: Arguments) -> None:
    """Exit code 1 where a link is broken."""
    from bench.provenance.verify import render, verify
    from bench.report.described import rebuild_tables

    work = arguments.work or _around(arguments.results)
    if work is not None and not work.is_dir():
        raise BadInput(f"{work}: no such work folder; leave --work out, or name work/<suite>")
    links = verify(arguments.results, work, rebuild_tables)
    print(render(links))
    if any(link.state == "broken" for link in links):
        raise SystemExit(1)


def _around(results: Path) -> Path | None:
    """The work folder that results lie in before they are published; None for published ones."""
    folder = results.resolve().parent
    return folder if (folder / "sr").is_dir() else None


def make_page(arguments: Arguments) -> None:
    """Raises BadInput where there are no results, and for an `--out` that is in use."""
    from bench.report.described import rebuild_tables
    from bench.runtime.output import output_folder
    from bench.runtime.results import RECORDS, RUNS, read_records

    results = arguments.results
    if not (results / RUNS).is_file():
        raise BadInput(f"{results}: holds no {RUNS}; name a results folder such as results/demo")
    records = read_records(results)
    suite = min((str(record.get("suite", "")) for record in records.values()), default="")
    if not suite:
        raise BadInput(f"{results / RECORDS}: lacks the records of a suite's runs; make the report again")
    with output_folder(arguments.out, [results], arguments.overwrite) as out, tempfile.TemporaryDirectory() as name:
        copy = shutil.copytree(results, Path(name) / "results")
        try:
            rebuild_tables(suite, copy, list(records), Path(name) / "page")
        except BadInput as error:
            raise BadInput(str(error).replace(str(copy), str(results))) from error
        shutil.copytree(Path(name) / "page", out, dirs_exist_ok=True)
    print(arguments.out / "index.html")


def show_cost(arguments: Arguments) -> None:
    from bench.runtime.devices import choose_device, describe
    from bench.stages.checkpoints import choose_method
    from bench.stages.cost import count, latency, per_sr_megapixel

    method, side = choose_method(arguments.method, arguments.scale, arguments.suite), arguments.side
    counted = count(method, side)
    if counted is None:
        print("parameters            n/a: no network to count")
    else:
        per_megapixel = per_sr_megapixel(counted.macs, method.scale, side) / 1e9
        print(f"parameters            {counted.parameters:,}")
        print(f"multiply-accumulates  {counted.macs:,} for {side}x{side} LR, {per_megapixel:,.1f} G per SR megapixel")
    if arguments.latency:
        device = choose_device(arguments.device)
        print(f"latency               {latency(method, device, side):.4f} s, {describe(device)}")
