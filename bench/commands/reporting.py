"""The steps of the verbs report and mirror."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.runtime.files import read_json, write_json
from bench.runtime.paths import results_folder
from bench.suites.experiment import Experiment
from bench.suites.workdir import PENDING, Workdir


def build_report(suite_name: str, shard: str | None, methods: str, out: Path | None, reuse: bool = False) -> None:
    """Tables, figures, REPORT.md and provenance of a suite, a shard of it, or some methods of it, from the scores.

    With a shard, runs of the other shards that results/<suite>/ holds keep their place in the tables; with `reuse`,
    those whose scores there still hold.
    """
    from bench.metrics import METRICS
    from bench.provenance.record import write_results
    from bench.provenance.reuse import needed
    from bench.report.aggregate import read
    from bench.report.described import describe
    from bench.report.document import build
    from bench.report.papers.published import explain
    from bench.runtime.checksums import seal
    from bench.suites import find_suite

    chosen, layout = find_suite(suite_name), Workdir(suite_name)
    runs = chosen.compared(methods) if methods else needed(chosen, shard, reuse)
    results = out or layout.results
    order = write_results(
        chosen, runs.values(), layout, results, results_folder() / suite_name if shard or reuse else None
    )
    about = describe(chosen, order, results, mine_of(methods))
    if about.reported:
        explain(read(results, about, METRICS), layout.root, results)
    build(results, layout.root, about, page=(out or layout.root) / "page")
    seal(results)


def mine_of(methods: str) -> str:
    """The '<method>.<variant>' of the last of these references, whose page a comparison is; empty for none."""
    from methods import find_methods

    return "".join(f"{entry.name}.{variant or 'default'}" for entry, variant in find_methods(methods)[-1:] if methods)


def mirror(suite_name: str, runs: Sequence[Experiment], whole: bool) -> None:
    """Mirror finished runs; `whole`: with every table, the figures and the report, and note where it all went. Results
    do not wait for a store that is away: the next call tries again."""
    from bench.tracking import StoreAway, mirror_runs, mirror_suite

    layout = Workdir(suite_name)
    try:
        mirrored = mirror_runs(suite_name, [_folder(run, layout) for run in runs])
        if whole:
            mirrored |= mirror_suite(suite_name, layout.results)
    except StoreAway as error:
        print(f"{error}; not mirrored now, the next call tries again", file=sys.stderr)
        mirrored = {PENDING: str(error)}
    if whole:
        write_json(layout.mirror, mirrored)


def _folder(run: Experiment, layout: Workdir) -> Any:
    """One finished run as the mirror wants to see it."""
    from bench.suites.experiment import digest_of
    from bench.tracking import RunFolder

    folder = layout.run(run.name)
    record = read_json(folder / "train.json" if run.iterations else layout.made(run))
    settings = run.resolved()
    params = {f"knob.{name}": value for name, value in settings.pop("knobs").items()} | settings
    pictures = sorted(layout.sr(run).rglob("*.png"))
    return RunFolder(
        name=run.name,
        params={name: str(value) for name, value in params.items()},
        tags={
            "method": run.method,
            "variant": run.variant,
            "digest": record["digest"],
            "commit": record["code"]["commit"],
            "train_data": record.get("train_data", ""),
            "device": record["device"] if run.iterations else "",
            "environment": digest_of(record["environment"]),
        },
        curves=folder / "curves.jsonl" if run.iterations else None,
        scores=layout.scores(run),
        samples=pictures[:2],
    )
