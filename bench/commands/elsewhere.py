"""Verbs about runs that are made on another machine: pack, make-packed-runs, adopt."""

from pathlib import Path
from typing import Any

from bench.commands.options import COUNT, JOBS, Arguments, add_output, minutes


def add_verbs(verbs: Any) -> None:
    """Add this module's verbs to the parser."""
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
