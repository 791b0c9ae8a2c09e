"""Writing so that nothing is ever half-written, and reading back what was written."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.errors import BadInput


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, renamed onto it on success and removed on failure.

    Raises BadInput, naming the place, where it cannot be written (no permission, full disk).
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        if temporary.is_dir() and path.is_dir():
            shutil.rmtree(path)
        temporary.replace(path)
    except OSError as error:
        raise BadInput(
            f"{path}: cannot be written ({error.strerror or error}); free space or choose another place"
        ) from error
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Sorted, indented, atomic."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2, sort_keys=True, default=list) + "\n")


def read_json(path: Path) -> Any:
    """Raises BadInput for a file that is not there or not JSON."""
    try:
        return json.loads(path.read_text())
    except FileNotFoundError as error:
        raise BadInput(f"{path}: no such file; run the stage that makes it") from error
    except json.JSONDecodeError as error:
        raise BadInput(f"{path}: not JSON ({error}); delete it and run the stage that makes it") from error


@contextlib.contextmanager
def locked(path: Path, wait: bool) -> Iterator[bool]:
    """Hold an exclusive lock; the kernel drops it when the process ends, however it ends.

    Where another process holds it, says so, waits and yields True; raises BadInput instead where `wait` is false.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    waited = False
    with path.open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if not wait:
                raise BadInput(f"{path.parent}: another process is working here; wait for it or end it") from error
            print(f"{path}: another process is at this; waiting for it to end", file=sys.stderr)
            fcntl.flock(stream, fcntl.LOCK_EX)
            waited = True
        yield waited
