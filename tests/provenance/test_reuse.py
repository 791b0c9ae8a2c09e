"""Which published scores may stand in for runs."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from bench.provenance import reuse
from bench.provenance.reuse import needed, reusable
from bench.runtime.checksums import hash_file
from bench.runtime.code_digest import source_digest
from bench.suites import find_suite
from bench.suites.experiment import Experiment
from bench.workflow import Workflow

SMOKE = find_suite("smoke")
RUNS = SMOKE.experiments()
BICUBIC, RRDB, ESRGAN = RUNS


def publish(folder: Path, run: Experiment, note: str = "", **changed: Any) -> Path:
    """Scores and a record of a run, as a report leaves them; returns the record's place."""
    scores = folder / "scores" / run.method / f"{run.name}.csv"
    scores.parent.mkdir(parents=True, exist_ok=True)
    with scores.open("w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("dataset", "image", "metric", "value", "note"))
        for name in run.test_sets:
            writer.writerows((name, "astronaut", metric, "" if note else "1.0", note) for metric in run.metrics)
    stages = {"upscaled": run.made_by, "scored": ["bench.stages.score"]}
    codes = {stage: {"code": {"sha256": source_digest(*modules)}} for stage, modules in stages.items()}
    record = {"digest": run.digest(), "scores": hash_file(scores), **codes, **changed}
    place = folder / "provenance" / f"{run.name}.json"
    place.parent.mkdir(exist_ok=True)
    place.write_text(json.dumps(record))
    return place


def test_a_published_run_of_the_same_settings_and_code_is_reused(tmp_path: Path) -> None:
    publish(tmp_path, RUNS[BICUBIC])
    assert reusable(RUNS[BICUBIC], tmp_path) and not reusable(RUNS[RRDB], tmp_path)


@pytest.mark.parametrize(
    "changed",
    [
        {"digest": "0123456789abcdef"},
        {"scores": "0" * 64},
        {"upscaled": {"code": {"sha256": "other code"}}},
        {"scored": {"code": {"sha256": "other code"}}},
        {"scored": {}},
        {"scored": None},
    ],
)
def test_another_digest_score_file_or_measuring_code_is_not_reused(tmp_path: Path, changed: dict[str, Any]) -> None:
    publish(tmp_path, RUNS[BICUBIC], **changed)
    assert not reusable(RUNS[BICUBIC], tmp_path)


def test_torn_records_and_missing_metrics_are_not_reused(tmp_path: Path) -> None:
    place = publish(tmp_path, RUNS[BICUBIC])
    place.write_text(place.read_text()[:-9])
    assert not reusable(RUNS[BICUBIC], tmp_path)
    short = Experiment(**{**vars(RUNS[BICUBIC]), "metrics": ("psnr_y",)})
    publish(tmp_path, short)
    assert reusable(short, tmp_path) and not reusable(RUNS[BICUBIC], tmp_path)


def test_a_metric_without_weights_is_measured_again_once_they_are_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Weight:
        found: object = None

    weight = Weight()
    monkeypatch.setitem(reuse.WEIGHTS, "forest", weight)  # type: ignore[arg-type]
    publish(tmp_path, RUNS[BICUBIC], note="weights 'forest' are not here; fetch them")
    assert reusable(RUNS[BICUBIC], tmp_path)
    weight.found = "a file"
    assert not reusable(RUNS[BICUBIC], tmp_path)


def test_what_a_run_starts_from_is_made_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_RESULTS", str(tmp_path))
    for name in (BICUBIC, RRDB):
        publish(tmp_path / "smoke", RUNS[name])
    assert list(needed(SMOKE, None, True)) == [RRDB, ESRGAN]
    publish(tmp_path / "smoke", RUNS[ESRGAN])
    assert not needed(SMOKE, None, True) and list(needed(SMOKE, None, False)) == list(RUNS)


def test_a_workflow_that_reuses_everything_has_nothing_to_train(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_RESULTS", str(tmp_path))
    for run in RUNS.values():
        publish(tmp_path / "smoke", run)
    plan = Workflow("smoke", reuse=True)
    assert plan.runs == {} and plan.methods == []
    assert [Path(one).parent.name for one in plan.shown_manifests()] == ["Embedded-test.x4.bicubic"]
    assert len(Workflow("smoke").runs) == 3 and Workflow("smoke").shown_manifests() == []
