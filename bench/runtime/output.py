"""Where a command may write: a place that is new, or that holds only what was recorded there when it was written."""

import contextlib
import functools
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from bench.errors import BadInput
from bench.runtime.checksums import files_of, hash_file
from bench.runtime.files import REQUEST, is_temporary, making_folder, read_json, replacing, write_json

RECORD = ".made-by-bench.json"  # in a folder; beside a file with the file's name before it
_DROPPINGS = {".snakemake_timestamp", ".DS_Store", "Thumbs.db", "desktop.ini", REQUEST}  # nobody's work
Inputs = Iterable[Path | None]


@contextlib.contextmanager
def output_folder(
    out: Path, inputs: Inputs, overwrite: bool = False, request: str = "", record: str = RECORD
) -> Iterator[Path]:
    """A folder to fill that becomes `out` on success. record: the list of its files, unless what is put there brings it
    along. Raises BadInput as `check_place` and `making_folder` do."""
    place = check_place(out, inputs, overwrite, record=record)
    with making_folder(place, request, functools.partial(_deliver, overwrite=overwrite, record=record)) as folder:
        yield folder
        if record == RECORD:
            write_json(folder / RECORD, {name: hash_file(folder / name) for name in files_of(folder)})


@contextlib.contextmanager
def output_file(out: Path, inputs: Inputs, overwrite: bool = False) -> Iterator[Path]:
    """A file to write that becomes `out` on success. Raises BadInput as `check_place` and `replacing` do."""
    place = check_place(out, inputs, overwrite, folder=False)
    record = _record_of(place)
    try:
        with replacing(place) as temporary:
            yield temporary
            made = hash_file(temporary)
            if _is_recorded(place, place.name, _recorded(record)):
                made += f" {hash_file(place)}"  # whichever is there after a power cut
            write_json(record, {place.name: made})
    finally:
        with contextlib.suppress(OSError):
            if not place.exists():
                record.unlink()


def claim_folder(out: Path, names: Iterable[str], overwrite: bool = False) -> None:
    """Record a folder as one in which files of these names may change. Raises BadInput as `check_place` does."""
    place = check_place(out, (), overwrite)
    write_json(place / RECORD, dict.fromkeys(names))


def changed_files(folder: Path) -> list[str]:
    """What is missing of a folder made here, or is not as it was made; nothing where no record of it is there."""
    recorded = _recorded(folder / RECORD)
    return sorted(name for name in recorded if not _is_recorded(folder / name, name, recorded))


def check_unchanged(folder: Path, hashes: Mapping[str, str]) -> None:
    """Raise BadInput naming a file that is missing, or has another sha256 than when it was made. hashes: by name."""
    for name in hashes:
        if not _is_recorded(folder / name, name, hashes):
            raise BadInput(f"{folder / name}: missing, or changed since it was made; delete {folder} and make it again")


def check_place(out: Path, inputs: Inputs, overwrite: bool = False, folder: bool = True, record: str = RECORD) -> Path:
    """The place with every link and `..` resolved.

    Raises BadInput where it is, or is around, an input or the current folder, where it is of the wrong kind, and,
    unless `overwrite`, where it holds anything that is not as recorded there.
    """
    place = _resolved(out)
    for source in (Path.cwd(), *(source for path in inputs if path is not None for source in _sources(path))):
        if place == source or place in source.parents:
            raise BadInput(f"{out}: is or holds {source}, which is in use; choose another place")
    if folder and place.exists() and not place.is_dir():
        raise BadInput(f"{out}: is a file; name a folder")
    if not folder and place.exists() and not place.is_file():
        raise BadInput(f"{out}: is no regular file; name a file")
    listed = _recorded(place / record if folder else _record_of(place))
    foreign = _inventory(place, listed, record)[1] if place.exists() else []
    if foreign and not folder and place.parent in {_resolved(path) for path in inputs if path is not None}:
        raise BadInput(f"{out}: lies among the inputs; choose another name")
    if foreign and not overwrite:
        more = f" and {len(foreign) - 1} more" if len(foreign) > 1 else ""
        held = f"holds {foreign[0]}{more}, which" if folder else "is there and"
        raise BadInput(f"{out}: {held} this program did not make; choose another place, or add --overwrite")
    return place


def _inventory(place: Path, recorded: Mapping[str, str | None], record: str = RECORD) -> tuple[list[str], list[str]]:
    """(what is as recorded, what is not) of a folder or a single file, by name, sorted; None records any content."""
    if place.is_file():
        return ([place.name], []) if _is_recorded(place, place.name, recorded) else ([], [place.name])
    around = {str(parent) for name in recorded for parent in Path(name).parents}
    ours: list[str] = []
    foreign: list[str] = []
    for parent, folders, names in os.walk(place):
        for name in (*folders, *names):
            path = Path(parent, name)
            inside = path.relative_to(place).as_posix()
            if path.is_symlink() or not (path.is_dir() or path.is_file()):
                known = False
            elif path.is_dir():
                known = inside in around
            else:
                known = name in _DROPPINGS or inside == record or is_temporary(name)
                known = known or _is_recorded(path, inside, recorded)
            (ours if known else foreign).append(inside)
    return sorted(ours), sorted(foreign)


def _is_recorded(path: Path, name: str, recorded: Mapping[str, str | None]) -> bool:
    if name not in recorded or not path.is_file():
        return False
    return recorded[name] is None or hash_file(path) in str(recorded[name]).split()


def _resolved(path: Path) -> Path:
    """Raises BadInput for links that lead in a circle."""
    try:
        return path.resolve()
    except (OSError, RuntimeError) as error:
        raise BadInput(f"{path}: links lead in a circle; name another place") from error


def _sources(path: Path) -> list[Path]:
    """An input, and the files that links in it lead to."""
    inside = path.iterdir() if path.is_dir() else ()
    return [_resolved(path), *(_resolved(file) for file in inside if file.is_symlink() and file.is_file())]


def _record_of(place: Path) -> Path:
    """Of a single file."""
    return place.with_name(f".{place.name}{RECORD}")


def _recorded(record: Path) -> dict[str, str | None]:
    """Name -> sha256, or two; empty where there is no record, or none that was written here."""
    try:
        found: Any = read_json(record)
    except BadInput:
        return {}
    return found if isinstance(found, dict) else {}


def _deliver(made: Path, place: Path, overwrite: bool, record: str) -> None:
    """Put a folder in the place of the recorded files; beside files that are not, its files one by one.

    Raises BadInput where such files have come while it was made, unless `overwrite`.
    """
    ours, foreign = _inventory(place, _recorded(place / record), record) if place.exists() else ([], [])
    if foreign and not overwrite:
        raise BadInput(f"{place}: holds {foreign[0]}, which was put there meanwhile; choose another place")
    for name in reversed(ours):  # what is in a folder comes before the folder
        with contextlib.suppress(OSError):
            (place / name).rmdir() if (place / name).is_dir() else (place / name).unlink()
    if not foreign:
        made.rename(place)
        return
    for name in (*files_of(made), record):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (made / name).replace(place / name)
    shutil.rmtree(made)
