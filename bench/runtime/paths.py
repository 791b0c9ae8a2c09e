"""Where things are, decided once. Everything bulky is under one git-ignored folder."""

import os
from pathlib import Path

CORRECTED = "corrected"
"""In the folder of a data set's SR: the LR as the method corrected it first, where it did."""


def work_folder() -> Path:
    """BENCH_WORK, default `work`."""
    return Path(os.environ.get("BENCH_WORK", "work"))


def data_folder() -> Path:
    """BENCH_DATA (folders of pictures), default `work/data`."""
    return Path(os.environ.get("BENCH_DATA") or work_folder() / "data")


def weights_folder() -> Path:
    """BENCH_WEIGHTS (published networks and parameters), default `work/weights`."""
    return Path(os.environ.get("BENCH_WEIGHTS") or work_folder() / "weights")


def published_folder() -> Path:
    """BENCH_PUBLISHED (pictures and networks that authors published), default `work/published`."""
    return Path(os.environ.get("BENCH_PUBLISHED") or work_folder() / "published")


def results_folder() -> Path:
    """BENCH_RESULTS, default `results`: where a finished suite is published."""
    return Path(os.environ.get("BENCH_RESULTS") or "results")


def degraded_folder(work: Path, dataset: str, scale: int, degradation: str) -> Path:
    """hr/, lr/, kernels/ and manifest.json of one degraded test set, in the work folder of a suite."""
    return work / "data" / f"{dataset}.x{scale}.{degradation}"


def run_folder(work: Path, run: str) -> Path:
    """checkpoint.safetensors, curves.jsonl, train.json and the resume state of one run."""
    return work / "runs" / run


def sr_folder(work: Path, method: str, run: str) -> Path:
    """One run's pictures, a folder a data set, and upscale.json."""
    return work / "sr" / method / run


def kernels_folder(work: Path, method: str, run: str) -> Path:
    """One run's estimated blur kernels, a folder a data set, and kernels.json."""
    return work / "kernels" / method / run
