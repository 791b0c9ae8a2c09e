"""sha256 of files, and the list of those of a results folder: one changed byte anywhere is found."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from bench.runtime.files import write_json
from bench.runtime.results import FILES

PLACE = Path(FILES)


def hash_file(path: Path) -> str:
    """The sha256 of a file's bytes as they are now, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def hash_files(folder: Path, pattern: str) -> dict[str, str]:
    """'/'-separated relative path -> sha256 of the files below a folder; none where the folder is not there."""
    return {path.relative_to(folder).as_posix(): hash_file(path) for path in sorted(folder.rglob(pattern))}


def hash_hashes(hashes: Mapping[str, str]) -> str:
    """One sha256 for many files, of their names and theirs."""
    return hashlib.sha256(json.dumps(hashes, sort_keys=True).encode()).hexdigest()


def files_of(results: Path) -> Iterator[str]:
    """Every file of a results folder but the list itself and hidden ones, sorted, as '/'-separated relative paths."""
    for path in sorted(results.rglob("*")):
        name = path.relative_to(results)
        if path.is_file() and name != PLACE and not any(part.startswith(".") for part in name.parts):
            yield name.as_posix()


def seal(results: Path) -> Path:
    """Write files.json, the last file of a report; returns its path."""
    write_json(results / PLACE, {name: hash_file(results / name) for name in files_of(results)})
    return results / PLACE


def compare(results: Path) -> dict[str, str]:
    """File -> what is wrong with it, empty where it is as listed; the list itself is among them."""
    here = list(files_of(results))
    try:
        text = (results / PLACE).read_text(encoding="utf-8")
        listed = json.loads(text)
    except FileNotFoundError:
        return {PLACE.as_posix(): "is missing; python -m bench report writes it"}
    except ValueError as error:
        return {PLACE.as_posix(): f"cannot be read ({error})"}
    whole = isinstance(listed, dict) and all(isinstance(sha256, str) for sha256 in listed.values())
    if not whole or text != json.dumps(listed, indent=2, sort_keys=True) + "\n":
        return {PLACE.as_posix(): "is not as it was written"}
    found = {PLACE.as_posix(): ""}
    for name in sorted({*here, *listed}):
        if name not in listed:
            found[name] = f"is not in {PLACE.as_posix()}"
        elif name not in here:
            found[name] = "is listed, but missing"
        else:
            found[name] = "" if hash_file(results / name) == listed[name] else "has another sha256 than listed"
    return found
