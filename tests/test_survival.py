"""Kills, full and read-only disks and power cuts: nothing is lost, half-written or made into other bytes."""

from __future__ import annotations

import contextlib
import functools
import multiprocessing
import os
import random
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from children import run_command, train_small
from pictures import noise
from PIL import Image
from published import PUBLISHED
from safetensors.torch import save_file

import bench.stages.train as loop
from bench.__main__ import main
from bench.data.images import write_png
from bench.runtime.code_digest import ROOT
from methods import find_entry

RUN = "rrdb.default.x4.bicubic.s1"
COMMANDS: dict[str, list[str]] = {
    "prepare": ["prepare", "Set5", "--role", "test", "--out"],
    "degrade": ["degrade", "--hr", "in", "--out"],
    "upscale": ["upscale", "--method", "bicubic", "--scale", "2", "--lr", "in", "--out"],
    "score": ["score", "--sr", "in", "--hr", "in", "--scale", "1", "--metrics", "psnr_y,ssim_y", "--out"],
    "kernel": ["kernel", "--lr", "in", "--iterations", "2", "--out"],
    "train": ["train", RUN, "--suite", "smoke", "--device", "cpu", "--out"],
    "import": ["import", "--method", "msrresnet", "--from", "net.pth", "--out"],
    "interpolate": [
        *("interpolate", "--method", "srcnn", "--lr", "in", "--alphas", "0,1"),
        *("--psnr", "a.safetensors", "--gan", "b.safetensors", "--out"),
    ],
}
FILES = {"score": "disk/out.csv", "import": "disk/out.safetensors"}  # the others write folders
STOPPABLE = ("degrade", "upscale", "score", "kernel")
SLOW = ("interpolate",)  # over 10 s: it is cut off at every picture of every alpha
KILLS = int(os.environ.get("BENCH_KILLS", "50"))
SAME = ("*.png", "*.npy", "*.csv", "manifest.json", "*.safetensors", "curves.jsonl")  # what has no times in it


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with input pictures as the current one."""
    for folder in ("in", "data/Set5"):
        for seed, name in enumerate("abcde"):
            write_png(tmp_path / folder / f"{name}.png", noise(seed, 88, 88, 3))
    torch.save(PUBLISHED["msrresnet-basicsr"][1](), tmp_path / "net.pth")
    network = find_entry("srcnn").build(4, {}).network()
    assert network is not None
    for name in "ab":
        save_file(network.state_dict(), tmp_path / f"{name}.safetensors")
    monkeypatch.setenv("BENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("BENCH_WORK", "disk/work")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(loop, "Limits", functools.partial(loop.Limits, save_seconds=0))
    return tmp_path


@pytest.fixture
def disk(here: Path) -> Iterator[Path]:
    """A disk of 64 MiB of its own, mounted at `disk`."""
    place = here / "disk"
    place.mkdir()
    line = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(line, capture_output=True).returncode != 0:
        pytest.skip("mounting a disk needs root")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def out_of(name: str) -> str:
    return FILES.get(name, "disk/out")


def made(place: Path) -> dict[str, bytes]:
    """What a command delivered at `place`: the same bytes whenever it runs."""
    files = [place] if place.is_file() else [path for pattern in SAME for path in place.rglob(pattern)]
    return {path.relative_to(place.parent).as_posix(): path.read_bytes() for path in files}


def listed(folder: Path) -> set[str]:
    """Every file but the locks, which are empty."""
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    return {name for name in files if "/turns/" not in name}


def refusals(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("bench ")]


def check_nothing_half_written(name: str, folder: Path) -> None:
    """Training keeps its resume state and a whole store, upscaling its finished pictures; the others leave nothing."""
    left = listed(folder)
    assert not {file for file in left if file.endswith((".tmp", "train.json"))}
    if name == "upscale":
        assert not {file for file in left if not file.startswith(".out.partial/")}
    elif name == "train":
        assert not {file for file in left if ".partial" in file}
    else:
        assert not left


@pytest.mark.parametrize("name", COMMANDS)
def test_a_full_disk_is_one_line_and_the_command_succeeds_once_there_is_room(
    name: str, disk: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    words, filler, count, room = [*COMMANDS[name], out_of(name)], disk / "filler", 0, 0
    while True:
        free = os.statvfs(disk)
        with filler.open("wb") as stream:
            os.posix_fallocate(stream.fileno(), 0, free.f_bavail * free.f_frsize - 4096 * room)
        code = main(words)
        filler.unlink()
        errors = capfd.readouterr().err
        if code == 0:
            break
        assert code == 2 and len(refusals(errors)) == 1 and "Traceback" not in errors, errors
        assert "No space left" in errors
        check_nothing_half_written(name, disk)
        count, room = count + 1, 2 * room or 1
    full = made(Path(out_of(name)))
    os.rename(disk / Path(out_of(name)).name, disk / "full")
    assert count and full and main(words) == 0 and made(Path(out_of(name))) == full
    print(f"{name}: {count} full disks")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_read_only_disk_is_one_line(name: str, disk: Path, capfd: pytest.CaptureFixture[str]) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    assert main([*COMMANDS[name], out_of(name)]) == 2
    errors = capfd.readouterr().err
    assert len(refusals(errors)) == 1 and "Read-only" in errors and "Traceback" not in errors, errors


class Cuts:
    """The disk as a power cut leaves it at every fsync: what was not synced before is empty."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.states: list[dict[str, bytes]] = []
        self._synced: dict[int, tuple[int, bytes]] = {}  # by inode, each held open, so that none is given out again
        self._fsync = os.fsync
        for path in folder.rglob("*"):
            if path.is_file():
                self._hold(os.open(path, os.O_RDONLY))

    def _hold(self, descriptor: int) -> None:
        status = os.fstat(descriptor)
        if stat.S_ISREG(status.st_mode):
            self._synced[status.st_ino] = (descriptor, Path(f"/proc/self/fd/{descriptor}").read_bytes())

    def fsync(self, descriptor: int) -> None:
        self.cut()
        self._fsync(descriptor)
        self._hold(os.dup(descriptor))

    def cut(self) -> None:
        """Note what is on the disk for good under the names of now."""
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        names = {path.relative_to(self.folder).as_posix(): path.stat().st_ino for path in files}
        state = {name: self._synced.get(inode, (0, b""))[1] for name, inode in names.items()}
        if state not in self.states:
            self.states.append(state)


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.slow] * (n in SLOW)) for n in COMMANDS])
def test_after_a_power_cut_at_any_fsync_the_same_command_gives_the_same_bytes(
    name: str, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words, cuts = [*COMMANDS[name], out_of(name)], Cuts(here)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", cuts.fsync)
        assert main(words) == 0
    cuts.cut()
    whole = made(Path(out_of(name)))
    for number, state in enumerate(cuts.states):
        folder = here / "cut" / str(number)
        for file, content in state.items():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_bytes(content)
        monkeypatch.chdir(folder)
        assert main(words) == 0, number
        assert made(Path(out_of(name))) == whole, number
        monkeypatch.chdir(here)
    print(f"{name}: {len(cuts.states)} power cuts")


@pytest.mark.slow
def test_what_a_stage_of_a_suite_made_is_on_the_disk_when_it_returns(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite, stages = ["--suite", "smoke"], ("prepare", "train", "upscale-suite", "score-suite", "report", "publish")
    monkeypatch.setenv("BENCH_RESULTS", "disk/published")
    cuts, lost = Cuts(here), {}
    monkeypatch.setattr(os, "fsync", cuts.fsync)
    for stage in stages:
        if stage == "prepare":
            data = "disk/work/smoke/data/Embedded-test.x4.bicubic"
            lines = [["Embedded-test", "--role", "test", "--scale", "4", "--out", data]]
        elif stage == "train":
            lines = [[run, *suite, "--device", "cpu"] for run in (RUN, RUN.replace("rrdb", "esrgan"))]
        elif stage.endswith("suite"):
            lines = [[*suite, "--method", method] for method in ("bicubic", "rrdb", "esrgan")]
        else:
            lines = [[*suite, *(["--write"] if stage == "publish" else [])]]
        for line in lines:
            assert main([stage, *line]) == 0
        cuts.cut()
        synced = {name: content for name, content in cuts.states[-1].items() if name.startswith("disk/")}
        lost[stage] = [name for name, content in synced.items() if content != (here / name).read_bytes()]
    assert not any(lost.values()), lost


@contextlib.contextmanager
def child(target: object, *words: object) -> Iterator[multiprocessing.process.BaseProcess]:
    """A process that has done its imports and is at the work itself."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["children"])
    ready, begun = context.Pipe(duplex=False)
    process = context.Process(target=target, args=(begun, *words))  # type: ignore[arg-type]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join((str(ROOT), str(ROOT / "tests"))))  # of what is preloaded
        process.start()
    begun.close()
    ready.recv()
    yield process
    process.join(20)
    assert process.exitcode is not None


@pytest.mark.slow
@pytest.mark.parametrize(("method", "iterations"), [("srcnn", 400), ("esrgan", 60)])
def test_a_training_killed_at_fifty_random_steps_gives_the_uninterrupted_bytes(
    method: str, iterations: int, train_store: Path, tmp_path: Path
) -> None:
    dice, kills, trainings = random.Random(1), 0, 0
    words = (method, iterations)
    with child(train_small, train_store, tmp_path / "whole", *words):
        began = time.monotonic()
    seconds = time.monotonic() - began
    whole = made(tmp_path / "whole")
    assert {name.removeprefix("whole/") for name in whole} == {"checkpoint.safetensors", "curves.jsonl"}
    while kills < KILLS:
        folder = tmp_path / str(trainings) / "whole"
        while not (folder / "train.json").is_file():
            with child(train_small, train_store, folder, *words) as process:
                time.sleep(dice.uniform(0, seconds / 2))
                process.kill()
            kills += process.exitcode == -signal.SIGKILL
        assert made(folder) == whole
        assert not [name for name in listed(folder) if name.startswith("state")]
        trainings += 1
    print(f"{method}: {kills} kills in {trainings} trainings of {seconds:.2f} s")


@pytest.mark.slow
def test_a_second_training_of_a_run_waits_for_the_first_and_takes_over_from_a_killed_one(here: Path) -> None:
    words = [*COMMANDS["train"], out_of("train")]
    with child(run_command, here, words):
        began = time.monotonic()
    seconds, whole = time.monotonic() - began, made(here / "disk/out")
    for number, share in enumerate((0.2, 0.5, 0.8, 2)):
        os.rename(here / "disk", here / f"done{number}")
        with child(run_command, here, words) as first, child(run_command, here, words) as second:
            first.join(share * seconds)
            first.kill()
        assert second.exitcode == 0 and made(here / "disk/out") == whole, share


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("name", STOPPABLE)
def test_a_command_stopped_at_any_moment_leaves_nothing_half_written(
    name: str, how: signal.Signals, here: Path
) -> None:
    words, out, dice, stopped = [*COMMANDS[name], out_of(name)], here / out_of(name), random.Random(2), 0
    with child(run_command, here, words):
        began = time.monotonic()
    seconds = time.monotonic() - began
    whole = made(out)
    os.rename(out.parent, here / "whole")
    for _ in range(8):
        with child(run_command, here, words) as process:
            time.sleep(dice.uniform(0, seconds))
            with contextlib.suppress(ProcessLookupError):  # it has come to its end
                process.kill() if how == signal.SIGKILL else os.kill(int(str(process.pid)), how)
        assert process.exitcode in (0, 130 if how == signal.SIGINT else -how)
        if process.exitcode != 0:
            stopped += 1
            assert not out.exists() or made(out) == whole
            if how == signal.SIGINT and not out.exists():
                check_nothing_half_written(name, out.parent)
        with child(run_command, here, words) as process:
            pass
        assert process.exitcode == 0 and made(out) == whole
        assert not [file for file in listed(out.parent) if ".partial" in file]
        os.rename(out.parent, here / f"done{stopped}.{time.monotonic_ns()}")
    print(f"{name}: {stopped} stopped")


@pytest.mark.parametrize("name", ["prepare", "degrade", "upscale", "score", "kernel"])
def test_a_picture_that_vanishes_meanwhile_is_one_line_and_the_rest_is_done_once_it_is_back(
    name: str, here: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    words, opened = [*COMMANDS[name], out_of(name)], Image.open
    assert main(words) == 0
    whole = made(here / out_of(name))
    picture = here / ("data/Set5" if name == "prepare" else "in") / "c.png"
    for reads in (1, 2):  # while the inputs are checked, and when their turn has come
        os.rename(here / "disk", here / f"done{reads}")
        left, kept = [reads], picture.read_bytes()

        def vanish(path: Path, *more: Any, left: list[int] = left, **options: Any) -> Any:
            left[0] -= path.name == picture.name
            if not any(left):
                picture.unlink(missing_ok=True)
            return opened(path, *more, **options)

        with monkeypatch.context() as patch:
            patch.setattr(Image, "open", vanish)
            code = main(words)
        if picture.exists():
            assert reads == 2 and code == 0  # each is read once
            continue
        errors = capfd.readouterr().err
        assert code == 2 and len(refusals(errors)) == 1 and "c.png" in errors and "Traceback" not in errors, errors
        check_nothing_half_written(name, here / "disk")
        picture.write_bytes(kept)
        assert main(words) == 0 and made(here / out_of(name)) == whole


@pytest.mark.slow
@pytest.mark.parametrize("name", ["page", "publish"])
@pytest.mark.parametrize("room", [0, 2**20])
def test_a_full_disk_leaves_no_half_of_a_page_or_of_published_results(
    name: str, room: int, disk: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BENCH_WORK", "work")
    monkeypatch.setenv("BENCH_RESULTS", "disk")
    shutil.copytree(ROOT / "results/demo", "work/demo/results")
    words = {"page": ["page", str(ROOT / "results/demo"), "--out", "disk/demo"], "publish": ["publish", "--write"]}
    filler = disk / "filler"
    with filler.open("wb") as stream:
        free = os.statvfs(disk)
        os.posix_fallocate(stream.fileno(), 0, free.f_bavail * free.f_frsize - room)
    assert main(words[name]) == 2
    errors = capfd.readouterr().err
    assert len(refusals(errors)) == 1 and "No space left" in errors and "Traceback" not in errors, errors
    assert listed(disk) == {"filler"}
    filler.unlink()
    assert main(words[name]) == 0 and listed(disk / "demo")
