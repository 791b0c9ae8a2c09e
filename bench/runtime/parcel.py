"""A parcel: files in one archive, cut into few parts of bounded size; what comes back from a machine elsewhere.

files.json holds the sha256 of every part. Whoever opens a parcel trusts nothing in it.
"""

import io
import json
import tarfile
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bench.errors import BadInput
from bench.runtime.checksums import compare, seal
from bench.runtime.output import output_folder
from bench.runtime.results import FILES

PARTS, PART_BYTES = 7, 16 * 2**20  # and files.json
HEAD = "parcel.json"
_REMEDY = "copy it again, or run go.sh again"


def write_parcel(out: Path, head: Mapping[str, Any], groups: Iterable[Mapping[str, Path]], limit: int) -> None:
    """Write a parcel to a folder, in place of an earlier one. groups: files by name, each group whole or left out
    where it exceeds what is left of `limit` bytes. Raises BadInput as `output_folder` does."""
    limit = min(limit, PARTS * PART_BYTES) - tarfile.RECORDSIZE
    with tempfile.TemporaryFile() as whole:
        with tarfile.open(fileobj=whole, mode="w", format=tarfile.USTAR_FORMAT) as archive:
            _add(archive, HEAD, json.dumps(head).encode())
            for group in groups:
                size = sum(
                    tarfile.BLOCKSIZE * (2 + path.stat().st_size // tarfile.BLOCKSIZE) for path in group.values()
                )
                if archive.offset + size <= limit:
                    for name, path in group.items():
                        _add(archive, name, path.read_bytes())
        whole.seek(0)
        with output_folder(out, (), record=FILES) as folder:
            for number in range(1, PARTS + 1):
                if content := whole.read(PART_BYTES):
                    (folder / _part(number)).write_bytes(content)
            seal(folder)


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


def _part(number: int) -> str:
    return f"part-{number}"


def read_parcel(folder: Path) -> tuple[Any, dict[str, bytes]]:
    """(head, content by name). Raises BadInput for a part that is missing, too large or changed, for anything but
    regular files, a name that is there twice, and an archive that is torn."""
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    parts = [_part(number) for number in range(1, len(names))]
    if names != sorted([FILES, *parts]) or not 1 <= len(parts) <= PARTS:
        raise BadInput(f"{folder}: is no parcel ({FILES}, {_part(1)}, … {_part(PARTS)}); name the folder go.sh wrote")
    for name in names:
        path = folder / name
        if path.is_symlink() or not path.is_file() or path.stat().st_size > PART_BYTES:
            raise BadInput(f"{path}: is no file of at most {PART_BYTES >> 20} MiB; {_REMEDY}")
    for name, fault in compare(folder).items():
        if fault:
            raise BadInput(f"{folder / name}: {fault}; {_REMEDY}")
    content = b"".join((folder / part).read_bytes() for part in parts)
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
            for member in archive:
                stream = archive.extractfile(member) if member.type == tarfile.REGTYPE else None
                if stream is None or member.issparse() or member.size > len(content) or member.name in found:
                    raise BadInput(f"{folder}: {member.name!r} is no plain file, or is there twice; {_REMEDY}")
                found[member.name] = stream.read()
        head = json.loads(found.pop(HEAD))
    except (tarfile.TarError, OSError, EOFError, ValueError, KeyError, RecursionError) as error:
        raise BadInput(f"{folder}: cannot be read ({type(error).__name__}: {error}); {_REMEDY}") from None
    return head, found
