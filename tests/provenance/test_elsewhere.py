"""Runs made elsewhere: packed, made by a Python that has little, adopted; and what does not fit, refused."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from bare_python import bare_python
from traced_folder import git

from bench.__main__ import main
from bench.runtime import packed, parcel, weights
from bench.runtime.checksums import seal
from bench.runtime.code_digest import ROOT
from bench.runtime.results import read_records

Content = dict[str, bytes]
PACK = ("pack", "--suite", "smoke", "--shard", "baselines")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's code, all of it in a commit."""
    folder = tmp_path_factory.mktemp("project") / "checkout"
    for name in ("bench", "methods"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    git(folder, "init", "-q", ".")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "Code")
    return folder


SCRIPT = """
import contextlib, io, json, sys
from bench.__main__ import main
for words in json.loads(sys.argv[1]):
    out, error = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
        code = main(words)
    print(json.dumps([code, out.getvalue(), error.getvalue()]))
"""


class Done(NamedTuple):
    """What a verb left."""

    code: int
    out: str
    error: str


def call(checkout: Path, *lines: tuple[str | Path, ...]) -> list[Done]:
    """Verbs in a checkout, whose work and results are in it; one process pays for all imports."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BENCH_")}
    words = json.dumps([[str(word) for word in line] for line in lines])
    environment = {**kept, "PYTHONPATH": str(checkout)}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, words], cwd=checkout, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return [Done(*json.loads(line)) for line in done.stdout.splitlines()]


def go(pack: Path, python: Path, minutes: float, out: Path) -> subprocess.CompletedProcess[str]:
    """go.sh, with a Python of its own and nothing of the caller's."""
    line = ["bash", str(pack / "go.sh"), str(minutes), str(out), "1"]
    return subprocess.run(
        line, env={"PYTHON": str(python), "PATH": os.environ["PATH"]}, capture_output=True, text=True, cwd=pack.parent
    )


@pytest.fixture(scope="module")
def returned(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What comes back of one shard of suite smoke, made without the other dependencies."""
    folder = tmp_path_factory.mktemp("elsewhere")
    [done] = call(checkout, (*PACK, "--limit-mb", "20", "--out", folder / "p"))
    assert done.code == 0, done.error
    made = go(folder / "p", bare_python(folder / "venv"), 9, folder / "back")
    assert made.returncode == 0, made.stderr
    return folder / "back"


@pytest.fixture
def clean(checkout: Path) -> Path:
    """The checkout without results and work."""
    for name in ("results", "work"):
        shutil.rmtree(checkout / name, ignore_errors=True)
    return checkout


def test_what_came_back_is_reported_and_every_link_of_it_holds(clean: Path, returned: Path) -> None:
    results = clean / "results" / "smoke"
    large, adopted, verified, again = call(
        clean,
        (*PACK, "--limit-mb", "1", "--out", "p"),
        ("adopt", returned),
        ("verify", results),
        (*PACK, "--out", "p"),
    )
    assert large.code == 2 and "raise --limit-mb 1" in large.error and not (clean / "p").exists()
    assert adopted.code == 0, adopted.error
    [(run, record)] = read_records(results).items()
    assert run == "bicubic.default.x4.bicubic.s1"
    assert record["code"] == {**record["code"], "commit": git(clean, "rev-parse", "HEAD"), "changed": False}
    text = (results / "scores" / "bicubic.csv").read_text()
    assert "lpips_alex" in text and "niqe" in text and "n/a" not in text
    assert verified.code == 0 and "No link is broken." in verified.out, verified.out
    assert again.code == 2 and "has every run of baselines" in again.error


def rewritten(returned: Path, folder: Path, change: Callable[[Content], object]) -> Path:
    """The parcel with other content, its checksums right."""
    head, content = parcel.read_parcel(returned)
    content[parcel.HEAD] = json.dumps(head).encode()
    change(content)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in content.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    folder.mkdir()
    (folder / "part-1").write_bytes(buffer.getvalue())
    seal(folder)
    return folder


def edit(name: str, old: str, new: str) -> Callable[[Content], None]:
    """Replace text in the one file whose name ends so."""

    def change(content: Content) -> None:
        [path] = [path for path in content if path.endswith(name)]
        assert old.encode() in content[path]
        content[path] = content[path].replace(old.encode(), new.encode(), 1)

    return change


HOSTILE: dict[str, tuple[Callable[[Content], object], str]] = {
    "another commit": (edit(parcel.HEAD, '"commit": "', '"commit": "0000'), "cannot be checked"),
    "a commit that is an option": (edit(parcel.HEAD, '"commit": "', '"commit": "--all '), "cannot be checked"),
    "another suite": (edit(parcel.HEAD, '"smoke"', '"smokes"'), "smoke"),
    "a run that no suite has": (edit(parcel.HEAD, '"bicubic.default', '"bicubic.best'), "no run"),
    "another score": (edit("s1.csv", "psnr_y,2", "psnr_y,3"), "changed since it was made"),
    "other settings": (edit("upscale.json", '"scale": 4', '"scale": 2'), "other settings here"),
    "other code": (edit("upscale.json", '"sha256": "', '"sha256": "0'), "code at its commit|digest"),
    "a torn record": (edit("upscale.json", "{", "["), "upscale.json|stage writes it"),
    "another picture": (edit("astronaut.png", "IDAT", "IDAT "), "SR pictures"),
    "other test data": (edit("manifest.json", '"hr_size"', '"hr_sizes"'), "other pictures"),
    "a file of no run": (lambda content: content.update({"runs/x/state.pt": b"\x80\x04."}), "no file that its runs"),
    "a name that leads out": (lambda content: content.update({"../../work/x.png": b""}), "no file that its runs"),
    "an absolute name": (lambda content: content.update({"/tmp/x.png": b""}), "no file that its runs"),
    "no scores": (lambda content: [content.pop(n) for n in list(content) if n.endswith(".csv")], "no finished run"),
    "no record of its pictures": (
        lambda content: [content.pop(name) for name in list(content) if name.endswith("prepare.json")],
        "did not come back",
    ),
}


def cut(folder: Path) -> None:
    (folder / "part-1").write_bytes(b"x")


def link(folder: Path) -> None:
    (folder / "part-1").rename(folder.with_suffix(".part"))
    (folder / "part-1").symlink_to(folder.with_suffix(".part"))


def link_inside(folder: Path) -> None:
    with tarfile.open(folder / "part-1", "w") as archive:
        member = tarfile.TarInfo("scores/bicubic/x.csv")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/hostname"
        archive.addfile(member)
    seal(folder)


SPOILT: dict[str, tuple[Callable[[Path], object], str]] = {
    "a linked part": (link, "is no file"),
    "a link inside": (link_inside, "no plain file"),
    "a part that is missing": (lambda folder: (folder / "part-1").unlink(), "is no parcel"),
    "an eighth part": (lambda folder: (folder / "part-8").write_text(""), "is no parcel"),
    "a changed part": (cut, "another sha256"),
    "a part too large": (lambda folder: os.truncate(folder / "part-1", parcel.PART_BYTES + 1), "at most 16 MiB"),
}


def test_what_does_not_fit_is_refused_in_one_line_and_nothing_is_written(
    clean: Path, returned: Path, tmp_path: Path
) -> None:
    folders = [rewritten(returned, tmp_path / name, change) for name, (change, _) in HOSTILE.items()]
    for name, (spoil, _) in SPOILT.items():
        folders.append(Path(shutil.copytree(returned, tmp_path / name)))
        spoil(folders[-1])
    for folder, done in zip(folders, call(clean, *(("adopt", folder) for folder in folders)), strict=True):
        words = (HOSTILE | SPOILT)[folder.name][1]
        assert done.code == 2 and len(done.error.splitlines()) == 1, (folder.name, done)
        assert any(word in done.error for word in words.split("|")), (folder.name, done.error)
    assert not (clean / "results").exists() and not (clean / "work").exists()


def test_code_that_is_in_no_commit_is_not_packed(clean: Path) -> None:
    extra = clean / "methods" / "extra.py"
    extra.write_text("")
    [done] = call(clean, (*PACK, "--out", "p"))
    extra.unlink()
    assert done.code == 2 and "commit them first" in done.error and not (clean / "p").exists()


def test_a_state_dict_in_few_bytes_is_the_same_and_rounded_as_autocast_rounds_it(tmp_path: Path) -> None:
    torch.manual_seed(0)
    state = {"a.weight": torch.randn(4, 3, 3, 3), "a.bias": torch.randn(4), "one": torch.randn(())}
    for rounded in (False, True):
        packed.write_state(tmp_path / "s.xz", state, "0" * 64, rounded)
        again = packed.read_state(tmp_path / "s.xz")
        for name, tensor in state.items():
            assert torch.equal(again[name], tensor.bfloat16().float() if rounded else tensor)


def test_a_perceptual_network_kept_in_bf16_gives_the_same_loss_and_gradient_bit_for_bit_in_bf16(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bench.api import Training
    from methods.common.optimise import autocast, to_device
    from methods.common.perceptual import Features

    training = Training(1, 1, torch.device("cpu"), "bf16", True, False)
    name = "stlpips-vgg16"

    def measure() -> tuple[torch.Tensor, torch.Tensor]:
        features = to_device(Features(name, "conv3_3"), training).eval()
        torch.manual_seed(1)
        sr, hr = torch.rand(1, 3, 32, 32, requires_grad=True), torch.rand(1, 3, 32, 32)
        with autocast(training):
            loss = torch.nn.functional.l1_loss(features(sr).float(), features(hr).float())
        return loss.detach(), torch.autograd.grad(loss, sr)[0]

    whole, published = measure(), weights.published_sha256(name)
    state = weights.load(name)
    monkeypatch.setenv("BENCH_WEIGHTS", str(tmp_path))
    packed.write_state(tmp_path / f"{name}.xz", state, published, rounded=True)
    assert weights.is_rounded(name) and weights.published_sha256(name) == published
    assert all(torch.equal(here, there) for here, there in zip(measure(), whole, strict=True))


@pytest.mark.slow
def test_a_suite_stopped_elsewhere_goes_on_and_comes_back_as_it_would_have_been_made_here(
    clean: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [done] = call(clean, ("pack", "--suite", "smoke", "--limit-mb", "90", "--out", tmp_path / "pack"))
    assert done.code == 0, done.error
    python, back = bare_python(tmp_path / "venv"), tmp_path / "back"
    stopped = go(tmp_path / "pack", python, 0, back)
    assert stopped.returncode == 75 and "3 of 3 runs are left" in stopped.stderr and not back.exists()
    first = go(tmp_path / "pack", python, 0.02, back)
    assert first.returncode == 75
    assert go(tmp_path / "pack", python, 9, back).returncode == 0
    assert len(list(back.iterdir())) <= 8
    done, again = call(clean, ("adopt", back), ("adopt", back))
    assert done.code == again.code == 0 and "3 runs adopted" in done.out, done.error + again.error
    adopted = read_records(clean / "results" / "smoke")
    work = clean / "work" / "smoke"
    assert (work / "runs" / "rrdb.default.x4.bicubic.s1" / "checkpoint.safetensors").is_file()
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "here"))
    assert main(["train", "rrdb.default.x4.bicubic.s1", "--suite", "smoke", "--device", "cpu"]) == 0
    here = json.loads((tmp_path / "here/smoke/runs/rrdb.default.x4.bicubic.s1/train.json").read_text())
    record = adopted["rrdb.default.x4.bicubic.s1"]
    assert (here["outputs"]["checkpoint.safetensors"], here["digest"]) == (record["checkpoint"], record["digest"])


@pytest.mark.slow
def test_a_run_that_is_lacking_is_packed_with_the_network_that_it_starts_from(clean: Path, tmp_path: Path) -> None:
    smoke, python = (
        ("pack", "--suite", "smoke", "--shard", "esrgan", "--limit-mb", "90"),
        bare_python(tmp_path / "venv"),
    )
    assert call(clean, (*smoke, "--out", tmp_path / "all"))[0].code == 0
    assert go(tmp_path / "all", python, 9, tmp_path / "back").returncode == 0
    assert call(clean, ("adopt", tmp_path / "back"))[0].code == 0
    before = read_records(clean / "results" / "smoke")
    for name in ("records/esrgan.jsonl", "scores/esrgan.csv"):
        (clean / "results" / "smoke" / name).unlink()
    assert call(clean, (*smoke, "--out", tmp_path / "one"))[0].code == 0
    assert json.loads((tmp_path / "one" / "pack.json").read_text())["runs"] == ["esrgan.default.x4.bicubic.s1"]
    assert go(tmp_path / "one", python, 9, tmp_path / "again").returncode == 0
    done, verified = call(clean, ("adopt", tmp_path / "again"), ("verify", clean / "results" / "smoke"))
    assert done.code == verified.code == 0 and "1 runs adopted" in done.out, done.error + verified.out
    after = read_records(clean / "results" / "smoke")
    assert {run: record["checkpoint"] for run, record in after.items()} == {
        run: record["checkpoint"] for run, record in before.items()
    }
