"""The resize against MATLAB's values, the published test sets, Pillow, and itself as a torch map."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from pictures import noise, real, smooth
from PIL import Image

from bench.data.images import F64, read_image
from bench.data.resize import resize, resize_float, resize_tensor, weights
from bench.errors import BadInput

HALF = Fraction(1, 2)
MATLAB_HALF = [-0.01171875, -0.03515625, 0.11328125, 0.43359375]  # imresize(., 1/2), the first four of eight taps


def interior(values: F64, margin: int) -> F64:
    return values[margin:-margin, margin:-margin]


def test_the_taps_of_halving_are_matlabs() -> None:
    impulse = np.zeros((32, 1))
    impulse[16] = 1.0
    response = resize_float(impulse, HALF)[:, 0]
    index, taps = weights(32, 16, HALF)
    assert taps[8] == pytest.approx(MATLAB_HALF + MATLAB_HALF[::-1], abs=1e-12)
    assert index[8].tolist() == list(range(13, 21))
    assert response[response != 0] == pytest.approx(MATLAB_HALF[::2] + MATLAB_HALF[::-1][::2], abs=1e-12)


def test_the_taps_of_doubling_are_matlabs() -> None:
    index, taps = weights(16, 32, Fraction(2))
    assert taps[10] == pytest.approx([-0.0234375, 0.2265625, 0.8671875, -0.0703125], abs=1e-12)
    assert index[10].tolist() == [3, 4, 5, 6]


@pytest.mark.parametrize("scale", [Fraction(1, 4), Fraction(1, 3), HALF, Fraction(2), Fraction(3), Fraction(3, 2)])
@pytest.mark.parametrize("kernel", ["bicubic", "bilinear", "nearest"])
def test_weights_sum_to_one_and_a_flat_picture_stays_flat(scale: Fraction, kernel: str) -> None:
    _, taps = weights(24, math.ceil(24 * scale), scale, kernel)
    assert taps.sum(axis=1) == pytest.approx(1.0)
    assert np.unique(resize(np.full((24, 24, 3), 77, np.uint8), scale, kernel)).tolist() == [77]


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("kernel", ["bicubic", "bilinear"])
def test_an_lr_pixel_stands_for_the_middle_of_its_block(scale: int, kernel: str) -> None:
    ramp = np.repeat(np.arange(60.0)[:, None], 60, axis=1)
    small = resize_float(ramp, Fraction(1, scale), kernel)
    expected = np.arange(60 // scale) * scale + (scale - 1) / 2
    assert small[3:-3, 5] == pytest.approx(expected[3:-3])


@pytest.mark.parametrize("scale", [Fraction(1, 4), Fraction(1, 3), HALF, Fraction(2), Fraction(4)])
@pytest.mark.parametrize("kernel", ["bicubic", "bilinear"])
def test_the_interior_equals_pillows_float_resize(scale: Fraction, kernel: str) -> None:
    picture = noise(0, 72, 96).astype(np.float32)
    size = (math.ceil(96 * scale), math.ceil(72 * scale))
    pillow = Image.fromarray(picture).resize(size, Image.Resampling[kernel.upper()])
    ours = resize_float(picture.astype(np.float64), scale, kernel)
    margin = 3 * max(1, int(scale))
    assert np.abs(interior(ours - np.array(pillow, dtype=np.float64), margin)).max() < 1e-3


@pytest.mark.parametrize("scale", [Fraction(1, 4), Fraction(1, 3), HALF, Fraction(2), Fraction(3)])
@pytest.mark.parametrize("border", ["replicate", "symmetric"])
def test_the_torch_form_is_the_same_map(scale: Fraction, border: str) -> None:
    picture = noise(1, 25, 31, 3).astype(np.float64)
    flat = torch.from_numpy(picture.transpose(2, 0, 1).copy())
    ours = resize_tensor(flat, scale, border=border).numpy().transpose(1, 2, 0)  # type: ignore[arg-type]
    assert np.abs(ours - resize_float(picture, scale, border=border)).max() < 1e-10  # type: ignore[arg-type]


def test_the_torch_form_passes_gradients() -> None:
    x = torch.rand(1, 3, 12, 12, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(resize_tensor(x, HALF).sum(), x)
    assert float(gradient.sum()) == pytest.approx(3 * 36)


@pytest.mark.parametrize("scale", [2, 4])
@pytest.mark.parametrize(("kernel", "mode"), [("bicubic-torch", "bicubic"), ("bilinear", "bilinear")])
def test_pytorchs_enlargement_as_matrix_products_is_pytorchs_and_its_gradient(
    scale: int, kernel: str, mode: str
) -> None:
    image, gradient = torch.rand(2, 3, 9, 7, dtype=torch.float64), torch.rand(2, 3, 9 * scale, 7 * scale).double()
    found = []
    for enlarge in (
        lambda x: resize_tensor(x, scale, kernel),
        lambda x: torch.nn.functional.interpolate(x, scale_factor=float(scale), mode=mode),
    ):
        x = image.clone().requires_grad_()
        y = enlarge(x)
        y.backward(gradient)
        found.append((y.detach(), x.grad))
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6)


def test_rounding_after_each_pass_and_once_differ_by_at_most_a_few_levels() -> None:
    picture = smooth(2, 64, 64, 3)
    each, once = resize(picture, HALF), resize(picture, HALF, rounding="once")
    difference = np.abs(each.astype(int) - once)
    assert 0 < (difference > 0).mean() < 0.3
    assert difference.max() <= 1


def test_borders_differ_at_the_border_only() -> None:
    picture = noise(3, 64, 64)
    differ = resize(picture, HALF) != resize(picture, HALF, border="symmetric")
    assert differ.any()
    assert not differ[2:-2, 2:-2].any()


def test_sizes_are_rounded_up_as_imresize_does() -> None:
    assert resize(noise(4, 11, 10), Fraction(1, 3)).shape == (4, 4)


def test_nearest_takes_pixels_of_the_picture() -> None:
    picture = np.arange(64, dtype=np.uint8).reshape(8, 8)
    assert resize(picture, Fraction(1, 4), "nearest").tolist() == [[18, 22], [50, 54]]


def test_an_unknown_kernel_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(BadInput, match="bicubic"):
        resize(noise(5, 8, 8), HALF, "bicubik")


@pytest.mark.parametrize(
    ("name", "scale"),
    [("Set5", 2), ("Set5", 3), ("Set5", 4), ("Set14", 2), ("Set14", 3), ("Set14", 4), ("BSD100", 2), ("BSD100", 4)],
)
def test_every_shipped_lr_is_reproduced_to_the_last_bit(name: str, scale: int) -> None:
    folder = real(name) / f"image_SRF_{scale}"
    files = sorted(folder.glob("*_HR.png"))
    assert files
    for path in files:
        lr = read_image(path.with_name(path.name.replace("_HR.", "_LR.")))
        assert np.array_equal(resize(read_image(path), Fraction(1, scale)), lr), path.name
