"""Which source files a result is made of, and their digest: comments and docstrings do not count."""

import ast
import functools
import hashlib
import sys
from pathlib import Path

from bench.errors import BadInput

ROOT = Path(__file__).resolve().parents[2]
# Interfaces and plumbing, and the modules of bench.suites: they carry values, they do not make them.
PLUMBING = {
    *("bench", "bench.api", "bench.errors", "bench.suites", "methods"),
    *(f"bench.runtime.{name}" for name in ("paths", "weights", "code_digest", "files", "rows", "output", "git")),
    *(f"bench.runtime.{name}" for name in ("checksums", "record", "packed")),
}


def _file(module: str) -> Path | None:
    """The file of a module of ours or of a guest method, None for anything else."""
    if module.startswith("guest_"):
        return Path(str(sys.modules[module].__file__))
    base = ROOT.joinpath(*module.split("."))
    return next((path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()), None)


@functools.cache
def _tree(path: Path) -> ast.Module:
    """The parsed file without docstrings, and without ENTRY: what of it decides a run stands in the run's knobs."""
    tree = ast.parse(path.read_text())
    tree.body = [node for node in tree.body if not _is_entry(node)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
        if not getattr(node, "type_params", True):
            del node.type_params  # type: ignore[attr-defined]  # Python 3.12 has it, 3.11 does not: one digest for both
    return tree


def _is_entry(node: ast.stmt) -> bool:
    """Whether it is `ENTRY = ...`, or the import of what only entries are made of."""
    if isinstance(node, ast.ImportFrom):
        return node.module == "bench.api"
    return isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "ENTRY" for t in node.targets)


@functools.cache
def imports(module: str) -> frozenset[str]:
    """The modules of ours that a module imports, at the top or inside its functions."""
    path = _file(module)
    found: set[str] = set()
    for node in ast.walk(_tree(path)) if path else ():
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(name for name in found if name.split(".")[0] in ("bench", "methods") and _file(name))


def closure(*modules: str) -> tuple[str, ...]:
    """The modules and everything of ours they import, plumbing apart, sorted."""
    found: set[str] = set()
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module not in found and module not in PLUMBING and not module.startswith("bench.suites."):
            found.add(module)
            waiting += imports(module)
    return tuple(sorted(found))


@functools.cache
def source_digest(*modules: str) -> str:
    """sha256 over the syntax trees of the closure."""
    digest = hashlib.sha256()
    for module in closure(*modules):
        path = _file(module)
        if path is None:
            raise BadInput(f"{module}: no such module, so its source has no digest; name one of bench or methods")
        digest.update(f"{module}\n{ast.dump(_tree(path))}\n".encode())
    return digest.hexdigest()
