"""Fixtures that several test files share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from bench.data.datasets import OWN
from methods import GUESTS, METHODS

os.environ.setdefault("MPLBACKEND", "Agg")
torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def own_sets() -> Iterator[None]:
    """A data set that a test declares is known to no other test."""
    yield
    OWN.clear()


@pytest.fixture
def no_guests(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No method of one's own is known before the test, and none that it names afterwards."""
    before = dict(METHODS)
    monkeypatch.setenv("BENCH_METHODS", "")
    yield
    METHODS.clear()
    METHODS.update(before)
    GUESTS.clear()


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
