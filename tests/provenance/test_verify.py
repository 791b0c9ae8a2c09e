"""Every link recomputed: an untouched folder holds, one changed byte is found, what cannot be checked is said."""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from shutil import copytree, rmtree
from typing import Any

import pytest
from traced_folder import EARLIER, IMAGES, RUNS, change_record, fake, git, write_traced

from bench.commands import trace
from bench.errors import BadInput
from bench.provenance.checks import Check
from bench.provenance.verify import render, verify
from bench.runtime.checksums import PLACE, compare, files_of, hash_file, seal
from bench.runtime.code_digest import source_digest

EDSR = "edsr.default.x4.bicubic.s1"
ESRGAN = "esrgan.default.x4.bicubic.s1"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(results, repository), not to be changed."""
    repository = tmp_path_factory.mktemp("repository")
    return write_traced(tmp_path_factory.mktemp("made") / "results", repository), repository


@pytest.fixture
def folder(made: tuple[Path, Path], tmp_path: Path) -> Path:
    """A copy to change."""
    return Path(copytree(made[0], tmp_path / "results"))


def broken(links: Sequence[Check]) -> list[str]:
    return [f"{link.kind}: {link.name}: {link.text}" for link in links if link.state == "broken"]


def test_an_untouched_folder_has_no_broken_link_and_says_what_is_not_here(made: tuple[Path, Path]) -> None:
    links = verify(made[0], root=made[1])
    assert broken(links) == []
    by_state = {
        state: {link.kind for link in links if link.state == state} for state in ("ok", "not here", "unchecked")
    }
    assert by_state["not here"] == {"test data", "training data", "checkpoint", "SR pictures"}
    assert by_state["unchecked"] == set()
    assert {"code at its commit", "digest", "cell follows from scores", "earlier stage"} <= by_state["ok"]
    assert "No link is broken." in render(links) and "recorded, but the file is not committed" in render(links)


def test_one_changed_byte_of_any_file_is_found(made: tuple[Path, Path], folder: Path) -> None:
    for name in (*files_of(folder), PLACE.as_posix()):
        path = folder / name
        whole = path.read_bytes()
        for place in (0, len(whole) // 2, len(whole) - 1):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
            assert any(compare(folder).values()), f"byte {place} of {name}"
        path.write_bytes(whole)
    assert not any(compare(folder).values())


def test_one_changed_byte_ends_as_a_broken_link_that_names_the_file_and_never_as_a_crash(
    made: tuple[Path, Path], folder: Path
) -> None:
    names = ("runs.csv", "cost.csv", "REPORT.md", "figures/curves.png", "tables/methods.csv")
    for name in (*names, "records/edsr.jsonl", "scores/edsr.csv", PLACE.as_posix()):
        path = folder / name
        whole = path.read_bytes()
        for place in range(0, len(whole), max(1, len(whole) // 3)):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x81]) + whole[place + 1 :])
            assert any(name in text for text in broken(verify(folder, root=made[1]))), f"byte {place} of {name}"
        path.write_bytes(whole)


def test_a_table_without_rows_and_a_torn_one_leave_the_others_checked(made: tuple[Path, Path], folder: Path) -> None:
    (folder / "tables" / "empty.csv").write_text("claim,runs\n")
    (folder / "tables" / "effects.csv").write_text("method,variant\nedsr\n")
    seal(folder)
    links = verify(folder, root=made[1])
    assert [link.name for link in links if link.state == "broken"] == ["effects.csv"]
    assert sum(link.kind == "cell follows from scores" for link in links if link.state == "ok") > 15


def test_a_file_removed_or_added_is_found(folder: Path) -> None:
    (folder / "REPORT.md").rename(folder / "OTHER.md")
    assert {name for name, text in compare(folder).items() if text} == {"REPORT.md", "OTHER.md"}


def test_a_folder_that_was_never_sealed_is_broken(folder: Path) -> None:
    (folder / PLACE).unlink()
    assert any("python -m bench report" in text for text in compare(folder).values())


@pytest.mark.parametrize(
    ("name", "old", "new", "kind"),
    [
        ("scores/edsr.csv", "30.000000", "30.100000", "scores"),
        ("tables/methods.csv", "31.250000", "31.260000", "cell follows from scores"),
        ("tables/ablation-edsr.csv", "-1.250000", "-1.200000", "cell follows from scores"),
        ("tables/paper-edsr.csv", "31.250000", "31.260000", "cell follows from scores"),
        ("tables/methods.csv", ",1234,2,", ",1234,3,", "cell follows from scores"),
        ("runs.csv", "1234", "1235", "runs.csv"),
        ("cost.csv", "12.5", "12.4", "cost.csv"),
    ],
)
def test_a_forged_number_is_found_though_the_folder_is_sealed_again(
    name: str, old: str, new: str, kind: str, made: tuple[Path, Path], folder: Path
) -> None:
    text = (folder / name).read_text()
    assert old in text
    (folder / name).write_text(text.replace(old, new, 1))
    seal(folder)
    assert any(text.startswith(f"{kind}:") for text in broken(verify(folder, root=made[1])))


CHANGES: dict[str, tuple[str, Callable[[Any], None]]] = {
    "a knob": ("digest", lambda r: r["experiment"]["knobs"].update(width=17)),
    "the seed": ("settings", lambda r: r["experiment"].update(seed=7)),
    "the source digest": ("code at its commit", lambda r: r["code"].update(sha256=fake("other"))),
    "a module": ("code at its commit", lambda r: r["code"]["modules"].append("methods.other")),
    "the network": ("earlier stage", lambda r: r.update(checkpoint=fake("other"))),
    "the pictures": ("same test pictures", lambda r: r["test_data"].update(Set5=fake("other"))),
    "the training data": ("settings", lambda r: r.update(train_data=fake("other"))),
    "published weights": ("published weights", lambda r: r["weights"].update({"lpips-alex": fake("other")})),
    "a hash cut short": ("SR pictures", lambda r: r["sr"].update({"Set5/baby.png": "abc"})),
    "a missing part": ("record", lambda r: r.pop("code")),
    "another run's name": ("settings", lambda r: r["row"].update(run=ESRGAN)),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_forged_record_is_found_though_the_folder_is_sealed_again(
    what: str, made: tuple[Path, Path], folder: Path
) -> None:
    kind, change = CHANGES[what]
    change_record(folder, EDSR, change)
    assert any(text.startswith(f"{kind}:") for text in broken(verify(folder, root=made[1])))


def test_a_record_without_its_earlier_stage_is_found(made: tuple[Path, Path], folder: Path) -> None:
    rows = list(csv.reader((folder / "runs.csv").open()))
    (folder / "runs.csv").write_text("".join(",".join(row) + "\n" for row in rows if row[0] != EARLIER[ESRGAN]))
    texts = broken(verify(folder, root=made[1]))
    assert any(text.startswith("earlier stage:") and "not among the runs" in text for text in texts)
    assert any("is of no run of runs.csv" in text for text in texts)


def test_code_that_differs_from_what_was_recorded_is_found_and_a_comment_is_not(
    made: tuple[Path, Path], folder: Path, tmp_path: Path
) -> None:
    repository = Path(copytree(made[1], tmp_path / "repository"))
    method = repository / "methods" / "tiny.py"
    for old, new, expected in (("# pixels", "# of the square", 0), ("WIDTH = 3", "WIDTH = 4", len(RUNS))):
        method.write_text(method.read_text().replace(old, new))
        git(repository, "commit", "-aqm", "Change")
        name = git(repository, "rev-parse", "HEAD")
        for run in RUNS:
            change_record(folder, run, lambda record, name=name: record["code"].update(commit=name))  # type: ignore[misc]
        texts = [text for text in broken(verify(folder, root=repository)) if text.startswith("code at its commit")]
        assert len(texts) == expected


def test_a_commit_that_is_not_here_is_said_and_breaks_nothing(folder: Path, tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "other")
    links = verify(folder, root=tmp_path / "other")
    assert broken(links) == []
    assert "is not in this repository" in render(links) and f"({len(RUNS)})" in render(links)


def test_a_shallow_clone_is_said(made: tuple[Path, Path], folder: Path, tmp_path: Path) -> None:
    repository = Path(copytree(made[1], tmp_path / "repository"))
    git(repository, "commit", "-q", "--allow-empty", "-m", "Later")
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{repository}", "shallow")
    links = verify(folder, root=tmp_path / "shallow")
    assert broken(links) == [] and "the clone is shallow" in render(links)


def test_a_folder_outside_any_checkout_is_said(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "nowhere").mkdir()
    assert "this is no git checkout" in render(verify(folder, root=tmp_path / "nowhere"))


def test_what_the_work_folder_has_is_compared(made: tuple[Path, Path], folder: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    picture = work / "sr" / "edsr" / EDSR / "Set5" / f"{IMAGES[0]}.png"
    store = work / "train" / "T91.x4.bicubic" / "manifest.json"
    for path in (picture, store):
        path.parent.mkdir(parents=True)
        path.write_text("{}")

    def take(record: Any) -> None:
        record["sr"]["Set5/baby.png"] = hash_file(picture)
        record["train_data"] = record["training"]["train_data"] = hash_file(store)

    change_record(folder, EDSR, take)
    links = verify(folder, work, root=made[1])
    assert {link.kind for link in links if link.state == "ok"} >= {"SR pictures", "training data"}
    picture.write_text("other")
    assert f"SR pictures: {EDSR}: Set5/baby.png" in " ".join(broken(verify(folder, work, root=made[1])))


def test_tables_are_built_anew_and_compared_byte_for_byte(made: tuple[Path, Path], folder: Path) -> None:
    def rebuild(suite: str, place: Path, runs: Sequence[str]) -> None:
        assert suite == "tiny" and set(runs) == set(RUNS)
        assert (place / "scores" / "edsr.csv").is_file() and not (place / "tables").exists()
        copytree(made[0] / "tables", place / "tables")

    (folder / "tables" / ".snakemake_timestamp").touch()  # a folder that the workflow has just written
    assert {link.state for link in verify(folder, None, rebuild, made[1]) if link.kind == "table rebuilt"} == {"ok"}
    (folder / "tables" / "other.csv").write_text("claim,runs\n")
    seal(folder)
    links = verify(folder, None, rebuild, made[1])
    assert [link.state for link in links if link.name == "other.csv"] == ["unchecked"]
    report = source_digest("bench.report.document")
    for run in RUNS:
        change_record(folder, run, lambda record: record["measured_at"].update(report=report))
    links = verify(folder, None, rebuild, made[1])
    assert [link.name for link in links if link.kind == "table rebuilt" and link.state == "broken"] == ["other.csv"]


def test_a_folder_without_runs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="name a results folder"):
        verify(tmp_path)


def test_the_verb_ends_with_1_where_a_link_is_broken(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    parser = argparse.ArgumentParser()
    trace.add_verbs(parser.add_subparsers())
    arguments = parser.parse_args(["verify", str(folder)])
    arguments.verb(arguments)
    assert "No link is broken." in capsys.readouterr().out
    rmtree(folder / "figures")
    with pytest.raises(SystemExit, match="1"):
        arguments.verb(arguments)
    assert "figures/curves.png is listed, but missing" in capsys.readouterr().out
