"""A results folder as a Workflow Run RO-Crate: what others' tools read of where the numbers come from.

RO-Crate 1.3 with the profiles Process Run Crate 0.6 and Workflow Run Crate 0.6. No clock is read: what was not recorded
(when a run ended, who started it) is not said.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.cells import read_runs, score_file
from bench.errors import BadInput
from bench.files import read_json, replacing
from bench.revision import git
from bench.seal import PLACE, files_of, hash_file
from bench.sources import ROOT

CONTEXT = "https://w3id.org/ro/terms/workflow-run/context"
PROFILES = {"process": "Process Run Crate", "workflow": "Workflow Run Crate"}
PROFILE_VERSION = "0.6"
LICENCE = "https://spdx.org/licenses/Apache-2.0"
FORMATS = {
    ".csv": "text/csv",
    ".json": "application/json",
    ".md": "text/markdown",
    ".html": "text/html",
    ".tex": "application/x-tex",
    ".png": "image/png",
    ".svg": "image/svg+xml",
}
METADATA = "ro-crate-metadata.json"
Records = Mapping[str, Mapping[str, Any]]


def write_crate(results: Path, out: Path) -> Path:
    """Write the crate to `out` and return it. Raises BadInput for an `out` that holds something else, or no results."""
    runs = read_runs(results)
    records: Records = {run: read_json(results / "provenance" / f"{run}.json") for run in runs}
    if out.exists() and not (out.is_dir() and (not any(out.iterdir()) or (out / METADATA).is_file())):
        raise BadInput(f"{out}: exists and is no crate; choose another --out")
    crate = _begin(results, records)
    files = {name: _add_file(crate, results / name, name) for name in (*files_of(results), PLACE.as_posix())}
    workflow = _add_workflow(crate, records)
    tool = _add(crate, "#sr-bench", "SoftwareApplication", name="sr-bench", softwareVersion=_commit(records))
    made = {run: _add_taken(crate, run, record) for run, record in records.items()}
    actions = []
    for run, record in records.items():
        score = score_file(results, runs[run]).relative_to(results).as_posix()
        result = [files[score], files[f"provenance/{run}.json"], *made[run]]
        actions.append(_add_run(crate, (run, record), tool, result))
    actions.append(_add_workflow_run(crate, workflow, records, list(files.values())))
    crate.root_dataset["mentions"] = actions
    with replacing(out) as temporary:
        crate.write(temporary)
    return out


def _begin(results: Path, records: Records) -> Any:
    """An empty crate that says what it is."""
    from rocrate.rocrate import ROCrate

    crate = ROCrate(version="1.3")
    crate.metadata.extra_contexts.append(CONTEXT)
    suite = _suite(records)
    crate.name = f"Suite {suite}: a benchmark of single-image super-resolution"
    crate.description = f"Scores, tables, figures and provenance of the {len(records)} runs of suite {suite}."
    crate.datePublished = _published(results)
    crate.license = _add(crate, LICENCE, "CreativeWork", name="Apache License 2.0", description=_TERMS)
    for name, title in PROFILES.items():
        place = f"https://w3id.org/ro/wfrun/{name}/{PROFILE_VERSION}"
        profile = _add(crate, place, "CreativeWork", name=title, version=PROFILE_VERSION)
        crate.root_dataset.append_to("conformsTo", profile)
    return crate


_TERMS = "Of the numbers and the code; pictures in figures/ keep the licence of the data set that they are from."


def _published(results: Path) -> str:
    """When the folder was last committed; now where it never was."""
    said = git("log", "-1", "--format=%cI", "--", ".", root=results)
    return (said or b"").decode().strip() or datetime.now(UTC).isoformat(timespec="seconds")


def _suite(records: Records) -> str:
    return " and ".join(sorted({str(record["suite"]) for record in records.values()}))


def _commit(records: Records) -> str:
    """The commit that measured; several where shards of a suite were made at several."""
    return " ".join(sorted({str(record.get("measured_at", record["code"])["commit"]) for record in records.values()}))


def _add(crate: Any, identifier: str, kind: str, **said: Any) -> Any:
    """A contextual entity."""
    from rocrate.model import ContextEntity

    return crate.add(ContextEntity(crate, identifier, properties={"@type": kind, **said}))


def _add_file(crate: Any, path: Path, name: str) -> Any:
    """A file of the results folder, with its hash."""
    if not path.is_file():
        raise BadInput(f"{path}: no such file; make it with python -m bench report")
    said = {"name": name, "sha256": hash_file(path), "contentSize": str(path.stat().st_size)}
    if path.suffix in FORMATS:
        said["encodingFormat"] = FORMATS[path.suffix]
    return crate.add_file(path, dest_path=name, properties=said)


def _add_workflow(crate: Any, records: Records) -> Any:
    """The Snakefile of the commit that measured; today's where that commit is not here."""
    text = git("show", f"{_commit(records)}:Snakefile")
    source = io.StringIO(text.decode() if text is not None else (ROOT / "Snakefile").read_text(encoding="utf-8"))
    said = {"name": "prepare, train, upscale, score, report"}
    if text is None:
        said["description"] = "As it is now: the commit that measured is not in this repository."
    workflow = crate.add_workflow(source, "Snakefile", main=True, lang="snakemake", properties=said)
    parameter = crate.add_formal_parameter(
        "suite", "Text", "#parameter-suite", "which list of runs", valueRequired=True
    )
    workflow.append_to("input", parameter)
    return workflow


def _add_taken(crate: Any, run: str, record: Mapping[str, Any]) -> list[Any]:
    """What a run made that is not in the crate, each by its hash: its network, its pictures and kernels."""
    made = []
    if "checkpoint" in record:
        name = f"checkpoint.safetensors of {run}"
        made.append(_add(crate, f"#network-{run}", "CreativeWork", name=name, sha256=record["checkpoint"]))
    for kind in ("sr", "kernels"):
        for file, sha256 in record.get(kind, {}).items():
            name = f"{kind}/{file} of {run}"
            made.append(_add(crate, f"#{kind}-{run}-{file}", "CreativeWork", name=name, sha256=sha256))
    return made


def _add_run(crate: Any, run: tuple[str, Mapping[str, Any]], tool: Any, result: Sequence[Any]) -> Any:
    """One run as an action: what it was given, and what it made."""
    name, record = run
    said, given = record["experiment"], []
    for source in (said.get("warm_start"), *(said.get("network_from") or ())):
        given += [crate.dereference(f"#network-{source}")] if source else []
    sets = {f"test set {place}": sha256 for place, sha256 in record["test_data"].items()}
    if "train_data" in record:
        sets[f"training set {record['row']['train_set']}"] = record["train_data"]
    sets |= {f"published weights {weights}": sha256 for weights, sha256 in record["weights"].items()}
    for what, sha256 in sets.items():
        place = f"#given-{sha256[:16]}"
        given.append(crate.dereference(place) or _add(crate, place, "CreativeWork", name=what, sha256=sha256))
    given.append(_add(crate, f"#seed-{name}", "PropertyValue", name="seed", value=str(said["seed"])))
    environment = ", ".join(f"{part} {version}" for part, version in record["environment"].items())
    described = f"python -m bench train {name} --suite {record['suite']}, then upscale-suite and score-suite"
    return crate.add_action(
        tool,
        f"#run-{name}",
        object=[one for one in given if one is not None],
        result=list(result),
        properties={
            "name": name,
            "description": f"{described}; digest {record['digest']}, commit {record['code']['commit']}; {environment}",
            "actionStatus": {"@id": "http://schema.org/CompletedActionStatus"},
        },
    )


def _add_workflow_run(crate: Any, workflow: Any, records: Records, result: Sequence[Any]) -> Any:
    """The whole suite as one action of the workflow."""
    suite = _suite(records)
    value = _add(crate, "#suite", "PropertyValue", name="suite", value=suite, exampleOfWork={"@id": "#parameter-suite"})
    said = {"name": f"suite {suite}", "description": f"snakemake all --config suite={suite}"}
    return crate.add_action(workflow, f"#suite-{suite}", object=[value], result=list(result), properties=said)
