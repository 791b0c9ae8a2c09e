"""Interpolation between two networks: its ends are the networks, byte for byte; what does not match is named."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest
import torch
from pictures import noise
from safetensors.torch import save_file
from torch import Tensor, nn

from bench.__main__ import main
from bench.commands import pictures
from bench.data.images import read_image, write_png
from bench.errors import BadInput
from bench.stages.interpolate import alpha_name, load_ends, parse_alphas
from bench.stages.upscale import Options
from bench.suites import SUITES
from methods.esrgan.interpolation import interpolate_pictures, interpolate_weights


def network(variant: str, seed: int) -> nn.Module:
    """A generator of the smoke suite with random weights, and random statistics where it has BN."""
    torch.manual_seed(seed)
    made = SUITES["smoke"].experiment("esrgan", variant, 1).build().network()
    assert made is not None
    for name, buffer in made.named_buffers():
        if not name.endswith("num_batches_tracked"):
            buffer.uniform_(0.5, 1.5)
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """lr/ with a colour and a grey picture."""
    write_png(tmp_path / "lr" / "colour.png", noise(0, 11, 9, 3))
    write_png(tmp_path / "lr" / "grey.png", noise(1, 8, 10))
    return tmp_path


def interpolate(folder: Path, variant: str = "default", *more: str) -> None:
    """Save two networks as psnr and gan, and run the verb into out/."""
    for seed, name in enumerate(("psnr", "gan")):
        save_file(network(variant, seed).state_dict(), folder / name)
    parser = argparse.ArgumentParser()
    pictures.add_verbs(parser.add_subparsers(dest="name"))
    words = ["--method", f"esrgan.{variant}", "--suite", "smoke", "--device", "cpu", "--lr", str(folder / "lr")]
    files = ["--psnr", str(folder / "psnr"), "--gan", str(folder / "gan"), "--out", str(folder / "out")]
    arguments = parser.parse_args(["interpolate", *words, *files, *more])
    arguments.verb(arguments)


def upscaled(folder: Path, variant: str, name: str) -> dict[str, bytes]:
    """The bytes of what `upscale` makes of a checkpoint."""
    words = ["--method", f"esrgan.{variant}", "--suite", "smoke", "--device", "cpu", "--lr", str(folder / "lr")]
    assert main(["upscale", *words, "--checkpoint", str(folder / name), "--out", str(folder / f"{name}-sr")]) == 0
    return contents(folder / f"{name}-sr")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("[!.]*"))}


@pytest.mark.parametrize("kind", ["network", "image"])
@pytest.mark.parametrize("variant", ["default", "bn"])
def test_the_ends_are_the_two_networks_byte_for_byte(kind: str, variant: str, folder: Path) -> None:
    interpolate(folder, variant, "--kind", kind)
    assert sorted(path.name for path in (folder / "out").glob("[!.]*")) == [
        *("alpha-0", "alpha-0.2", "alpha-0.4", "alpha-0.6", "alpha-0.8", "alpha-1")
    ]
    psnr, gan = upscaled(folder, variant, "psnr"), upscaled(folder, variant, "gan")
    assert psnr["colour.png"] != gan["colour.png"]
    assert contents(folder / "out" / "alpha-0") == psnr
    assert contents(folder / "out" / "alpha-1") == gan


def test_half_way_the_two_kinds_of_interpolation_differ(folder: Path) -> None:
    made = []
    for kind in ("network", "image"):
        interpolate(folder, "default", "--kind", kind, "--alphas", "0.5")
        made.append(contents(folder / "out" / "alpha-0.5"))
    assert made[0]["colour.png"] != made[1]["colour.png"]
    assert read_image(folder / "out" / "alpha-0.5" / "grey.png").shape == (32, 40)


def test_an_interpolated_picture_lies_between_the_two(folder: Path) -> None:
    interpolate(folder, "default", "--kind", "image", "--alphas", "0,0.25,1")
    psnr, between, gan = (
        read_image(folder / "out" / name / "colour.png").astype(float) for name in ("alpha-0", "alpha-0.25", "alpha-1")
    )
    assert abs(between - (0.75 * psnr + 0.25 * gan)).max() <= 1  # each of the three is rounded


def test_weights_are_mixed_over_every_key_and_counters_copied() -> None:
    psnr = {"w": torch.tensor([1.0, 3.0]), "running_var": torch.tensor([2.0]), "num_batches_tracked": torch.tensor(3)}
    gan = {"w": torch.tensor([2.0, 1.0]), "running_var": torch.tensor([4.0]), "num_batches_tracked": torch.tensor(9)}
    mixed = interpolate_weights(psnr, gan, 0.25)
    assert mixed["w"].tolist() == [1.25, 2.5]
    assert mixed["running_var"].tolist() == [2.5]
    assert mixed["num_batches_tracked"].item() == 9


def test_the_ends_of_the_weights_are_exact() -> None:
    psnr, gan = network("bn", 0).state_dict(), network("bn", 1).state_dict()
    for alpha, expected in ((0.0, psnr), (1.0, gan)):
        mixed = interpolate_weights(psnr, gan, alpha)
        assert mixed.keys() == psnr.keys()
        assert all(torch.equal(mixed[key], expected[key]) for key in expected)


def test_pictures_are_clipped_before_they_are_mixed() -> None:
    mixed = interpolate_pictures(torch.tensor([[[-3.0, 0.5]]]), torch.tensor([[[1.0, 7.0]]]), 0.5)
    assert mixed.flatten().tolist() == [0.5, 0.75]


@pytest.mark.parametrize(
    ("gan", "words"),
    [
        ({"a.weight": torch.zeros(2)}, "only the PSNR weights have b.weight"),
        ({"a.weight": torch.zeros(2), "b.weight": torch.zeros(3), "c": torch.zeros(1)}, "only the GAN weights have c"),
        ({"a.weight": torch.zeros(2), "b.weight": torch.zeros(4)}, r"b.weight is float32 \(3,\) for PSNR"),
        ({"a.weight": torch.zeros(2).int(), "b.weight": torch.zeros(3)}, r"int32 \(2,\) for GAN"),
    ],
)
def test_weights_that_do_not_match_are_named_by_key(gan: dict[str, Tensor], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        interpolate_weights({"a.weight": torch.zeros(2), "b.weight": torch.zeros(3)}, gan, 0.5)


@pytest.mark.parametrize("words", ["0,x", "1.2", "-0.1", "nan", "0,0.0", ""])
def test_alphas_that_are_no_numbers_between_0_and_1_are_refused(words: str) -> None:
    with pytest.raises(BadInput, match="alpha"):
        parse_alphas(words)


def test_folders_are_named_by_alpha() -> None:
    assert [alpha_name(alpha) for alpha in parse_alphas("0,0.20,1.0")] == ["alpha-0", "alpha-0.2", "alpha-1"]


def test_a_checkpoint_of_another_network_is_named_and_nothing_is_written(folder: Path) -> None:
    interpolate(folder, "default", "--alphas", "1")
    save_file(network("bn", 0).state_dict(), folder / "other")
    with pytest.raises(BadInput, match=r"other: does not fit"):
        interpolate(folder, "default", "--psnr", str(folder / "other"), "--out", str(folder / "new"))
    with pytest.raises(BadInput, match="did you mean 'image'"):
        interpolate(folder, "default", "--kind", "images", "--out", str(folder / "new"))
    assert not (folder / "new").exists()


@pytest.mark.parametrize("kind", ["network", "image"])
def test_an_unreadable_picture_leaves_nothing_behind(kind: str, folder: Path) -> None:
    (folder / "lr" / "grey.png").write_bytes(b"not a picture")
    with pytest.raises(BadInput, match=r"grey\.png"):
        interpolate(folder, "default", "--kind", kind)
    assert not list((folder / "out").glob("*"))


def test_a_checkpoint_that_says_it_is_of_another_variant_is_refused(folder: Path) -> None:
    method = SUITES["smoke"].experiment("esrgan", "default", 1).build()
    for seed, name in enumerate(("psnr", "gan")):
        about = json.dumps({"knobs": {"width": method.knobs["width"], "residual_scaling": 0.2 + 0.8 * (1 - seed)}})
        save_file(network("default", seed).state_dict(), folder / name, {"bench": about})
    with pytest.raises(BadInput, match=r"psnr: its residual_scaling is 1\.0, not 0\.2 as the method has it"):
        load_ends(method, folder / "psnr", folder / "gan", torch.device("cpu"), Options())
