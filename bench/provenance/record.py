"""Where every number comes from: commit, code, data, seed, environment, device, hashes of what was made."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.provenance.reuse import MEASURE
from bench.report.aggregate import COST_COLUMNS, RUN_COLUMNS
from bench.runtime.checksums import seal
from bench.runtime.code_digest import code_of, commit, source_digest
from bench.runtime.devices import environment
from bench.runtime.files import read_json, write_json
from bench.runtime.git import REPORT, checked_out, recomputed
from bench.runtime.rows import write_rows
from bench.runtime.weights import locate, sha256_of
from bench.stages.cost import count
from bench.stages.train import checkpoint_path
from bench.suites.experiment import Experiment
from bench.suites.suite import Suite
from bench.suites.workdir import Workdir

__all__ = ["commit", "cost_row", "run_record", "run_row", "seal", "write_records"]


def run_row(run: Experiment, layout: Workdir) -> dict[str, Any]:
    """One line of runs.csv: what was run, nothing that differs between machines."""
    method = run.build()
    pictures, patch = method.batch
    counted = count(method)
    return {
        "run": run.name,
        "method": run.method,
        "variant": run.variant,
        "axis": run.axis,
        "scale": run.scale,
        "degradation": run.degradation,
        "seed": run.seed,
        "iterations": run.iterations,
        "batch": pictures if run.iterations else "",
        "patch": patch if run.iterations else "",
        "samples": run.iterations * pictures if run.iterations else "",
        "train_set": "+".join(run.train_sets),
        "perceptual": getattr(method, "perceptual", ""),
        "parameters": _trained(run, layout).get("parameters", counted.parameters if counted else 0),
        "macs": counted.macs if counted else "",
        "warm_start": run.warm_start or "",
        "digest": _trained(run, layout).get("digest", run.digest()),
        "paper": run.entry.paper,
    }


def cost_row(run: Experiment, layout: Workdir) -> dict[str, Any]:
    """One line of cost.csv: seconds and memory, which no two machines share. Estimating kernels counts as upscaling."""
    trained = _trained(run, layout)
    spent = _spent(run, layout)
    nothing = any("diverged" in one for one in spent)  # there was no network to upscale with
    return {
        "run": run.name,
        "train_seconds": trained.get("seconds", ""),
        "train_cpu_seconds": trained.get("cpu_seconds", ""),
        "train_device": trained.get("device", ""),
        "train_peak_mib": trained.get("peak_mib", ""),
        "upscale_seconds": "" if nothing else round(sum(map(_seconds, spent)), 2),
        "upscale_peak_mib": "" if nothing else max(one["peak_mib"] for one in spent),
    }


def _spent(run: Experiment, layout: Workdir) -> list[dict[str, Any]]:
    """upscale.json, or kernels.json of an estimator: one for all sets, else one a set."""
    if not run.estimates:
        return [read_json(layout.sr(run) / "upscale.json")]
    folder = layout.kernels(run)
    each = sorted(folder.glob("*/kernels.json"))
    return [read_json(path) for path in (each or [folder / "kernels.json"])]


def _seconds(spent: Mapping[str, Any]) -> float:
    """The sum over sets and pictures."""
    times = [one["seconds"] for one in spent["sets"].values()] if "sets" in spent else [spent["seconds"]]
    return float(sum(sum(time.values()) if isinstance(time, Mapping) else time for time in times))


def run_record(run: Experiment, suite: Suite, layout: Workdir) -> dict[str, Any]:
    """Everything behind one run's numbers, with the sha256 of each thing it made.

    code and environment are those of the training where there was one; measured_at those of this moment, when the
    pictures and scores were there.
    """
    method = run.build()
    trained, now = _trained(run, layout), commit()
    record: dict[str, Any] = {
        "row": run_row(run, layout),
        "cost": cost_row(run, layout),
        "suite": suite.name,
        "experiment": run.resolved(),
        "digest": trained.get("digest", run.digest()),
        "code": _code(run.modules, trained.get("code")),
        "environment": trained.get("environment", environment()),
        "measured_at": {
            **now,
            "environment": environment(),
            "report": source_digest(REPORT),
            "measure": source_digest(*MEASURE),
        },
        "weights": {name: sha256_of(locate(name)) for name in method.needs_weights},
        "test_data": {
            name: sha256_of(layout.test_data(name, run.scale, run.degradation) / "manifest.json")
            for name in run.test_sets
        },
        "stages": _stages(run, suite, layout),
        "sr": hashes(layout.sr(run), "*.png"),
        "kernels": hashes(layout.kernels(run), "*.npy"),
        "scores": sha256_of(layout.scores(run)),
    }
    if run.iterations:
        record["training"] = trained
        record["train_data"] = sha256_of(layout.train_data(run) / "manifest.json")
        record["checkpoint"] = sha256_of(checkpoint_path(layout.run(run.name)))
        if run.unpaired_sets:
            record["unpaired_data"] = sha256_of(layout.unpaired_data(run) / "manifest.json")
    return record


def _code(modules: tuple[str, ...], noted: Mapping[str, Any] | None) -> dict[str, Any]:
    """The code of a run: as noted when it was trained, completed from that commit where the note is short; else now's.

    Raises BadInput where the commit is not here.
    """
    if noted is None or "sha256" in noted:
        return dict(noted or code_of(*modules))
    return {"starts": modules, **_at_commit(noted["commit"], modules), **noted}


@functools.cache
def _at_commit(name: str, modules: tuple[str, ...]) -> dict[str, Any]:
    with checked_out(name) as tree:
        [(digest, made_of)] = recomputed(tree, {"starts": modules})
    return {"modules": made_of, "sha256": digest}


def _stages(run: Experiment, suite: Suite, layout: Workdir) -> dict[str, Any]:
    """Run -> what was taken of it: the sha256 of its network, or those of its kernels."""
    taken: dict[str, Any] = {}
    for name in run.sources:
        if name == run.kernel_from:
            taken[name] = hashes(layout.kernels(suite.experiments()[name]), "*.npy")
        else:
            taken[name] = sha256_of(checkpoint_path(layout.run(name)))
    return taken


def hashes(folder: Path, pattern: str) -> dict[str, str]:
    """Relative path -> sha256 of the files below a folder; none where the folder is not there."""
    return {path.relative_to(folder).as_posix(): sha256_of(path) for path in sorted(folder.rglob(pattern))}


def _trained(run: Experiment, layout: Workdir) -> dict[str, Any]:
    """train.json of a run, empty where nothing was trained."""
    found: dict[str, Any] = read_json(layout.run(run.name) / "train.json") if run.iterations else {}
    return found


def write_records(
    suite: Suite, runs: Iterable[Experiment], layout: Workdir, results: Path, adopted: Iterable[str] = ()
) -> None:
    """provenance/<run>.json of each run, and runs.csv and cost.csv of these and the adopted ones, under `results`."""
    runs = list(runs)
    for run in runs:
        write_json(results / "provenance" / f"{run.name}.json", run_record(run, suite, layout))
    names = {run.name for run in runs} | set(adopted)
    order = [name for name in suite.experiments() if name in names]
    records = [read_json(results / "provenance" / f"{name}.json") for name in order]
    _write_rows(results / "runs.csv", RUN_COLUMNS, [record["row"] for record in records])
    _write_rows(results / "cost.csv", COST_COLUMNS, [record["cost"] for record in records])


def _write_rows(path: Path, columns: Sequence[str], rows: list[dict[str, Any]]) -> None:
    """A row may lack columns: records adopted from an earlier report do."""
    write_rows(path, columns, [[row.get(column, "") for column in columns] for row in rows])
