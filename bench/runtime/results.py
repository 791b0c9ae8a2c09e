"""What a results folder holds, and how it is read and written: every file of results/<suite>/ is named here.

runs.csv  cost.csv  taps.csv     a row a run; seconds and memory; feature activity
explained.csv                    what explains the figures of papers that are not the measured ones
scores/<method>.csv              a row for each run and picture, a column for each metric
records/<method>.jsonl           a line a run: what is behind its numbers
tables/*.csv  figures/*.png      what REPORT.md shows
material.tar.xz                  what figures are drawn from besides scores: curves/ kernels/ windows/
files.json                       the sha256 of every other file
"""

import hashlib
import io
import json
import lzma
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.errors import BadInput, check_choice
from bench.runtime.files import replacing
from bench.runtime.rows import Row, format_rows, read_rows, write_rows

REPORT = "REPORT.md"
FILES = "files.json"
RUNS, COST, TAPS = "runs.csv", "cost.csv", "taps.csv"
SCORES, RECORDS, TABLES, FIGURES = "scores", "records", "tables", "figures"
EXPLAINED = "explained.csv"
MATERIAL = "material.tar.xz"
SCORE_COLUMNS = ("dataset", "image", "metric", "value", "note")
KEYS = ("run", "dataset", "image")
ABSENT = "n/a: "
PICTURES = "per-image"  # the table of all of scores/
Record = dict[str, Any]


def count_dead(estimated: Mapping[str, Any]) -> str:
    """'3/40' where three of forty generators are dead; empty where none was trained or they were not counted."""
    counted = estimated.get("generators") or {"trained": 0}
    return f"{sum(counted['dead'].values())}/{counted['trained']}" if counted["trained"] else ""


def add_counts(counts: Sequence[str]) -> str:
    """The sum of counts such as '3/40', three of forty; empty where one of them is."""
    if not all(counts):
        return ""
    return "/".join(str(sum(map(int, column))) for column in zip(*(count.split("/") for count in counts), strict=True))


def score_text(rows: Iterable[Row]) -> str:
    """The scores of one run as the stage that scores writes them: a row for each picture and metric, sorted."""
    return format_rows(SCORE_COLUMNS, sorted([row[column] for column in SCORE_COLUMNS] for row in rows))


def hash_scores(rows: Iterable[Row]) -> str:
    """The sha256 of a run's scores, by which its record names them."""
    return hashlib.sha256(score_text(rows).encode()).hexdigest()


def write_scores(results: Path, method: str, scores: Mapping[str, Iterable[Row]]) -> None:
    """scores/<method>.csv of the rows of its runs. A cell is a number; 'n/a: ' and why there is none; or empty, where
    a run was not scored by that metric."""
    metrics: dict[str, None] = {}
    grid: dict[tuple[str, str, str], dict[str, str]] = {}
    for run, rows in scores.items():
        for row in rows:
            metrics[row["metric"]] = None
            cells = grid.setdefault((run, row["dataset"], row["image"]), {})
            cells[row["metric"]] = row["value"] or f"{ABSENT}{row['note']}"
    columns = sorted(metrics)
    lines = [(*key, *(cells.get(column, "") for column in columns)) for key, cells in grid.items()]
    write_rows(results / SCORES / f"{method}.csv", (*KEYS, *columns), lines)


def read_scores(results: Path, method: str) -> dict[str, list[Row]]:
    """Run -> the rows of its scores, of the columns SCORE_COLUMNS; empty where the method has none.

    Raises BadInput for a torn file, a picture that is there twice, and a cell that is neither number nor n/a.
    """
    path = results / SCORES / f"{method}.csv"
    scores: dict[str, list[Row]] = {}
    seen: set[tuple[str, ...]] = set()
    for line in read_rows(path, KEYS, "score the runs again") if path.is_file() else []:
        key = tuple(line[name] for name in KEYS)
        if key in seen:
            raise BadInput(f"{path}: {' '.join(key)} is there twice; score the run again")
        seen.add(key)
        rows = scores.setdefault(line["run"], [])
        for metric in sorted(name for name in line if name not in KEYS and line[name]):
            rows.append(_score(path, line, metric))
    return scores


def _score(path: Path, line: Row, metric: str) -> Row:
    """One cell as a row."""
    text = line[metric]
    note = text.removeprefix(ABSENT) if text.startswith(ABSENT) else ""
    if not note and not _is_number(text):
        where = f"{line['run']} {line['dataset']}/{line['image']} {metric}"
        raise BadInput(f"{path}: {where} is {text!r}, neither a number nor 'n/a: why'; score the run again")
    values = (line["dataset"], line["image"], metric, "" if note else text, note)
    return dict(zip(SCORE_COLUMNS, values, strict=True))


def _is_number(text: str) -> bool:
    try:
        return float(text) == float(text)
    except ValueError:
        return False


def load_scores(results: Path, methods: Mapping[str, str]) -> dict[str, list[Row]]:
    """The score rows of runs. methods: theirs, by run. Raises BadInput where one has none, or a file is torn."""
    stored = {method: read_scores(results, method) for method in dict.fromkeys(methods.values())}
    for name, method in methods.items():
        if name not in stored[method]:
            raise BadInput(
                f"{results / SCORES / method}.csv: no score of {name}; make the report again, or leave the run out"
            )
    return {name: stored[method][name] for name, method in methods.items()}


def read_table(results: Path, name: str) -> list[Row]:
    """The rows of tables/<name>.csv; of 'per-image' those of scores/, n/a without its reason. Raises BadInput, naming
    the nearest, where there is no such table."""
    known = [path.stem for path in sorted((results / TABLES).glob("*.csv"))]
    if not known:
        raise BadInput(f"{results}: holds no tables/*.csv; name a results folder such as results/demo")
    if name == PICTURES:
        rows = [row for path in sorted((results / SCORES).glob("*.csv")) for row in read_rows(path)]
        return [{key: "n/a" if text.startswith(ABSENT) else text for key, text in row.items()} for row in rows]
    check_choice(f"table of {results}", name, [*known, PICTURES])
    return read_rows(results / TABLES / f"{name}.csv")


def read_costs(results: Path) -> dict[str, Row]:
    """cost.csv by run name; empty where there is none, or none of runs."""
    return {row["run"]: row for row in read_rows(results / COST) if "run" in row} if (results / COST).is_file() else {}


def read_runs(results: Path) -> dict[str, Row]:
    """runs.csv by run name, each row with its columns of cost.csv where there is one."""
    spent = read_costs(results)
    rows = read_rows(results / RUNS)
    if absent := {"run", "method", "variant"} - set(rows[0] if rows else ()):
        raise BadInput(f"{results / RUNS}: lacks rows, or the column {min(absent)}; make it again")
    return {row["run"]: {**spent.get(row["run"], {}), **row} for row in rows}


def read_results(results: Path) -> tuple[dict[str, Record], dict[str, list[Row]]]:
    """The records and the scores of every run. Raises BadInput for a torn file."""
    scores: dict[str, list[Row]] = {}
    for path in sorted((results / SCORES).glob("*.csv")):
        scores |= read_scores(results, path.stem)
    return read_records(results), scores


def write_records(results: Path, method: str, records: Mapping[str, Record]) -> None:
    """records/<method>.jsonl: what is behind the numbers of each run, a line a run."""
    path = results / RECORDS / f"{method}.jsonl"
    lines = [json.dumps({**record, "run": run}, sort_keys=True, default=list) + "\n" for run, record in records.items()]
    with replacing(path) as temporary:
        temporary.write_text("".join(lines), encoding="utf-8")


def read_records(results: Path) -> dict[str, Record]:
    """Run -> what is behind its numbers, of every method. Raises BadInput, naming file and line, for a torn one."""
    records: dict[str, Record] = {}
    for path in sorted((results / RECORDS).glob("*.jsonl")):
        for number, line in enumerate(path.read_bytes().splitlines(), start=1):
            try:
                record = json.loads(line)
                name = str(record.pop("run"))
            except (ValueError, KeyError, TypeError, AttributeError):
                raise BadInput(f"{path}: line {number} is no record of a run; make the report again") from None
            if name in records:
                raise BadInput(f"{path}: line {number}: {name} is there twice; make the report again")
            records[name] = record
    return records


def pack_material(folder: Path, results: Path) -> None:
    """material.tar.xz of the files below a folder: sorted, without times or owners; removed where there are none."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    if not paths:
        (results / MATERIAL).unlink(missing_ok=True)
        return
    with replacing(results / MATERIAL) as temporary, tarfile.open(temporary, "w:xz", preset=9) as archive:
        for path in paths:
            member = tarfile.TarInfo(path.relative_to(folder).as_posix())
            member.size, member.mode = path.stat().st_size, 0o644
            with path.open("rb") as stream:
                archive.addfile(member, stream)


def read_material(results: Path) -> dict[str, bytes]:
    """Name -> content of the files of material.tar.xz; none without it. Raises BadInput for a torn archive, and for a
    name that leads out of it."""
    path = results / MATERIAL
    files: dict[str, bytes] = {}
    try:
        content = lzma.decompress(path.read_bytes())  # whole: tarfile does not read to the end
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            for member in archive:
                stream = archive.extractfile(member)
                if stream is not None:
                    files[member.name] = stream.read()
    except FileNotFoundError:
        return {}
    except (tarfile.TarError, lzma.LZMAError, OSError, EOFError, ValueError) as error:
        raise BadInput(f"{path}: cannot be read ({error}); make the report again") from None
    for name in files:
        if name.startswith("/") or ".." in name.split("/"):
            raise BadInput(f"{path}: holds {name!r}, which leads out of it; make the report again")
    return files


def unpack_material(results: Path, folder: Path) -> None:
    """The files of material.tar.xz under a folder."""
    for name, content in read_material(results).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
