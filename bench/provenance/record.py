"""Where every number comes from: the records that the stages of a run wrote, joined into one."""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.data.prepare import RECORD
from bench.errors import BadInput
from bench.report.aggregate import COST_COLUMNS, RUN_COLUMNS
from bench.runtime import results as files
from bench.runtime.code_digest import source_digest
from bench.runtime.devices import environment
from bench.runtime.files import read_json
from bench.runtime.git import REPORT, commit
from bench.runtime.output import check_unchanged
from bench.runtime.record import Record
from bench.runtime.rows import read_rows, write_rows
from bench.stages.feature_activity import write_taps
from bench.suites.experiment import Experiment
from bench.suites.suite import Suite
from bench.suites.workdir import Workdir

# of a stage's record, in the joined one
KEPT = ("digest", "device", "threads", "seconds", "generators", "inputs", "environment")


def run_record(run: Experiment, suite: Suite, layout: Workdir) -> Record:
    """Everything behind one run's numbers, as each stage wrote it down, with the sha256 of each thing it made.

    code, environment and digest are those of the training where there was one, else those of what made the pictures or
    kernels; measured_at those of the report. Raises BadInput for a stage that left no record.
    """
    trained = _read(layout.run(run.name) / "train.json") if run.iterations else {}
    upscaling = _read(layout.made(run))
    scored = _read(layout.score_record(run))
    check_unchanged(layout.scores(run).parent, {layout.scores(run).name: scored["outputs"]["scores"]})
    first = trained or upscaling
    inputs: dict[str, str] = {**trained.get("inputs", {}), **upscaling["inputs"]}
    taken = {**_named(inputs, "runs/"), **_named(inputs, "kernels/")}
    record: Record = {
        "row": run_row(run, trained, upscaling),
        "cost": cost_row(run, trained, upscaling),
        "suite": suite.name,
        "experiment": run.resolved(),
        "digest": first["digest"],
        "code": first["code"],
        "environment": first["environment"],
        "measured_at": {**commit(), "environment": environment(), "report": source_digest(REPORT)},
        "weights": _named(inputs, "weights/"),
        "test_data": _named(inputs, "data/"),
        "stages": {name: sha256 for name, sha256 in taken.items() if name in run.sources},
        "sr": {} if run.estimates else upscaling["outputs"],
        "kernels": upscaling["outputs"] if run.estimates else {},
        "scores": scored["outputs"]["scores"],
        "prepared": _prepared(run, layout),
        "estimated" if run.estimates else "upscaled": _brief(upscaling),
        "scored": _brief(scored),
    }
    if trained:
        record |= {"training": trained, "checkpoint": trained["outputs"]["checkpoint.safetensors"]}
        record |= {name: inputs[name] for name in ("train_data", "unpaired_data") if name in inputs}
    if scored["taps"]:
        record["taps"] = scored["taps"]
    return record


def _read(path: Path) -> Record:
    """A stage's record. Raises BadInput where it is missing, or from before stages wrote what they took and made."""
    record: Record = read_json(path)
    if not {"code", "inputs", "outputs"} <= record.keys():
        raise BadInput(f"{path}: does not say what the stage took and made; run the stage again")
    return record


def _brief(record: Record) -> Record:
    """The record of a stage without what stands elsewhere in the joined one, or follows from its commit."""
    code = {name: value for name, value in record["code"].items() if name != "modules"}
    return {"code": code, **{name: record[name] for name in KEPT if name in record}}


def _prepared(run: Experiment, layout: Workdir) -> Record:
    """Which code made the manifest of every test set and training store."""
    records = {name: _read(folder / RECORD) for name, folder in layout.prepared(run).items()}
    return {name: {"code": _brief(record)["code"], "outputs": record["outputs"]} for name, record in records.items()}


def _named(inputs: Mapping[str, str], prefix: str) -> dict[str, str]:
    """The inputs of one kind, without the word for it."""
    return {name.removeprefix(prefix): value for name, value in inputs.items() if name.startswith(prefix)}


def run_row(run: Experiment, trained: Record, upscaling: Record) -> Record:
    """One line of runs.csv: what was run, nothing that differs between machines. upscaling: or estimating."""
    method = run.build()
    drawn, patch = method.batch
    pictures = int(str(method.knobs.get("batch_size", drawn)))  # without the unpaired LR that is drawn beside them
    network = upscaling.get("network") or {}
    amounts = {"batch": pictures, "patch": patch, "samples": run.iterations * pictures}
    about = ("method", "variant", "axis", "scale", "degradation", "seed", "iterations")
    return {
        "run": run.name,
        **{column: getattr(run, column) for column in about},
        **{column: number if run.iterations else "" for column, number in amounts.items()},
        "train_set": "+".join(run.train_sets),
        "perceptual": method.knobs.get("perceptual", "") if method.needs_weights else "",
        "parameters": trained.get("parameters", network.get("parameters", 0)),
        "macs": network.get("macs", ""),
        "warm_start": run.warm_start or "",
        "dead_generators": files.count_dead(upscaling),
        "digest": (trained or upscaling)["digest"],
        "paper": run.entry.paper,
    }


def cost_row(run: Experiment, trained: Record, upscaling: Record) -> Record:
    """One line of cost.csv: seconds and memory, which no two machines share. Estimating kernels counts as upscaling;
    where nothing was upscaled, for the network diverged or others made the pictures, there is no cost."""
    nothing = upscaling["peak_mib"] == ""
    return {
        "run": run.name,
        **{f"train_{name}": trained.get(name, "") for name in ("seconds", "cpu_seconds", "device", "peak_mib")},
        "upscale_seconds": "" if nothing else round(_seconds(upscaling), 2),
        "upscale_peak_mib": upscaling["peak_mib"],
    }


def _seconds(upscaling: Record) -> float:
    """Of the upscaler alone, over sets and pictures; of the estimator, all pictures side by side."""
    if "sets" not in upscaling:
        return float(upscaling["seconds"])
    return float(sum(sum(times["seconds"].values()) for times in upscaling["sets"].values()))


def write_results(
    suite: Suite, runs: Iterable[Experiment], layout: Workdir, results: Path, published: Path | None = None
) -> list[str]:
    """scores/, records/, runs.csv, cost.csv and taps.csv of these runs, and of the suite's others that a published
    folder holds, with what figures of those are drawn from; returns the names of all, in the suite's order."""
    records, scores = files.read_results(published) if published else ({}, {})
    for run in runs:
        records[run.name] = run_record(run, suite, layout)
        scores[run.name] = read_rows(layout.scores(run), files.SCORE_COLUMNS)
    found = {name: run for name, run in suite.experiments().items() if name in records and name in scores}
    for folder in (files.SCORES, files.RECORDS):
        shutil.rmtree(results / folder, ignore_errors=True)
    for method in dict.fromkeys(run.method for run in found.values()):
        names = [name for name, run in found.items() if run.method == method]
        files.write_scores(results, method, {name: scores[name] for name in names})
        files.write_records(results, method, {name: records[name] for name in names})
    _write_rows(results / files.RUNS, RUN_COLUMNS, [records[name]["row"] for name in found])
    _write_rows(results / files.COST, COST_COLUMNS, [records[name]["cost"] for name in found])
    for file in (files.TAPS, files.EXPLAINED, files.MATERIAL):
        (results / file).unlink(missing_ok=True)
        if published and (published / file).is_file():
            shutil.copyfile(published / file, results / file)
    write_taps({name: records[name] for name in found}, results)
    return list(found)


def _write_rows(path: Path, columns: Sequence[str], rows: list[dict[str, Any]]) -> None:
    """A row may lack columns: records adopted from an earlier report do."""
    write_rows(path, columns, [[row.get(column, "") for column in columns] for row in rows])
