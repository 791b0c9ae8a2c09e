"""METHODS: every method the harness knows, one line each. Adding a method is one file and one line here.

What is not among them is named by where it is: `mine.py`, a file of one's own that defines ENTRY, or `<kind>:PATH`, for
the kinds in KINDS. The environment variable BENCH_METHODS, such names joined by commas, lets them join METHODS in every
process started from here.
"""

import importlib
import importlib.util
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from bench.api import Entry
from bench.errors import BadInput, check_choice, pick
from methods import elsewhere

_MODULES = (
    *("bicubic", "srcnn", "espcn", "srresnet", "srgan", "msrresnet", "msrgan", "edsr", "rcan", "ddbpn", "enhancenet"),
    *("esrgan.psnr", "esrgan.gan", "esrgan.interpolation", "drn.paired", "drn.adapt"),
    *("fixed_kernel", "kernelgan.entry", "zssr.entry", "pseudo_sr.entry", "downsampled_space.entry"),
)
METHODS: dict[str, Entry] = {
    entry.name: entry for entry in (importlib.import_module(f"methods.{module}").ENTRY for module in _MODULES)
}


PUBLISHED: dict[str, Entry] = {}
"""What authors published, of suite published alone."""

KINDS: dict[str, Callable[[Path], Entry]] = {
    "folder": elsewhere.folder_entry,
    "onnx": elsewhere.onnx_entry,
    "spandrel": elsewhere.checkpoint_entry,
}
"""What makes an entry of the PATH in '<kind>:PATH'. Raises BadInput where it cannot."""

GUESTS: dict[str, str] = {}
"""The methods in METHODS that are not the project's: name to the absolute reference that they came by."""

_FILE = re.compile(r"(.+\.py)(?::([^:/]+))?")


def find_method(reference: str) -> tuple[Entry, str]:
    """(entry, variant) of a method's reference; the variant is empty where it names none.

    reference: '<method>[.<variant>]', 'FILE.py[:<variant>]' or '<kind>:PATH'. A file or PATH joins METHODS, here and in
    every process started from here. Raises BadInput, naming the nearest, for a method or variant that does not exist,
    and as `load_guest` does.
    """
    kind, _, place = reference.partition(":")
    file = _FILE.fullmatch(reference)
    if kind in KINDS:
        entry, variant = _join(KINDS[kind], Path(place), f"{kind}:"), ""
    elif file:
        entry, variant = _join(load_guest, Path(file[1])), file[2] or ""
    else:
        name, _, variant = reference.partition(".")
        if name not in METHODS | PUBLISHED and Path(reference).exists():
            kinds = ", ".join(f"{kind}:{reference}" for kind in KINDS)
            raise BadInput(f"{reference}: a place is no method's name; say what is there: {kinds}")
        entry = find_entry(name)
    if variant:
        check_choice(f"variant of {entry.name}", variant, entry.variants)
    return entry, variant


def find_methods(references: str) -> list[tuple[Entry, str]]:
    """As `find_method`, of each of these references, joined by commas. Processes started from here know of all of them:
    a method of one's own is trained as those it is compared with are."""
    found = [find_method(word.strip()) for word in references.split(",") if word.strip()]
    names = dict.fromkeys(GUESTS.get(entry.name, entry.name) for entry, _ in found)
    os.environ["BENCH_METHODS"] = ",".join(names)
    return found


def rivals() -> tuple[str, ...]:
    """The project's methods that are compared in this process; none where nothing is."""
    known = os.environ.get("BENCH_METHODS", "").split(",")
    return tuple(name for name in known if name in METHODS and name not in GUESTS)


def _join(load: Callable[[Path], Entry], path: Path, prefix: str = "") -> Entry:
    """Let a method join METHODS, once. Raises BadInput for a name that is taken, or that no path can hold."""
    reference = f"{prefix}{path.resolve()}"
    for name, known in GUESTS.items():
        if known == reference:
            return METHODS[name]
    if "," in reference:
        raise BadInput(f"{path}: its path holds a comma, which joins methods; rename it")
    entry = load(path)
    if not re.fullmatch(r"[\w+-]+", entry.name, re.ASCII):
        raise BadInput(f"{path}: the name {entry.name!r} must be of letters, digits, _ + - alone; change it")
    if entry.name in METHODS:
        remedy = "rename it" if prefix else "choose another name in its ENTRY"
        raise BadInput(f"{path}: the name {entry.name!r} is taken; {remedy}")
    METHODS[entry.name], GUESTS[entry.name] = entry, reference
    known_here = os.environ.get("BENCH_METHODS", "").split(",")
    os.environ["BENCH_METHODS"] = ",".join(dict.fromkeys(filter(None, [*known_here, reference])))
    return entry


def import_file(path: Path, name: str, what: str) -> ModuleType:
    """A Python file as a module of that name. Raises BadInput where it is missing or does not import."""
    if not path.is_file():
        raise BadInput(f"{path}: no such {what} file; give the path of a Python file that defines one")
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BadInput:
        raise
    except (Exception, SystemExit) as error:  # a script ends itself
        why = f"{type(error).__name__}: {error}"
        raise BadInput(f"{path}: cannot be used as a {what} ({why}); the README shows one") from error
    return module


def load_guest(path: Path) -> Entry:
    """The ENTRY of a method file that is not part of the project.

    Raises BadInput for a file that is missing, does not import, has no ENTRY, or has the name of another such file.
    """
    name = f"guest_{path.stem}"
    for other in GUESTS.values():
        if Path(other).name == path.name and Path(other) != path.resolve():
            raise BadInput(f"{path}: {other} has the same file name; rename one of them")
    found = getattr(import_file(path, name, "method"), "ENTRY", None)
    if not isinstance(found, Entry):
        raise BadInput(f"{path}: its ENTRY is a {type(found).__name__}; make it a bench.api.Entry")
    return found


def find_entry(name: str) -> Entry:
    """The entry of that name. Raises BadInput, naming the nearest, where there is none."""
    return pick("method", name, METHODS | PUBLISHED)


for _reference in filter(None, os.environ.get("BENCH_METHODS", "").split(",")):
    find_method(_reference)
