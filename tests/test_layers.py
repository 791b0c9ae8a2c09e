"""The dependency direction of the project, enforced: a module without a rule fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.runtime.code_digest import ROOT, imports

MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for folder in ("bench", "methods")
    for path in (ROOT / folder).rglob("*.py")
)
# The floors, lowest first: a module imports from its own folder and from the floors below.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("bench.errors",),
    ("bench.api",),
    ("bench.runtime",),
    ("bench.data",),
    ("bench.metrics", "methods"),
    ("bench.suites",),
    ("bench.stages",),
    ("bench.report", "bench.tracking"),
    ("bench.provenance",),
    ("bench.workflow", "bench.commands"),
    ("bench.__main__",),
)
METHOD = (
    "bench.errors",
    "bench.api",
    "bench.data",
    "bench.runtime.weights",
    "bench.runtime.graph",
    "bench.runtime.turns",
    "bench.runtime.devices",
    "methods.common",
)
HEAVY = {"mlflow": {"bench.tracking"}, "pyiqa": {"bench.metrics.pyiqa_dists"}, "snakemake": set(), "torchvision": set()}


def covers(prefix: str, module: str) -> bool:
    return module == prefix or module.startswith(f"{prefix}.")


def rule_for(module: str) -> tuple[str, ...] | None:
    """What a module may import; None where nobody has said so."""
    if module in ("bench", "methods"):  # the package itself; METHODS lists every method
        return ("bench.errors", "bench.api", "methods") if module == "methods" else ()
    if module == "methods.elsewhere":  # no method of its own, but what others' are made of
        return (*METHOD, "bench.runtime")
    if module.startswith("methods."):
        own = ".".join(module.split(".")[:2])
        return METHOD if own == "methods.common" else (*METHOD, own)
    below: tuple[str, ...] = ()
    for floor in FLOORS:
        for room in floor:
            if covers(room, module):
                return (*below, room)
        below += floor
    return None


def wrong_imports(module: str, imported: frozenset[str]) -> list[str]:
    """The imports that a module's rule does not allow; every one where it has no rule."""
    allowed = rule_for(module)
    if allowed is None:
        return ["it has no rule: add it to FLOORS"]
    return sorted(name for name in imported if name != "bench" and not any(covers(room, name) for room in allowed))


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_what_its_layer_allows(module: str) -> None:
    assert wrong_imports(module, imports(module)) == []


def test_a_forbidden_import_and_a_module_without_a_rule_are_caught() -> None:
    assert wrong_imports("bench.data.images", frozenset({"bench.stages.train"})) == ["bench.stages.train"]
    assert wrong_imports("methods.edsr", frozenset({"methods.rcan", "bench.api"})) == ["methods.rcan"]
    assert wrong_imports("bench.report.tables", frozenset({"bench.tracking"})) == ["bench.tracking"]
    assert wrong_imports("bench.helpers", frozenset()) != []


@pytest.mark.parametrize("package", HEAVY)
def test_heavy_packages_have_one_importer_at_most(package: str) -> None:
    def lines(module: str) -> list[str]:
        return [line.strip() for line in file_of(module).read_text().split("\n")]

    starts = (f"import {package}", f"from {package}")
    assert {module for module in MODULES if any(line.startswith(starts) for line in lines(module))} <= HEAVY[package]


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


def file_of(module: str) -> Path:
    base = ROOT.joinpath(*module.split("."))
    return base / "__init__.py" if base.is_dir() else base.with_suffix(".py")


@pytest.mark.parametrize("module", MODULES)
def test_a_file_stays_under_the_ceiling(module: str) -> None:
    assert len(file_of(module).read_text().splitlines()) <= 350
