"""Published checkpoints become ours: the same outputs, nothing left over, and refusals that name the fault."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from published import (
    BLOCKS,
    PUBLISHED,
    WIDTH,
    Forward,
    State,
    drn_forward,
    drn_state,
    edsr_basicsr_forward,
    edsr_basicsr_state,
    edsr_forward,
    edsr_state,
    msrresnet_forward,
    msrresnet_state,
    rcan_forward,
    rcan_state,
    rrdb_forward,
    rrdb_state,
    to_basicsr_names,
)
from safetensors import safe_open
from torch import Tensor

from bench.__main__ import main
from bench.api import Method
from bench.data.images import read_image, to_tensor, to_uint8, write_png
from bench.errors import BadInput
from bench.stages.checkpoints import ALL, KEY_MAPS, recorded_method
from bench.stages.train import load_network
from methods import find_entry
from methods.drn.key_maps import DRN_OFFICIAL, build_duals


@pytest.fixture
def lr() -> Tensor:
    return torch.rand(2, 3, 7, 9, generator=torch.Generator().manual_seed(1))


def saved(content: Any, folder: Path, name: str = "published.pth") -> Path:
    torch.save(content, folder / name)
    return folder / name


def bring(method: str, source: Path, *more: str) -> Path:
    """Import a file that must be accepted; returns the checkpoint."""
    out = source.with_suffix(".safetensors")
    assert main(["import", "--method", method, "--from", str(source), "--out", str(out), *more]) == 0
    return out


def refuse(capsys: pytest.CaptureFixture[str], method: str, source: Path, *more: str) -> str:
    """Import a file that must be refused in one line, with nothing written; returns the line."""
    out = source.with_suffix(".safetensors")
    assert main(["import", "--method", method, "--from", str(source), "--out", str(out), *more]) == 2
    assert not out.exists()
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1 and str(source) in lines[0]
    return lines[0]


def read_method(method: str, checkpoint: Path, scale: int = 4) -> Method:
    found = recorded_method(checkpoint, find_entry(method), "default", scale)
    assert found is not None
    return found


@torch.no_grad()
def output_of(method: str, checkpoint: Path, lr: Tensor, scale: int = 4) -> Tensor:
    network = read_method(method, checkpoint, scale).network()
    assert network is not None
    sr: Tensor = load_network(network, checkpoint)(lr)
    return sr


def metadata(checkpoint: Path) -> dict[str, Any]:
    with safe_open(checkpoint, framework="pt") as stream:
        assert list(stream.metadata()) == ["bench"]
        said: dict[str, Any] = json.loads(stream.metadata()["bench"])
    return said


def test_every_layout_has_a_reference_network_here() -> None:
    assert sorted(PUBLISHED) == sorted(layout.name for layout in ALL)
    assert {layout.name for layouts in KEY_MAPS.values() for layout in layouts} == set(PUBLISHED)


@pytest.mark.parametrize("layout", PUBLISHED)
def test_an_imported_network_computes_what_the_published_one_does(layout: str, lr: Tensor, tmp_path: Path) -> None:
    method, state, forward = PUBLISHED[layout]
    checkpoint = bring(method, saved(state(), tmp_path))
    # values near 1 in float32; processors order their sums differently
    torch.testing.assert_close(output_of(method, checkpoint, lr), forward(state(), lr), atol=3e-6, rtol=0)
    said = metadata(checkpoint)
    assert (said["method"], said["layout"], said["scale"], said["key"]) == (method, layout, 4, None)
    assert len(said["source_sha256"]) == 64


@pytest.mark.parametrize("scale", [2, 3])
@pytest.mark.parametrize(
    ("method", "state", "forward"),
    [
        ("edsr", edsr_state, edsr_forward),
        ("edsr", edsr_basicsr_state, edsr_basicsr_forward),
        ("msrresnet", msrresnet_state, msrresnet_forward),
        ("rcan", rcan_state, rcan_forward),
    ],
)
def test_the_scale_is_read_off_the_tensors(
    method: str, state: Callable[[int], State], forward: Forward, scale: int, lr: Tensor, tmp_path: Path
) -> None:
    checkpoint = bring(method, saved(state(scale), tmp_path))
    sr = output_of(method, checkpoint, lr, scale)
    torch.testing.assert_close(sr, forward(state(scale), lr), atol=1e-6, rtol=0)


@pytest.mark.parametrize("scale", [2, 8])
def test_the_scale_of_drn_is_the_number_of_its_steps(scale: int, lr: Tensor, tmp_path: Path) -> None:
    checkpoint = bring("drn", saved(drn_state(scale), tmp_path))
    sr = output_of("drn", checkpoint, lr, scale)
    torch.testing.assert_close(sr, drn_forward(drn_state(scale), lr), atol=1e-6, rtol=0)
    assert metadata(checkpoint)["knobs"] == {"blocks": BLOCKS, "features": WIDTH // 2, "reduction": 4}


def test_the_released_drn_has_504_keys_and_every_one_is_used() -> None:
    with torch.device("meta"):
        network = find_entry("drn").build(4, {}).network()
    assert network is not None
    theirs = {DRN_OFFICIAL.theirs(name, {}) for name in network.state_dict()}
    assert len(theirs) == 504
    assert {"up_blocks.1.29.body.3.conv_du.2.bias", "up_blocks.0.30.0.weight", "up_blocks.0.31.bias"} <= theirs
    assert {"down.1.dual_module.0.0.weight", "tail.2.weight", "head.bias", "add_mean.weight"} <= theirs


def dual_states(count: int = 2, features: int = 6) -> list[State]:
    """The dual networks as they are released: a list of dictionaries."""
    shapes = {"dual_module.0.0.weight": (features, 3, 3, 3), "dual_module.1.weight": (3, features, 3, 3)}
    generator = torch.Generator().manual_seed(2)
    return [{name: torch.randn(shape, generator=generator) for name, shape in shapes.items()} for _ in range(count)]


def test_a_list_of_dual_networks_is_imported_in_its_order(tmp_path: Path) -> None:
    states = dual_states()
    checkpoint = bring("drn", saved(states, tmp_path))
    duals = build_duals(4, 6)
    load_network(duals, checkpoint)
    image = torch.rand(1, 3, 8, 8)
    for level, state in enumerate(states):
        x = torch.nn.functional.conv2d(image, state["dual_module.0.0.weight"], stride=2, padding=1)
        x = torch.nn.functional.leaky_relu(x, 0.2)
        expected = torch.nn.functional.conv2d(x, state["dual_module.1.weight"], padding=1)
        torch.testing.assert_close(duals(image, level), expected)
    said = metadata(checkpoint)
    assert (said["layout"], said["scale"], said["knobs"]) == ("drn-duals-official", 4, {"features": 6})
    with pytest.raises(BadInput, match="holds the dual networks of drn, which upscale nothing"):
        read_method("drn", checkpoint)


def test_unusable_lists_of_dual_networks_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = dual_states()
    del second["dual_module.1.weight"]
    line = refuse(capsys, "drn", saved([first, second], tmp_path))
    assert "missing key 1.dual_module.1.weight" in line
    line = refuse(capsys, "drn", saved([{**first, "more": torch.zeros(1)}], tmp_path))
    assert "extra key 0.more" in line
    line = refuse(capsys, "drn", saved([first, dual_states(1, 7)[0]], tmp_path))
    assert "1.dual_module.0.0.weight has shape (7, 3, 3, 3), expected (6, 3, 3, 3)" in line
    assert "unknown layout" in refuse(capsys, "edsr", saved(dual_states(), tmp_path))


@pytest.mark.parametrize("blocks", [16, 23])
def test_the_depth_and_widths_of_rrdb_are_read_off_the_tensors(blocks: int, tmp_path: Path) -> None:
    checkpoint = bring("rrdb", saved(rrdb_state(blocks, 6, 3), tmp_path))
    assert metadata(checkpoint)["knobs"] == {"blocks": blocks, "width": 6, "growth": 3}


def test_an_rrdb_of_scale_2_is_imported_when_asked_for(lr: Tensor, tmp_path: Path) -> None:
    checkpoint = bring("rrdb", saved(rrdb_state(), tmp_path), "--scale", "2")
    sr = output_of("rrdb", checkpoint, lr, 2)
    torch.testing.assert_close(sr, rrdb_forward(rrdb_state(), lr, 2), atol=1e-6, rtol=0)


def test_a_wide_edsr_scales_its_residuals_and_a_narrow_one_does_not(lr: Tensor, tmp_path: Path) -> None:
    state = edsr_state(2, 256, 1)
    large = bring("edsr", saved(state, tmp_path, "large.pt"))
    torch.testing.assert_close(output_of("edsr", large, lr, 2), edsr_forward(state, lr), atol=1e-6, rtol=0)
    baseline = bring("edsr", saved(edsr_state(2, 64, 1), tmp_path, "baseline.pt"))
    assert metadata(large)["knobs"]["residual_scaling"] == 0.1
    assert metadata(baseline)["knobs"]["residual_scaling"] == 1.0


def test_what_the_tensors_do_not_tell_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bring("edsr", saved(edsr_basicsr_state(), tmp_path, "a.pth"))
    said = capsys.readouterr().out
    assert "the mean colour is not in the file" in said and "residual_scaling is not in the file" in said
    bring("esrgan", saved(rrdb_state(), tmp_path, "b.pth"))
    assert "scale is not in the file: x4, as published" in capsys.readouterr().out


def test_weights_of_a_parallel_half_precision_network_are_imported(lr: Tensor, tmp_path: Path) -> None:
    state = {f"module.{key}": value.half() for key, value in edsr_state().items()}
    rounded = {key.removeprefix("module."): value.float() for key, value in state.items()}
    sr = output_of("edsr", bring("edsr", saved(state, tmp_path)), lr)
    torch.testing.assert_close(sr, edsr_forward(rounded, lr), atol=1e-6, rtol=0)


def test_the_key_chooses_between_the_weights_and_their_average(
    lr: Tensor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain, average = msrresnet_state(), {key: 0.5 * value for key, value in msrresnet_state().items()}
    both = {"params": plain, "params_ema": average}
    for name, words, content, expected in (
        ("a.pth", (), both, average),
        ("b.pth", ("--key", "params"), both, plain),
        ("c.pth", ("--key", "params_ema"), both, average),
        ("d.pth", ("--key", "params_ema"), {"params": plain}, plain),
        ("e.pth", (), {"params": plain}, plain),
    ):
        sr = output_of("msrresnet", bring("msrresnet", saved(content, tmp_path, name), *words), lr)
        torch.testing.assert_close(sr, msrresnet_forward(expected, lr), atol=1e-6, rtol=0)
        said = capsys.readouterr().out
        assert ("the file has no params_ema: params is used" in said) == (name == "d.pth")
    assert "leave --key out" in refuse(capsys, "msrresnet", saved(plain, tmp_path, "f.pth"), "--key", "params")
    only = saved({"params_ema": average}, tmp_path, "g.pth")
    assert "has no params" in refuse(capsys, "msrresnet", only, "--key", "params")


@pytest.mark.parametrize("layout", PUBLISHED)
def test_every_missing_key_is_named(layout: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    method, state, _ = PUBLISHED[layout]
    whole = state()
    for key in list(whole)[:: max(1, len(whole) // 12)] + list(whole)[-2:]:
        rest = {name: value for name, value in whole.items() if name != key}
        line = refuse(capsys, method, saved(rest, tmp_path))
        assert f"missing key {key}" in line and layout in line


@pytest.mark.parametrize("layout", PUBLISHED)
def test_extra_and_misshapen_tensors_are_named(layout: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    method, state, _ = PUBLISHED[layout]
    line = refuse(capsys, method, saved({**state(), "conv_more.weight": torch.zeros(1)}, tmp_path))
    assert "extra key conv_more.weight" in line
    key = next(key for key in reversed(state()) if key.endswith(".bias"))
    line = refuse(capsys, method, saved({**state(), key: torch.zeros(77)}, tmp_path))
    assert f"{key} has shape (77,), expected" in line


def test_an_upsampling_that_no_scale_explains_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = {**edsr_state(), "tail.0.2.weight": torch.zeros(5 * WIDTH, WIDTH, 3, 3)}
    assert "tail.0.2.weight takes 8 channels to 40" in refuse(capsys, "edsr", saved(state, tmp_path))


def test_weights_that_are_not_finite_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = {**edsr_state(), "tail.1.bias": torch.tensor([0.0, float("nan"), 0.0])}
    assert "tail.1.bias is not finite" in refuse(capsys, "edsr", saved(state, tmp_path))


def test_networks_that_ours_cannot_be_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = to_basicsr_names(rrdb_state()) | {"conv_first.weight": torch.zeros(WIDTH, 12, 3, 3)}
    assert "pixel-unshuffled" in refuse(capsys, "esrgan", saved(state, tmp_path))
    unit = edsr_state()
    for key in ("sub_mean.bias", "add_mean.bias"):
        unit[key] = unit[key] / 255
    assert "in [0, 255]" in refuse(capsys, "edsr", saved(unit, tmp_path))
    assert "an x4 network, not x2" in refuse(capsys, "edsr", saved(edsr_state(), tmp_path), "--scale", "2")


def test_a_file_of_another_network_is_told_from_a_broken_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for layout, (method, state, _) in PUBLISHED.items():
        other = "edsr" if method != "edsr" else "rcan"
        line = refuse(capsys, other, saved(state(), tmp_path))
        assert f"has the layout {layout}" in line and "--method" in line
    line = refuse(capsys, "esrgan", saved({"features.0.weight": torch.zeros(1)}, tmp_path))
    assert "features.0.weight" in line and "esrgan-released, esrgan-old, esrgan-basicsr" in line


def test_a_file_that_is_no_checkpoint_is_told_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = saved(edsr_state(), tmp_path, "whole.pth").read_bytes()
    old = tmp_path / "old.pth"
    torch.save(edsr_state(), old, _use_new_zipfile_serialization=False)
    source = tmp_path / "published.pth"
    for content, words in (
        (b"\n<!DOCTYPE html><html>", "web page"),
        (b"", "empty"),
        (b"version https://git-lfs.github.com/spec/v1\n", "LFS pointer"),
        (whole[: len(whole) // 2], "truncated"),
        (old.read_bytes()[:-999], "truncated"),
        (b"plain words", "not a torch checkpoint"),
        (pickle.dumps(Path("x")), "not a torch checkpoint"),
    ):
        source.write_bytes(content)
        assert words in refuse(capsys, "edsr", source)
    assert "cannot be read" in refuse(capsys, "edsr", tmp_path / "absent.pth")
    whole_network = saved(torch.nn.Conv2d(3, 3, 3), tmp_path, "network.pth")
    assert "more than tensors" in refuse(capsys, "edsr", whole_network)
    for holds, words in (([1], "holds a list"), ({"epoch": 3}, "epoch is no tensor"), ({"params": {}}, "it is empty")):
        assert words in refuse(capsys, "edsr", saved(holds, tmp_path, "holds.pth"))


def test_a_checkpoint_of_the_older_file_format_is_imported(lr: Tensor, tmp_path: Path) -> None:
    torch.save(edsr_state(), tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    sr = output_of("edsr", bring("edsr", tmp_path / "old.pt"), lr)
    torch.testing.assert_close(sr, edsr_forward(edsr_state(), lr), atol=1e-6, rtol=0)


def test_a_method_without_published_layouts_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--from", str(saved(edsr_state(), tmp_path)), "--out", str(tmp_path / "x.safetensors")]
    assert main(["import", "--method", "srcnn", *words]) == 2
    assert "no published layout of srcnn is known" in capsys.readouterr().err
    assert main(["import", "--method", "edsrr", *words]) == 2
    assert "did you mean 'edsr'" in capsys.readouterr().err


def test_upscale_takes_the_sizes_of_an_imported_checkpoint(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (8, 10, 3), dtype=np.uint8)
    write_png(tmp_path / "lr" / "a.png", pixels)
    checkpoint = bring("rcan", saved(rcan_state(), tmp_path))
    words = ["--checkpoint", str(checkpoint), "--lr", str(tmp_path / "lr"), "--out", str(tmp_path / "sr")]
    assert main(["upscale", "--method", "rcan", "--device", "cpu", *words]) == 0
    expected = to_uint8(rcan_forward(rcan_state(), to_tensor(pixels)[None])[0])
    difference = read_image(tmp_path / "sr" / "a.png").astype(int) - expected
    assert np.abs(difference).max() <= 1 and (difference != 0).mean() < 0.001


def test_upscale_refuses_an_imported_checkpoint_of_another_method_scale_or_variant(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_png(tmp_path / "lr" / "a.png", np.zeros((8, 8, 3), np.uint8))
    checkpoint = bring("edsr", saved(edsr_state(), tmp_path))
    words = ["--checkpoint", str(checkpoint), "--lr", str(tmp_path / "lr"), "--out", str(tmp_path / "sr")]
    for method, more, said in (
        ("rcan", (), "imported as edsr x4, not rcan x4"),
        ("edsr", ("--scale", "2"), "imported as edsr x4, not edsr x2"),
        ("edsr.baseline", (), "not the variant baseline (width is 8, not 64)"),
    ):
        assert main(["upscale", "--method", method, *words, *more]) == 2
        assert said in capsys.readouterr().err
    assert not (tmp_path / "sr").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "file", "psnr"),
    [
        ("rrdb", "RRDB_PSNR_x4.pth", 32.73),
        ("edsr", "edsr_x4-4f62e9ef.pt", 32.46),
        ("rcan", "RCAN_BIX4.pt", 32.63),
    ],
)
def test_a_published_network_scores_what_its_authors_report_on_set5(
    method: str, file: str, psnr: float, bench_data: Path, tmp_path: Path
) -> None:
    from bench.data.prepare import prepare_test
    from bench.stages.score import Folders, score_folders

    source = Path(os.environ.get("BENCH_WEIGHTS", "")) / file
    if not source.is_file():
        pytest.skip(f"needs the published network {file} under BENCH_WEIGHTS")
    prepare_test("Set5", 4, "bicubic", tmp_path / "set5")
    out = tmp_path / "network.safetensors"
    assert main(["import", "--method", method, "--from", str(source), "--out", str(out)]) == 0
    words = ["--checkpoint", str(out), "--lr", str(tmp_path / "set5" / "lr"), "--out", str(tmp_path / "sr")]
    assert main(["upscale", "--method", method, *words]) == 0
    folders = Folders(tmp_path / "sr", tmp_path / "set5" / "hr")
    records = score_folders(folders, 4, ["psnr_y"], tmp_path / "scores.csv")
    values = [record.value for record in records if record.value is not None]
    assert len(values) == 5
    assert abs(sum(values) / 5 - psnr) < 0.02
