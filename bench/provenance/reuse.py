"""Which runs have to be made: all of them, or those whose published scores another commit's code would not change."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.errors import BadInput
from bench.runtime.checksums import hash_file
from bench.runtime.code_digest import source_digest
from bench.runtime.files import read_json
from bench.runtime.git import checked_out, recomputed
from bench.runtime.paths import results_folder
from bench.runtime.rows import read_rows
from bench.runtime.weights import WEIGHTS
from bench.suites.experiment import Experiment
from bench.suites.suite import Suite

ABSENT = re.compile(r"weights '([^']+)' are not here")
MEASURE = ("bench.stages.upscale", "bench.stages.score")  # the code between a network and its scores


def needed(chosen: Suite, shard: str | None, reuse: bool) -> dict[str, Experiment]:
    """The runs of a suite or shard that have to be made, by name; those that they take something from included.

    reuse: leave out runs whose scores results/<suite>/ holds, if digest, test sets, metrics and measuring code agree.
    """
    runs = chosen.experiments(shard)
    if not reuse:
        return runs
    published = results_folder() / chosen.name
    waiting = [name for name, run in runs.items() if not reusable(run, published)]
    wanted: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in wanted:
            wanted.add(name)
            waiting += runs[name].sources
    return {name: run for name, run in runs.items() if name in wanted}


def reusable(run: Experiment, published: Path) -> bool:
    """Whether a results folder holds the scores that this run would get. A torn record or score file is no reason to
    stop: the run is made again."""
    scores = published / "scores" / run.method / f"{run.name}.csv"
    try:
        record = read_json(published / "provenance" / f"{run.name}.json")
        return (
            record["digest"] == run.digest()
            and record["scores"] == hash_file(scores)
            and _scored(scores) == {(name, metric) for name in run.test_sets for metric in run.metrics}
            and _measured_by(record) == source_digest(*MEASURE)
        )
    except (OSError, BadInput, KeyError, TypeError, ValueError):
        return False


def _scored(path: Path) -> set[tuple[str, str]]:
    """The (data set, metric) pairs of a score file, without those that were n/a for weights that are here by now."""
    rows = read_rows(path)
    outdated = {(row["dataset"], row["metric"]) for row in rows if not row["value"] and _curable(row["note"])}
    return {(row["dataset"], row["metric"]) for row in rows} - outdated


def _curable(note: str) -> bool:
    absent = ABSENT.match(note)
    return absent is not None and absent[1] in WEIGHTS and WEIGHTS[absent[1]].found is not None


def _measured_by(record: Mapping[str, Any]) -> str:
    """The source digest of the code that upscaled and scored, from that commit where the record does not say it."""
    measured = record["measured_at"]
    return str(measured["measure"]) if "measure" in measured else _at_commit(measured["commit"])


@functools.cache
def _at_commit(commit: str) -> str:
    with checked_out(commit) as tree:
        [(digest, _)] = recomputed(tree, {"starts": MEASURE})
    return digest
