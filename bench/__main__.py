"""python -m bench <verb>: one verb per stage. Parse, call, exit code; the work is elsewhere.

Imports are inside the verbs: a process pays only for what it uses.
"""

import argparse
import io
import sys
from collections.abc import Sequence
from typing import NoReturn

from bench import __version__
from bench.errors import BadInput, Diverged, OutOfTime
from bench.runtime.code_digest import ROOT


def main(words: Sequence[str] | None = None) -> int:
    """Run one verb. 0 done, 2 bad input, 3 diverged, 75 out of time (resume with the same command), 130 interrupted."""
    name = "bench"
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names need not be UTF-8
    try:
        arguments = build_parser().parse_args(words)
        name, verb = f"bench {arguments.name}", arguments.verb
        if str(getattr(arguments, "suite", "")).endswith(".py"):
            from bench.suites import find_suite

            arguments.suite = find_suite(arguments.suite).name  # by which a suite of one's own is known from here on
        verb(arguments)
    except (BadInput, Diverged, OutOfTime) as error:
        print(f"{name}: {_one_line(str(error))}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt as interruption:
        print(f"{name}: interrupted; {interruption or 'nothing is left half-written'}", file=sys.stderr)
        return 130
    except BrokenPipeError:
        return 0
    return 0


def _one_line(message: str) -> str:
    """Names may hold anything: line ends and bytes that are no UTF-8 are shown escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in message)


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, as everything else here does."""

    def error(self, message: str) -> NoReturn:
        raise BadInput(f"{message}; {self.prog} --help lists what there is")


def build_parser() -> argparse.ArgumentParser:
    """Every verb with its options."""
    from bench.commands import methods, pictures, stages, tools, trace

    parser = _Parser(prog="python -m bench", description="Super-resolution, reproduced and scored.")
    parser.add_argument("--version", action="version", version=f"sr-bench {__version__}")
    parser.add_argument("--snakefile", action="version", version=f"{ROOT}/Snakefile", help="where the workflow is")
    verbs = parser.add_subparsers(dest="name", required=True, metavar="VERB")
    for module in (tools, pictures, methods, stages, trace):
        module.add_verbs(verbs)
    return parser


def run() -> None:
    """What `sr-bench` calls."""
    sys.exit(main())


if __name__ == "__main__":
    run()
