"""What a method must not look at while it upscales: HR where the harness keeps it, and a watch over what is opened."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch

from bench.api import Picture
from bench.data.images import EXTENSIONS, to_uint8, write_png
from bench.runtime.paths import data_folder, degraded_folder, work_folder

_FILES = ("open", "os.listdir", "os.scandir")  # events of sys.addaudithook; looking whether a file is there is none
_OTHERS = ("subprocess.Popen", "os.system", "socket.connect")


@contextlib.contextmanager
def hidden(picture: Picture, scale: int) -> Iterator[list[Path]]:
    """BENCH_DATA and BENCH_WORK that hold this picture's HR, of noise, wherever the harness would keep it."""
    height, width = (scale * side for side in picture.lr.shape[1:])
    hr = to_uint8(torch.rand(3, height, width, generator=torch.Generator().manual_seed(5)))
    with (
        tempfile.TemporaryDirectory() as name,
        patch.dict(os.environ, {"BENCH_DATA": f"{name}/data", "BENCH_WORK": f"{name}/work"}),
    ):
        files = [
            data_folder() / "Set5" / "HR" / f"{picture.name}.png",
            data_folder() / "Set5" / f"image_SRF_{scale}" / f"{picture.name}_SRF_{scale}_HR.png",
            degraded_folder(work_folder() / "demo", "Set5", scale, "bicubic") / "hr" / f"{picture.name}.png",
        ]
        for file in files:
            write_png(file, hr)
        yield files


_seen: list[str] | None = None


@contextlib.contextmanager
def watching() -> Iterator[list[str]]:
    """What is opened or listed of pictures, data and work folders, and other processes and machines that are called."""
    global _seen
    _install_hook()
    found: list[str] = []
    _seen = found
    try:
        yield found
    finally:
        _seen = None


@functools.cache
def _install_hook() -> None:
    """Once: an audit hook cannot be taken away again."""

    def note(event: str, arguments: tuple[Any, ...]) -> None:
        if _seen is None or event not in (*_FILES, *_OTHERS):
            return
        name = os.fsdecode(arguments[0]) if isinstance(arguments[0], str | bytes | os.PathLike) else str(arguments[0])
        if event in _FILES:
            path = Path(os.path.abspath(name))
            inside = any(path.is_relative_to(folder().absolute()) for folder in (data_folder, work_folder))
            if not inside and path.suffix.lower() not in (*EXTENSIONS, ".npy", ".u8", ".mat"):
                return
        _seen.append(name)

    sys.addaudithook(note)
