"""What the loss in the downsampled space cannot see, computed: free phases, free pixels, the null space."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor

from bench.data.datasets import find
from bench.data.degradations import degrade
from bench.data.images import crop_to_multiple, luma, read_image, to_tensor, to_uint8
from bench.data.resize import matrix, resize, resize_float, resize_tensor
from bench.metrics.fidelity import psnr
from methods.downsampled_space.losses import KERNELS, SpaceLoss, kernel_of, shrinking
from methods.downsampled_space.network import make_consistent

SCALES = (2, 3, 4)


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def phases(scale: int) -> Tensor:
    """(1, s, s): an offset for each phase, summing to 0."""
    offsets = draw(1, scale, scale)
    return offsets - offsets.mean()


@pytest.mark.parametrize("scale", SCALES)
def test_an_offset_for_each_phase_costs_nothing_inside_and_shows_in_the_phases_alone(scale: int) -> None:
    sr = draw(3, 8 * scale, 8 * scale)
    moved = sr + phases(scale).repeat(1, 8, 8)
    change = resize_tensor(moved, Fraction(1, scale)) - resize_tensor(sr, Fraction(1, scale))
    assert change[:, 2:-2, 2:-2].abs().max() < 1e-12
    assert change.abs().max() > 1e-3  # at the border MATLAB repeats pixels, and phases with them
    loss = SpaceLoss(shrinking("bicubic", scale), "l2", border=2, own_lr=False)
    lr = resize_tensor(sr, Fraction(1, scale))[None]
    assert float(loss(moved[None], lr, sr[None])) < 1e-12


@pytest.mark.parametrize("scale", SCALES)
def test_the_weights_of_each_phase_sum_to_one_over_the_scale(scale: int) -> None:
    row = matrix(16 * scale, 16, Fraction(1, scale))[8]
    assert [row[phase::scale].sum() for phase in range(scale)] == pytest.approx([1 / scale] * scale, abs=1e-12)


@pytest.mark.parametrize("scale", SCALES)
def test_the_null_space_has_as_many_dimensions_as_pixels_are_lost(scale: int) -> None:
    side = 6
    shrink = matrix(side * scale, side, Fraction(1, scale))
    rank = np.linalg.matrix_rank(np.kron(shrink, shrink))
    assert (side * scale) ** 2 - rank == (side * scale) ** 2 * (1 - 1 / scale**2)


@pytest.mark.parametrize("scale", SCALES)
def test_the_gradient_has_no_part_in_the_null_space(scale: int) -> None:
    side = 6
    sr, lr = draw(1, 3, side * scale, side * scale).float().requires_grad_(), draw(1, 3, side, side, seed=1).float()
    loss = SpaceLoss(shrinking("bicubic", scale), "l2", border=0, own_lr=False)(sr, lr, sr)
    (slope,) = torch.autograd.grad(loss, sr)
    shrink = matrix(side * scale, side, Fraction(1, scale))
    seen = torch.from_numpy(np.linalg.pinv(shrink) @ shrink)  # the projection on the row space
    slope = slope.double()
    assert torch.allclose(seen @ slope @ seen.T, slope, atol=1e-6 * float(slope.abs().max()))


def test_free_pixels_reach_the_lr_and_stay_below_bicubic() -> None:
    hr = crop_to_multiple(read_image(find("Embedded-test", 4)[0].hr), 4)[128:224, 128:224]
    truth = to_tensor(hr)[None]
    lr = resize_tensor(truth, Fraction(1, 4))
    sr = draw(1, 3, 96, 96).float().requires_grad_()
    adam = torch.optim.Adam([sr], lr=0.02)
    loss = SpaceLoss(shrinking("bicubic", 4), "l2", border=0, own_lr=False)
    for _ in range(600):
        adam.zero_grad()
        value = loss(sr, lr, truth)
        value.backward()  # type: ignore[no-untyped-call]
        adam.step()
    assert -10 * np.log10(float(value.detach())) > 60
    bicubic = resize(to_uint8(lr[0]), 4)
    assert psnr(luma(to_uint8(sr[0].detach())), luma(hr), 4) < psnr(luma(bicubic), luma(hr), 4) - 5


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", [name for name in KERNELS if name != "learned"])
def test_every_shrinking_keeps_a_constant_and_the_middle_of_a_ramp(name: str, scale: int) -> None:
    if name == "kernelgan" and scale != 4:
        return
    shrink, side = shrinking(name, scale), 12
    ramp = torch.arange(side * scale, dtype=torch.float32).expand(1, 3, side * scale, side * scale)
    found = shrink(ramp)[..., 4:-4, 4:-4]
    middles = torch.arange(side)[4:-4] * scale + (scale - 1) / 2
    tolerance = 0.5 if name == "nearest" else 0.02 if name == "kernelgan" else 1e-4
    assert (found - middles).abs().max() <= tolerance  # nearest: no pixel lies in the middle of an even block
    assert torch.allclose(shrink(torch.ones(1, 3, 48, 48))[..., 3:-3, 3:-3], torch.ones(()), atol=1e-5)


@pytest.mark.parametrize("scale", SCALES)
def test_the_bicubic_of_the_loss_is_the_one_that_made_the_lr_at_every_border(scale: int) -> None:
    hr = (255 * draw(10 * scale, 9 * scale, 3)).round().numpy()
    made = degrade(hr.astype(np.uint8), scale, "bicubic_float").lr
    shrunk = 255 * shrinking("bicubic", scale)(to_tensor(hr.astype(np.uint8))[None])[0].permute(1, 2, 0).numpy()
    assert np.abs(shrunk.clip(0, 255) - made).max() <= 0.5 + 1e-3
    assert np.abs(shrunk - resize_float(hr, Fraction(1, scale))).max() < 1e-3


def test_the_kernels_without_antialias_and_of_area_have_the_taps_of_the_sheet() -> None:
    sharp, area = (kernel_of(name, 4).sum(0) for name in ("no-antialias", "area"))
    assert sharp[sharp != 0] == pytest.approx([-0.09375, 0.59375, 0.59375, -0.09375])
    assert area[area != 0] == pytest.approx([0.25] * 4)


def test_a_consistent_picture_shrinks_to_its_lr_and_keeps_its_part_in_the_null_space() -> None:
    for scale in SCALES:
        sr, lr = draw(2, 3, 9 * scale, 7 * scale).float(), draw(2, 3, 9, 7, seed=1).float()
        found = make_consistent(sr, lr, scale)
        assert torch.allclose(resize_tensor(found, Fraction(1, scale)), lr, atol=1e-5)
        hidden = sr + phases(scale).float().repeat(1, 9, 7)
        between = make_consistent(hidden, lr, scale) - found
        inside = slice(4 * scale, -4 * scale) if scale < 3 else slice(3 * scale, -3 * scale)
        assert torch.allclose(between[..., inside, inside], (hidden - sr)[..., inside, inside], atol=5e-3)
        assert torch.allclose(make_consistent(found, lr, scale), found, atol=1e-5)


def test_wider_kernels_hold_the_phases_that_narrow_ones_leave_free() -> None:
    """By how much an offset of one phase alone, of mean 0 over the block, changes the LR."""
    spike = torch.full((4, 4), -1 / 15)
    spike[0, 0] = 1.0
    moved = spike.repeat(12, 12).expand(1, 3, 48, 48)
    change = {
        name: float(shrinking(name, 4)(moved)[..., 3:-3, 3:-3].abs().max()) for name in KERNELS if name != "learned"
    }
    assert max(change["bicubic"], change["area"]) < 1e-6 < change["gaussian"]
    assert all(a <= b for a, b in pairwise([change["bicubic"], change["gaussian"], change["no-antialias"]]))
