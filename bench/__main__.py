"""python -m bench <verb>: one verb per stage. Parse, call, exit code; the work is elsewhere.

Imports are inside the verbs: a process pays only for what it uses.
"""

import argparse
import io
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
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
        name, verb = f"bench {arguments.word}", arguments.verb
        if str(getattr(arguments, "suite", "")).endswith(".py"):
            from bench.suites import find_suite

            arguments.suite = find_suite(arguments.suite).name  # by which a suite of one's own is known from here on
        verb(arguments)
    except (BadInput, Diverged, OutOfTime) as error:
        print(f"{name}: {_one_line(str(error))}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt as interruption:
        print(f"{name}: interrupted; {str(interruption) or 'nothing is left half-written'}", file=sys.stderr)
        return 130
    except BrokenPipeError:
        return 0
    except Exception as error:
        files = [guest for guest in getattr(sys.modules.get("methods"), "GUESTS", {}).values() if guest.endswith(".py")]
        if not files:
            raise
        print(f"{name}: {_one_line(_fault(files, error))}", file=sys.stderr)
        return BadInput.exit_code
    return 0


def _fault(files: Sequence[str], error: Exception) -> str:
    """What methods of one's own, in these files, failed with, and where."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(last.filename).name}, line {last.lineno}"
    return f"{', '.join(files)}: {type(error).__name__}: {error} ({where}); python -m bench check says more"


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
    verbs = parser.add_subparsers(dest="word", required=True, metavar="VERB")
    for module in (tools, pictures, methods, stages, trace):
        module.add_verbs(verbs)
    return parser


def run() -> None:
    """What `sr-bench` calls."""
    sys.exit(main())


if __name__ == "__main__":
    run()
