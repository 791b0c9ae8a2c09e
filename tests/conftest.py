"""Fixtures that several test files share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

os.environ.setdefault("MPLBACKEND", "Agg")
torch.set_num_threads(1)


@pytest.fixture(scope="session")
def train_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedded training photographs, prepared at x4."""
    from bench.data.prepare import prepare_train

    folder = tmp_path_factory.mktemp("data") / "train"
    prepare_train(("Embedded-train",), 4, "bicubic", folder)
    return folder


@pytest.fixture(scope="session")
def test_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The embedded test photographs, prepared at x4: hr/, lr/, manifest.json."""
    from bench.data.prepare import prepare_test

    folder = tmp_path_factory.mktemp("data") / "test"
    prepare_test("Embedded-test", 4, "bicubic", folder)
    return folder


@pytest.fixture
def bench_data() -> Path:
    """BENCH_DATA; skips where it is not set."""
    folder = os.environ.get("BENCH_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("needs the public test sets under BENCH_DATA")
    return Path(folder)
