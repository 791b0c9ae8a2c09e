"""Data sets and published weights by name, from pinned addresses. Nothing takes its place before it is verified: an
archive or a weight by its sha256, the pictures of a pinned set by their pixels.
"""

import gzip
import re
import sys
import tarfile
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from bench.data.datasets import DATASETS, PINNED, Archive, DataSet, find, verify
from bench.data.embedded import EMBEDDED
from bench.errors import BadInput, check_choice
from bench.runtime.checksums import hash_file
from bench.runtime.paths import data_folder
from bench.runtime.weights import WEIGHTS, Weight, hash_once, locate

TIMEOUT_SECONDS = 30  # without a byte
LIMIT_SECONDS = 6 * 3600.0  # of one download
LIMIT_BYTES = 2**35
LIMIT_FILES = 2**20  # of an archive
LIMIT_FILE_BYTES = 2**28


def fetch(names: Sequence[str]) -> list[Path]:
    """Where each named data set or weight is, after downloading what is missing.

    Raises BadInput for an unknown name (before any download), for one without a public address, for a host that cannot
    be reached and for content that is not what is pinned.
    """
    for name in names:
        check_choice("data set or weights", name, [*DATASETS, *WEIGHTS])
    return [_fetch_dataset(DATASETS[name]) if name in DATASETS else _fetch_weight(WEIGHTS[name]) for name in names]


def _fetch_weight(weight: Weight) -> Path:
    """The verified file; a damaged one is replaced."""
    try:
        return locate(weight.name)
    except BadInput:
        file = next((file for file in weight.files if file.url), None)
        if file is None or file.url is None:
            raise
    target = file.path
    with _scratch(target.parent) as scratch:
        part = Path(scratch, file.name)
        _download(file.url, part, f"download {file.url} by hand and put it at {target}")
        _check_sha256(part, file.sha256, file.url)
        if not file.sha256:
            print(f"{file.name}: no digest is published to check it by; its sha256 is {hash_file(part)}")
        part.replace(target)
    hash_once.cache_clear()
    return locate(weight.name)


def _fetch_dataset(dataset: DataSet) -> Path:
    """The folder of the set, whole and verified."""
    if dataset.name in EMBEDDED:
        return find(dataset.name, 1)[0].hr.parent
    try:
        verify(dataset.name)
        return data_folder() / dataset.folder
    except BadInput:
        if dataset.archive is None:
            raise
    target = data_folder() / dataset.archive.folder
    if target.exists():
        raise BadInput(f"{target} is there but is not the whole, unchanged {dataset.name}; remove it and fetch again")
    with _scratch(data_folder()) as name:
        scratch = Path(name)
        _unpack(_archive_file(dataset.archive, scratch), dataset.archive, scratch / dataset.archive.folder)
        copy = verify(dataset.name, scratch)[1]
        if copy != PINNED and dataset.archive.sha256 is None:
            url = dataset.archive.url
            raise BadInput(f"{dataset.name}: the pictures at {url} are not the pinned ones; get it by hand")
        target.parent.mkdir(parents=True, exist_ok=True)
        (scratch / dataset.archive.folder).rename(target)
    return data_folder() / dataset.folder


def _archive_file(archive: Archive, scratch: Path) -> Path:
    """The verified archive: the one that somebody put into BENCH_DATA, or a download."""
    file = Path(urlsplit(archive.url).path).name
    by_hand = data_folder() / file
    path = by_hand if by_hand.is_file() else scratch / file
    if path != by_hand:
        _download(archive.url, path, f"download {archive.url} by hand, put it at {by_hand} and run this again")
    if archive.sha256 is not None:
        _check_sha256(path, archive.sha256, archive.url)
    return path


def _download(url: str, target: Path, by_hand: str) -> None:
    """Raises BadInput with the host and what to do by hand, for a download beyond the limits too."""
    try:
        import pooch
        import requests
    except ImportError as error:
        raise BadInput(f"fetching needs pooch; pip install pooch, or {by_hand}") from error
    try:
        with target.open("wb") as stream:
            limited = _Limited(
                stream,
                f"{urlsplit(url).netloc} sends more than {LIMIT_BYTES} bytes, or for longer "
                f"than {LIMIT_SECONDS:g} s; {by_hand}",
            )
            pooch.HTTPDownloader(progressbar=sys.stderr.isatty(), timeout=TIMEOUT_SECONDS)(url, limited, None)
    except requests.HTTPError as error:
        raise BadInput(f"{urlsplit(url).netloc} refused ({error}); {by_hand}") from error
    except requests.RequestException as error:
        raise BadInput(f"cannot reach {urlsplit(url).netloc}; {by_hand}") from error


class _Limited:
    """A file that a download is written to, until its limits."""

    def __init__(self, stream: IO[bytes], refusal: str) -> None:
        self._stream, self._refusal = stream, refusal
        self._end = time.monotonic() + LIMIT_SECONDS

    def write(self, content: bytes) -> int:
        """Raises BadInput beyond the limits."""
        if self._stream.tell() + len(content) > LIMIT_BYTES or time.monotonic() > self._end:
            raise BadInput(self._refusal)
        return self._stream.write(content)

    def flush(self) -> None:
        self._stream.flush()


def _check_sha256(path: Path, expected: str, url: str) -> None:
    """`expected` may be the first digits only. Raises BadInput where they differ."""
    found = hash_file(path)
    if not found.startswith(expected):
        raise BadInput(f"{path.name}: sha256 {found[:16]}…, expected {expected[:16]}…; fetch it again from {url}")


def _unpack(file: Path, archive: Archive, target: Path) -> None:
    """Write the wanted members, and nothing else, below `target`. Raises BadInput for a damaged archive, and for one
    of more files, or larger ones, than any data set has."""
    target.mkdir(parents=True)
    room = LIMIT_BYTES
    try:
        for number, (name, stream) in enumerate(_members(file)):
            match = re.search(archive.members, name)
            content = stream.read(LIMIT_FILE_BYTES + 1) if match else b""
            room -= len(content)
            if number >= LIMIT_FILES or len(content) > LIMIT_FILE_BYTES or room < 0:
                raise BadInput(f"{file.name}: {name} is one file too many, or too large; get {archive.url} by hand")
            if match:
                path = target / match.expand(archive.target)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
    except (zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise BadInput(f"{file.name}: not a readable archive; fetch it again from {archive.url}") from error


def _members(file: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """(path, opened file) of every file in a zip or tar archive."""
    if file.suffix == ".zip":
        with zipfile.ZipFile(file) as bundle:
            for info in bundle.infolist():
                with bundle.open(info) as stream:
                    yield info.filename, stream
        return
    with tarfile.open(file) as tape:
        for member in tape:
            opened = tape.extractfile(member) if member.isfile() else None
            if opened is not None:
                yield member.name, opened


def _scratch(parent: Path) -> tempfile.TemporaryDirectory[str]:
    """A temporary folder on the same disk as `parent`'s content; it and all in it are gone afterwards."""
    parent.mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryDirectory(prefix=".fetch.", dir=parent, ignore_cleanup_errors=True)
