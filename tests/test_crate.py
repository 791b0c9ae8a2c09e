"""The crate: read back by the package's own reader, every reference resolved, every file there with its hash."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from traced_folder import RUNS, fake, write_traced

from bench.crate import LICENCE, write_crate
from bench.errors import BadInput
from bench.seal import hash_file

rocrate = pytest.importorskip("rocrate.rocrate", reason="needs the package rocrate")
EDSR = "edsr.default.x4.bicubic.s1"
ESRGAN = "esrgan.default.x4.bicubic.s1"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_traced(tmp_path_factory.mktemp("results"), tmp_path_factory.mktemp("repository"))


@pytest.fixture(scope="module")
def out(results: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_crate(results, tmp_path_factory.mktemp("crate") / "tiny")


def references(value: Any) -> list[str]:
    """Every '@id' that an entity refers to."""
    if isinstance(value, dict):
        return [value["@id"]] if set(value) == {"@id"} else [i for v in value.values() for i in references(v)]
    return [i for v in value for i in references(v)] if isinstance(value, list) else []


def test_its_own_reader_finds_the_workflow_the_profiles_and_what_the_root_must_say(out: Path) -> None:
    crate = rocrate.ROCrate(out)
    assert crate.version == "1.3"
    assert set(crate.mainEntity.type) == {"File", "SoftwareSourceCode", "ComputationalWorkflow"}
    assert crate.mainEntity["programmingLanguage"].id.endswith("#snakemake")
    profiles = {entity.id for entity in crate.root_dataset["conformsTo"]}
    assert {f"https://w3id.org/ro/wfrun/{name}/0.6" for name in ("process", "workflow")} < profiles
    assert crate.name and crate.description and crate.datePublished and crate.license.id == LICENCE


def test_every_file_of_the_folder_is_in_the_crate_with_its_hash_and_size(results: Path, out: Path) -> None:
    crate = rocrate.ROCrate(out)
    for path in (path for path in results.rglob("*") if path.is_file()):
        name = path.relative_to(results).as_posix()
        entity = crate.dereference(name)
        assert (out / name).read_bytes() == path.read_bytes()
        assert entity["sha256"] == hash_file(path) and entity["contentSize"] == str(path.stat().st_size)


def test_every_run_is_an_action_with_what_it_was_given_and_what_it_made(out: Path) -> None:
    crate = rocrate.ROCrate(out)
    actions = {action["name"]: action for action in crate.root_dataset["mentions"]}
    assert set(RUNS) < set(actions) and len(actions) == len(RUNS) + 1
    given = {entity.get("sha256") for entity in actions[ESRGAN]["object"]}
    assert {fake("T91"), fake("Set5"), fake(f"network of {EDSR}")} < given
    made = {entity.id for entity in actions[ESRGAN]["result"]}
    assert f"scores/esrgan/{ESRGAN}.csv" in made and f"#network-{ESRGAN}" in made
    assert all(action["instrument"].type for action in actions.values())
    workflow = actions["suite tiny"]
    assert workflow["instrument"].id == crate.mainEntity.id
    assert workflow["object"][0]["exampleOfWork"].id == crate.mainEntity["input"][0].id


def test_no_reference_dangles_and_no_name_is_given_twice(out: Path) -> None:
    graph = json.loads((out / "ro-crate-metadata.json").read_text())["@graph"]
    names = [entity["@id"] for entity in graph]
    assert len(names) == len(set(names))
    outside = ("https://w3id.org/ro/crate/", "https://bioschemas.org/", "http://schema.org/", "https://doi.org/")
    for entity in graph:
        for name in references({key: value for key, value in entity.items() if key != "@id"}):
            assert name in names or name.startswith((*outside, "https://snakemake.readthedocs.io")), name


def test_the_same_folder_gives_the_same_files_again_and_replaces_a_crate(results: Path, out: Path) -> None:
    before = json.loads((out / "ro-crate-metadata.json").read_text())
    (out / "stale.txt").write_text("left over")
    write_crate(results, out)
    assert not (out / "stale.txt").exists()
    after = json.loads((out / "ro-crate-metadata.json").read_text())
    for graph in (before, after):
        (root,) = (entity for entity in graph["@graph"] if entity["@id"] == "./")
        root.pop("datePublished")  # the folder of this test was never committed
    assert before == after


def test_a_folder_that_holds_something_else_is_never_replaced(results: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(BadInput, match="is no crate"):
        write_crate(results, tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "precious"


def test_a_folder_without_the_list_of_its_files_is_refused(tmp_path: Path) -> None:
    results = write_traced(tmp_path / "results", tmp_path / "repository")
    (results / "provenance" / "files.json").unlink()
    with pytest.raises(BadInput, match=r"files\.json: no such file"):
        write_crate(results, tmp_path / "out")
    assert not (tmp_path / "out").exists()
