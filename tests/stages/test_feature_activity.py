"""What a perceptual loss sees before and after activation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from pictures import smooth

from bench.__main__ import main
from bench.api import Training
from bench.data.images import to_tensor, write_png
from bench.errors import BadInput
from bench.report.comparisons import read_feature_activity
from bench.runtime.rows import read_rows, write_rows
from bench.stages.feature_activity import COLUMNS, measure_taps, write_taps
from bench.suites.experiment import Experiment
from methods import find_entry
from methods.common.optimise import autocast, to_device
from methods.common.perceptual import Features, tap_statistics

NAME = "stlpips-vgg16"
IMAGE = to_tensor(smooth(0, 64, 64, 3))[None]


def test_activation_leaves_a_share_of_the_features_active() -> None:
    found = tap_statistics(NAME, "conv5_3", IMAGE)
    features = Features(NAME, "conv5_3", "after")(IMAGE)
    assert found["active_before"] == pytest.approx(1)
    assert 0 < found["active_after"] < 0.5
    assert found["active_after"] == pytest.approx(float((features > 0).float().mean()))
    assert found["mean_after"] == pytest.approx(float(features.mean()))
    assert found["mean_before"] < found["mean_after"]


def test_deeper_layers_are_sparser() -> None:
    assert tap_statistics(NAME, None, IMAGE)["active_after"] < tap_statistics(NAME, "conv1_2", IMAGE)["active_after"]


def test_an_unknown_layer_is_refused_by_name() -> None:
    with pytest.raises(BadInput, match="conv9_1"):
        tap_statistics(NAME, "conv9_1", IMAGE)


def test_frozen_features_placed_in_bf16_are_those_that_autocast_computes() -> None:
    training = Training(1, precision="bf16")
    placed, plain = to_device(Features(NAME, "conv3_1"), training), Features(NAME, "conv3_1")
    assert next(placed.parameters()).dtype == torch.bfloat16
    with autocast(training):
        assert torch.equal(placed(IMAGE), plain(IMAGE))


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_what_trains_keeps_float32_weights(precision: str) -> None:
    network = torch.nn.Conv2d(3, 3, 3)
    assert to_device(network, Training(1, precision=precision)).weight.dtype == torch.float32  # type: ignore[arg-type]
    if precision == "float32":
        assert next(to_device(Features(NAME, "conv1_1"), Training(1)).parameters()).dtype == torch.float32


def test_the_verb_prints_a_line_a_picture_and_their_mean(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for seed in (0, 1):
        write_png(tmp_path / f"p{seed}.png", smooth(seed, 48, 48, 3))
    assert main(["taps", "--network", NAME, "--layer", "conv3_1", "--hr", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[2:]] == ["p0", "p1", "mean"]
    shares = [float(line.split()[2].rstrip("%")) for line in lines[2:]]
    assert shares[2] == pytest.approx((shares[0] + shares[1]) / 2, abs=0.01) and 0 < shares[2] < 100


def test_the_verb_names_the_nearest_network(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["taps", "--network", "stlpips-vgg61", "--hr", str(tmp_path)]) == 2
    assert "did you mean 'stlpips-vgg16'" in capsys.readouterr().err


def test_a_suites_taps_are_measured_on_its_test_pictures_and_shown_as_measured(tmp_path: Path) -> None:
    from bench.suites import find_suite

    write_png(tmp_path / "hr" / "one.png", smooth(0, 64, 64, 3))
    bicubic, esrgan = (find_suite("smoke").experiment(name, "default", 1) for name in ("bicubic", "esrgan"))
    taps = {run.name: {"taps": measure_taps(run, tmp_path / "hr")} for run in (bicubic, esrgan)}
    write_taps({bicubic.name: taps[bicubic.name]}, tmp_path)
    assert read_feature_activity(tmp_path) is None
    write_taps(taps, tmp_path)
    table = read_feature_activity(tmp_path)
    assert table is not None and len(table.records) == 1
    network, layer, _, pictures, before, after, *_ = table.records[0]
    assert (network, layer, pictures, before) == (NAME, "conv5_3", "1", "1")
    assert float(after) == pytest.approx(tap_statistics(NAME, None, IMAGE)["active_after"], rel=1e-4)
    (tmp_path / "taps.csv").write_text("network,layer\nvgg\n")
    with pytest.raises(BadInput, match=r"taps.csv: lacks the column dataset"):
        read_feature_activity(tmp_path)


def test_srgans_content_names_the_layer_that_is_measured_and_a_loss_on_pixels_none(tmp_path: Path) -> None:
    write_png(tmp_path / "one.png", smooth(0, 64, 64, 3))
    found = {}
    for variant in ("default", "content-vgg22", "content-mse"):
        run = Experiment("srgan", variant, {"perceptual": NAME, **find_entry("srgan").variants[variant]}, iterations=1)
        row = measure_taps(replace(run, test_sets=("one",)), tmp_path)
        found[variant] = row and row["layer"]
    assert found == {"default": "conv5_3", "content-vgg22": "conv2_2", "content-mse": None}


def test_runs_that_are_taken_over_keep_their_rows_and_others_join_them(tmp_path: Path) -> None:
    old = dict(zip(COLUMNS, ("vgg", "conv5_3", "Set5", "5", "1", "0.1", "2", "0.2", "old gone"), strict=True))
    write_rows(tmp_path / "taps.csv", COLUMNS, [list(old.values())])
    new = {"taps": {name: old[name] for name in COLUMNS[:-1]}}
    for _ in range(2):  # a report made twice is the same report
        write_taps({"new": new, "old": {}}, tmp_path)
        assert read_rows(tmp_path / "taps.csv") == [{**old, "runs": "new old"}]
