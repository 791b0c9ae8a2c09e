"""Where things are, decided once. Everything bulky is under one git-ignored folder."""

from __future__ import annotations

import os
from pathlib import Path


def work_folder() -> Path:
    """BENCH_WORK, default `work`."""
    return Path(os.environ.get("BENCH_WORK", "work"))


def data_folder() -> Path:
    """BENCH_DATA (folders of pictures), default `work/data`."""
    return Path(os.environ.get("BENCH_DATA") or work_folder() / "data")


def weights_folder() -> Path:
    """BENCH_WEIGHTS (published networks and parameters), default `work/weights`."""
    return Path(os.environ.get("BENCH_WEIGHTS") or work_folder() / "weights")


def results_folder() -> Path:
    """BENCH_RESULTS, default `results`: where a finished suite is published."""
    return Path(os.environ.get("BENCH_RESULTS") or "results")
