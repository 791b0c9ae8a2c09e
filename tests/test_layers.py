"""The dependency direction of the project, enforced."""

from __future__ import annotations

import pytest

from bench.sources import ROOT, imports

MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for folder in ("bench", "methods")
    for path in (ROOT / folder).rglob("*.py")
)
ANYONE = ("bench", "bench.errors", "bench.paths", "bench.files", "bench.weights", "bench.data", "bench.metrics")
# package or module -> prefixes of what it may import besides itself
ALLOWED = {
    "bench.errors": (),
    "bench.paths": (),
    "bench.files": ("bench.errors",),
    "bench.api": ("bench.errors",),
    "bench.weights": ("bench.errors", "bench.paths"),
    "bench.data": (*ANYONE, "bench.api"),
    "bench.metrics": ANYONE,
    "bench.score": ANYONE,
    "bench.diagnose": (*ANYONE, "bench.score"),
    "bench.statistics": ("bench.errors",),
    "bench.report": (*ANYONE, "bench.api", "bench.statistics"),
    "bench.tracking": ANYONE,
    "bench.fetch": ANYONE,
    "methods.common": ("bench.api", "bench.data", "bench.weights", "bench.errors"),
}
METHOD = ("bench.api", "bench.data", "bench.weights", "bench.errors", "methods.common")


def covers(prefix: str, module: str) -> bool:
    return module == prefix or (module.startswith(f"{prefix}.") and prefix != "bench")


def rule_for(module: str) -> tuple[str, ...] | None:
    """What a module may import, None where it is free to."""
    for prefix, allowed in ALLOWED.items():
        if covers(prefix, module):
            return (*allowed, prefix)
    if module.startswith("methods."):
        return (*METHOD, ".".join(module.split(".")[:2]))
    return None


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_what_its_layer_allows(module: str) -> None:
    allowed = rule_for(module)
    if allowed is None:
        return
    wrong = sorted(name for name in imports(module) if not any(covers(prefix, name) for prefix in allowed))
    assert not wrong, f"{module} imports {wrong}"


@pytest.mark.parametrize("package", ["mlflow", "snakemake", "pyiqa", "torchvision"])
def test_heavy_packages_have_one_importer_at_most(package: str) -> None:
    importers = [
        path.name
        for folder in ("bench", "methods")
        for path in (ROOT / folder).rglob("*.py")
        if any(
            line.strip().startswith((f"import {package}", f"from {package}")) for line in path.read_text().split("\n")
        )
    ]
    expected = {"mlflow": {"tracking.py"}, "pyiqa": {"dists.py"}}.get(package, set())
    assert set(importers) <= expected


def test_modules_do_not_import_in_circles() -> None:
    graph = {module: imports(module) & set(MODULES) for module in MODULES}
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join((*path, module))
        if module not in done:
            for other in graph[module]:
                if other != module and not module.startswith(f"{other}."):
                    visit(other, (*path, module))
            done.add(module)

    for module in MODULES:
        visit(module, ())


@pytest.mark.parametrize("module", MODULES)
def test_a_file_stays_under_the_ceiling(module: str) -> None:
    base = ROOT.joinpath(*module.split("."))
    path = base / "__init__.py" if base.is_dir() else base.with_suffix(".py")
    assert len(path.read_text().splitlines()) <= 350
