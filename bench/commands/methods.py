"""Verbs for methods of one's own: new, check."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

from bench.commands.options import Arguments
from bench.errors import BadInput
from bench.runtime.code_digest import ROOT

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
        said = f"as {first}" if first not in ("", finding.check) else finding.fault or finding.note
        print(f"{'FAULT' if finding.fault else 'ok':5}  {finding.check:11}  {said}".rstrip())
    if failed:
        raise BadInput(f"{arguments.method}: fails {', '.join(failed.values())}; mend what the lines above say")
