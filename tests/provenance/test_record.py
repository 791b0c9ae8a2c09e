"""What is recorded of a run: the commit and environment of its training, the hash of everything it took and made."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path
from typing import Any

import pytest

from bench.provenance.record import commit, run_record, write_records
from bench.provenance.verify import verify
from bench.report.aggregate import COST_COLUMNS, RUN_COLUMNS
from bench.runtime.checksums import compare, hash_file, seal
from bench.runtime.files import read_json, write_json
from bench.stages.train import checkpoint_path
from bench.suites import find_suite
from bench.suites.experiment import Experiment
from bench.suites.workdir import Workdir

SMOKE = find_suite("smoke")
RUNS = SMOKE.experiments()
RRDB, ESRGAN = "rrdb.default.x4.bicubic.s1", "esrgan.default.x4.bicubic.s1"


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def trained(run: Experiment, layout: Workdir, more: dict[str, Any]) -> dict[str, Any]:
    return {
        "run": run.name,
        "digest": run.digest(),
        "experiment": run.resolved(),
        "parameters": 12345,
        "train_data": hash_file(layout.train_data(run) / "manifest.json"),
        "seconds": 61.5,
        "peak_mib": 300,
        "device": "A processor",
        "threads": 1,
        **more,
    }


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workdir:
    """The work folder of the smoke suite, as its stages leave it, but for what is in the files."""
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    layout = Workdir("smoke")
    for run in RUNS.values():
        for name in run.test_sets:
            write(layout.test_data(name, run.scale, run.degradation) / "manifest.json", f"{{}} {name}")
            write(layout.sr(run) / name / "houses.png", f"picture of {run.name}")
        write_json(layout.sr(run) / "upscale.json", {"sets": {"a": {"seconds": {"x": 1.25, "y": 2}}}, "peak_mib": 99})
        write(layout.scores(run), "dataset,image,metric,value,note\nEmbedded-test,houses,psnr_y,25.5,\n")
        if run.iterations:
            write(layout.train_data(run) / "manifest.json", "{}")
            write(checkpoint_path(layout.run(run.name)), f"network of {run.name}")
            write_json(layout.run(run.name) / "train.json", trained(run, layout, {}))
    return layout


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_the_hash_of_everything_a_run_took_and_made_is_recorded(layout: Workdir) -> None:
    record = run_record(RUNS[ESRGAN], SMOKE, layout)
    assert record["checkpoint"] == sha256(f"network of {ESRGAN}")
    assert record["stages"] == {RRDB: sha256(f"network of {RRDB}")}
    assert record["sr"]["Embedded-test/houses.png"] == sha256(f"picture of {ESRGAN}")
    assert record["scores"] == hash_file(layout.scores(RUNS[ESRGAN]))
    assert record["test_data"] == {"Embedded-test": sha256("{} Embedded-test")}
    assert set(record["weights"]) == {"stlpips-vgg16"}
    assert (
        {"methods.esrgan.gan", "bench.stages.train"} <= set(record["code"]["starts"]) <= set(record["code"]["modules"])
    )


def test_kernels_are_recorded_as_pictures_are(layout: Workdir) -> None:
    run = RUNS["bicubic.default.x4.bicubic.s1"]
    write(layout.kernels(run) / "Embedded-test" / "houses.npy", "kernel")
    assert run_record(run, SMOKE, layout)["kernels"] == {"Embedded-test/houses.npy": sha256("kernel")}


def test_commit_and_environment_are_those_of_the_training_and_of_the_measuring_beside_them(layout: Workdir) -> None:
    code = {"commit": "c" * 40, "changed": False, "sha256": "d" * 64, "starts": ["a"], "modules": ["a"]}
    told = {"code": code, "environment": {"python": "3.11.0"}, "cpu_seconds": 59.5}
    run = RUNS[RRDB]
    write_json(layout.run(RRDB) / "train.json", trained(run, layout, told))
    record = run_record(run, SMOKE, layout)
    assert record["code"]["commit"] == "c" * 40 and record["environment"] == {"python": "3.11.0"}
    assert record["measured_at"]["commit"] == commit()["commit"]
    assert record["cost"]["train_cpu_seconds"] == 59.5


def test_a_training_that_did_not_say_its_commit_gets_the_one_of_the_report(layout: Workdir) -> None:
    record = run_record(RUNS[RRDB], SMOKE, layout)
    assert record["code"]["commit"] == commit()["commit"] and "torch" in record["environment"]
    assert record["cost"]["train_cpu_seconds"] == ""


def test_a_row_says_what_training_and_upscaling_take(layout: Workdir) -> None:
    row = run_record(RUNS[RRDB], SMOKE, layout)["row"]
    assert row["samples"] == 20 * 4 and row["parameters"] == 12345 and row["macs"] > 0
    nothing = run_record(RUNS["bicubic.default.x4.bicubic.s1"], SMOKE, layout)["row"]
    assert (nothing["samples"], nothing["parameters"], nothing["macs"]) == ("", 0, "")


def test_records_are_tables_of_the_columns_that_the_report_reads_and_every_link_holds(layout: Workdir) -> None:
    results = layout.results
    write_records(SMOKE, RUNS.values(), layout, results)
    seal(results)
    for name, columns in (("runs.csv", RUN_COLUMNS), ("cost.csv", COST_COLUMNS)):
        rows = list(csv.DictReader((results / name).open()))
        assert tuple(rows[0]) == columns and [row["run"] for row in rows] == list(RUNS)
    assert not any(compare(results).values())
    links = [link for link in verify(results, layout.root) if link.kind != "code at its commit"]
    assert [link for link in links if link.state == "broken"] == []
    assert {link.kind for link in links if link.state == "not here"} == set()
    write(checkpoint_path(layout.run(RRDB)), "another network")
    assert [link.kind for link in verify(results, layout.root) if link.state == "broken"][:1] == ["checkpoint"]


def test_a_network_that_was_trained_with_other_settings_than_the_report_knows_breaks_the_chain(layout: Workdir) -> None:
    run = RUNS[RRDB]
    write_json(layout.run(RRDB) / "train.json", {**trained(run, layout, {}), "digest": "0" * 16})
    write_records(SMOKE, RUNS.values(), layout, layout.results)
    seal(layout.results)
    broken = [link for link in verify(layout.results) if link.state == "broken" and link.kind == "digest"]
    assert [link.name for link in broken] == [RRDB] and "digest" in broken[0].text


def test_a_record_adopted_from_an_earlier_report_may_lack_the_newer_columns(layout: Workdir) -> None:
    results, run = layout.results, RUNS[RRDB]
    write_records(SMOKE, [run], layout, results)
    place = results / "provenance" / f"{RRDB}.json"
    old = read_json(place)
    for part, name in (("row", "macs"), ("row", "samples"), ("cost", "train_cpu_seconds")):
        del old[part][name]
    write_json(place, old)
    write_records(SMOKE, [], layout, results, adopted=[RRDB])
    (row,) = csv.DictReader((results / "runs.csv").open())
    assert row["parameters"] == "12345" and row.get("macs", "") == ""
