"""What was changed behind a stage's back is refused or made anew, and said aloud; what was left behind is found."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pictures import noise

from bench.__main__ import main
from bench.data.images import write_png
from bench.errors import BadInput
from bench.runtime.code_digest import ROOT
from bench.runtime.files import locked, making_folder, replacing
from bench.suites import find_suite
from bench.suites.workdir import Workdir

RUN = "rrdb.default.x4.bicubic.s1"


def flip(path: Path) -> None:
    """Change one bit in the middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A work folder in which a run of the smoke suite was prepared, trained, upscaled and scored."""
    work = tmp_path_factory.mktemp("work")
    run, layout = find_suite("smoke").experiments()[RUN], None
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCH_WORK", str(work))
        layout = Workdir("smoke")
        for name in run.test_sets:
            place = layout.test_data(name, run.scale, run.degradation)
            assert main(["prepare", name, "--role", "test", "--scale", "4", "--out", str(place)]) == 0
        assert main(["train", RUN, "--suite", "smoke", "--device", "cpu"]) == 0
        for stage in ("upscale-suite", "score-suite"):
            assert main([stage, "--suite", "smoke", "--method", "rrdb"]) == 0
    return work


@pytest.fixture
def layout(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workdir:
    shutil.copytree(trained, tmp_path / "work")
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    return Workdir("smoke")


@pytest.mark.parametrize(
    ("pattern", "stage"),
    [
        ("data/*/lr/*.png", "upscale-suite"),
        ("data/*/hr/*.png", "score-suite"),
        ("runs/*/checkpoint.safetensors", "upscale-suite"),
        ("sr/**/*.png", "score-suite"),
    ],
)
@pytest.mark.parametrize("change", [flip, Path.unlink], ids=["a flipped bit", "gone"])
def test_a_file_that_changed_between_jobs_is_named(
    change: Callable[[Path], None], pattern: str, stage: str, layout: Workdir, capsys: pytest.CaptureFixture[str]
) -> None:
    path = sorted(layout.root.glob(pattern))[0]
    change(path)
    assert main([stage, "--suite", "smoke", "--method", "rrdb"]) == 2
    line = next(line for line in capsys.readouterr().err.splitlines() if line.startswith("bench "))
    assert path.name in line and "changed" in line


def test_a_training_store_of_other_bytes_is_made_anew(layout: Workdir, capsys: pytest.CaptureFixture[str]) -> None:
    run = find_suite("smoke").experiments()[RUN]
    store = layout.stores(run)["train_data"] / "hr.u8"
    before, checkpoint = store.read_bytes(), (layout.run(RUN) / "checkpoint.safetensors").read_bytes()
    store.write_bytes(np.random.default_rng(0).bytes(len(before)))
    shutil.rmtree(layout.run(RUN))
    assert main(["train", RUN, "--suite", "smoke", "--device", "cpu"]) == 0
    assert "hr.u8: changed since it was made" in capsys.readouterr().err
    assert store.read_bytes() == before
    assert (layout.run(RUN) / "checkpoint.safetensors").read_bytes() == checkpoint


def start(lr: Path, out: Path) -> subprocess.Popen[bytes]:
    words = ["-m", "bench", "upscale", "--method", "bicubic", "--scale", "4", "--lr", str(lr), "--out", str(out)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, *words],
        env=environment,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs ignore it
    )


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL, signal.SIGTERM])
def test_upscaling_that_was_stopped_goes_on_after_the_pictures_that_are_finished(
    how: signal.Signals, tmp_path: Path
) -> None:
    for number in range(40):
        write_png(tmp_path / "lr" / f"{number}.png", noise(number, 150, 150, 3))
    running = start(tmp_path / "lr", tmp_path / "sr")
    kept = tmp_path / ".sr.partial"
    for _ in range(600):
        if len(list(kept.glob("*.png"))) > 3:
            break
        time.sleep(0.1)
    running.send_signal(how)
    told = running.communicate()[1]
    assert running.returncode != 0 and not (tmp_path / "sr").exists()
    if how == signal.SIGINT:
        assert running.returncode == 130 and b"run the same command to resume" in told
    finished = {path.name: path.stat().st_mtime_ns for path in kept.glob("*.png")}
    assert 3 < len(finished) < 40
    assert start(tmp_path / "lr", tmp_path / "sr").wait() == 0
    after = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "sr").glob("*.png")}
    assert len(after) == 40 and all(after[name] == when for name, when in finished.items())
    assert start(tmp_path / "lr", tmp_path / "whole").wait() == 0
    for name in after:
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "sr" / name).read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lr", "sr", "whole"]


def test_what_was_finished_for_another_request_is_not_taken(tmp_path: Path) -> None:
    for request, files in (("one", 1), ("two", 0), ("two", 1), ("", 0)):
        with pytest.raises(BadInput), making_folder(tmp_path / "out", request) as folder:
            assert len(list(folder.glob("*.png"))) == files - (request == "one")
            (folder / "a.png").write_bytes(b"1")
            raise BadInput("stopped")
    assert not list(tmp_path.iterdir())


def test_inputs_are_checked_before_the_first_picture_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in "abc":
        write_png(tmp_path / "lr" / f"{name}.png", noise(1, 9, 9, 3))
    (tmp_path / "lr" / "c.png").write_bytes((tmp_path / "lr" / "c.png").read_bytes()[:90])
    words = ["--lr", str(tmp_path / "lr"), "--out", str(tmp_path / "sr")]
    assert main(["upscale", "--method", "bicubic", *words]) == 2
    assert "c.png" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["lr"]


def test_a_temporary_file_of_a_dead_job_is_removed_and_one_of_a_living_job_stays(tmp_path: Path) -> None:
    old = time.time() - 3600
    with replacing(tmp_path / "b") as living:
        for name in (".bench-0123456789abcdef.tmp", ".bench-mine.tmp", "0123456789abcdef.tmp"):
            (tmp_path / name).write_bytes(b"left")
        for path in tmp_path.iterdir():
            os.utime(path, (old, old))
        with replacing(tmp_path / "a") as temporary:
            temporary.write_text("a")
        assert living.exists()
        living.write_text("b")
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == [".bench-mine.tmp", "0123456789abcdef.tmp", "a", "b"]


def test_a_folder_that_another_process_makes_is_left_to_it(tmp_path: Path) -> None:
    with making_folder(tmp_path / "out") as folder:
        (folder / "a").write_text("first")
        with pytest.raises(BadInput, match="another process is making it"), making_folder(tmp_path / "out"):
            pass
    assert (tmp_path / "out" / "a").read_text() == "first"


def test_a_folder_in_the_way_of_a_temporary_one_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".out.partial").mkdir()
    (tmp_path / ".out.partial" / "mine").write_text("work")
    with pytest.raises(BadInput, match="in the way"), making_folder(tmp_path / "out"):
        pass
    assert (tmp_path / ".out.partial" / "mine").read_text() == "work"


def test_many_files_that_cannot_be_copied_are_one_line_about_the_first(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / name).symlink_to("nowhere")
    with pytest.raises(BadInput) as caught, making_folder(tmp_path / "of" / "out") as folder:
        shutil.copytree(tmp_path, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("of"))
    assert str(caught.value).count("No such file") == 1 and sorted(os.listdir(tmp_path)) == ["a", "b", "c"]


def test_everything_is_on_the_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.readlink(f"/proc/self/fd/{descriptor}")))
    with replacing(tmp_path / "a") as temporary:
        temporary.write_text("a")
    assert synced == [str(temporary), str(tmp_path)]
    synced.clear()
    with making_folder(tmp_path / "out") as folder:
        (folder / "in").mkdir()
        (folder / "in" / "b").write_text("b")
    written = (folder / ".bench-request", folder / "in" / "b", folder / "in", folder, tmp_path)
    assert {str(path) for path in written} == set(synced)
    assert synced[-1] == str(tmp_path)


def test_a_lock_that_is_waited_for_is_told(tmp_path: Path) -> None:
    with locked(tmp_path / "lock", wait=True) as waited:
        assert not waited
        with pytest.raises(BadInput, match="another process"), locked(tmp_path / "lock", wait=False):
            pass
