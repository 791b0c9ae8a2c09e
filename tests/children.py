"""What tests run in processes of their own, to be stopped there."""

from __future__ import annotations

import os
import signal
import sys
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
from shrink import small_run

from bench.__main__ import main
from bench.api import Batch
from bench.data.patches import PatchStore
from bench.stages import estimate, score, upscale  # noqa: F401  imported before the process is forked
from bench.stages.train import Limits, train


class Telling(PatchStore):
    """A store that tells when its first batch is drawn: the training has begun, or goes on."""

    begun: Connection | None

    def batch(self, *words: Any) -> Batch:
        if self.begun is not None:
            self.begun.send(None)
            self.begun = None
        return super().batch(*words)


def train_small(begun: Connection, store: Path, folder: Path, method: str, iterations: int) -> None:
    """Train a small network that saves as often as it can."""
    torch.set_num_threads(1)
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115  until the process ends
    telling = Telling(store)
    telling.begun = begun
    train(small_run(method, iterations=iterations), telling, folder, torch.device("cpu"), Limits(save_seconds=0))
    os._exit(0)


def run_command(begun: Connection, folder: Path, words: list[str]) -> None:
    """A verb in a folder; its exit code is the process's."""
    os.chdir(folder)
    torch.set_num_threads(1)
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115  until the process ends
    begun.send(None)
    code = main(words)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os._exit(code)
