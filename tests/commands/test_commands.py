"""The command line: exit codes, and one line that names the thing and the remedy for every bad input."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.__main__ import main
from bench.data.images import read_image, write_png
from bench.runtime.code_digest import ROOT


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Two small LR pictures."""
    generator = np.random.default_rng(0)
    for name in ("a", "b"):
        write_png(tmp_path / "lr" / f"{name}.png", generator.integers(0, 256, (12, 10, 3), dtype=np.uint8))
    return tmp_path / "lr"


def refuse(capsys: pytest.CaptureFixture[str], *words: str | Path) -> str:
    """Run a command that must end with 2 and one line on stderr; return the line."""
    assert main([str(word) for word in words]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("bench ")]
    assert len(lines) == 1
    return lines[0]


def upscale(method: str, lr: Path, out: Path, *more: str) -> list[str]:
    return ["upscale", "--method", method, "--lr", str(lr), "--out", str(out), "--device", "cpu", *more]


def test_upscale_writes_pictures_of_scale_times_the_size_under_the_same_stems(pictures: Path, tmp_path: Path) -> None:
    assert main(upscale("bicubic", pictures, tmp_path / "sr")) == 0
    assert sorted(path.name for path in (tmp_path / "sr").glob("[!.]*")) == ["a.png", "b.png"]
    assert read_image(tmp_path / "sr" / "a.png").shape == (48, 40, 3)


def test_upscale_takes_the_pictures_that_match_the_pattern_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("img_001_SRF_4_HR", "img_001_SRF_4_LR", "img_002_SRF_4_LR"):
        write_png(tmp_path / "lr" / f"{name}.png", np.full((8, 8), 90, np.uint8))
    command = upscale("bicubic", tmp_path / "lr", tmp_path / "sr")
    assert main([*command, "--lr-pattern", "{name}_LR.png"]) == 0
    written = sorted(path.name for path in (tmp_path / "sr").glob("[!.]*"))
    assert written == ["img_001_SRF_4_LR.png", "img_002_SRF_4_LR.png"]
    assert "--lr-pattern" in refuse(capsys, *command, "--lr-pattern", "{name}_lr.png")


def test_a_grey_picture_is_upscaled_to_a_grey_picture(tmp_path: Path) -> None:
    write_png(tmp_path / "lr" / "g.png", np.full((8, 8), 90, np.uint8))
    assert main(upscale("bicubic", tmp_path / "lr", tmp_path / "sr")) == 0
    assert read_image(tmp_path / "sr" / "g.png").shape == (32, 32)


def test_a_corrupt_picture_is_named_and_nothing_is_written(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (pictures / "b.png").write_bytes((pictures / "b.png").read_bytes()[:60])
    line = refuse(capsys, *upscale("bicubic", pictures, tmp_path / "sr"))
    assert "b.png" in line and "replace the file" in line
    assert not (tmp_path / "sr").exists()


@pytest.mark.parametrize(
    ("mode", "words"), [("I;16", "16-bit; convert"), ("RGBA", "alpha channel; flatten"), ("P", "palette; convert")]
)
def test_a_picture_of_another_kind_is_named_with_its_remedy(
    mode: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "lr").mkdir()
    Image.new(mode, (8, 8)).save(tmp_path / "lr" / "odd.png")
    line = refuse(capsys, *upscale("bicubic", tmp_path / "lr", tmp_path / "sr"))
    assert "odd.png" in line and words in line


def test_an_empty_folder_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "lr").mkdir()
    assert "holds no picture" in refuse(capsys, *upscale("bicubic", tmp_path / "lr", tmp_path / "sr"))


def test_unknown_names_suggest_the_nearest(pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sr = tmp_path / "sr"
    assert "did you mean 'bicubic'" in refuse(capsys, *upscale("bicubik", pictures, sr))
    assert "did you mean 'no-bn'" in refuse(capsys, *upscale("srresnet.nobn", pictures, sr))
    assert "did you mean 'demo'" in refuse(capsys, "train", "rrdb.default.x4.bicubic.s1", "--suite", "demoo")
    run = "rrdb.default.x4.bicubic.s1"
    assert f"did you mean '{run}'" in refuse(capsys, "train", "rrdb.defalt.x4.bicubic.s1")
    words = ("score", "--sr", pictures, "--hr", pictures, "--out", tmp_path / "s.csv", "--metrics", "psnr-y")
    assert "did you mean 'psnr_y'" in refuse(capsys, *words)
    words = ("degrade", "--hr", pictures, "--out", tmp_path / "d", "--degradation", "bicubik")
    assert "did you mean 'bicubic'" in refuse(capsys, *words)
    assert not sr.exists() and not (tmp_path / "s.csv").exists() and not (tmp_path / "d").exists()


def test_a_trained_method_without_a_checkpoint_says_what_it_needs(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "give --checkpoint FILE" in refuse(capsys, *upscale("srresnet", pictures, tmp_path / "sr"))


def test_sizes_that_do_not_match_are_named(pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_png(tmp_path / "hr" / "a.png", np.zeros((50, 40, 3), np.uint8))
    write_png(tmp_path / "hr" / "b.png", np.zeros((48, 44, 3), np.uint8))
    assert main(upscale("bicubic", pictures, tmp_path / "sr")) == 0
    capsys.readouterr()
    words = ("score", "--sr", tmp_path / "sr", "--hr", tmp_path / "hr", "--metrics", "psnr_y", "--out", tmp_path / "s")
    line = refuse(capsys, *words)
    assert "40x48" in line and "44x48" in line
    assert not (tmp_path / "s").exists()


def test_an_unwritable_place_is_named(pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("in the way")
    line = refuse(capsys, *upscale("bicubic", pictures, tmp_path / "file" / "sr"))
    assert "file/sr" in line and "choose another place" in line


def test_missing_perceptual_weights_stop_a_training_with_the_fetch_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import dataclasses

    from bench import suites
    from bench.suites.demo import SMOKE

    monkeypatch.setenv("BENCH_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    found = next(plan for plan in SMOKE.plans if plan.method == "esrgan")
    plans = [p for p in SMOKE.plans if p is not found]
    changed = dataclasses.replace(found, knobs={**found.knobs, "perceptual": "vgg19"})
    monkeypatch.setitem(suites.SUITES, "smoke", dataclasses.replace(SMOKE, plans=(*plans, changed)))
    line = refuse(capsys, "train", "esrgan.default.x4.bicubic.s1", "--suite", "smoke")
    assert "python -m bench fetch vgg19" in line
    assert not os.path.exists(tmp_path / "work")


@pytest.mark.parametrize("what", ["methods", "variants", "metrics", "datasets", "degradations", "weights", "suites"])
def test_everything_that_exists_can_be_listed(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", what]) == 0
    assert len(capsys.readouterr().out.splitlines()) >= 2


def test_a_tile_no_larger_than_its_overlaps_is_refused(
    pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = refuse(capsys, *upscale("bicubic", pictures, tmp_path / "sr", "--tile", "32"))
    assert "at least 33" in line


def test_train_upscale_and_score_run_without_the_workflow_the_mirror_and_the_reference_libraries(
    pictures: Path, train_store: Path, tmp_path: Path
) -> None:
    """On a bare GPU machine there is torch and little else."""
    shutil.copytree(train_store, tmp_path / "work" / "smoke" / "train" / "Embedded-train.x4.bicubic")
    absent = ("snakemake", "mlflow", "pyiqa", "lpips", "torchvision", "pandas", "matplotlib")
    script = (
        "import sys\n"
        f"for name in {absent}: sys.modules[name] = None\n"
        "from bench.__main__ import main\n"
        f"lr, sr, out = {str(pictures)!r}, {str(tmp_path / 'sr')!r}, {str(tmp_path / 's.csv')!r}\n"
        "assert main(['train', 'rrdb.default.x4.bicubic.s1', '--suite', 'smoke', '--device', 'cpu']) == 0\n"
        "assert main(['upscale', '--method', 'bicubic', '--lr', lr, '--out', sr]) == 0\n"
        "assert main(['score', '--sr', sr, '--hr', sr, '--metrics', 'psnr_y,ssim_y,stlpips_alex', '--out', out]) == 0\n"
    )
    environment = {**os.environ, "BENCH_WORK": str(tmp_path / "work"), "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_an_interruption_says_what_is_left(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("bench.stages.upscale.upscale_folder", interrupted)
    assert main(upscale("bicubic", pictures, tmp_path / "sr")) == 130
    assert "nothing is left half-written" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["bicubic", "torch", "random", "methods", "No"])
def test_a_name_that_no_method_can_have_is_refused_by_the_verb(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert refuse(capsys, "new", name).startswith("bench new: ")
    assert not list(tmp_path.iterdir())


def test_metrics_may_be_written_with_blanks_and_twice(pictures: Path, tmp_path: Path) -> None:
    words = ["score", "--sr", str(pictures), "--hr", str(pictures), "--out", str(tmp_path / "s.csv"), "--scale", "2"]
    assert main([*words, "--metrics", "psnr_y, psnr_rgb,psnr_y,"]) == 0
    assert len((tmp_path / "s.csv").read_text().splitlines()) == 1 + 2 * 2


def test_pictures_too_small_to_measure_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_png(tmp_path / "in" / "dot.png", np.zeros((1, 1, 3), np.uint8))
    line = refuse(capsys, "taps", "--network", "alexnet", "--hr", tmp_path / "in")
    assert "dot.png: 1x1 pixels" in line
    line = refuse(capsys, "diagnose", "--sr", tmp_path / "in", "--hr", tmp_path / "in", "--reported", "30")
    assert "too small" in line


def test_a_page_of_results_without_records_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = tmp_path / "results"
    shutil.copytree(ROOT / "results" / "demo", results, ignore=shutil.ignore_patterns("*.jsonl"))
    assert "lacks the records" in refuse(capsys, "page", results, "--out", tmp_path / "page")
    (results / "records" / "other.jsonl").write_text('{"run": "x"}\n')
    assert "lacks the records" in refuse(capsys, "page", results, "--out", tmp_path / "page")
    assert not (tmp_path / "page").exists()


def test_a_page_that_cannot_be_made_names_the_file_of_the_results(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results"
    shutil.copytree(ROOT / "results" / "demo", results, ignore=shutil.ignore_patterns("edsr.csv"))
    line = refuse(capsys, "page", results, "--out", tmp_path / "page")
    assert str(results / "scores" / "edsr.csv") in line
