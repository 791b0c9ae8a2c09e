"""The checkout, the one place that calls git: which commit it is, and the source digest of a run at an earlier one."""

import contextlib
import functools
import io
import os
import re
import runpy
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bench.errors import BadInput
from bench.runtime.code_digest import ROOT
from bench.runtime.packed import code_hashes, pack_of

CODE = ("bench", "methods", "Snakefile")
RULE = Path("bench", "runtime", "code_digest.py")  # what counts as code
EARLIER_RULE = Path("bench", "sources.py")  # where it stood before bench had folders
EARLIER_LOOP = "bench.train"
_UNKNOWN = {"commit": "unknown", "changed": None}
REPORT = "bench.report.document"


def git(*words: str, root: Path = ROOT) -> bytes | None:
    """What git says of a checkout, or None where it fails, is not installed or the folder is no checkout."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}  # as inside a hook
    try:
        done = subprocess.run(("git", "-C", str(root), *words), capture_output=True, check=False, env=plain)
    except FileNotFoundError:
        return None
    return done.stdout if done.returncode == 0 else None


def commit(root: Path = ROOT) -> dict[str, Any]:
    """The checked-out commit, or that of a pack, and whether the code here is another than that commit's; 'unknown' and
    None where the code lies in neither, so that a repository around it is not taken for its own."""
    top, head = git("rev-parse", "--show-toplevel", root=root), git("rev-parse", "HEAD", root=root)
    if top is None or head is None or Path(os.fsdecode(top.rstrip(b"\n"))).resolve() != root.resolve():
        pack = pack_of(root)
        return {"commit": pack["commit"], "changed": code_hashes(root) != pack["code"]} if pack else dict(_UNKNOWN)
    status = git("status", "--porcelain", "--untracked-files=all", "--", *CODE, root=root)
    return {"commit": head.decode().strip(), "changed": bool(status)}


def absence(name: str, root: Path = ROOT) -> str:
    """Why a commit cannot be read here; empty where it can."""
    if name in ("", "unknown"):
        return "no commit was recorded: the run was made outside a checkout"
    if git("cat-file", "-e", f"{name}^{{commit}}", root=root) is not None:
        return ""
    shallow = git("rev-parse", "--is-shallow-repository", root=root)
    if shallow is None:
        return "this is no git checkout"
    if shallow.strip() == b"true":
        return f"the clone is shallow and lacks commit {name[:12]}; git fetch --unshallow"
    return f"commit {name[:12]} is not in this repository; fetch the branch it is on"


@contextlib.contextmanager
def checked_out(name: str, root: Path = ROOT) -> Iterator[Path]:
    """A temporary folder with the code of a commit. Raises BadInput where the commit is not here."""
    why = absence(name, root)
    there = [path for path in CODE if not why and git("cat-file", "-e", f"{name}:{path}", root=root) is not None]
    packed = git("archive", "--format=tar", name, *there, root=root) if there else None
    if packed is None:
        raise BadInput(why or f"commit {name[:12]} holds no {' or '.join(CODE)}; it is not of this project")
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            archive.extractall(folder, filter="data")
        yield Path(folder)


def recomputed(tree: Path, code: Mapping[str, Any]) -> list[tuple[str, tuple[str, ...]]]:
    """(source digest, modules it is made of) of a record's code, by the rule of that tree: what counts as code may
    have changed since. Older records do not name the modules they start from: one for each method among theirs."""
    rule = _rule(next((tree / path for path in (RULE, EARLIER_RULE) if (tree / path).is_file()), tree / RULE))
    methods = [name for name in code.get("modules", ()) if re.match(r"methods\.(?!common)", name)]
    starts = [code["starts"]] if "starts" in code else [(name, EARLIER_LOOP) for name in methods]
    return [(rule["source_digest"](*start), rule["closure"](*start)) for start in starts]


@functools.cache
def _rule(path: Path) -> dict[str, Any]:
    """What the file of a tree defines."""
    if not path.is_file():
        raise BadInput(f"{path.name}: not in that commit; its source digest cannot be recomputed")
    return runpy.run_path(str(path))
