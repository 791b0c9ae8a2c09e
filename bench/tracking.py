"""Mirrors finished runs and their scores into MLflow, to browse. Results never come from here: delete it freely.

The sole importer of mlflow, inside the functions that need it (it takes seconds). One writer at a time, by a lock.
A run is one nested run under its suite's; mirroring it again leaves it alone where nothing changed, else replaces it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import math
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from bench.errors import BadInput
from bench.metrics import METRICS
from bench.metrics.means import set_mean
from bench.runtime.files import as_written, locked, read_points, replacing
from bench.runtime.paths import work_folder
from bench.runtime.rows import read_rows

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENT = "bench"
BATCH = 1000  # metrics a call of log_batch takes
POINTS = 1000  # of a loss; longer curves are thinned, the complete one is an artifact
CONTENT = "bench.content"
SUITE = "bench.suite"
RUN = "bench.run"
KIND = "bench.kind"
PARENT = "mlflow.parentRunId"


@dataclass(frozen=True)
class RunFolder:
    """A finished run: its settings, where it came from (commit, digests), its curves, scores and sample pictures."""

    name: str
    params: Mapping[str, str]
    tags: Mapping[str, str]
    curves: Path | None
    scores: Path
    samples: Sequence[Path] = ()


def store_uri() -> str:
    """MLFLOW_TRACKING_URI, else an sqlite file under the work folder."""
    given = os.environ.get("MLFLOW_TRACKING_URI")
    return given or f"sqlite:///{(work_folder() / 'mlflow' / 'mlflow.db').resolve()}"


def mirror_runs(suite: str, runs: Sequence[RunFolder]) -> dict[str, str]:
    """Each run as a nested run of the suite's, params, tags, curves, mean scores and artifacts; returns name -> id.

    Mean scores are metrics '<dataset>/<metric>'; what is n/a or infinite is none, its note is in scores.csv. Raises
    BadInput for a file that is not there, before anything is written.
    """
    for path in (path for run in runs for path in (run.scores, run.curves, *run.samples)):
        if path is not None and not path.is_file():
            raise BadInput(f"{path}: no such file; run the stage that makes it")
    with _suite_run(suite) as (client, experiment, parent):
        return {run.name: _mirror_run(client, experiment, (suite, parent), run) for run in runs}


def mirror_suite(suite: str, results: Path) -> dict[str, str]:
    """tables/*.csv as tables, figures/ and REPORT.md as artifacts of the suite's run; returns suite -> id.

    Raises BadInput where there is no report.
    """
    report = results / "REPORT.md"
    if not report.is_file():
        raise BadInput(f"{report}: no such file; make it with python -m bench report --suite {suite}")
    tables = sorted((results / "tables").glob("*.csv"))
    figures = sorted((results / "figures").glob("*"))
    content = _digest([], [report, *tables, *figures])
    with _suite_run(suite) as (client, _, parent):
        if client.get_run(parent).data.tags.get(CONTENT) == content:
            return {suite: parent}
        _clear(client, parent)
        for table in tables:
            _log_table(client, parent, table)
        for figure in figures:
            client.log_artifact(parent, str(figure), "figures")
        client.log_artifact(parent, str(report))
        client.set_tag(parent, CONTENT, content)
        client.set_terminated(parent)
        return {suite: parent}


class StoreAway(BadInput):
    """The store cannot be reached or used now. Results do not depend on it, and a later call catches up."""


@contextlib.contextmanager
def _suite_run(suite: str) -> Iterator[tuple[MlflowClient, str, str]]:
    """A client, as `_client`, with the ids of the project's experiment and of the suite's own run."""
    with _client() as client:
        experiment = _experiment(client)
        tags = {SUITE: suite, KIND: "suite"}
        found = _find(client, experiment, tags) or [client.create_run(experiment, run_name=suite, tags=tags)]
        yield client, experiment, str(found[0].info.run_id)


@contextlib.contextmanager
def _client() -> Iterator[MlflowClient]:
    """A client, alone: the store is created, and written, by one process at a time. Nothing is sent to anyone else.

    Raises StoreAway, naming the store, after a short while where it does not answer, and for what MLflow refuses.
    """
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["DO_NOT_TRACK"] = "true"
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")  # seconds
    uri = store_uri()
    database = Path(uri.removeprefix("sqlite:///")) if uri.startswith("sqlite:///") else None
    lock = database.with_name(f"{database.name}.lock") if database else work_folder() / "mlflow" / "lock"
    with locked(lock, wait=True):
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.WARNING)
        try:
            yield _open(database)
        except (MlflowException, SQLAlchemyError, OSError) as error:
            reason = f"{uri}: {' '.join(str(error).split())[:300]}"
            raise StoreAway(f"MLflow store {reason}; set MLFLOW_TRACKING_URI to one that works") from error


def _open(database: Path | None) -> MlflowClient:
    """A client whose store answers. A database is made under another name, so that one whose making was killed is never
    met; our own that cannot be used is laid aside for the next call to make anew."""
    from mlflow import MlflowClient

    def answering(uri: str) -> MlflowClient:
        client = MlflowClient(uri)
        client.search_experiments(max_results=1)
        return client

    if database is not None and not database.is_file():
        with replacing(database) as temporary:
            answering(f"sqlite:///{temporary.resolve()}")
    try:
        return answering(store_uri())
    except Exception:
        if database is not None and not os.environ.get("MLFLOW_TRACKING_URI"):
            aside = database.with_name(f"{database.name}.{int(time.time())}.unusable")
            print(f"{database}: cannot be used; laid aside as {aside.name}", file=sys.stderr)
            database.rename(aside)
        raise


def _experiment(client: MlflowClient) -> str:
    """The id of the project's experiment; a store without a server gets its artifacts beside it, never ./mlruns."""
    found = client.get_experiment_by_name(EXPERIMENT)
    if found is not None:
        return str(found.experiment_id)
    served = store_uri().startswith(("http://", "https://", "databricks"))
    artifacts = None if served else (work_folder() / "mlflow" / "artifacts").resolve().as_uri()
    return str(client.create_experiment(EXPERIMENT, artifact_location=artifacts))


def _find(client: MlflowClient, experiment: str, tags: Mapping[str, str]) -> list[Any]:
    """The live runs that have all these tags, the newest first."""
    clause = " and ".join(f"tags.`{name}` = '{value}'" for name, value in tags.items())
    return list(client.search_runs([experiment], clause, order_by=["attributes.start_time DESC"]))


def _mirror_run(client: MlflowClient, experiment: str, parent: tuple[str, str], run: RunFolder) -> str:
    """One run; left alone where it is there whole, else made anew. The content tag is set last: it says 'whole'."""
    suite, parent_id = parent
    attached = {"scores.csv": run.scores} | ({"curves.jsonl": run.curves} if run.curves else {})
    content = _digest([run.name, dict(run.params), dict(run.tags), parent_id], [*attached.values(), *run.samples])
    earlier = _find(client, experiment, {SUITE: suite, RUN: run.name})
    whole = [str(old.info.run_id) for old in earlier if old.data.tags.get(CONTENT) == content][:1]
    for old in (old.info.run_id for old in earlier if old.info.run_id not in whole):
        _clear(client, old)
        client.delete_run(old)
    if whole:
        return whole[0]
    tags = {**run.tags, SUITE: suite, RUN: run.name, KIND: "run", PARENT: parent_id}
    run_id = str(client.create_run(experiment, run_name=run.name, tags=tags).info.run_id)
    _log_numbers(client, run_id, run)
    for name, path in attached.items():
        client.log_text(run_id, path.read_text(encoding="utf-8"), name)
    for picture in run.samples:
        client.log_artifact(run_id, str(picture), f"samples/{picture.parent.name}")
    client.set_tag(run_id, CONTENT, content)
    client.set_terminated(run_id)
    return run_id


def _log_numbers(client: MlflowClient, run_id: str, run: RunFolder) -> None:
    """Params, mean scores and curves in batches: thousands a second, against tens one by one."""
    from mlflow.entities import Metric, Param

    params = [Param(name, str(value)) for name, value in run.params.items()]
    for start in range(0, len(params), 100):
        client.log_batch(run_id, params=params[start : start + 100])
    metrics = [Metric(name, value, 0, 0) for name, value in mean_scores(run.scores).items()]
    metrics += [Metric(f"train/{name}", value, 0, step) for name, step, value in read_curves(run.curves)]
    for start in range(0, len(metrics), BATCH):
        client.log_batch(run_id, metrics=metrics[start : start + BATCH])


def mean_scores(path: Path) -> dict[str, float]:
    """'<dataset>/<metric>' -> the set's figure over the pictures that have a value."""
    found: dict[tuple[str, str], list[float]] = {}
    for row in read_rows(path, ("dataset", "metric", "value")):
        if row["value"]:
            with as_written(path):
                found.setdefault((row["dataset"], row["metric"]), []).append(float(row["value"]))
    means = {}
    for (dataset, metric), values in found.items():
        means[f"{dataset}/{metric}"] = set_mean(values, METRICS[metric]) if metric in METRICS else fmean(values)
    return means


def read_curves(path: Path | None) -> list[tuple[str, int, float]]:
    """(loss, step, value) of every finite number logged, at most POINTS steps, the last one among them."""
    points = read_points(path) if path else []
    kept = points[::-1][:: math.ceil(len(points) / POINTS) or 1][::-1]
    return [(name, int(point["step"]), value) for point in kept for name, value in point.items() if name != "step"]


def _log_table(client: MlflowClient, run_id: str, path: Path) -> None:
    """A CSV as an MLflow table; n/a and empty cells are null."""
    import pandas as pd

    client.log_table(run_id, pd.read_csv(path), f"tables/{path.stem}.json")
    client.log_artifact(run_id, str(path), "tables")


def _clear(client: MlflowClient, run_id: str) -> None:
    """Delete a run's artifacts: log_table would append to what is there, and a deleted run's would stay for ever."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    if client.list_artifacts(run_id):
        repository = get_artifact_repository(client.get_run(run_id).info.artifact_uri)
        repository.delete_artifacts()  # type: ignore[no-untyped-call]


def _digest(values: Sequence[Any], files: Sequence[Path]) -> str:
    """A hash of values, and of files by name and bytes."""
    total = hashlib.sha256(json.dumps(values, sort_keys=True).encode())
    for path in files:
        total.update(f"\n{path.parent.name}/{path.name}\n".encode())
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()
