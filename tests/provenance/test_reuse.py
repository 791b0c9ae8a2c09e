"""Which published scores may stand in for runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench.errors import BadInput
from bench.provenance import reuse
from bench.provenance.reuse import needed, reusable
from bench.runtime.code_digest import source_digest
from bench.runtime.results import SCORE_COLUMNS, hash_scores, read_results, write_records, write_scores
from bench.suites import find_suite
from bench.suites.experiment import Experiment
from bench.workflow import Workflow

SMOKE = find_suite("smoke")
RUNS = SMOKE.experiments()
BICUBIC, RRDB, ESRGAN = RUNS


def publish(folder: Path, run: Experiment, note: str = "", **changed: Any) -> None:
    """Scores and a record of a run, as a report leaves them."""
    values = ("", note) if note else ("1.0", "")
    scores = [
        dict(zip(SCORE_COLUMNS, (name, "astronaut", metric, *values), strict=True))
        for name in run.test_sets
        for metric in run.metrics
    ]
    stages = {"upscaled": run.made_by, "scored": ["bench.stages.score"]}
    codes = {stage: {"code": {"sha256": source_digest(*modules)}} for stage, modules in stages.items()}
    write_scores(folder, run.method, {run.name: scores})
    write_records(
        folder, run.method, {run.name: {"digest": run.digest(), "scores": hash_scores(scores), **codes, **changed}}
    )


def holds(folder: Path, run: Experiment) -> bool:
    """Whether what is published stands in for a run."""
    records, scores = read_results(folder)
    return reusable(run, records.get(run.name), scores.get(run.name))


def test_a_published_run_of_the_same_settings_and_code_is_reused(tmp_path: Path) -> None:
    publish(tmp_path, RUNS[BICUBIC])
    assert holds(tmp_path, RUNS[BICUBIC]) and not holds(tmp_path, RUNS[RRDB])


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
    assert not holds(tmp_path, RUNS[BICUBIC])


def test_missing_metrics_are_not_reused(tmp_path: Path) -> None:
    short = Experiment(**{**vars(RUNS[BICUBIC]), "metrics": ("psnr_y",)})
    publish(tmp_path, short)
    assert holds(tmp_path, short) and not holds(tmp_path, RUNS[BICUBIC])


@pytest.mark.parametrize("name", ["records/bicubic.jsonl", "scores/bicubic.csv"])
def test_a_torn_file_is_told_before_anything_is_made_again(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_RESULTS", str(tmp_path))
    publish(tmp_path / "smoke", RUNS[BICUBIC])
    path = tmp_path / "smoke" / name
    path.write_text(path.read_text()[:-9])
    with pytest.raises(BadInput, match=name):
        needed(SMOKE, None, True)


def test_a_metric_without_weights_is_measured_again_once_they_are_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Weight:
        found: object = None

    weight = Weight()
    monkeypatch.setitem(reuse.WEIGHTS, "forest", weight)  # type: ignore[arg-type]
    publish(tmp_path, RUNS[BICUBIC], note="weights 'forest' are not here; fetch them")
    assert holds(tmp_path, RUNS[BICUBIC])
    weight.found = "a file"
    assert not holds(tmp_path, RUNS[BICUBIC])


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
    assert len(Workflow("smoke").runs) == 3
