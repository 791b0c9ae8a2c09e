"""MLflow holds the same numbers as the files, however often and by however many processes they are mirrored."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from report_folder import INFOS, NAMES, scores_of, suite_info, write_curves, write_pictures, write_results

from bench.errors import BadInput
from bench.runtime.code_digest import ROOT
from bench.runtime.results import read_scores, score_text
from bench.tracking import POINTS, RunFolder, StoreAway, mean_scores, mirror_runs, mirror_suite, read_curves, store_uri

pytest.importorskip("mlflow", reason="mlflow is in the extra 'workflow'")
EDSR, BICUBIC = "edsr.default.x4.bicubic.s1", "bicubic.default.x4.bicubic.s1"


def folder(work: Path, name: str) -> RunFolder:
    """A run of the tiny suite as the workflow hands it over."""
    method = name.partition(".")[0]
    curves = work / "tiny" / "runs" / name / "curves.jsonl"
    return RunFolder(
        name=name,
        params={"method": method, "iterations": "2000"},
        tags={"commit": "abc", "environment": "e1"},
        curves=curves if method != "bicubic" else None,
        scores=work / "tiny" / "scores" / method / f"{name}.csv",
        samples=[work / "tiny" / "sr" / method / name / "Set5" / "baby.png"],
    )


def write_tiny(work: Path) -> None:
    results = write_results(work / "tiny" / "results")
    for name in NAMES:
        method = name.partition(".")[0]
        path = work / "tiny" / "scores" / method / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(score_text(read_scores(results, method)[name]))
    write_pictures(work / "tiny")
    write_curves(work / "tiny")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A work folder with the tiny suite, its store made once: creating one takes MLflow seconds."""
    work = tmp_path_factory.mktemp("work")
    write_tiny(work)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCH_WORK", str(work))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.chdir(tmp_path_factory.mktemp("elsewhere"))
        yield work


def client() -> Any:
    from mlflow import MlflowClient

    return MlflowClient(store_uri())


def children(suite: str) -> list[Any]:
    """The live nested runs of a suite."""
    experiment = client().get_experiment_by_name("bench").experiment_id
    clause = f"tags.`bench.suite` = '{suite}' and tags.`bench.kind` = 'run'"
    return list(client().search_runs([experiment], clause))


def test_numbers_in_the_store_equal_the_files(store: Path) -> None:
    run = folder(store, EDSR)
    made = mirror_runs("numbers", [run])
    data = client().get_run(made[EDSR]).data
    for dataset in ("Set5", "Set14"):
        values = [v for d, _, m, v in scores_of(EDSR) if (d, m) == (dataset, "psnr_y") and not isinstance(v, str)]
        assert data.metrics[f"{dataset}/psnr_y"] == fmean(values)
        assert f"{dataset}/ma" not in data.metrics
    assert data.params == {"method": "edsr", "iterations": "2000"}
    assert (data.tags["commit"], data.tags["environment"]) == ("abc", "e1")
    assert run.curves is not None
    points = [json.loads(line) for line in run.curves.read_text().splitlines()]
    history = client().get_metric_history(made[EDSR], "train/loss")
    assert [(point.step, point.value) for point in history] == [(point["step"], point["loss"]) for point in points]


def test_scores_curves_and_samples_are_artifacts_byte_for_byte(store: Path, tmp_path: Path) -> None:
    run = folder(store, EDSR)
    made = mirror_runs("artifacts", [run])[EDSR]
    pairs = {"scores.csv": run.scores, "curves.jsonl": run.curves, "samples/Set5/baby.png": run.samples[0]}
    for name, path in pairs.items():
        assert path is not None
        assert Path(client().download_artifacts(made, name, str(tmp_path))).read_bytes() == path.read_bytes()


def test_runs_are_nested_under_their_suite(store: Path) -> None:
    made = mirror_runs("nested", [folder(store, name) for name in NAMES])
    parents = {run.data.tags["mlflow.parentRunId"] for run in children("nested")}
    assert len(parents) == 1
    parent = client().get_run(parents.pop())
    assert (parent.data.tags["bench.suite"], parent.info.run_name) == ("nested", "nested")
    assert set(made) == set(NAMES)


def test_mirroring_again_changes_nothing(store: Path) -> None:
    runs = [folder(store, name) for name in NAMES[:2]]
    first = mirror_runs("again", runs)
    assert mirror_runs("again", runs) == first
    assert sorted(run.info.run_id for run in children("again")) == sorted(first.values())


def test_a_changed_run_replaces_the_old_one_and_its_artifacts(store: Path, tmp_path: Path) -> None:
    run = folder(store, BICUBIC)
    first = mirror_runs("changed", [run])[BICUBIC]
    old = store / "mlflow" / "artifacts" / first
    assert [path for path in old.rglob("*") if path.is_file()]
    changed = tmp_path / "scores.csv"
    changed.write_text(run.scores.read_text().replace("28.000000", "29.000000"))
    second = mirror_runs("changed", [RunFolder(BICUBIC, run.params, run.tags, None, changed)])[BICUBIC]
    assert [found.info.run_id for found in children("changed")] == [second]
    assert client().get_run(second).data.metrics["Set5/psnr_y"] == 28.0
    assert not [path for path in old.rglob("*") if path.is_file()]


def test_a_run_that_was_interrupted_is_made_anew(store: Path) -> None:
    run = folder(store, BICUBIC)
    first = mirror_runs("interrupted", [run])[BICUBIC]
    client().delete_tag(first, "bench.content")
    second = mirror_runs("interrupted", [run])[BICUBIC]
    assert [found.info.run_id for found in children("interrupted")] == [second] != [first]


def test_the_suites_run_carries_tables_figures_and_report(store: Path, tmp_path: Path) -> None:
    from bench.report.document import build

    results = store / "tiny" / "results"
    build(results, store / "tiny", suite_info(), INFOS)
    mirror_runs("tiny", [folder(store, BICUBIC)])
    first = mirror_suite("tiny", results)
    (results / "REPORT.md").write_text((results / "REPORT.md").read_text() + "\n")
    assert mirror_suite("tiny", results) == first
    table = json.loads(
        Path(client().download_artifacts(first["tiny"], "tables/methods.json", str(tmp_path))).read_text()
    )
    rows = [dict(zip(table["columns"], row, strict=True)) for row in table["data"]]
    assert [(row["method"], row["Set5/psnr_y"], row["Set5/ma"]) for row in rows] == [
        ("bicubic", 27.5, None),
        ("edsr", 30.0, None),
        ("esrgan", 27.0, None),
    ]
    assert {"path": "tables/methods.json", "type": "table"} in json.loads(
        client().get_run(first["tiny"]).data.tags["mlflow.loggedArtifacts"]
    )
    names = {file.path for place in ("", "figures", "tables") for file in client().list_artifacts(first["tiny"], place)}
    assert {"REPORT.md", "figures/crops.png", "figures/curves.png", "tables/methods.csv"} <= names
    assert {run.data.tags["mlflow.parentRunId"] for run in children("tiny")} == {first["tiny"]}


def test_two_processes_mirror_into_a_fresh_store_at_once(tmp_path: Path) -> None:
    write_tiny(tmp_path)
    code = (
        "import sys; from pathlib import Path; from test_tracking import folder\n"
        "from bench.tracking import mirror_runs\n"
        "mirror_runs('tiny', [folder(Path(sys.argv[1]), name) for name in sys.argv[2:]])"
    )
    root = Path(__file__).parent.parent
    environment = {**os.environ, "BENCH_WORK": str(tmp_path), "PYTHONPATH": f"{root}{os.pathsep}{root / 'tests'}"}
    environment.pop("MLFLOW_TRACKING_URI", None)
    here = tmp_path / "here"
    here.mkdir()
    started = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path), *names], env=environment, cwd=here)
        for names in (NAMES[:3], NAMES[3:])
    ]
    assert [process.wait(timeout=120) for process in started] == [0, 0]
    assert list(here.iterdir()) == []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCH_WORK", str(tmp_path))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        assert sorted(run.info.run_name for run in children("tiny")) == sorted(NAMES)
        assert len({run.data.tags["mlflow.parentRunId"] for run in children("tiny")}) == 1


def test_nothing_is_dropped_into_the_current_folder(store: Path) -> None:
    (store / "tiny" / "results" / "REPORT.md").touch()
    mirror_runs("current", [folder(store, NAMES[0])])
    mirror_suite("current", store / "tiny" / "results")
    assert list(Path.cwd().iterdir()) == []


def test_the_store_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BENCH_WORK", str(tmp_path))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert store_uri() == f"sqlite:///{tmp_path}/mlflow/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://somewhere:5000")
    assert store_uri() == "http://somewhere:5000"


def test_a_store_that_mlflow_refuses_is_named(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", str(store / "files"))
    with pytest.raises(BadInput, match="set MLFLOW_TRACKING_URI") as caught:
        mirror_runs("refused", [folder(store, BICUBIC)])
    assert "\n" not in str(caught.value)


def test_a_file_that_is_missing_is_named_before_anything_is_written(store: Path, tmp_path: Path) -> None:
    missing = RunFolder(EDSR, {}, {}, None, tmp_path / "scores.csv")
    with pytest.raises(BadInput, match=r"scores.csv: no such file"):
        mirror_runs("missing", [folder(store, BICUBIC), missing])
    with pytest.raises(BadInput, match=r"REPORT.md: no such file"):
        mirror_suite("missing", tmp_path)


def test_quadratic_and_infinite_means(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    rows = ("Set5,a,rmse_pirm,3,", "Set5,b,rmse_pirm,4,", "Set5,a,psnr_y,inf,", "Set5,a,ma,,no weights")
    path.write_text("\n".join(("dataset,image,metric,value,note", *rows)) + "\n")
    assert mean_scores(path) == {"Set5/rmse_pirm": 12.5**0.5, "Set5/psnr_y": 100.0}


def test_a_long_curve_is_thinned_and_keeps_its_end(tmp_path: Path) -> None:
    path = tmp_path / "curves.jsonl"
    path.write_text("".join(json.dumps({"step": step, "loss": 1.0}) + "\n" for step in range(1, 3502)))
    steps = [step for _, step, _ in read_curves(path)]
    assert POINTS // 2 < len(steps) <= POINTS
    assert steps[-1] == 3501 and steps == sorted(steps)
    assert read_curves(None) == []


def test_a_server_that_is_down_stops_nothing_and_the_next_call_tries_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from bench.commands.reporting import mirror
    from bench.workflow import Workflow

    monkeypatch.setenv("BENCH_WORK", str(tmp_path))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    write_results(tmp_path / "smoke" / "results")
    (tmp_path / "smoke" / "results" / "REPORT.md").write_text("done")
    began = time.monotonic()
    mirror("smoke", [], whole=True)
    assert time.monotonic() - began < 60
    mark = tmp_path / "smoke" / "mirror.json"
    assert "pending" in json.loads(mark.read_text())
    assert "the next call tries again" in capsys.readouterr().err
    Workflow("smoke").forget_pending_mirror()
    assert not mark.exists()
    mark.write_text('{"rrdb": "1"}')
    Workflow("smoke").forget_pending_mirror()
    assert mark.exists()


@pytest.mark.parametrize("content", [b"not a database", b"SQLite format 3\0" + bytes(500)])
def test_a_store_of_ones_own_that_cannot_be_used_is_laid_aside(
    content: bytes, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BENCH_WORK", str(tmp_path))
    database = tmp_path / "mlflow" / "mlflow.db"
    database.parent.mkdir()
    database.write_bytes(content)
    with pytest.raises(StoreAway, match=r"mlflow\.db"):
        mirror_runs("tiny", [folder(store, BICUBIC)])
    assert [path.read_bytes() for path in database.parent.glob("*.unusable")] == [content]
    assert "laid aside" in capsys.readouterr().err and not database.exists()


@pytest.mark.slow
def test_a_store_whose_making_was_killed_at_any_moment_is_made_by_the_next_call(tmp_path: Path) -> None:
    line = [sys.executable, "-c", "from bench.tracking import _client\nwith _client(): pass"]
    kept = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}

    def start(name: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(line, env={**kept, "PYTHONPATH": str(ROOT), "BENCH_WORK": str(tmp_path / name)})

    began, dice, killed = time.monotonic(), random.Random(1), 0
    assert start("whole").wait() == 0
    seconds = time.monotonic() - began
    for number in range(8):
        running = start(str(number))
        time.sleep(dice.uniform(0.5 * seconds, seconds))  # what comes before are imports
        running.kill()
        killed += running.wait() == -signal.SIGKILL
        assert start(str(number)).wait() == 0
        assert (tmp_path / str(number) / "mlflow" / "mlflow.db").is_file()
        assert not list(tmp_path.glob("*/mlflow/*.unusable"))
    print(f"{killed} of 8 killed")


def test_work_folders_that_share_a_store_wait_for_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from bench.tracking import _client

    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'shared.db'}")
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "one"))
    with _client():
        assert (tmp_path / "shared.db.lock").is_file() and (tmp_path / "shared.db").is_file()
    assert not (tmp_path / "one").exists()
