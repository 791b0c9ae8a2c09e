"""The chain behind one number of a table: figure -> scores -> pictures -> run -> code, data, seed, environment."""

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.errors import BadInput
from bench.metrics import METRICS
from bench.provenance.cells import Cell, Scores, locate, mean_of, recompute, values_of
from bench.runtime.results import RECORDS, Record, hash_scores, load_scores, read_records, read_runs
from bench.runtime.rows import Row

WIDTH = 110
LABEL = 14
SHORT = 16  # hex digits of a sha256 shown, unless in full
MAX_PICTURES = 30
OTHERS = "python -m bench verify builds the whole table anew and compares it"
Line = tuple[str, str]
"""(label, text)"""


@dataclass(frozen=True)
class Answer:
    """What to print, and whether the figure follows from the score files as they were recorded."""

    text: str
    follows: bool


def why(results: Path, table: str, row: str, column: str, digits: int = SHORT) -> Answer:
    """The chain behind one cell. `digits` of every hash are shown.

    Raises BadInput for a table, row or column that is not there (naming the nearest), and for files missing or torn.
    """
    cell = locate(results, table, row, column)
    runs = read_runs(results)
    rows = load_scores(results, {name: runs[name]["method"] for name in (*cell.runs, *cell.base)})
    hashes = {name: hash_scores(scored) for name, scored in rows.items()}
    scores = {name: values_of(scored) for name, scored in rows.items()} if cell.metric else {}
    records = read_records(results)
    if lacking := next((name for name in rows if name not in records), None):
        raise BadInput(f"{results / RECORDS}: has no record of {lacking}; make the report again")
    faults = [name for name in rows if hashes[name] != records[name]["scores"]]
    lines, follows = _figure(cell, scores, runs)
    for name in faults:
        lines.append(("CHANGED", f"the scores of {name} are not those that were recorded"))
    parts = [f"{cell.text or '(empty)'}   {cell.column} of {cell.row}, {results}/tables/{cell.table}.csv", _grid(lines)]
    first = records[cell.runs[0]]
    for name in rows:
        record = records[name]
        parts.append(f"{'default: ' if name not in cell.runs else ''}{name}")
        chain = list(_run(records, record, digits))
        if record is not first:
            chain = _unlike(chain, list(_run(records, first, digits)), (record, first))
        parts.append(_grid([*chain, *_pictures(cell, scores.get(name), record)]))
    parts.append(f"Every link of every number: python -m bench verify {results}")
    return Answer("\n\n".join(parts), follows and not faults)


def _figure(cell: Cell, scores: Mapping[str, Scores], runs: Mapping[str, Row]) -> tuple[list[Line], bool]:
    """How the figure comes about, and whether it is what the files give."""
    again = recompute(cell, scores, runs)
    if again is None:
        return [("not recomputed", f"made of the runs below; {OTHERS}")], True
    text = f"{cell.column} as runs.csv and cost.csv have it"
    if cell.kind == "picture":
        text = f"{cell.metric} of one picture, {cell.dataset}/{cell.image}"
    elif cell.kind in ("mean", "difference"):
        text = _mean_text(cell, scores)
    verdict = "the table's figure follows" if again == cell.text else f"THE TABLE SAYS {cell.text}: IT DOES NOT FOLLOW"
    return [("is", text), ("recomputed", f"{again or '(empty)'}: {verdict}")], again == cell.text


def _mean_text(cell: Cell, scores: Mapping[str, Scores]) -> str:
    """What is averaged over what."""
    value, pictures = mean_of([scores[name] for name in cell.runs], cell.dataset, cell.metric)
    kind = "root mean square" if METRICS[cell.metric].mean == "quadratic" else "mean"
    seeds = "1 seed" if len(cell.runs) == 1 else f"the mean over {len(cell.runs)} seeds"
    text = f"the {kind} of {cell.metric} over {len(pictures)} pictures of {cell.dataset}, {seeds}"
    if value is None:
        text = f"{cell.metric}: no picture of {cell.dataset} has a value for every seed; the score files say why"
    return f"the difference to the default of {text}" if cell.kind == "difference" else text


def _run(records: Mapping[str, Record], record: Record, digits: int) -> Iterator[Line]:
    """What one run is made of, a line a link."""
    row, run, code, trained = record["row"], record["experiment"], record["code"], record.get("training", {})
    length = f"{run['iterations']:,} iterations on {row['train_set']}" if run["iterations"] else "nothing to train"
    yield "run", f"×{run['scale']} {run['degradation']}, seed {run['seed']}, {length}; digest {record['digest']}"
    yield "knobs", ", ".join(f"{name}={value}" for name, value in run["knobs"].items() if name != "scale")
    yield from _earlier(records, record, digits)
    modules = f"{len(code['modules'])} modules: {', '.join(code['modules'])}"
    changed = ", with uncommitted changes" if code["changed"] else ""
    yield "code", f"commit {code['commit'][:digits]}{changed}; sha256 {code['sha256'][:digits]} of {modules}"
    if "train_data" in record:
        yield "trained on", f"{row['train_set']}, manifest sha256 {record['train_data'][:digits]}"
    if "unpaired_data" in record:
        yield "", f"{'+'.join(run['unpaired_sets'])} without HR, manifest sha256 {record['unpaired_data'][:digits]}"
    yield from _hashes("tested on", {f"{name}, manifest": value for name, value in record["test_data"].items()}, digits)
    yield from _hashes("weights", record["weights"], digits)
    if "checkpoint" in record:
        yield "network", f"checkpoint.safetensors sha256 {record['checkpoint'][:digits]}"
    if trained:
        threads = f"{trained['threads']} thread{'s' if trained['threads'] > 1 else ''}"
        spent = [] if "diverged" in trained else [f"{trained['seconds']:,} s", f"{trained['peak_mib']:,} MiB"]
        yield "trained by", ", ".join([trained["device"], threads, *spent])
    if "diverged" in trained:
        yield "no scores", trained["diverged"]
    yield "environment", ", ".join(f"{name} {value}" for name, value in record["environment"].items())
    for label, stage in (("upscaled at", "upscaled"), ("kernels at", "estimated"), ("scored at", "scored")):
        if stage in record and record[stage]["code"]["commit"] != code["commit"]:
            yield label, f"commit {record[stage]['code']['commit'][:digits]}"
    if record["measured_at"]["commit"] != code["commit"]:
        yield "reported at", f"commit {record['measured_at']['commit'][:digits]}"
    yield "scores", f"scores/{run['method']}.csv, recorded rows sha256 {record['scores'][:digits]}"


def _unlike(lines: list[Line], before: list[Line], records: tuple[Mapping[str, Any], Mapping[str, Any]]) -> list[Line]:
    """Lines that differ from the first run's; of the knobs, those that differ."""
    mine, first = (record["experiment"]["knobs"] for record in records)
    knobs = ", ".join(f"{name}={value}" for name, value in mine.items() if first.get(name) != value)
    kept = [("knobs", f"as above but {knobs}") if label == "knobs" else (label, text) for label, text in lines]
    shared = [label for label, text in lines if (label, text) in before and label]
    kept = [line for line in kept if line not in before and not (line[0] == "knobs" and "knobs" in shared)]
    return [*kept, ("as above", ", ".join(shared))] if shared else kept


def _earlier(records: Mapping[str, Record], record: Record, digits: int) -> Iterator[Line]:
    """The runs that this one takes something of, and those before them."""
    run = record["experiment"]
    taken = [("starts from", run.get("warm_start")), ("kernels of", run.get("kernel_from"))]
    taken += [("network of", name) for name in run.get("network_from") or ()]
    for label, name in taken:
        if name == "truth":
            yield label, "the degradation itself: the true kernels"
        elif name:
            if name not in records:
                raise BadInput(f"{name}: has no record here, though a run starts from it; make the report again")
            source = records[name]
            network = f", checkpoint sha256 {source['checkpoint'][:digits]}" if "checkpoint" in source else ""
            yield label, f"{name}: digest {source['digest']}, commit {source['code']['commit'][:digits]}{network}"
            yield from _earlier(records, source, digits)


def _hashes(label: str, found: Mapping[str, str], digits: int) -> Iterator[Line]:
    """A line a file, the label on the first."""
    for number, (name, value) in enumerate(found.items()):
        yield label if number == 0 else "", f"{name} sha256 {value[:digits]}"


def _pictures(cell: Cell, scores: Scores | None, record: Mapping[str, Any]) -> Iterator[Line]:
    """Every picture that is averaged, with the hash of what was scored."""
    chosen = {
        image: value
        for (dataset, image, metric), value in (scores or {}).items()
        if (dataset, metric) == (cell.dataset, cell.metric) and cell.image in ("", image)
    }
    files = {**record.get("kernels", {}), **record["sr"]}
    width = max(map(len, chosen), default=0)
    for number, (image, value) in enumerate(sorted(chosen.items())[:MAX_PICTURES]):
        figure = f"{'n/a' if value is None else f'{value:.6f}':>12}"
        names = [name for name in files if name.rpartition(".")[0] == f"{cell.dataset}/{image}"]
        source = f"   {names[0].rpartition('.')[2]} sha256 {files[names[0]][:SHORT]}" if names else ""
        yield cell.metric if number == 0 else "", f"{image.ljust(width)} {figure}{source}"
    if len(chosen) > MAX_PICTURES:
        yield "", f"… and {len(chosen) - MAX_PICTURES} more in the score file"


def _grid(lines: list[Line]) -> str:
    """Labels on the left, texts wrapped beside them."""
    wrapped = []
    for label, text in lines:
        short = len(text) <= WIDTH - LABEL - 4  # as it is, with its runs of blanks
        parts = [text] if short else textwrap.wrap(text, WIDTH - LABEL - 4, break_on_hyphens=False)
        wrapped += [f"  {(label if number == 0 else '').ljust(LABEL)}  {part}" for number, part in enumerate(parts)]
    return "\n".join(wrapped)
