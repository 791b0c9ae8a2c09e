"""What is recorded of a run: the commit and environment of its training, the hash of everything it took and made."""

from __future__ import annotations

import csv
import hashlib
import os
import subprocess
import sys
from pathlib import Path
from shutil import copy, copytree, ignore_patterns
from typing import Any

import pytest
import torch
from traced_folder import git

from bench.errors import BadInput
from bench.provenance.checks import check_experiment
from bench.provenance.record import run_record, write_results
from bench.provenance.verify import verify
from bench.report.aggregate import COST_COLUMNS, RUN_COLUMNS
from bench.runtime.checksums import compare, hash_file, hash_files, hash_hashes, seal
from bench.runtime.code_digest import ROOT
from bench.runtime.files import read_json, write_json
from bench.runtime.git import commit
from bench.runtime.record import Stage, code_of
from bench.runtime.results import read_records, read_scores, write_records
from bench.runtime.weights import locate
from bench.stages.elsewhere import records_of
from bench.stages.train import checkpoint_path
from bench.suites import find_suite
from bench.suites.experiment import Experiment
from bench.suites.workdir import Workdir

SMOKE = find_suite("smoke")
RUNS = SMOKE.experiments()
BICUBIC, RRDB, ESRGAN = RUNS


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def stage(run: Experiment, inputs: dict[str, str], outputs: dict[str, str], **more: Any) -> dict[str, Any]:
    """What a stage of a run leaves."""
    facts = {"run": run.name, "digest": run.digest(), "experiment": run.resolved()}
    return {**Stage(code_of(run.made_by), torch.device("cpu"), inputs, facts).record(outputs), **more}


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workdir:
    """The work folder of the smoke suite, as its stages leave it, but for what is in the files."""
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    layout = Workdir("smoke")
    for run in RUNS.values():
        data = {}
        for name in run.test_sets:
            data |= {f"data/{name}": prepared(layout.test_data(name, run.scale, run.degradation), f"{{}} {name}")}
            write(layout.sr(run) / name / "houses.png", f"picture of {run.name}")
        network = {}
        if run.iterations:
            took = {"train_data": prepared(layout.stores(run)["train_data"], "{}")}
            took |= {f"weights/{name}": hash_file(locate(name)) for name in run.build().needs_weights}
            if run.warm_start:
                took[f"runs/{run.warm_start}"] = sha256(f"network of {run.warm_start}")
            write(checkpoint_path(layout.run(run.name)), f"network of {run.name}")
            network = {f"runs/{run.name}": sha256(f"network of {run.name}")}
            made = {"checkpoint.safetensors": sha256(f"network of {run.name}")}
            facts = {"parameters": 12345, "train_data": took["train_data"], "seconds": 61.5, "cpu_seconds": 59.5}
            trained = {**stage(run, took, made, **facts), "code": code_of(run.modules)}
            write_json(layout.run(run.name) / "train.json", trained)
        spent = {"sets": {"a": {"seconds": {"x": 1.25, "y": 2}}}, "peak_mib": 99}
        counted = {"parameters": 999, "macs": 10**6} if run.iterations else None
        pictures = hash_files(layout.sr(run), "*.png")
        write_json(layout.sr(run) / "upscale.json", stage(run, {**data, **network}, pictures, network=counted, **spent))
        write(layout.scores(run), "dataset,image,metric,value,note\nEmbedded-test,houses,psnr_y,25.5,\n")
        scored = stage(run, {**data, "sr": hash_hashes(pictures)}, {"scores": hash_file(layout.scores(run))}, taps=None)
        write_json(layout.score_record(run), {**scored, "code": code_of(["bench.stages.score"])})
    return layout


def prepared(folder: Path, manifest: str) -> str:
    """A prepared folder; returns the sha256 of its manifest."""
    write(folder / "manifest.json", manifest)
    made = {"manifest.json": hash_file(folder / "manifest.json")}
    write_json(folder / "prepare.json", Stage(code_of(["bench.data.prepare"]), torch.device("cpu"), {}).record(made))
    return made["manifest.json"]


def change(path: Path, **changes: Any) -> None:
    """Write other values into a stage's record."""
    write_json(path, {**read_json(path), **changes})


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
    run = find_suite("demo").experiments()["kernelgan.default.x2.kernel_paper.s1"]
    demo = Workdir("demo")
    data = {f"data/{n}": prepared(demo.test_data(n, run.scale, run.degradation), n) for n in run.test_sets}
    write(demo.kernels(run) / "Embedded-test" / "houses.npy", "kernel")
    kernels = hash_files(demo.kernels(run), "*.npy")
    counted = {"generators": {"trained": 8, "dead": {"Embedded-test/houses": 2, "Embedded-test/face": 1}}}
    write_json(demo.kernels(run) / "kernels.json", stage(run, data, kernels, peak_mib=80, **counted))
    write(demo.scores(run), "scores")
    scored = stage(run, {**data, "kernels": hash_hashes(kernels)}, {"scores": sha256("scores")}, taps=None)
    write_json(demo.score_record(run), scored)
    assert demo.kernels(run) / "kernels.json" in records_of(run, demo)  # what comes back from elsewhere
    record = run_record(run, find_suite("demo"), demo)
    assert record["kernels"] == {"Embedded-test/houses.npy": sha256("kernel")} and record["sr"] == {}
    assert (record["row"]["dead_generators"], record["estimated"]["generators"]) == ("3/8", counted["generators"])
    assert {check.state for check in check_experiment(record, run.name)} == {"ok"}
    record["row"]["dead_generators"] = "0/8"
    assert "dead_generators: 0/8 here, 3/8 recorded" in [check.text for check in check_experiment(record, run.name)]


def test_scores_that_were_cut_since_they_were_made_are_refused(layout: Workdir) -> None:
    file = layout.scores(RUNS[BICUBIC])
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(BadInput, match=rf"{file.name}: missing, or changed"):
        run_record(RUNS[BICUBIC], SMOKE, layout)


def test_every_stage_is_credited_to_the_commit_it_ran_at_and_the_report_to_its_own(
    layout: Workdir, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RUNS[RRDB]
    code = {"commit": "c" * 40, "changed": False, "sha256": "d" * 64, "starts": ["a"], "modules": ["a"]}
    change(layout.run(RRDB) / "train.json", code=code, environment={"python": "3.11.0"})
    change(layout.sr(run) / "upscale.json", code={**code, "commit": "e" * 40})
    change(layout.score_record(run), code={**code, "commit": "f" * 40})
    record = run_record(run, SMOKE, layout)
    assert record["code"]["commit"] == "c" * 40 and record["environment"] == {"python": "3.11.0"}
    assert (record["upscaled"]["code"]["commit"], record["scored"]["code"]["commit"]) == ("e" * 40, "f" * 40)
    assert record["measured_at"]["commit"] == commit()["commit"]
    assert record["cost"]["train_cpu_seconds"] == 59.5


def test_pictures_that_nothing_was_trained_for_are_credited_to_the_code_that_made_them(layout: Workdir) -> None:
    run = RUNS[BICUBIC]
    old = {"commit": "c" * 40, "changed": False, "sha256": "d" * 64, "starts": [*run.made_by], "modules": ["a"]}
    change(layout.sr(run) / "upscale.json", code=old, digest="0123456789abcdef")
    record = run_record(run, SMOKE, layout)
    assert record["code"] == old and record["digest"] == record["row"]["digest"] == "0123456789abcdef"


@pytest.mark.parametrize("stage", ["training", "upscaling", "scoring"])
def test_a_stage_that_did_not_say_what_it_took_and_made_is_named(layout: Workdir, stage: str) -> None:
    places = {"training": layout.run(RRDB) / "train.json", "upscaling": layout.sr(RUNS[RRDB]) / "upscale.json"}
    path = places.get(stage, layout.score_record(RUNS[RRDB]))
    record = read_json(path)
    write_json(path, {name: value for name, value in record.items() if name != "outputs"})
    with pytest.raises(BadInput, match=f"{path.name}: .*run the stage again"):
        run_record(RUNS[RRDB], SMOKE, layout)
    path.unlink()
    with pytest.raises(BadInput, match=f"{path.name}: no such file; run the stage"):
        run_record(RUNS[RRDB], SMOKE, layout)


def test_a_row_says_what_training_and_upscaling_take(layout: Workdir) -> None:
    row = run_record(RUNS[RRDB], SMOKE, layout)["row"]
    assert row["samples"] == 20 * 4 and row["parameters"] == 12345 and row["macs"] == 10**6
    nothing = run_record(RUNS[BICUBIC], SMOKE, layout)["row"]
    assert (nothing["samples"], nothing["parameters"], nothing["macs"]) == ("", 0, "")


def test_records_are_tables_of_the_columns_that_the_report_reads_and_every_link_holds(layout: Workdir) -> None:
    results = layout.results
    assert write_results(SMOKE, RUNS.values(), layout, results) == list(RUNS)
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
    change(layout.run(RRDB) / "train.json", digest="0" * 16)
    write_results(SMOKE, RUNS.values(), layout, layout.results)
    seal(layout.results)
    broken = [link for link in verify(layout.results) if link.state == "broken" and link.kind == "digest"]
    assert [link.name for link in broken] == [RRDB] and "digest" in broken[0].text


@pytest.mark.parametrize(
    ("file", "what"),
    [("upscale.json", "checkpoint"), ("upscale.json", "pictures"), ("score", "sr"), ("prepare.json", "data")],
)
def test_a_stage_that_took_something_else_than_the_one_before_made_breaks_the_chain(
    layout: Workdir, file: str, what: str
) -> None:
    run = RUNS[RRDB]
    data = layout.test_data("Embedded-test", run.scale, run.degradation)
    path = {"score": layout.score_record(run), "prepare.json": data / file}.get(file, layout.sr(run) / file)
    record = read_json(path)
    if what == "checkpoint":
        record["inputs"][f"runs/{RRDB}"] = "1" * 64
    elif what == "sr":
        record["inputs"]["sr"] = "1" * 64
    else:
        record["outputs"] = dict.fromkeys(record["outputs"], "1" * 64)
    write_json(path, record)
    write_results(SMOKE, RUNS.values(), layout, layout.results)
    broken = [link for link in verify(layout.results) if link.state == "broken" and link.kind == "own stages"]
    assert RRDB in [link.name for link in broken]


def test_a_record_adopted_from_an_earlier_report_may_lack_the_newer_columns(layout: Workdir, tmp_path: Path) -> None:
    write_results(SMOKE, [RUNS[RRDB]], layout, tmp_path / "published")
    records = read_records(tmp_path / "published")
    for part, name in (("row", "macs"), ("row", "samples"), ("cost", "train_cpu_seconds")):
        del records[RRDB][part][name]
    write_records(tmp_path / "published", "rrdb", records)
    assert write_results(SMOKE, [], layout, layout.results, tmp_path / "published") == [RRDB]
    (row,) = csv.DictReader((layout.results / "runs.csv").open())
    assert row["parameters"] == "12345" and row.get("macs", "") == ""


def test_a_shard_takes_over_what_another_published_and_keeps_its_own(layout: Workdir, tmp_path: Path) -> None:
    published, results = tmp_path / "published", layout.results
    write_results(SMOKE, RUNS.values(), layout, published)
    for name in ("taps.csv", "material.tar.xz"):
        (published / name).write_text(
            "network,layer,dataset,pictures,active_before,active_after,mean_before,mean_after,runs\n"
        )
    write(layout.scores(RUNS[ESRGAN]), "dataset,image,metric,value,note\nEmbedded-test,houses,psnr_y,,too small\n")
    change(layout.score_record(RUNS[ESRGAN]), outputs={"scores": hash_file(layout.scores(RUNS[ESRGAN]))})
    for run in (RRDB, BICUBIC):
        layout.scores(RUNS[run]).unlink()
    assert write_results(SMOKE, [RUNS[ESRGAN]], layout, results, published) == list(RUNS)
    for name in ("scores/rrdb.csv", "records/rrdb.jsonl", "runs.csv", "cost.csv", "material.tar.xz"):
        assert (results / name).read_bytes() == (published / name).read_bytes()
    [row] = read_scores(results, "esrgan")[ESRGAN]
    assert (row["value"], row["note"]) == ("", "too small")
    assert set(read_records(results)) == set(RUNS)


STAGES = """
from bench.__main__ import main
main("prepare Embedded-test --role test --scale 4 --out work/smoke/data/Embedded-test.x4.bicubic".split())
main("upscale-suite --suite smoke --method bicubic --device cpu".split())
main("score-suite --suite smoke --method bicubic".split())
"""
JOIN = """
from bench.provenance.record import write_results
from bench.provenance.verify import verify
from bench.runtime.checksums import seal
from bench.suites import find_suite
from bench.suites.workdir import Workdir
suite, layout = find_suite("smoke"), Workdir("smoke")
write_results(suite, [suite.experiments()["bicubic.default.x4.bicubic.s1"]], layout, layout.results)
seal(layout.results)
print([link for link in verify(layout.results, layout.root) if link.state in ("broken", "unchecked")])
"""


@pytest.mark.slow
def test_pictures_keep_the_code_that_made_them_though_the_report_is_made_after_a_commit_to_the_method(
    tmp_path: Path,
) -> None:
    for name in ("bench", "methods"):
        copytree(ROOT / name, tmp_path / name, ignore=ignore_patterns("__pycache__"))
    copy(ROOT / "Snakefile", tmp_path)
    git(tmp_path, "init", "-q", ".")
    (tmp_path / ".gitignore").write_text("__pycache__\nwork\nresults\n")
    environment = {k: v for k, v in os.environ.items() if k not in ("BENCH_WORK", "BENCH_RESULTS", "PYTHONPATH")}

    def run(program: str) -> str:
        command = [sys.executable, "-c", program]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True).stdout

    commits = []
    for change, program in (("", STAGES), ("\n\nLATER = 1\n", JOIN)):
        method = tmp_path / "methods" / "bicubic.py"
        method.write_text(method.read_text() + change)
        git(tmp_path, "add", ".")
        git(tmp_path, "commit", "-qm", "Code")
        commits.append(git(tmp_path, "rev-parse", "HEAD"))
        said = run(program)
    record = read_records(tmp_path / "work" / "smoke" / "results")[BICUBIC]
    assert said.strip() == "[]"
    assert (record["code"]["commit"], record["measured_at"]["commit"]) == tuple(commits)
