"""Output places: new, or holding only what was recorded there; never an input, nor around one. Every verb is tried."""

from __future__ import annotations

import argparse
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from pictures import noise
from report_folder import write_results
from safetensors.torch import save_file

from bench.__main__ import build_parser, main
from bench.data.images import write_png
from bench.errors import BadInput
from bench.runtime.checksums import seal
from bench.runtime.output import RECORD, check_place, output_folder
from bench.runtime.results import write_records

RUN = "rrdb.default.x4.bicubic.s1"
# A line for each verb that has --out, with the inputs that it reads: in/ holds two pictures, in/*.safetensors networks.
VERBS: dict[str, tuple[list[str], tuple[str, ...]]] = {
    "degrade": (["--hr", "in"], ("in",)),
    "import": (["--method", "rrdb", "--from", "in/net.pth"], ("in/net.pth",)),
    "upscale": (["--method", "bicubic", "--lr", "in"], ("in",)),
    "score": (["--sr", "in", "--hr", "in", "--scale", "1", "--metrics", "psnr_y"], ("in",)),
    "interpolate": (
        [
            "--method",
            "srcnn",
            "--psnr",
            "in/a.safetensors",
            "--gan",
            "in/b.safetensors",
            "--lr",
            "in",
            "--alphas",
            "0,1",
        ],
        ("in", "in/a.safetensors", "in/b.safetensors"),
    ),
    "compare": (["bicubic", "--hr", "in", "--metrics", "psnr_y"], ("in",)),
    "kernel": (["--lr", "in", "--iterations", "2"], ("in",)),
    "prepare": (["Set5", "--role", "test"], ("data/Set5",)),
    "train": ([RUN, "--suite", "smoke", "--device", "cpu"], ()),
    "report": (["--suite", "smoke"], ("work/smoke/results",)),
    "page": (["results"], ("results",)),
    "pack": (["--suite", "smoke"], ("work/smoke",)),
    "make-packed-runs": (["--minutes", "0"], ()),
}
FILES = {"import": "out.safetensors", "score": "out.csv"}  # the others write folders
SLOW_TO_FINISH = {
    "train",
    "report",
    "page",
    "import",
    "pack",
    "make-packed-runs",
    "compare",
}  # they have tests of their own


READ = {"hr", "sr", "lr", "checkpoint", "kernels", "true_kernels", "psnr", "gan", "source", "results", "work", "parcel"}


def paths_of() -> dict[str, dict[str, str]]:
    """Of every verb: what takes a path, by name, with its option; empty for a word without one."""
    subparsers = next(a for a in build_parser()._actions if isinstance(a, argparse._SubParsersAction))
    found: dict[str, argparse.ArgumentParser] = dict(subparsers.choices)
    return {
        name: {action.dest: "".join(action.option_strings[:1]) for action in verb._actions if action.type is Path}
        for name, verb in found.items()
    }


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder to work in, with inputs, as the current one."""
    from methods import find_entry

    for folder, names in (("in", "ab"), ("data/Set5", "abcde")):
        for seed, name in enumerate(names):
            write_png(tmp_path / folder / f"{name}.png", noise(seed, 88, 88, 3))
    network = find_entry("srcnn").build(4, {}).network()
    assert network is not None
    for name in ("a", "b"):
        save_file(network.state_dict(), tmp_path / "in" / f"{name}.safetensors")
    torch.save({"weight": torch.zeros(2)}, tmp_path / "in" / "net.pth")
    (tmp_path / "work" / "smoke" / "results").mkdir(parents=True)
    (tmp_path / "work" / "smoke" / "results" / "keep.txt").write_text("mine")
    write_results(tmp_path / "results")
    write_records(tmp_path / "results", "bicubic", {"bicubic.default.x4.bicubic.s1": {"suite": "smoke"}})
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    monkeypatch.setenv("BENCH_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    yield tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    """Every file with its bytes; what the suite's own work folder may gain apart."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())
    return {str(path): path.read_bytes() for path in files if "turns" not in path.parts and "train" not in path.parts}


def run(verb: str, out: str | Path, *more: str) -> int:
    return main([verb, *VERBS[verb][0], "--out", str(out), *more])


def test_every_verb_with_an_output_is_tried_here() -> None:
    written = {(verb, name) for verb, paths in paths_of().items() for name in paths if name not in READ}
    assert written == {(verb, "out") for verb in VERBS}


@pytest.mark.parametrize("verb", VERBS)
def test_no_input_that_a_verb_takes_besides_is_its_output(verb: str, here: Path) -> None:
    shutil.copytree("in", "other")
    before = contents(here)
    for name, option in paths_of()[verb].items():
        if name in READ and option and option not in VERBS[verb][0]:
            assert run(verb, "other", option, "other", "--overwrite") == 2, option
            assert contents(here) == before


def in_a_full_folder(verb: str) -> Path:
    """A place with somebody's file."""
    out = Path(FILES.get(verb, "out"))
    target = out if verb in FILES else out / "notes.txt"
    target.parent.mkdir(exist_ok=True)
    target.write_text("a week of work")
    return out


def with_a_manifest(verb: str) -> Path:
    """... that has a manifest as other tools write them, too."""
    out = in_a_full_folder(verb)
    (out if out.is_dir() else Path()).joinpath("manifest.json").write_text("{}")
    return out


def with_a_copied_record(verb: str) -> Path:
    """... and the record of another place."""
    out = in_a_full_folder(verb)
    record = '{"notes.txt": "0123", "../../in/a.png": null, "out.csv": "45", "a.png": "6"}'
    (out / RECORD if out.is_dir() else Path(f".{out}{RECORD}")).write_text(record)
    return out


def beside_a_repository(verb: str) -> Path:
    """Somebody's hidden folder alone."""
    if verb in FILES:
        return in_a_full_folder(verb)
    Path("out/.git").mkdir(parents=True)
    Path("out/.git/HEAD").write_text("ref")
    return Path("out")


def with_an_empty_folder(verb: str) -> Path:
    if verb in FILES:
        Path(FILES[verb]).mkdir()
        return Path(FILES[verb])
    Path("out/to be filled").mkdir(parents=True)
    return Path("out")


def over_a_link(verb: str) -> Path:
    """A link to somebody's folder."""
    target = in_a_full_folder(verb).rename("theirs")
    Path("link").symlink_to(target)
    return Path("link")


def on_a_device(verb: str) -> Path:
    os.mkfifo("pipe")
    return Path("pipe")


def in_a_circle(verb: str) -> Path:
    Path("circle").symlink_to("circle")
    return Path("circle")


PLACES = (
    in_a_full_folder,
    with_a_manifest,
    with_a_copied_record,
    beside_a_repository,
    with_an_empty_folder,
    over_a_link,
    on_a_device,
    in_a_circle,
)


@pytest.mark.parametrize("plant", PLACES, ids=lambda plant: plant.__name__)
@pytest.mark.parametrize("verb", VERBS)
def test_what_somebody_else_made_is_refused_and_stays(
    verb: str, plant: Callable[[str], Path], here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = plant(verb)
    before = contents(here)
    assert run(verb, out) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("bench ")]
    assert len(lines) == 1 and str(out) in lines[0]
    assert contents(here) == before


@pytest.mark.parametrize("more", [(), ("--overwrite",)], ids=["plain", "overwrite"])
@pytest.mark.parametrize("out", [".", "..", "/", "out/../..", "{input}", "{input}/", "{input}/..", "link", "in/../in"])
@pytest.mark.parametrize("verb", VERBS)
def test_no_output_is_or_holds_an_input_or_the_current_folder(
    verb: str, out: str, more: tuple[str, ...], here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inputs = VERBS[verb][1] or (".",)
    before = contents(here)
    for source in inputs:
        if out == "link":
            Path("link").unlink(missing_ok=True)
            Path("link").symlink_to(Path(source).resolve())
        if out == "in/../in" and "in" not in inputs:
            continue
        assert run(verb, out.format(input=source), *more) == 2
        assert capsys.readouterr().err.count("\nbench ") <= 1
    assert contents(here) == before


def test_an_output_file_is_no_picture_of_an_input_folder(here: Path) -> None:
    before = contents(here)
    assert run("score", "in/a.png", "--overwrite") == 2
    assert contents(here) == before


def test_the_target_of_a_link_among_the_inputs_is_an_input(here: Path) -> None:
    write_png(Path("kept/c.png"), noise(3, 24, 24, 3))
    Path("in/c.png").symlink_to(Path("kept/c.png").resolve())
    for out in ("kept", "kept/c.png"):
        assert run("upscale", out, "--overwrite") == 2
    assert Path("kept/c.png").is_file()


@pytest.mark.parametrize("verb", sorted(set(VERBS) - SLOW_TO_FINISH))
def test_what_was_made_is_made_again_in_the_same_place(verb: str, here: Path) -> None:
    out = FILES.get(verb, "new/out")
    assert run(verb, out) == 0
    first = contents(Path(out) if Path(out).is_dir() else Path())
    assert run(verb, out) == 0
    assert set(contents(Path(out) if Path(out).is_dir() else Path())) == set(first)
    assert not [path for path in here.rglob("*") if path.name.endswith((".partial", ".tmp"))]


@pytest.mark.parametrize("verb", sorted(set(VERBS) - SLOW_TO_FINISH))
def test_overwrite_replaces_files_of_the_same_names_and_no_others(verb: str, here: Path) -> None:
    out = in_a_full_folder(verb)
    if verb not in FILES:
        (out / "a.png").write_text("theirs")
    assert run(verb, out, "--overwrite") == 0
    if verb in FILES:
        assert out.read_text() != "a week of work"
    else:
        assert (out / "notes.txt").read_text() == "a week of work"
        assert (out / "a.png").read_bytes() != b"theirs" or verb in ("interpolate", "prepare")
        assert (out / RECORD).is_file()
    assert run(verb, out) == (0 if verb in FILES else 2)


def test_a_file_that_was_edited_since_is_somebodys_work(here: Path) -> None:
    assert run("score", "out.csv") == 0
    Path("out.csv").write_text(Path("out.csv").read_text() + "a,mine,1,\n")
    assert run("score", "out.csv") == 2
    assert run("degrade", "out") == 0
    write_png(Path("out/a.png"), noise(5, 4, 4, 3))
    assert run("degrade", "out") == 2


def test_pictures_that_are_no_more_do_not_stay_among_the_new_ones(here: Path) -> None:
    assert run("degrade", "out") == 0
    Path("in/b.png").unlink()
    assert run("degrade", "out") == 0
    assert sorted(path.name for path in Path("out").glob("*.png")) == ["a.png"]


def test_a_run_folder_of_ones_own_is_taken_up_again_and_a_note_in_it_is_told(here: Path) -> None:
    from bench.runtime.output import claim_folder
    from bench.stages.train import FILES as OURS

    claim_folder(Path("mine"), OURS)
    Path("mine/state.pt").write_bytes(b"changes all the time")
    claim_folder(Path("mine"), OURS)
    Path("mine/notes.txt").write_text("thoughts")
    with pytest.raises(BadInput, match=r"notes\.txt"):
        claim_folder(Path("mine"), OURS)


def test_a_file_that_comes_meanwhile_is_not_lost(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="meanwhile"), output_folder(tmp_path / "out", []) as folder:
        (folder / "a.txt").write_text("ours")
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "a.txt").write_text("theirs")
    assert (tmp_path / "out" / "a.txt").read_text() == "theirs"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_place_inside_an_input_folder_is_no_harm(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    assert check_place(tmp_path / "pictures" / "sr", [tmp_path / "pictures"]) == tmp_path / "pictures" / "sr"


@pytest.mark.parametrize("name", ["notes.txt", "REPORT.md", ".git/HEAD"])
def test_publishing_leaves_a_folder_alone_that_holds_what_was_not_published_there(
    name: str, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, published = here / "work" / "smoke" / "results", here / "published" / "smoke"
    (made / "REPORT.md").write_text("first")
    seal(made)
    monkeypatch.setenv("BENCH_RESULTS", "published")
    publish = ["publish", "--suite", "smoke", "--write"]
    assert main(publish) == 0
    (made / "REPORT.md").write_text("second")
    seal(made)
    assert main(publish) == 0 and (published / "REPORT.md").read_text() == "second"
    (published / name).parent.mkdir(exist_ok=True)
    (published / name).write_text("mine")
    before = contents(here)
    assert main(publish) == 2 and contents(here) == before
    assert main([*publish, "--overwrite"]) == 0
    assert (published / "REPORT.md").read_text() == "second"
    assert name == "REPORT.md" or (published / name).read_text() == "mine"
