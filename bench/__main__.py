"""python -m bench <verb>: one verb per stage. Parse, call, exit code; the work is elsewhere.

Imports are inside the verbs: a process pays only for what it uses.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from bench.errors import BadInput, Diverged, OutOfTime

Arguments = argparse.Namespace


def main(words: Sequence[str] | None = None) -> int:
    """Run one verb. 0 done, 2 bad input, 3 diverged, 75 out of time (resume with the same command), 130 interrupted."""
    arguments = build_parser().parse_args(words)
    verb: Callable[[Arguments], None] = arguments.verb
    try:
        verb(arguments)
    except (BadInput, Diverged, OutOfTime) as error:
        print(f"bench {arguments.name}: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print(f"bench {arguments.name}: interrupted; run the same command to resume", file=sys.stderr)
        return 130
    except BrokenPipeError:
        return 0
    return 0


def build_parser() -> argparse.ArgumentParser:
    """Every verb with its options."""
    from bench.commands import curves, kernels, stages, taps, tools, trace

    parser = argparse.ArgumentParser(prog="python -m bench", description="Super-resolution, reproduced and scored.")
    verbs = parser.add_subparsers(dest="name", required=True, metavar="VERB")
    for module in (tools, curves, taps, kernels, stages, trace):
        module.add_verbs(verbs)
    return parser


if __name__ == "__main__":
    sys.exit(main())
