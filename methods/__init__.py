"""METHODS: every method the harness knows, one line each. Adding a method is one file and one line here.

A file of your own that defines ENTRY joins them by path, through the environment variable BENCH_METHODS.
"""

import importlib
import importlib.util
import os
import sys
from pathlib import Path

from bench.api import Entry
from bench.errors import BadInput, pick

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


def load_guest(path: Path) -> Entry:
    """The ENTRY of a method file that is not part of the project.

    Raises BadInput for a file that is missing, does not import, has no ENTRY, or takes the name of another method.
    """
    if not path.is_file():
        raise BadInput(f"{path}: no such method file; give the path of a file that defines ENTRY")
    name = f"guest_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
        found: Entry = module.ENTRY
    except BadInput:
        raise
    except Exception as error:
        raise BadInput(
            f"{path}: cannot be used as a method ({type(error).__name__}: {error}); see the README"
        ) from error
    if found.name in METHODS:
        raise BadInput(f"{path}: the name {found.name!r} is taken; choose another name in its ENTRY")
    return found


def add_guest(path: Path) -> Entry:
    """Let a method file of one's own join METHODS, here and in every process started from here."""
    found = load_guest(path)
    METHODS[found.name] = found
    paths = [text for text in os.environ.get("BENCH_METHODS", "").split(os.pathsep) if text]
    os.environ["BENCH_METHODS"] = os.pathsep.join(dict.fromkeys([*paths, str(path.resolve())]))
    return found


for _path in filter(None, os.environ.get("BENCH_METHODS", "").split(os.pathsep)):
    add_guest(Path(_path))


def find_entry(name: str) -> Entry:
    """The entry of that name. Raises BadInput, naming the nearest, where there is none."""
    return pick("method", name, METHODS | PUBLISHED)
