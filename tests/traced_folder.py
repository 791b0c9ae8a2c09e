"""A small results folder with every link of its provenance, and the repository its code is in."""

from __future__ import annotations

import csv
import hashlib
import platform
import subprocess
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from shutil import copy
from typing import Any

from bench.runtime import results as layout
from bench.runtime.checksums import seal
from bench.runtime.code_digest import ROOT
from bench.runtime.git import RULE, recomputed
from bench.suites.experiment import digest_of

# run -> (method, variant, seed, psnr_y of the two pictures of Set5)
RUNS: dict[str, tuple[str, str, int, tuple[float, float]]] = {
    "bicubic.default.x4.bicubic.s1": ("bicubic", "default", 1, (28.0, 30.0)),
    "edsr.default.x4.bicubic.s1": ("edsr", "default", 1, (30.0, 32.0)),
    "edsr.default.x4.bicubic.s2": ("edsr", "default", 2, (30.5, 32.5)),
    "edsr.bn.x4.bicubic.s1": ("edsr", "bn", 1, (29.0, 31.0)),
    "esrgan.default.x4.bicubic.s1": ("esrgan", "default", 1, (27.0, 29.5)),
}
EARLIER = {"esrgan.default.x4.bicubic.s1": "edsr.default.x4.bicubic.s1"}
IMAGES = ("baby", "bird")
ROW = (
    "run",
    "method",
    "variant",
    "scale",
    "degradation",
    "seed",
    "iterations",
    "train_set",
    "parameters",
    "warm_start",
)


def fake(text: str) -> str:
    """The sha256 of a text, in place of a file that is not here."""
    return hashlib.sha256(text.encode()).hexdigest()


def git(folder: Path, *words: str) -> str:
    identity = ("-c", "user.name=A", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false")
    done = subprocess.run(("git", "-C", str(folder), *identity, *words), capture_output=True, text=True, check=True)
    return done.stdout.strip()


def write_repository(folder: Path) -> str:
    """A commit with a method, a loop and the rule of what counts as code; returns its name."""
    for name in (
        "bench/__init__.py",
        "bench/runtime/__init__.py",
        "bench/stages/__init__.py",
        "methods/__init__.py",
        "methods/common/__init__.py",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")
    (folder / "bench" / "stages" / "train.py").write_text("def train() -> int:\n    return 1\n")
    (folder / "methods" / "tiny.py").write_text('"""Tiny."""\nimport bench.stages.train\n\nWIDTH = 3  # pixels\n')
    (folder / "Snakefile").write_text("rule all:\n    input: []\n")
    copy(ROOT / RULE, folder / RULE)
    git(folder, "init", "-q", ".")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "Code")
    return git(folder, "rev-parse", "HEAD")


def write_traced(folder: Path, repository: Path) -> Path:
    """scores/, records/, runs.csv, cost.csv, tables/ and REPORT.md, sealed; code in `repository`."""
    name = write_repository(repository)
    code = recomputed(repository, {"starts": ["methods.tiny", "bench.stages.train"]})[0]
    scores = {run: _scores(run) for run in RUNS}
    records = {run: _record(run, name, code, scores[run]) for run in RUNS}
    for record in records.values():
        record["code"]["starts"] = ["methods.tiny", "bench.stages.train"]
    for method in {method for method, *_ in RUNS.values()}:
        runs = [run for run in RUNS if RUNS[run][0] == method]
        layout.write_scores(folder, method, {run: scores[run] for run in runs})
        layout.write_records(folder, method, {run: records[run] for run in runs})
    write_rows(folder / "runs.csv", (record["row"] for record in records.values()))
    write_rows(folder / "cost.csv", (record["cost"] for record in records.values()))
    _write_tables(folder)
    (folder / "REPORT.md").write_text("# Suite `tiny`\n")
    (folder / "figures").mkdir(exist_ok=True)
    (folder / "figures" / "curves.png").write_text("a picture\n")
    seal(folder)
    return folder


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    rows = list(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def change_record(folder: Path, run: str, change: Callable[[Any], None]) -> None:
    """Edit one record and seal the folder again, as a careful forger would."""
    method = RUNS[run][0]
    records = {name: record for name, record in layout.read_records(folder).items() if RUNS[name][0] == method}
    change(records[run])
    layout.write_records(folder, method, records)
    seal(folder)


def _scores(run: str) -> list[layout.Row]:
    *_, values = RUNS[run]
    psnr = [
        {"dataset": "Set5", "image": image, "metric": "psnr_y", "value": f"{value:.6f}", "note": ""}
        for image, value in zip(IMAGES, values, strict=True)
    ]
    ma = [{"dataset": "Set5", "image": i, "metric": "ma", "value": "", "note": "no weights, no value"} for i in IMAGES]
    return sorted([*psnr, *ma], key=lambda row: (row["image"], row["metric"]))


def _record(run: str, name: str, code: tuple[str, tuple[str, ...]], scores: list[layout.Row]) -> dict[str, Any]:
    method, variant, seed, _ = RUNS[run]
    trained = method != "bicubic"
    said = {
        "method": method,
        "scale": 4,
        "degradation": "bicubic",
        "seed": seed,
        "iterations": 2000 if trained else 0,
        "train_sets": ["T91"] if trained else [],
        "warm_start": EARLIER.get(run),
        "kernel_from": None,
        "network_from": [],
        "knobs": {"width": 16, "batch_norm": variant == "bn"},
    }
    digest = digest_of({**said, "source": code[0]})
    row = {**{key: said.get(key, "") for key in ROW}, "run": run, "variant": variant}
    row |= {"train_set": "+".join(said["train_sets"]), "parameters": 1234 if trained else 0}  # type: ignore[arg-type]
    row |= {"warm_start": said["warm_start"] or "", "digest": digest}
    record: dict[str, Any] = {
        "row": row,
        "cost": {"run": run, "train_seconds": 12.5 if trained else "", "upscale_seconds": 0.25},
        "suite": "tiny",
        "experiment": said,
        "digest": digest,
        "code": {"commit": name, "changed": False, "sha256": code[0], "modules": [*code[1]]},
        "environment": {"python": platform.python_version(), "torch": "2.13.0"},
        "measured_at": {"commit": name, "changed": False, "report": "other"},
        "weights": {"lpips-alex": "df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0"},
        "test_data": {"Set5": fake("Set5")},
        "stages": {EARLIER[run]: fake(f"network of {EARLIER[run]}")} if run in EARLIER else {},
        "sr": {f"Set5/{image}.png": fake(f"{run} {image}") for image in IMAGES},
        "kernels": {},
        "scores": layout.hash_scores(scores),
    }
    if trained:
        told = {"digest": digest, "experiment": said, "train_data": fake("T91"), "parameters": 1234, "seconds": 12.5}
        record["training"] = {**told, "run": run, "device": "CPU", "threads": 1, "peak_mib": 300}
        record["train_data"] = fake("T91")
        record["checkpoint"] = fake(f"network of {run}")
    return record


def _write_tables(folder: Path) -> None:
    """What the report would write of these scores, by hand."""
    edsr, bn = "edsr.default.x4.bicubic.s1 edsr.default.x4.bicubic.s2", "edsr.bn.x4.bicubic.s1"
    psnr, ma, gap = "Set5/psnr_y", "Set5/ma", "Set5/psnr_y difference"
    methods = [("bicubic", "bicubic.default.x4.bicubic.s1", 0, 1, "29.000000"), ("edsr", edsr, 1234, 2, "31.250000")]
    methods.append(("esrgan", "esrgan.default.x4.bicubic.s1", 1234, 1, "28.250000"))
    names = ("method", "runs", "parameters", "seeds", psnr)
    write_rows(folder / "tables/methods.csv", [{**dict(zip(names, m, strict=True)), ma: "n/a"} for m in methods])
    variants = [("default", edsr, "31.250000", ""), ("bn", bn, "30.000000", "-1.250000")]
    rows = [dict(zip(("variant", "runs", psnr, gap), variant, strict=True)) for variant in variants]
    write_rows(folder / "tables/ablation-edsr.csv", rows)
    effect = {"method": "edsr", "variant": "bn", "axis": "norm", "metric": "psnr_y", "difference": "-1.250000"}
    write_rows(folder / "tables/effects.csv", [effect, {**effect, "metric": "ma", "difference": "n/a"}])
    claim = {"claim": "esrgan.sharp", "better": "edsr", "worse": "esrgan", "metric": "psnr_y", "setting": "x4.bicubic"}
    write_rows(folder / "tables/claims.csv", [{**claim, "difference": "3.000000"}])
    printed = {"cell": "EDSR/Set5", "runs": edsr, "dataset": "Set5", "metric": "psnr_y", "reported": "32.46"}
    waiting = {**printed, "cell": "RCAN/Set5", "runs": "", "measured": ""}
    write_rows(folder / "tables/paper-edsr.csv", [{**printed, "measured": "31.250000"}, waiting])
