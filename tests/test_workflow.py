"""The workflow itself, run by Snakemake in a folder of its own: what runs, what does not, what comes back."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from shrink import GUEST

from bench.runtime.checksums import seal
from bench.runtime.code_digest import ROOT
from bench.runtime.results import read_scores
from bench.suites.suite import ON_GPU

RULE = re.compile(r"^(?:local)?rule (\w+):", re.M)


def command(work: Path, *words: str) -> list[str]:
    snakemake = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), "--directory", str(work)]
    return [*snakemake, "--cores", "2", *words]


def environment(root: Path = ROOT) -> dict[str, str]:
    """Nothing of the caller's but the project: work/ and results/ are relative to where the command runs."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BENCH_")}
    return {**kept, "PYTHONPATH": str(root)}


def call(work: Path, *words: str, root: Path = ROOT) -> str:
    """Run Snakemake to success and return what it said."""
    line = [word.replace(str(ROOT / "Snakefile"), str(root / "Snakefile")) for word in command(work, *words)]
    done = subprocess.run(line, env=environment(root), cwd=work, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def contents(folder: Path, *patterns: str) -> dict[str, bytes]:
    """File contents by path, for comparison byte for byte."""
    return {str(f.relative_to(folder)): f.read_bytes() for pattern in patterns for f in sorted(folder.glob(pattern))}


MADE = ("runs/*/checkpoint.safetensors", "runs/*/curves.jsonl", "sr/*/*/*/*.png", "scores/*/*.csv")


HOT = """
from dataclasses import dataclass
from bench.api import Budget, Entry
from methods.common.luma import LumaRecipe
from methods.srcnn import SrcnnMethod

@dataclass(frozen=True)
class Hot(SrcnnMethod):
    widths: tuple[int, int] = (4, 4)
    recipe: LumaRecipe = LumaRecipe(batch_size=2, patch=33)

ENTRY = Entry("hot", Hot, "ours", budgets={"": Budget({"learning_rate": 1e30}, iterations=500)})
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the smoke suite has run to its end, and was published."""
    work = tmp_path_factory.mktemp("finished")
    call(work, "all", "--config", "suite=smoke", "publish=true")
    return work


def test_a_finished_suite_has_scores_tables_figures_report_provenance_and_a_mirror(finished: Path) -> None:
    published = finished / "results" / "smoke"
    for name in ("REPORT.md", "runs.csv", "tables/methods.csv", "figures/crops.png", "material.tar.xz"):
        assert (published / name).stat().st_size > 0
    for folder, suffix in (("scores", "csv"), ("records", "jsonl")):
        names = {path.name for path in (published / folder).iterdir()}
        assert names == {f"{method}.{suffix}" for method in ("bicubic", "rrdb", "esrgan")}
    for name in ("index.html", "tables/methods.tex", "tables/per-image.csv", "figures/crops.svg"):
        assert (finished / "work" / "smoke" / "page" / name).stat().st_size > 0
    assert (finished / "work" / "mlflow" / "mlflow.db").is_file()
    assert not (finished / "mlruns").exists()
    assert (finished / "work" / "smoke" / "results" / "figures" / ".snakemake_timestamp").is_file()
    assert not list(published.rglob(".*"))


def test_a_second_call_compares_with_what_is_published_and_a_third_runs_no_job(finished: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(finished, tmp_path / "run", symlinks=True))
    before = contents(run / "results", "**/*.*")
    said = call(run, "all", "--config", "suite=smoke", "--quiet", "rules")
    verdict = "3 of 3 runs reproduced byte for byte; report: work/smoke/results/REPORT.md"
    assert verdict in said.splitlines()
    assert "Nothing to be done" in call(run, "all", "--config", "suite=smoke")
    table = run / "results" / "smoke" / "scores" / "rrdb.csv"
    rows = table.read_text().splitlines()
    key, value = rows[1].rsplit(",", 1)
    table.write_text("\n".join([rows[0], f"{key},{float(value) + 0.25:.6f}", *rows[2:]]) + "\n")
    seal(table.parents[1])
    lines = call(run, "all", "--config", "suite=smoke", "--quiet", "rules").splitlines()
    [differs] = [line for line in lines if line.startswith("rrdb.default")]
    assert f"{rows[0].rsplit(',', 1)[1]} by up to 0.250000 on " in differs
    assert any(line.startswith("2 of 3 runs reproduced") and "publish=true" in line for line in lines)
    assert before != contents(run / "results", "**/*.*")  # the change is kept: nothing was written
    call(run, "all", "--config", "suite=smoke", "publish=true")
    assert before == contents(run / "results", "**/*.*")


def test_published_results_are_never_taken_for_finished_work(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished / "results", tmp_path / "results")
    planned = call(tmp_path, "all", "--config", "suite=smoke", "-n")
    assert planned.count("rule train:") == 2 and planned.count("rule score:") == 3


def copied(finished: Path, folder: Path) -> Path:
    """A copy of the project to edit, with the finished suite in `run` beside it."""
    project = folder / "project"
    for name in ("bench", "methods"):
        shutil.copytree(ROOT / name, project / name)
    shutil.copy(ROOT / "Snakefile", project)
    shutil.copytree(finished, folder / "run", symlinks=True)
    return project


def test_a_second_workflow_in_the_same_folder_says_so_and_leaves_the_first_alone(tmp_path: Path) -> None:
    line = command(tmp_path, "all", "--config", "suite=smoke")
    first = subprocess.Popen(line, env=environment(), cwd=tmp_path, stderr=subprocess.DEVNULL, start_new_session=True)
    while not list(tmp_path.glob(".snakemake/locks/*")):
        assert first.poll() is None
        time.sleep(0.02)
    line.insert(-2, "--rerun-incomplete")  # else what the first is at is called incomplete
    second = subprocess.run(line, env=environment(), cwd=tmp_path, capture_output=True, text=True)
    assert second.returncode != 0 and "cannot be locked" in second.stderr, second.stderr
    while not list(tmp_path.glob("work/smoke/data/*/manifest.json")):
        assert first.poll() is None
        time.sleep(0.1)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()


@pytest.mark.parametrize("name", ["page.css", "reported.csv"])
def test_editing_the_pages_style_or_a_papers_figure_makes_the_report_anew(
    name: str, finished: Path, tmp_path: Path
) -> None:
    project = copied(finished, tmp_path)
    file = project / "bench" / "report" / name
    file.write_text(file.read_text() + "\n")
    planned = call(tmp_path / "run", "all", "-n", "--config", "suite=smoke", root=project)
    assert sorted(RULE.findall(planned)) == ["all", "mirror", "publish", "report"]


def test_editing_a_default_runs_the_jobs_of_that_method_and_no_others(finished: Path, tmp_path: Path) -> None:
    copy = copied(finished, tmp_path)
    file = copy / "methods" / "esrgan" / "gan.py"
    text = file.read_text()
    assert "recipe: GanRecipe = GanRecipe(1e-4, " in text
    file.write_text(text.replace("recipe: GanRecipe = GanRecipe(1e-4, ", "recipe: GanRecipe = GanRecipe(2e-4, "))
    planned = call(tmp_path / "run", "all", "-n", "--config", "suite=smoke", root=copy)
    assert sorted(RULE.findall(planned)) == sorted(["all", "train", "upscale", "score", "report", "mirror", "publish"])
    assert "esrgan.default.x4.bicubic.s1" in planned and "rule prepare" not in planned


def test_an_unknown_suite_ends_in_one_line_with_the_nearest_name(tmp_path: Path) -> None:
    line = command(tmp_path, "all", "--config", "suite=smok")
    done = subprocess.run(line, env=environment(), cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode != 0
    assert "did you mean 'smoke'" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_a_method_of_ones_own_is_compared_by_path(finished: Path, tmp_path: Path) -> None:
    guest = tmp_path / "mine.py"
    guest.write_text(GUEST)
    shutil.copytree(finished, tmp_path / "run")
    call(tmp_path / "run", "compare", "--config", "suite=smoke", f"methods=bicubic,{guest}")
    [made] = (tmp_path / "run" / "work" / "smoke" / "compare").glob("bicubic+mine.*")
    report = (made / "REPORT.md").read_text()
    assert "| mine |" in report and "| bicubic |" in report and "| esrgan |" not in report


def test_a_workflow_with_a_method_that_diverges_comes_to_its_end(finished: Path, tmp_path: Path) -> None:
    guest = tmp_path / "hot.py"
    guest.write_text(HOT)
    shutil.copytree(finished, tmp_path / "run")
    call(tmp_path / "run", "compare", "--config", "suite=smoke", f"methods=bicubic,esrgan,{guest}")
    [made] = (tmp_path / "run" / "work" / "smoke" / "compare").glob("bicubic+esrgan+hot.*")
    report = (made / "REPORT.md").read_text()
    assert (
        "`hot.default.x4.bicubic.s1` has no scores: training of hot.default.x4.bicubic.s1 diverged: loss is " in report
    )
    assert re.search(r"^\| hot \|.* 833 \| 1 \| n/a \| n/a \| n/a \| n/a \|$", report, re.M)
    assert "bicubic is best on Embedded-test" in report  # of those that were measured
    assert "`hot` is no method of this suite. It was trained for 500 steps of 4 patches of 48x48 HR pixels" in report
    assert (made / "figures" / "crops.png").is_file()
    [rows] = read_scores(made, "hot").values()
    assert len(rows) == 16 and {row["value"] for row in rows} == {""}


@pytest.mark.slow
def test_a_tracking_server_that_never_answers_stops_no_table_and_is_tried_again(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
        away = {**environment(), "MLFLOW_TRACKING_URI": address}
        line = command(tmp_path, "all", "--cores", "1", "--config", "suite=smoke")
        running = subprocess.Popen(line, env=away, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        verdict = tmp_path / "work" / "smoke" / "verdict.txt"
        while not (verdict.is_file() and verdict.read_text()):
            assert running.poll() is None
            time.sleep(0.1)
        assert not (tmp_path / "work" / "smoke" / "mirror.json").exists()  # the results are there before it is tried
        began = time.monotonic()
        said = running.communicate()[0].decode()
        assert running.returncode == 0 and time.monotonic() - began < 90, said
        assert verdict.read_text() in said
    assert RULE.findall(call(tmp_path, "all", "--config", "suite=smoke")) == ["mirror", "all"]
    assert (tmp_path / "work" / "mlflow" / "mlflow.db").is_file()
    assert "Nothing to be done" in call(tmp_path, "all", "--config", "suite=smoke")


@pytest.mark.slow
@pytest.mark.parametrize("cores", ["1", "8"])
def test_the_same_bytes_come_out_on_any_number_of_cores(cores: str, finished: Path, tmp_path: Path) -> None:
    call(tmp_path, "all", "--cores", cores, "--config", "suite=smoke")
    assert contents(tmp_path / "work/smoke", *MADE) == contents(finished / "work/smoke", *MADE)


@pytest.mark.slow
def test_a_workflow_killed_three_times_by_power_cuts_and_resumed_gives_the_same_bytes(
    finished: Path, tmp_path: Path
) -> None:
    for seconds in (9.0, 14.0, 11.0):
        running = subprocess.Popen(
            command(tmp_path, "all", "--config", "suite=smoke"), env=environment(), cwd=tmp_path, start_new_session=True
        )
        time.sleep(seconds)
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
        for path in (*tmp_path.glob(".snakemake/**/*"), *tmp_path.glob("work/smoke/logs/**/*")):
            if path.is_file():
                path.write_bytes(b"")  # Snakemake puts nothing on the disk for good; every stage does
        call(tmp_path, "--unlock", "--config", "suite=smoke")
    call(tmp_path, "all", "--rerun-incomplete", "--config", "suite=smoke")
    assert contents(tmp_path / "work/smoke", *MADE) == contents(finished / "work/smoke", *MADE)


def test_published_scores_that_still_hold_are_reused_on_request(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished / "results", tmp_path / "results")
    said = call(tmp_path, "all", "--config", "suite=smoke", "reuse=true", "publish=true")
    assert set(RULE.findall(said)) == {"report", "mirror", "publish", "all"}
    patterns = ("tables/*", "scores/*", "records/*", "material.tar.xz", "figures/*", "runs.csv", "REPORT.md")
    assert contents(tmp_path / "results/smoke", *patterns) == contents(finished / "results/smoke", *patterns)


def test_scores_taken_over_do_not_pass_for_scores_made_here(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished / "results/smoke", tmp_path / "work/smoke/results")
    said = call(tmp_path, "all", "--dry-run", "--config", "suite=smoke")
    whole = call(tmp_path / "work", "all", "--dry-run", "--config", "suite=smoke")
    assert sorted(RULE.findall(said)) == sorted(RULE.findall(whole)) and "score" in RULE.findall(said)


def test_snakemakes_own_report_holds_the_tables_and_figures(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished, tmp_path / "run", symlinks=True)
    call(tmp_path / "run", "all", "--config", "suite=smoke", "--report", "report.html")
    page = (tmp_path / "run" / "report.html").read_text()
    for name in ("REPORT.md", "index.html", "methods.csv", "per-image.csv", "crops.png", "perception-distortion.png"):
        assert name in page


def refusal(folder: Path, *words: str, **variables: str) -> str:
    """Run Snakemake to a refusal in one line, and return it."""
    done = subprocess.run(
        command(folder, *words), env={**environment(), **variables}, cwd=folder, capture_output=True, text=True
    )
    lines = [line for line in done.stderr.splitlines() if line.startswith("snakemake: ")]
    assert done.returncode != 0 and len(lines) == 1, done.stderr
    return lines[0]


@pytest.mark.parametrize(
    ("setting", "word"),
    [
        ("siute=cpu", "did you mean 'suite'"),
        ("reuse=ture", "neither true nor false"),
        ("suite=smoke;touch ran", "unknown suite"),
        ("suite=3", "unknown suite"),
        ("shard=$(touch ran)", "unknown shard"),
        ("methods=bicubic;touch ran", "unknown method"),
    ],
)
def test_a_setting_that_is_not_understood_is_refused_and_nothing_is_run(
    setting: str, word: str, tmp_path: Path
) -> None:
    assert word in refusal(tmp_path, "all", "-n", "--config", setting)
    assert not (tmp_path / "ran").exists()


def test_a_work_folder_that_would_be_a_pattern_is_refused(tmp_path: Path) -> None:
    assert "brace" in refusal(tmp_path, "all", "-n", "--config", "suite=smoke", BENCH_WORK="a{b}")


def test_methods_may_be_given_with_spaces(tmp_path: Path) -> None:
    planned = call(tmp_path, "compare", "-n", "--config", "suite=smoke", "methods=bicubic, rrdb")
    assert planned.count("rule upscale:") == 2


ODD = 'l\'été, my "clone" & $(touch ran); v2 `touch ran` 100% #1'


def test_a_work_folder_may_have_any_name_and_a_neighbour_of_its_first_word_stays(tmp_path: Path) -> None:
    (tmp_path / "l'été,").write_text("my thesis")
    line = command(tmp_path, "--until", "prepare_test", "--config", "suite=smoke")
    done = subprocess.run(
        line, env={**environment(), "BENCH_WORK": f"{tmp_path}/{ODD}"}, cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert len(list(tmp_path.glob("*/smoke/data/*/manifest.json"))) == 1
    assert (tmp_path / "l'été,").read_text() == "my thesis" and not list(tmp_path.rglob("ran"))


@pytest.mark.slow
def test_a_clone_and_a_work_folder_of_any_name_run_a_suite_to_its_end(tmp_path: Path) -> None:
    project = tmp_path / ODD
    for name in ("bench", "methods"):
        shutil.copytree(ROOT / name, project / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "Snakefile", project)
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", "2", "all", "--config", "suite=smoke"],
        env={**environment(project), "BENCH_WORK": "my work", "BENCH_RESULTS": "its results"},
        cwd=project,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert (project / "my work" / "smoke" / "results" / "REPORT.md").is_file()
    assert not list(tmp_path.rglob("ran"))


@pytest.mark.parametrize(("suite", "trained"), [("gpu", 6), ("paper", 31)])
def test_suites_for_a_gpu_are_planned_and_their_gpu_hours_said(suite: str, trained: int, tmp_path: Path) -> None:
    shard = ["shard=ladder-2"] if suite == "gpu" else []
    planned = call(tmp_path, "all", "-n", "--quiet", "rules", "--config", f"suite={suite}", *shard)
    [line] = [line for line in planned.splitlines() if "GPU hours" in line]
    expected = (
        rf"suite {suite}: \d+ runs, {trained} of them trained, in [\d.]+ GPU hours .*, each in at most [\d.]+ GiB .*"
    )
    assert re.fullmatch(expected, line) and ON_GPU in planned
