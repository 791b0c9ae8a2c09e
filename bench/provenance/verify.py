"""Every link between a results folder's numbers and what they were made of, recomputed."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from shutil import copy, copytree
from typing import Any

from bench.errors import BadInput
from bench.provenance.cells import Scores, describe, recompute, values_of
from bench.provenance.checks import (
    Check,
    RunRecord,
    check_code,
    check_experiment,
    check_made,
    check_own_stages,
    check_rows,
    check_same_pictures,
    check_scores,
    check_stages,
    check_weights,
    guarded,
)
from bench.runtime.checksums import compare, files_of
from bench.runtime.code_digest import ROOT, source_digest
from bench.runtime.git import REPORT
from bench.runtime.results import (
    COST,
    RECORDS,
    RUNS,
    SCORES,
    TABLES,
    TAPS,
    load_scores,
    read_records,
    read_runs,
    read_scores,
)
from bench.runtime.rows import Row, read_rows

Rebuild = Callable[[str, Path, Sequence[str]], None]
"""(suite, a folder with scores/, runs.csv and cost.csv, run names): writes tables/ there, as the report does."""

CELL = "cell follows from scores"
SHOWN = 40  # broken links that are listed one by one
STATES = ("ok", "broken", "not here", "unchecked")
NOT_HERE = "not here: recorded, but the file is not committed; --work DIR checks it where a suite's work folder has it"


def verify(results: Path, work: Path | None = None, rebuild: Rebuild | None = None, root: Path = ROOT) -> list[Check]:
    """Every link. work: the suite's work folder, where checkpoints and pictures are. root: the checkout to read
    commits from. Raises BadInput where `results` is no results folder."""
    if not (results / RUNS).is_file():
        raise BadInput(f"{results}: holds no runs.csv; name a results folder such as results/demo")
    links = [
        Check("file", name, "broken" if text else "ok", f"{name} {text}" if text else "")
        for name, text in compare(results).items()
    ]
    try:
        runs, rows = read_runs(results), read_rows(results / RUNS)
    except BadInput as error:
        return [*links, Check("runs.csv", "runs.csv", "broken", str(error))]
    stored: dict[str, RunRecord] = {}
    scores: dict[str, list[Row]] = {}
    links += guarded("record", RECORDS, lambda: _fill(stored, lambda: read_records(results)))
    for path in sorted((results / SCORES).glob("*.csv")):
        links += guarded("scores", path.name, lambda path=path: _fill(scores, lambda: read_scores(results, path.stem)))  # type: ignore[misc]
    records: dict[str, RunRecord] = {}
    for run in runs:
        links += guarded("record", run, lambda run=run: _record(stored, run, records))  # type: ignore[misc]
    for kind, names in (("record", stored), ("scores", scores)):
        links += [Check(kind, name, "broken", "is of no run of runs.csv") for name in names if name not in runs]
    costs = _costs(results)
    for row in rows:
        if row["run"] in records:
            links += _of_run(row, records, scores, (costs, work))
    links += guarded("code at its commit", "records", lambda: check_code(records, root))
    links += guarded("same test pictures", "records", lambda: check_same_pictures(records))
    links += guarded(CELL, "tables/", lambda: _cells(results, runs))
    if rebuild is not None:
        links += guarded("table rebuilt", "tables/", lambda: _tables(results, records, rebuild))
    return links


def _fill(target: dict[str, Any], read: Callable[[], dict[str, Any]]) -> Iterator[Check]:
    """Read runs into `target`; no check of their own."""
    target.update(read())
    yield from ()


def _record(stored: Mapping[str, RunRecord], run: str, records: dict[str, RunRecord]) -> Iterator[Check]:
    """Whether there is a record of a run with all its parts; then it is one of `records`."""
    if run not in stored:
        raise BadInput(f"{RECORDS}/ has no record of it")
    record = stored[run]
    for part in ("row", "cost", "experiment", "code", "digest", "scores", "sr", "test_data", "weights", "environment"):
        record[part]
    records[run] = record
    yield Check("record", run, "ok")


def _costs(results: Path) -> dict[str, Row]:
    try:
        return {row["run"]: row for row in read_rows(results / COST)}
    except (BadInput, KeyError):
        return {}


def _of_run(
    row: Row,
    records: Mapping[str, RunRecord],
    scores: Mapping[str, Sequence[Row]],
    more: tuple[Mapping[str, Row], Path | None],
) -> list[Check]:
    """The links of one run."""
    run, record = row["run"], records[row["run"]]
    costs, work = more
    return [
        *guarded("runs.csv", run, lambda: check_rows(record, row, costs.get(run))),
        *guarded("settings", run, lambda: check_experiment(record, run)),
        *guarded("scores", run, lambda: check_scores(record, run, scores[run])),
        *guarded("published weights", run, lambda: check_weights(record, run)),
        *guarded("earlier stage", run, lambda: check_stages(record, run, records)),
        *guarded("own stages", run, lambda: check_own_stages(record, run)),
        *guarded("what was made", run, lambda: check_made(record, run, work)),
    ]


def _cells(results: Path, runs: Mapping[str, Row]) -> Iterator[Check]:
    """Every figure of every table, from the score files, by other code than the report's."""
    scores = {name: values_of(rows) for name, rows in load_scores(results, runs, runs).items()}
    for path in sorted((results / TABLES).glob("*.csv")):
        yield from guarded(CELL, path.name, lambda path=path: _cells_of(path, scores, runs))  # type: ignore[misc]


def _cells_of(path: Path, scores: Mapping[str, Scores], runs: Mapping[str, Row]) -> Iterator[Check]:
    """Those of one table; statistics, and rows without a run, are left to the table built anew."""
    rows = read_rows(path)
    cells = (describe((path.stem, rows), row, column, runs) for row in rows for column in row)
    for cell in filter(None, cells):
        again = recompute(cell, scores, runs)
        if again is not None:
            text = f"says {cell.text}; the scores give {again}" if again != cell.text else ""
            name = f"{path.stem}: {cell.row}, {cell.column}"
            yield Check(CELL, name, "broken" if text else "ok", text)


def _tables(results: Path, records: Mapping[str, RunRecord], rebuild: Rebuild) -> Iterator[Check]:
    """tables/ built anew from the score files, byte for byte."""
    kind, suites = "table rebuilt", {str(record["suite"]) for record in records.values()}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copytree(results / SCORES, folder / SCORES)
        for table in (RUNS, COST, TAPS):
            if (results / table).is_file():
                copy(results / table, folder / table)
        try:
            rebuild(min(suites), folder, list(records))
        except BadInput as error:
            yield Check(kind, "tables/", "unchecked", f"they cannot be built here: {error}")
            return
        ours, theirs = (_contents(parent / "tables") for parent in (folder, results))
    reported_by = {record.get("measured_at", {}).get("report") for record in records.values()}
    same_code = reported_by == {source_digest(REPORT)}
    for table in sorted({*ours, *theirs}):
        if ours.get(table) == theirs.get(table):
            yield Check(kind, table, "ok")
        elif same_code:
            yield Check(kind, table, "broken", f"tables/{table} is not what the scores give")
        else:
            commits = sorted({str(r.get("measured_at", r["code"])["commit"])[:12] for r in records.values()})
            why = f"other report code made it; check out {' or '.join(commits)} and verify there"
            yield Check(kind, table, "unchecked", why)


def _contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in files_of(folder)}


def render(links: Sequence[Check]) -> str:
    """A line a kind of link, then every broken one, then why some were not checked."""
    kinds = list(dict.fromkeys(link.kind for link in links))
    counts = [
        [str(sum((link.kind, link.state) == (kind, state) for link in links) or "–") for state in STATES]
        for kind in kinds
    ]
    width = max(map(len, ["link", *kinds]))
    lines = [f"{'link'.ljust(width)}  {'  '.join(state.rjust(9) for state in STATES)}"]
    for kind, numbers in zip(kinds, counts, strict=True):
        lines.append(f"{kind.ljust(width)}  {'  '.join(number.rjust(9) for number in numbers)}")
    broken = [f"  {link.kind}: {link.name}: {link.text}" for link in links if link.state == "broken"]
    lines += ["", f"BROKEN ({len(broken)})", *broken[:SHOWN]] if broken else ["", "No link is broken."]
    lines += [f"  … and {len(broken) - SHOWN} more"] if len(broken) > SHOWN else []
    reasons: dict[tuple[str, str], int] = {}
    for link in links:
        if link.state == "unchecked":
            reasons[link.kind, link.text] = reasons.get((link.kind, link.text), 0) + 1
    lines += [f"unchecked, {kind} ({count}): {text}" for (kind, text), count in reasons.items()]
    lines += [NOT_HERE] if any(link.state == "not here" for link in links) else []
    return "\n".join(lines)
