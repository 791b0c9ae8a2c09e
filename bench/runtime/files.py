"""Writing so that nothing is ever half-written, even through a power cut, and reading back what was written."""

import contextlib
import fcntl
import json
import math
import os
import re
import secrets
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench.errors import BadInput

_TEMPORARY = re.compile(r"\.bench-[0-9a-f]{16}\.tmp")
_LEFT_BEHIND_SECONDS = 60  # a temporary file this old that nobody has locked is a killed job's
REQUEST = ".bench-request"  # in a folder being made: what for


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary file beside `path`, on the disk for good and renamed onto it on success, removed on failure.

    Its name is random, for process ids are used again, and it is locked while its writer lives, so that what killed
    jobs left in the folder can be removed. Raises BadInput, naming the place, where it cannot be written.
    """
    temporary = path.with_name(f".bench-{secrets.token_hex(8)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_left_behind(path.parent)
        with temporary.open("xb") as stream:
            _lock(stream.fileno())
            yield temporary
            sync(temporary)
            temporary.replace(path)
        sync(path.parent)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _unwritable(path: Path, error: OSError) -> BadInput:
    reason = error.args[0][0][2] if isinstance(error, shutil.Error) else error.strerror or error  # the first of many
    return BadInput(f"{path}: cannot be written ({reason}); free space or choose another place")


def is_temporary(name: str) -> bool:
    """Whether `replacing` gives files such names."""
    return _TEMPORARY.fullmatch(name) is not None


def _remove_left_behind(folder: Path) -> None:
    """Delete the temporary files whose writers are dead."""
    with os.scandir(folder) as entries:
        found = [entry.path for entry in entries if is_temporary(entry.name)]
    for path in found:
        with contextlib.suppress(FileNotFoundError), open(path, "rb") as stream:
            if time.time() - os.fstat(stream.fileno()).st_mtime > _LEFT_BEHIND_SECONDS and _lock(stream.fileno()):
                os.unlink(path)


def _lock(descriptor: int) -> bool:
    """Whether the lock is ours now; False where another process has it, or the file system has no locks."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def sync(path: Path) -> None:
    """Wait until a file's bytes, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _replace_whole(made: Path, place: Path) -> None:
    if place.is_dir():
        shutil.rmtree(place)
    made.rename(place)


@contextlib.contextmanager
def making_folder(
    place: Path, request: str = "", deliver: Callable[[Path, Path], None] = _replace_whole
) -> Iterator[Path]:
    """A folder `.<name>.partial` to fill, locked; on success it is put on the disk and delivered as `place`.

    It begins empty, and a failure leaves no trace of it. With a `request`, a digest of all that decides the content, a
    failure keeps it for the next call with the same request. Raises BadInput where another process is at it already,
    and where the place cannot be written.
    """
    folder = place.with_name(f".{place.name}.partial")
    above = [parent for parent in folder.parents if not parent.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder, place):
            mark = folder / REQUEST
            goes_on = request and mark.is_file() and mark.read_text() == request
            if not goes_on:
                _empty(folder, mark)
            try:
                if not goes_on:
                    mark.write_text(request)
                yield folder
                for inside, _, names in os.walk(folder):
                    for path in (*(Path(inside, name) for name in names), Path(inside)):
                        sync(path)
                deliver(folder, place)
                (place / REQUEST).unlink(missing_ok=True)  # until then, a killed job's folder is known by it
                sync(place.parent)
            except BaseException as error:
                if request and mark.is_file() and len(list(folder.iterdir())) > 1:
                    if isinstance(error, KeyboardInterrupt):
                        raise KeyboardInterrupt("what is finished is kept; run the same command to resume") from None
                    raise
                shutil.rmtree(folder, ignore_errors=True)
                with contextlib.suppress(OSError):
                    for parent in above:
                        parent.rmdir()
                raise
    except OSError as error:
        raise _unwritable(place, error) from error


@contextlib.contextmanager
def _alone(folder: Path, place: Path) -> Iterator[None]:
    """Hold the folder's lock. Raises BadInput where another process does, or has just delivered it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if not _lock(descriptor) or not (folder.is_dir() and os.path.samestat(os.fstat(descriptor), folder.stat())):
            raise BadInput(f"{place}: another process is making it; wait for it, or choose another place")
        yield
    finally:
        os.close(descriptor)


def _empty(folder: Path, mark: Path) -> None:
    """Delete what a killed job left. Raises BadInput for a folder that no job made."""
    inside = list(folder.iterdir())
    if inside and mark not in inside:
        raise BadInput(f"{folder}: is in the way of a temporary folder; move it")
    for path in inside:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def write_json(path: Path, value: Any) -> None:
    """Sorted, indented, atomic."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2, sort_keys=True, default=list) + "\n")


def read_json(path: Path) -> Any:
    """Raises BadInput for a file that is not there or not JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BadInput(f"{path}: no such file; run the stage that makes it") from error
    except (OSError, ValueError, RecursionError) as error:
        raise BadInput(f"{path}: not JSON ({error}); delete it and run the stage that makes it") from error


def read_points(path: Path) -> list[dict[str, float]]:
    """Step, losses and what else is a finite number on each line of a training's curve; none without a file. Raises
    BadInput, naming file and line, for a torn one."""
    points = []
    for number, line in enumerate(path.read_bytes().splitlines() if path.is_file() else (), start=1):
        try:
            point = json.loads(line)
            numbers = {k: float(v) for k, v in point.items() if isinstance(v, int | float) and math.isfinite(v)}
            points.append({**numbers, "step": float(int(point["step"]))})
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            raise BadInput(f"{path}: line {number} is no entry with a step; train the run again") from None
    return points


@contextlib.contextmanager
def as_written(path: Path) -> Iterator[None]:
    """Raise BadInput, in place of what a missing name or another type raises, where a file is not as it was written."""
    try:
        yield
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise BadInput(
            f"{path}: not as it was written ({reason}); delete it and run the stage that makes it"
        ) from error


@contextlib.contextmanager
def locked(path: Path, wait: bool) -> Iterator[bool]:
    """Hold an exclusive lock; the kernel drops it when the process ends, however it ends.

    Where another process holds it, says so, waits and yields True; raises BadInput instead where `wait` is false, and
    where the lock cannot be made.
    """
    waited = False
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        opened = path.open("w")
    except OSError as error:
        raise _unwritable(path, error) from error
    with opened as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if not wait:
                raise BadInput(f"{path.parent}: another process is working here; wait for it or end it") from error
            print(f"{path}: another process is at this; waiting for it to end", file=sys.stderr)
            fcntl.flock(stream, fcntl.LOCK_EX)
            waited = True
        yield waited
