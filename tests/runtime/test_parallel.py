"""The runs of a stage in several processes: all of them done, the same bytes, the first failure told."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.__main__ import main
from bench.errors import BadInput
from bench.runtime import parallel
from bench.runtime.code_digest import ROOT
from bench.runtime.devices import room_for
from bench.runtime.parallel import work_through
from bench.suites import find_suite


def note(folder: Path, run: str) -> float:
    """Write down which process was at work; fail for the run named so."""
    if run == "wrong":
        raise BadInput("wrong: cannot be done; leave it out")
    if run == "large":
        os.kill(os.getpid(), signal.SIGKILL)
    (folder / run).write_text(str(os.getpid()))
    return 7.0


@pytest.mark.parametrize("processes", [0, 1, 2, 7])
def test_every_run_is_worked_at_whatever_the_number_of_processes(processes: int, tmp_path: Path) -> None:
    work_through(functools.partial(note, tmp_path), ["a", "b", "c"], processes)
    at_work = {(tmp_path / name).read_text() for name in "abc"}
    assert (str(os.getpid()) in at_work) is (processes < 2)


def test_no_process_is_started_for_a_single_run(tmp_path: Path) -> None:
    work_through(functools.partial(note, tmp_path), ["a"], 4)
    assert (tmp_path / "a").read_text() == str(os.getpid())


@pytest.mark.parametrize("processes", [1, 2])
def test_what_goes_wrong_in_a_process_is_told_here(processes: int, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="wrong: cannot be done; leave it out"):
        work_through(functools.partial(note, tmp_path), ["wrong", "a"], processes)


def test_a_process_that_is_killed_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"^a process was killed, most likely for lack of memory; run fewer at once$"):
        work_through(functools.partial(note, tmp_path), ["a", "large", "b"], 2)


def stay(folder: Path, run: str) -> float:
    """Write down which process is at work, and stay there."""
    (folder / run).write_text(str(os.getpid()))
    time.sleep(600)
    return 0.0


WORK = """
import functools, sys
from pathlib import Path
sys.path[:0] = sys.argv[2:]
if __name__ == "__main__":
    from test_parallel import stay
    from bench.runtime.parallel import work_through
    work_through(functools.partial(stay, Path(sys.argv[1])), ["a", "b"], 2)
"""


def test_processes_end_with_the_one_that_began_them_however_it_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "work.py"
    script.write_text(WORK)
    parent = subprocess.Popen([sys.executable, script, tmp_path, Path(__file__).parent, ROOT])
    children = [int(read_when_there(tmp_path / run)) for run in "ab"]
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert all(soon(lambda child=child: not is_running(child)) for child in children)


def read_when_there(file: Path) -> str:
    assert soon(lambda: file.is_file() and bool(file.read_text()))
    return file.read_text()


def soon(holds: Callable[[], bool], seconds: float = 60) -> bool:
    """Whether something holds within so many seconds."""
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        time.sleep(0.05)
    return holds()


def is_running(process: int) -> bool:
    """Whether a process is there that is no zombie."""
    try:
        return ") Z " not in Path(f"/proc/{process}/stat").read_text()
    except FileNotFoundError:
        return False


def test_pictures_and_scores_do_not_depend_on_the_number_of_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    for processes in ("1", "2"):
        root = tmp_path / processes
        monkeypatch.setenv("BENCH_WORK", str(root))
        runs = [run for run in find_suite("demo").experiments().values() if run.method == "bicubic"]
        assert len(runs) > 1
        for run in runs:
            for name in run.test_sets:
                place = f"{name}.x{run.scale}.{run.degradation}"
                words = ["--role", "test", "--scale", str(run.scale), "--degradation", run.degradation]
                assert main(["prepare", name, *words, "--out", str(root / "demo" / "data" / place)]) == 0
        for stage in ("upscale-suite", "score-suite"):
            assert main([stage, "--suite", "demo", "--method", "bicubic", "--processes", processes]) == 0
        files = [*root.rglob("sr/**/*.png"), *root.rglob("scores/**/*.csv")]
        made.append({file.relative_to(root): file.read_bytes() for file in files})
    assert made[0] == made[1]
    assert len([file for file in made[0] if file.suffix == ".csv"]) == len(runs)


@pytest.mark.parametrize(("room", "expected"), [(1, 1), (2, 2), (9, 3)])
def test_a_gpu_is_packed_by_what_the_first_run_held(
    room: int, expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, pools = list[float](), list[int]()
    monkeypatch.setattr(parallel, "room_for", lambda mib: asked.append(mib) or room)
    whole = parallel._work_at_once
    monkeypatch.setattr(
        parallel, "_work_at_once", lambda task, runs, processes: pools.append(processes) or whole(task, runs, processes)
    )
    work_through(functools.partial(note, tmp_path), ["a", "b", "c", "d"], 4, on_gpu=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "c", "d"]
    assert (asked, pools) == ([7.0], [1, expected])


def test_a_gpu_has_room_for_what_its_free_memory_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.mem_get_info", lambda: (10_000 * 2**20, 80_000 * 2**20))
    assert (room_for(1400), room_for(4399), room_for(50_000)) == (5, 2, 1)
