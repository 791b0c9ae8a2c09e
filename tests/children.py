"""What tests run in processes of their own, to be stopped there."""

from __future__ import annotations

import os
import signal
import sys
from multiprocessing.connection import Connection
from pathlib import Path

import torch

from bench.__main__ import main
from bench.stages import estimate, score, train, upscale  # noqa: F401  imported before the process is forked


def run_command(begun: Connection, folder: Path, words: list[str]) -> None:
    """A verb in a folder; its exit code is the process's."""
    os.chdir(folder)
    torch.set_num_threads(1)
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115  until the process ends
    begun.send(None)
    code = main(words)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os._exit(code)
