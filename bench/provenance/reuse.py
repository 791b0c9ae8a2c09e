"""Select the runs to execute: those without a published score that is still valid."""

import re
from collections.abc import Sequence

from bench.runtime.code_digest import source_digest
from bench.runtime.paths import results_folder
from bench.runtime.results import Record, hash_scores, read_results
from bench.runtime.rows import Row
from bench.runtime.weights import WEIGHTS
from bench.suites.experiment import Experiment
from bench.suites.published import is_here
from bench.suites.suite import Suite

ABSENT = re.compile(r"weights '([^']+)' are not here")


def needed(chosen: Suite, shard: str | None, reuse: bool, methods: str = "") -> dict[str, Experiment]:
    """The runs of a suite or shard that have to be made, by name; those that they take something from included.

    Left out are those of what authors published that is not here. reuse: leave out the runs whose scores
    results/<suite>/ holds, where they are `reusable`. methods: only those that `Suite.compared` finds, whatever their
    shard. Raises BadInput as that does, and where a file of that folder is torn.
    """
    asked = chosen.compared(methods) if methods else chosen.experiments(shard)
    runs = chosen.experiments(None if methods else shard)
    waiting = [name for name in asked if is_here(runs[name])]
    if reuse:
        records, scores = read_results(results_folder() / chosen.name)
        waiting = [name for name in waiting if not reusable(runs[name], records.get(name), scores.get(name))]
    wanted: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in wanted:
            wanted.add(name)
            waiting += runs[name].sources
    return {name: run for name, run in runs.items() if name in wanted}


def reusable(run: Experiment, record: Record | None, scores: Sequence[Row] | None) -> bool:
    """Whether published scores, with their record, are those that this run would get: digest, test sets, metrics and
    the code that made and scored its pictures agree."""
    if record is None or scores is None:
        return False
    made = "estimated" if run.estimates else "upscaled"
    try:
        return (
            record["digest"] == run.digest()
            and record["scores"] == hash_scores(scores)
            and _scored(scores) == {(name, metric) for name in run.test_sets for metric in run.metrics}
            and record["scored"]["code"]["sha256"] == source_digest("bench.stages.score")
            and record[made]["code"]["sha256"] == source_digest(*run.made_by)
        )
    except (KeyError, TypeError):  # a record from before these were recorded
        return False


def _scored(rows: Sequence[Row]) -> set[tuple[str, str]]:
    """The (data set, metric) pairs of scores, without those that were n/a for weights that are here by now."""
    outdated = {(row["dataset"], row["metric"]) for row in rows if not row["value"] and _curable(row["note"])}
    return {(row["dataset"], row["metric"]) for row in rows} - outdated


def _curable(note: str) -> bool:
    absent = ABSENT.match(note)
    return absent is not None and absent[1] in WEIGHTS and WEIGHTS[absent[1]].found is not None
