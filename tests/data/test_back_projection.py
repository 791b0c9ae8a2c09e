"""Back-projection: consistency with the LR, its fixed point, and its place beside tiles and self-ensemble."""

from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from pictures import noise, smooth
from torch import Tensor

from bench.__main__ import main
from bench.api import Picture
from bench.data.back_projection import back_project
from bench.data.images import read_image, to_tensor, to_uint8, write_png
from bench.data.resize import resize_tensor
from bench.errors import BadInput
from bench.metrics.fidelity import lr_psnr
from bench.stages.upscale import Options, with_options


def nearest(picture: Picture) -> Tensor:
    return picture.lr.repeat_interleave(4, 1).repeat_interleave(4, 2)


def down(sr: Tensor) -> Tensor:
    return resize_tensor(sr, Fraction(1, 4))


def residual(sr: Tensor, lr: Tensor) -> float:
    return float((down(sr) - lr).square().sum())


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_consistency_with_the_lr_rises_with_every_iteration(seed: int) -> None:
    hr = to_tensor(smooth(seed, 60, 44, 3))
    lr, sr = down(hr).clamp(0, 1), (hr + 0.1 * torch.randn(hr.shape, generator=torch.Generator().manual_seed(seed)))
    residuals = [residual(back_project(sr, lr, 4, iterations), lr) for iterations in range(12)]
    assert all(later < earlier for earlier, later in itertools.pairwise(residuals))
    assert residuals[-1] < residuals[0] / 100


def test_consistency_rises_where_clipping_bites() -> None:
    hr = to_tensor(np.where(noise(0, 12, 12, 1) > 127, 255, 0).astype(np.uint8).repeat(4, 0).repeat(4, 1).repeat(3, 2))
    lr = down(hr).clamp(0, 1)
    residuals = [residual(back_project(torch.rand(3, 48, 48), lr, 4, iterations), lr) for iterations in (0, 1, 5, 20)]
    assert residuals == sorted(residuals, reverse=True)
    made = back_project(torch.full_like(hr, 0.5), lr, 4, 20)
    assert float(made.min()) == 0 and float(made.max()) == 1


def test_the_score_of_the_8_bit_picture_rises() -> None:
    image = smooth(5, 64, 64, 3)
    lr = to_uint8(down(to_tensor(image)))
    scores = []
    for iterations in (0, 1, 20):
        sr = with_options(nearest, 4, Options(back_project=iterations))(Picture("x", to_tensor(lr)))
        scores.append(lr_psnr(to_uint8(sr), lr, 4))
    assert scores[0] < scores[1] < scores[2]


def test_a_picture_that_shrinks_to_the_lr_is_a_fixed_point() -> None:
    sr = to_tensor(smooth(1, 40, 52, 3)) * 0.8 + 0.1  # no value that shrinking could push out of [0, 1]
    assert torch.allclose(back_project(sr, down(sr), 4, 20), sr, atol=1e-5)


def test_one_iteration_adds_the_enlarged_difference() -> None:
    sr, lr = torch.full((3, 24, 20), 0.5), 0.4 + 0.2 * torch.rand(3, 6, 5)
    expected = sr + resize_tensor(lr, 4) - resize_tensor(down(sr), 4)
    assert torch.allclose(back_project(sr, lr, 4, 1), expected, atol=1e-6)


@pytest.mark.parametrize("options", [{"tile": 9, "overlap": 2}, {"ensemble": True}, {"tile": 9, "ensemble": True}])
def test_back_projection_comes_after_tiles_and_self_ensemble(options: dict[str, bool | int]) -> None:
    chosen = {"ensemble": bool(options.get("ensemble")), "tile": int(options.get("tile", 0)), "overlap": 2}
    seen = Picture("x", to_tensor(smooth(2, 13, 21, 3)))
    plain = with_options(nearest, 4, Options(**chosen))(seen)  # type: ignore[arg-type]
    made = with_options(nearest, 4, Options(**chosen, back_project=3))(seen)  # type: ignore[arg-type]
    assert torch.equal(made, back_project(plain, seen.lr, 4, 3))
    assert residual(made, seen.lr) < residual(plain, seen.lr)


def test_a_grey_picture_stays_grey_and_gets_closer_to_its_lr(tmp_path: Path) -> None:
    lr = smooth(3, 16, 12)
    write_png(tmp_path / "lr" / "g.png", lr)
    scores = []
    for iterations in ("0", "20"):
        words = ["upscale", "--method", "bicubic", "--lr", str(tmp_path / "lr"), "--out", str(tmp_path / iterations)]
        assert main([*words, "--device", "cpu", "--back-project", iterations]) == 0
        sr = read_image(tmp_path / iterations / "g.png")
        assert sr.shape == (64, 48)
        scores.append(lr_psnr(sr, lr, 4))
    assert scores[1] > scores[0]


def test_a_negative_number_of_iterations_is_refused() -> None:
    with pytest.raises(BadInput, match="use 0 or more"):
        with_options(nearest, 4, Options(back_project=-1))
