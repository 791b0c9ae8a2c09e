"""Self-ensemble and tiling: what they must not change."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.io
import torch
from pictures import noise
from shrink import small_run
from torch import Tensor, nn

from bench.__main__ import main
from bench.api import Picture
from bench.data.images import pictures_by_name, write_png
from bench.errors import BadInput
from bench.runtime.record import Stage
from bench.stages import upscale
from bench.stages.upscale import (
    Options,
    prepare,
    self_ensemble,
    tiled,
    upscale_folder,
    upscale_sets,
    with_options,
)

CPU = torch.device("cpu")


def nearest(picture: Picture) -> Tensor:
    """An upscaler without a border."""
    return picture.lr.repeat_interleave(4, 1).repeat_interleave(4, 2)


def picture(height: int, width: int) -> Picture:
    generator = torch.Generator().manual_seed(3)
    return Picture("x", torch.rand(3, height, width, generator=generator))


def test_self_ensemble_of_an_upscaler_that_commutes_with_turns_is_itself() -> None:
    seen = picture(7, 11)
    assert torch.allclose(self_ensemble(nearest)(seen), nearest(seen))


def test_self_ensemble_averages_all_eight_orientations() -> None:
    calls: list[bytes] = []

    def note(seen: Picture) -> Tensor:
        calls.append(seen.lr.numpy().tobytes())
        return nearest(seen)

    self_ensemble(note)(picture(7, 11))
    assert len(set(calls)) == 8


@pytest.mark.parametrize("size", [(8, 8), (20, 41), (37, 21), (64, 33)])
def test_tiles_of_an_upscaler_without_a_border_join_exactly(size: tuple[int, int]) -> None:
    seen = picture(*size)
    assert torch.equal(tiled(nearest, 4, tile=20, overlap=4)(seen), nearest(seen))


class _Convolutions(nn.Module):
    """Receptive radius 3 LR pixels."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(*(nn.Conv2d(3, 3, 3, padding=1) for _ in range(3)))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.body(x)
        return y


@pytest.mark.parametrize(("overlap", "exact"), [(3, True), (1, False)])
def test_tiling_is_exact_with_an_overlap_of_the_receptive_radius(overlap: int, exact: bool) -> None:
    network = _Convolutions()

    def upscale(seen: Picture) -> Tensor:
        with torch.inference_mode():
            y: Tensor = network(seen.lr[None])[0]
        return y.repeat_interleave(4, 1).repeat_interleave(4, 2)

    seen = picture(50, 31)
    difference = (tiled(upscale, 4, tile=16, overlap=overlap)(seen) - upscale(seen)).abs().max()
    assert (float(difference) < 1e-6) is exact


@pytest.mark.parametrize("method", ["srresnet", "rrdb"])
def test_odd_sizes_come_out_at_scale_times_the_size(method: str) -> None:
    chosen = small_run(method).build()
    upscaler = with_options(prepare(chosen, chosen.network(), CPU), 4, Options(ensemble=True, tile=9, overlap=2))
    assert upscaler(picture(13, 7)).shape == (3, 52, 28)


def test_every_picture_is_given_the_kernel_of_its_name(tmp_path: Path) -> None:
    kernels, seen = {}, {}
    for number, name in enumerate(("a", "b")):
        write_png(tmp_path / "lr" / f"{name}.png", noise(number, 6, 8, 3))
        kernels[name] = np.random.default_rng(number).random((5, 5))
    (tmp_path / "kernels").mkdir()
    np.save(tmp_path / "kernels" / "a.npy", kernels["a"])

    def note(picture: Picture) -> Tensor:
        assert picture.kernel is not None
        seen[picture.name] = picture.kernel.numpy()
        return nearest(picture)

    with pytest.raises(BadInput, match=r"b\.npy: no such kernel"):
        upscale_folder(note, tmp_path / "lr", tmp_path / "sr", 4, kernels=tmp_path / "kernels")
    assert not seen
    scipy.io.savemat(tmp_path / "kernels" / "b_kernel_x4.mat", {"Kernel": kernels["b"]})
    upscale_folder(note, tmp_path / "lr", tmp_path / "sr", 4, kernels=tmp_path / "kernels")
    assert all(np.array_equal(seen[name], kernels[name]) for name in kernels)


def test_a_generator_that_draws_noise_makes_further_pictures_that_do_not_count_as_the_sets(tmp_path: Path) -> None:
    write_png(tmp_path / "lr" / "one.png", noise(1, 6, 7, 3))
    for variant, draws in (("default", 1), ("noise", 4)):
        method, out = small_run("downsampled_space", variant).build(), tmp_path / variant
        torch.manual_seed(0)
        upscaler = prepare(method, method.network(), CPU)
        upscale_sets(upscaler, [upscale.TestSet("set", tmp_path / "lr")], out, method, Stage({}, CPU, {}))
        pictures = [path.read_bytes() for path in sorted(out.rglob("*.png"))]
        assert len(pictures) == len(set(pictures)) == draws
        assert list(pictures_by_name(out / "set")) == ["one"]


def test_kernels_for_a_method_that_takes_none_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_png(tmp_path / "lr" / "a.png", noise(0, 6, 8, 3))
    for method in ("bicubic", "zssr"):
        line = ["upscale", "--method", method, "--lr", str(tmp_path / "lr"), "--out", str(tmp_path / "sr")]
        assert main([*line, "--kernels", str(tmp_path)]) == 2
        assert f"{method} takes no kernels" in capsys.readouterr().err
    assert not (tmp_path / "sr").exists()
