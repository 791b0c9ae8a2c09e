"""Where every number comes from: commit, code, data, seed, environment, device, hashes of what was made."""

from __future__ import annotations

import csv
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from bench.devices import environment
from bench.files import read_json, replacing, write_json
from bench.layout import Layout
from bench.report.aggregate import COST_COLUMNS, RUN_COLUMNS
from bench.sources import ROOT, closure, source_digest
from bench.spec import Experiment
from bench.suites import Suite
from bench.train import checkpoint_path
from bench.weights import locate, sha256_of


def commit() -> dict[str, Any]:
    """The checked-out commit and whether tracked files differ from it; 'unknown' outside a checkout."""

    def git(*words: str) -> str | None:
        try:
            done = subprocess.run(("git", "-C", str(ROOT), *words), capture_output=True, text=True, check=False)
        except FileNotFoundError:
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    changed = git("status", "--porcelain", "--untracked-files=no", "--", "bench", "methods", "Snakefile")
    return {"commit": git("rev-parse", "HEAD") or "unknown", "changed": bool(changed) if changed is not None else None}


def run_row(run: Experiment, layout: Layout) -> dict[str, Any]:
    """One line of runs.csv: what was run, nothing that differs between machines."""
    method = run.build()
    count, patch = method.batch
    trained = read_json(layout.run(run.name) / "train.json") if run.iterations else {}
    return {
        "run": run.name,
        "method": run.method,
        "variant": run.variant,
        "axis": run.axis,
        "scale": run.scale,
        "degradation": run.degradation,
        "seed": run.seed,
        "iterations": run.iterations,
        "batch": count if run.iterations else "",
        "patch": patch if run.iterations else "",
        "train_set": "+".join(run.train_sets),
        "perceptual": getattr(method, "perceptual", ""),
        "parameters": trained.get("parameters", 0),
        "warm_start": run.warm_start or "",
        "digest": run.digest(),
        "paper": run.entry.paper,
    }


def cost_row(run: Experiment, layout: Layout) -> dict[str, Any]:
    """One line of cost.csv: seconds and memory, which no two machines share."""
    trained = read_json(layout.run(run.name) / "train.json") if run.iterations else {}
    upscaled = read_json(layout.sr(run) / "upscale.json")
    seconds = sum(sum(one["seconds"].values()) for one in upscaled["sets"].values())
    return {
        "run": run.name,
        "train_seconds": trained.get("seconds", ""),
        "train_device": trained.get("device", ""),
        "train_peak_mib": trained.get("peak_mib", ""),
        "upscale_seconds": round(seconds, 2),
        "upscale_peak_mib": upscaled["peak_mib"],
    }


def run_record(run: Experiment, suite: Suite, layout: Layout) -> dict[str, Any]:
    """Everything behind one run's numbers, with the sha256 of each thing it made."""
    method = run.build()
    module = run.entry.method.__module__
    sr = layout.sr(run)
    record: dict[str, Any] = {
        "row": run_row(run, layout),
        "cost": cost_row(run, layout),
        "suite": suite.name,
        "experiment": run.resolved(),
        "digest": run.digest(),
        "code": {"modules": closure(module, "bench.train"), "sha256": source_digest(module, "bench.train"), **commit()},
        "environment": environment(),
        "weights": {name: sha256_of(locate(name)) for name in method.needs_weights},
        "test_data": {
            name: sha256_of(layout.test_data(name, run.scale, run.degradation) / "manifest.json")
            for name in suite.test_sets
        },
        "sr": {str(file.relative_to(sr)): sha256_of(file) for file in sorted(sr.rglob("*.png"))},
        "scores": sha256_of(layout.scores(run)),
    }
    if run.iterations:
        folder = layout.run(run.name)
        record["training"] = read_json(folder / "train.json")
        record["train_data"] = sha256_of(layout.train_data(run) / "manifest.json")
        record["checkpoint"] = sha256_of(checkpoint_path(folder))
    return record


def write_records(
    suite: Suite, runs: Iterable[Experiment], layout: Layout, results: Path, adopted: Iterable[str] = ()
) -> None:
    """provenance/<run>.json of each run, and runs.csv and cost.csv of these and the adopted ones, under `results`."""
    for run in runs:
        write_json(results / "provenance" / f"{run.name}.json", run_record(run, suite, layout))
    names = {run.name for run in runs} | set(adopted)
    order = [name for name in suite.experiments() if name in names]
    records = [read_json(results / "provenance" / f"{name}.json") for name in order]
    _write_rows(results / "runs.csv", RUN_COLUMNS, [record["row"] for record in records])
    _write_rows(results / "cost.csv", COST_COLUMNS, [record["cost"] for record in records])


def _write_rows(path: Path, columns: Sequence[str], rows: list[dict[str, Any]]) -> None:
    with replacing(path) as temporary, temporary.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
