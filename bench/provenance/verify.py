"""Every link between a results folder's numbers and what they were made of, recomputed."""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from shutil import copy, copytree

from bench.errors import BadInput
from bench.provenance import checks
from bench.provenance.cells import Scores, describe, recompute, values_of
from bench.provenance.checks import Check, RunRecord, checked, equal, guarded
from bench.runtime import results as layout
from bench.runtime.checksums import compare, files_of
from bench.runtime.code_digest import ROOT, source_digest
from bench.runtime.git import REPORT
from bench.runtime.results import COST, EXPLAINED, RECORDS, RUNS, SCORES, TABLES, TAPS, hash_scores
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
        runs, rows = layout.read_runs(results), read_rows(results / RUNS)
    except BadInput as error:
        return [*links, Check("runs.csv", "runs.csv", "broken", str(error))]
    stored: dict[str, RunRecord] = {}
    scores: dict[str, list[Row]] = {}
    records: dict[str, RunRecord] = {}
    with guarded(links, "record", RECORDS):
        stored = dict(layout.read_records(results))
    for path in sorted((results / SCORES).glob("*.csv")):
        with guarded(links, "scores", path.name):
            scores |= layout.read_scores(results, path.stem)
    for run in runs:
        with guarded(links, "record", run):
            records[run] = _whole(stored, run)
            links.append(Check("record", run, "ok"))
    for kind, names in (("record", stored), ("scores", scores)):
        links += [Check(kind, name, "broken", "is of no run of runs.csv") for name in names if name not in runs]
    costs = layout.read_costs(results)
    for row in rows:
        if row["run"] in records:
            links += _of_run(row, records, scores, (costs, work))
    links += checked("code at its commit", "records", lambda: checks.check_code(records, root))
    links += checked("same test pictures", "records", lambda: checks.check_same_pictures(records))
    links += checked(CELL, "tables/", lambda: _cells(results, runs))
    if rebuild is not None:
        links += checked("table rebuilt", "tables/", partial(_tables, results, records, rebuild))
    return links


def _whole(stored: Mapping[str, RunRecord], run: str) -> RunRecord:
    """The record of a run, with all its parts."""
    if run not in stored:
        raise BadInput(f"{RECORDS}/ has no record of it")
    for part in ("row", "cost", "experiment", "code", "digest", "scores", "sr", "test_data", "weights", "environment"):
        stored[run][part]
    return stored[run]


def _of_run(
    row: Row,
    records: Mapping[str, RunRecord],
    scores: Mapping[str, Sequence[Row]],
    more: tuple[Mapping[str, Row], Path | None],
) -> list[Check]:
    """The links of one run."""
    run, record = row["run"], records[row["run"]]
    costs, work = more
    parts: dict[str, Callable[[], Iterable[Check]]] = {
        "runs.csv": lambda: checks.check_rows(record, row, costs.get(run)),
        "settings": lambda: checks.check_experiment(record, run),
        "scores": lambda: [equal("scores", run, {"sha256": (hash_scores(scores[run]), record["scores"])})],
        "published weights": lambda: checks.check_weights(record, run),
        "earlier stage": lambda: checks.check_stages(record, run, records),
        "own stages": lambda: checks.check_own_stages(record, run),
        "what was made": lambda: checks.check_made(record, run, work),
    }
    return [link for kind, check in parts.items() for link in checked(kind, run, check)]


def _cells(results: Path, runs: Mapping[str, Row]) -> list[Check]:
    """Every figure of every table, from the score files, by other code than the report's."""
    methods = {name: row["method"] for name, row in runs.items()}
    scores = {name: values_of(rows) for name, rows in layout.load_scores(results, methods).items()}
    tables = sorted((results / TABLES).glob("*.csv"))
    return [link for path in tables for link in checked(CELL, path.name, partial(_cells_of, path, scores, runs))]


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
        for table in (RUNS, COST, TAPS, EXPLAINED):
            if (results / table).is_file():
                copy(results / table, folder / table)
        try:
            rebuild(min(suites), folder, list(records))
        except BadInput as error:
            yield Check(kind, "tables/", "unchecked", f"they cannot be built here: {error}")
            return
        ours, theirs = (
            {name: (tables / name).read_bytes() for name in files_of(tables)}
            for tables in (folder / TABLES, results / TABLES)
        )
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


def render(links: Sequence[Check]) -> str:
    """A line a kind of link, then every broken one, then why some were not checked."""
    counts = Counter[tuple[str, str]]((link.kind, link.state) for link in links)
    rows = {"link": STATES} | {link.kind: [str(counts[link.kind, state] or "–") for state in STATES] for link in links}
    width = max(map(len, rows))
    lines = [f"{kind.ljust(width)}  {'  '.join(cell.rjust(9) for cell in cells)}" for kind, cells in rows.items()]
    broken = [f"  {link.kind}: {link.name}: {link.text}" for link in links if link.state == "broken"]
    lines += ["", f"BROKEN ({len(broken)})", *broken[:SHOWN]] if broken else ["", "No link is broken."]
    lines += [f"  … and {len(broken) - SHOWN} more"] if len(broken) > SHOWN else []
    reasons = Counter((link.kind, link.text) for link in links if link.state == "unchecked")
    lines += [f"unchecked, {kind} ({count}): {text}" for (kind, text), count in reasons.items()]
    lines += [NOT_HERE] if any(link.state == "not here" for link in links) else []
    return "\n".join(lines)
