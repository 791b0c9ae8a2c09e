"""python -m bench kernel: a folder of LR pictures -> their blur kernels, and one line for every bad input."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from pictures import smooth
from PIL import Image

import methods
from bench.__main__ import build_parser, main
from bench.api import Estimate, Picture, Progress
from bench.data.images import image_files, write_png
from bench.data.prepare import prepare_test
from bench.errors import BadInput, Diverged
from bench.runtime.record import Stage, code_of
from bench.runtime.turns import finish
from bench.stages import elsewhere
from bench.stages.estimate import estimate_pictures, estimate_sets, preview
from bench.stages.score import score_kernels
from bench.suites import find_suite
from bench.suites.workdir import Workdir
from methods.bicubic import ENTRY as BICUBIC
from methods.kernelgan.entry import ENTRY, KernelGan


@pytest.fixture(autouse=True)
def _known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(methods.METHODS, "kernelgan", ENTRY)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A colour and a grey LR picture."""
    write_png(tmp_path / "lr" / "blobs.png", smooth(1, 100, 120, 3))
    write_png(tmp_path / "lr" / "grey.png", smooth(2, 96, 90))
    return tmp_path / "lr"


def run(*words: str | Path) -> None:
    """Parse and call the verb, as `python -m bench kernel` does."""
    fixed = ("kernel", "--device", "cpu", "--iterations", "6")
    arguments = build_parser().parse_args([*fixed, *(str(word) for word in words)])
    arguments.verb(arguments)


@pytest.mark.parametrize(("scale", "side"), [(2, 17), (4, 33)])
def test_every_picture_gets_an_array_and_a_picture_of_its_kernel(
    pictures: Path, tmp_path: Path, scale: int, side: int
) -> None:
    run("--lr", pictures, "--out", tmp_path / "kernels", "--scale", str(scale), "--preset", "released")
    assert sorted(path.name for path in (tmp_path / "kernels").glob("[!.]*")) == [
        "blobs.npy",
        "blobs.png",
        "grey.npy",
        "grey.png",
        "kernels.json",
    ]
    kernel = np.load(tmp_path / "kernels" / "grey.npy")
    assert kernel.dtype == np.float64 and kernel.shape[0] >= side and kernel.sum() == pytest.approx(1, abs=1e-9)
    with Image.open(tmp_path / "kernels" / "grey.png") as image:
        assert image.mode == "L" and image.width > 300


def test_the_record_says_the_knobs_and_the_seconds(pictures: Path, tmp_path: Path) -> None:
    run("--lr", pictures, "--out", tmp_path / "kernels", "--batch", "1", "--seed", "5")
    record = json.loads((tmp_path / "kernels" / "kernels.json").read_text())
    assert record["pictures"] == 2 and record["seed"] == 5 and record["seconds"] > 0
    assert record["knobs"]["iterations"] == 6 and record["knobs"]["side_by_side"] == 1


def test_dead_generators_are_counted_picture_by_picture(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = {"blobs": (4, 1), "grey": (4, 4)}

    def estimate(given: Sequence[Picture], progress: Progress) -> list[Estimate]:
        made = [(counts[picture.name.rpartition("/")[2]], picture) for picture in given]
        return [
            Estimate(torch.full((3, 3), 1 / 9 if n > dead else math.nan).double(), n, dead) for (n, dead), _ in made
        ]

    method = ENTRY.build(2, {})
    monkeypatch.setattr(KernelGan, "estimator", lambda _: estimate)
    with pytest.raises(Diverged, match="grey: every generator is dead"):
        run("--lr", pictures, "--out", tmp_path / "alone")
    assert not (tmp_path / "alone").exists()
    stage = Stage(code_of(["bench.stages.estimate"]), torch.device("cpu"), {})
    for _ in range(2):  # another time, in place of the first
        finish(estimate_sets(method, {"Set5": pictures}, tmp_path / "sets", 0, stage))
        record = json.loads((tmp_path / "sets" / "kernels.json").read_text())
        assert record["generators"] == {"trained": 8, "dead": {"Set5/blobs": 1, "Set5/grey": 4}}
        assert list(record["outputs"]) == ["Set5/blobs.npy"]
    (tmp_path / "data" / "kernels").mkdir(parents=True)
    (tmp_path / "data" / "lr").symlink_to(pictures)
    for name in counts:
        np.save(tmp_path / "data" / "kernels" / f"{name}.npy", np.full((3, 3), 1 / 9))
    records = score_kernels(tmp_path / "sets", {"Set5": tmp_path / "data"}, ["kernel_ncc"])
    found = {record.image: (record.value, record.note) for record in records}
    assert found["grey"] == (None, "no kernel: every generator is dead") and found["blobs"][0] is not None
    counts["grey"] = (4, 0)
    run("--lr", pictures, "--out", tmp_path / "alone")
    record = json.loads((tmp_path / "alone" / "kernels.json").read_text())
    assert record["generators"] == {"trained": 8, "dead": {"blobs": 1}}


def test_the_kernels_do_not_depend_on_how_many_train_side_by_side(pictures: Path, tmp_path: Path) -> None:
    for count in ("1", "2"):
        run("--lr", pictures, "--out", tmp_path / count, "--batch", count)
    for stem in ("blobs", "grey"):
        alone, together = (np.load(tmp_path / count / f"{stem}.npy") for count in ("1", "2"))
        assert alone.tobytes() == together.tobytes()


def test_a_second_run_replaces_the_folder_and_gives_the_same_bytes(pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "kernels"
    run("--lr", pictures, "--out", out)
    before = (out / "blobs.npy").read_bytes(), (out / "blobs.png").read_bytes()
    run("--lr", pictures, "--out", out)
    assert ((out / "blobs.npy").read_bytes(), (out / "blobs.png").read_bytes()) == before


def test_a_picture_that_carries_no_kernel_is_named_and_nothing_is_written(pictures: Path, tmp_path: Path) -> None:
    write_png(pictures / "flat.png", np.full((100, 100, 3), 7, np.uint8))
    with pytest.raises(BadInput, match="flat: a constant picture carries no kernel"):
        run("--lr", pictures, "--out", tmp_path / "kernels")
    write_png(pictures / "flat.png", smooth(1, 60, 100, 3))
    with pytest.raises(BadInput, match="flat: 100x60 is too small"):
        run("--lr", pictures, "--out", tmp_path / "kernels")
    assert not (tmp_path / "kernels").exists()


@pytest.mark.parametrize("words", [("--scale", "3"), ("--batch", "0"), ("--iterations", "0"), ("--threads", "0")])
def test_numbers_that_cannot_be_are_refused(pictures: Path, tmp_path: Path, words: tuple[str, str]) -> None:
    with pytest.raises(BadInput):
        run("--lr", pictures, "--out", tmp_path / "kernels", *words)


def test_a_method_that_upscales_is_refused(pictures: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="estimates no kernels"):
        estimate_pictures(BICUBIC.build(2, {}), image_files(pictures), tmp_path / "kernels", 0, torch.device("cpu"))


def test_the_preview_shows_the_largest_value_white_and_negative_ones_black() -> None:
    image = preview(np.array([[1.0, 0.5], [-0.5, 0.0]]))
    side = (image.shape[0] - 4) // 2
    assert image[2, 2] == 255 and image[2, -3] == 128 and image[-3, 2] == 0 and image[2 + side, 2 + side] == 0


def test_several_runs_of_a_suite_are_estimated_by_one_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_WORK", str(tmp_path))
    runs = [run for run in find_suite("demo").experiments().values() if run.method == "fixed-kernel"]
    layout, first = Workdir("demo"), runs[0]
    for name in first.test_sets:
        prepare_test(name, first.scale, first.degradation, layout.test_data(name, first.scale, first.degradation))
    assert main(["kernels-suite", *(run.name for run in runs), "--suite", "demo", "--device", "cpu"]) == 0
    records = [json.loads((layout.kernels(run) / "kernels.json").read_text()) for run in runs]
    assert [record["run"] for record in records] == [run.name for run in runs] and len(runs) == 2
    assert all(record["outputs"] and record["pictures"] for record in records)


def test_on_a_gpu_runs_that_estimate_are_one_job_and_elsewhere_each_is_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    everything = find_suite("demo").experiments()
    runs = [run for run in everything.values() if run.method in ("fixed-kernel", "bicubic") and run.seed == 1]
    assert elsewhere._together(runs) == [[run.name] for run in runs]
    monkeypatch.setattr(elsewhere, "choose_device", lambda _: torch.device("cuda"))
    *others, kernels = sorted(elsewhere._together(runs), key=len)
    assert kernels == [run.name for run in runs if run.estimates] and len(kernels) == 2
    assert [name for [name] in others] == [run.name for run in runs if not run.estimates]
