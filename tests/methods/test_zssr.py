"""ZSSR: its facts, its rule for the learning rate, the sons of its fathers, and what a known kernel buys."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from pictures import noise, smooth
from recorded import record
from torch import Tensor

from bench.api import Picture
from bench.data.back_projection import back_project
from bench.data.blur_kernels import (
    aligned_centre,
    apply_kernel,
    blur_down,
    centre_of_mass,
    covariance_of,
    disturbed_gaussian,
)
from bench.data.images import F64, to_tensor, to_uint8
from bench.data.resize import resize_float, resize_tensor
from bench.errors import BadInput
from bench.runtime.graph import RECORDERS
from bench.runtime.turns import finish
from methods import find_entry
from methods.common.blocks import count_parameters
from methods.common.optimise import tensor_adam
from methods.zssr import method as training
from methods.zssr.entry import ENTRY
from methods.zssr.fathers import Fathers, gradient_map
from methods.zssr.method import Zssr, ZssrNetwork, restore, stalls, step, train
from methods.zssr.shrink import mirror, shrinker, stage_kernel, stages

CPU = torch.device("cpu")
TINY: dict[str, Any] = {"scale": 2, "width": 8, "depth": 3, "iterations": 3, "crop": 16}


def gauss(scale: int, variances: tuple[float, float] = (1.0, 4.0), size: int = 11) -> F64:
    """An anisotropic kernel where bicubic alignment wants it."""
    return disturbed_gaussian(size, covariance_of(variances, 0.6), scale, np.ones((size, size)))


def picture(height: int = 30, width: int = 26, seed: int = 0, kernel: F64 | None = None) -> Picture:
    return Picture("x", to_tensor(smooth(seed, height, width, 3)), None if kernel is None else torch.from_numpy(kernel))


def network(width: int = 64, depth: int = 8, seed: int = 0) -> ZssrNetwork:
    return ZssrNetwork(width, depth, torch.Generator().manual_seed(seed))


def upscale(seen: Picture, **knobs: Any) -> Tensor:
    return Zssr(**{**TINY, **knobs}).upscaler(None)(seen)


def test_the_network_has_224640_parameters() -> None:
    assert count_parameters(network()) == 224_640


def test_weights_start_with_a_tenth_of_the_variance_of_their_fan_in() -> None:
    for weight in itertools.islice(network().weights, 1, 7):
        assert float(weight.detach().var()) == pytest.approx(0.1 / (9 * 64), rel=0.03)
        assert abs(float(weight.detach().mean())) < 1e-3


def test_the_untrained_network_is_almost_bicubic_enlargement() -> None:
    lr = picture().lr
    assert torch.allclose(restore(network(), lr, 2, "float32"), resize_tensor(lr, 2), atol=1e-4)


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("size", [11, 12, 17])
def test_a_son_is_what_the_degradation_makes_of_its_father(scale: int, size: int) -> None:
    kernel = np.random.default_rng(size).random((size, size + 2))
    kernel /= kernel.sum()
    father = noise(1, 24, 36, 3)
    son = shrinker(kernel, scale, CPU)(to_tensor(father))
    expected = blur_down(father.astype(np.float64) / 255, kernel, scale).transpose(2, 0, 1)
    assert np.abs(son.numpy() - expected).max() < 1e-6
    # the 8-bit degradation may round a value that ends in .5 the other way: one grey level, rarely
    rounded = to_uint8(son).astype(int) - apply_kernel(father, kernel, scale)
    assert np.abs(rounded).max() <= 1 and (rounded != 0).mean() < 1e-3


def test_a_kernel_wider_than_the_picture_is_mirrored_more_than_once() -> None:
    kernel, father = gauss(2, (9.0, 9.0), 33), noise(2, 6, 5, 3)
    expected = blur_down(father.astype(np.float64) / 255, kernel, 2).transpose(2, 0, 1)
    assert np.abs(shrinker(kernel, 2, CPU)(to_tensor(father)).numpy() - expected).max() < 5e-6
    assert mirror(torch.arange(3.0), 0, (4, 2)).tolist() == [2, 2, 1, 0, 0, 1, 2, 2, 1]


def test_a_son_without_a_kernel_is_matlabs_bicubic() -> None:
    father = smooth(3, 24, 20, 3)
    expected = resize_float(father / 255, Fraction(1, 2)).transpose(2, 0, 1)
    assert np.abs(shrinker(None, 2, CPU)(to_tensor(father)).numpy() - expected).max() < 1e-6


FALLING = [(50 * i, 1.0 - 0.1 * i) for i in range(5)]
FLAT = [(50 * i, 1.0 + 0.01 * (-1) ** i) for i in range(5)]


@pytest.mark.parametrize(("series", "stalled"), [(FALLING, False), (FLAT, True)])
def test_errors_that_stay_stall_and_errors_that_fall_do_not(series: list[tuple[int, float]], stalled: bool) -> None:
    assert stalls(series, 1.5) is stalled


def test_rising_errors_stall() -> None:
    assert stalls([(x, -y) for x, y in FALLING], 1.5)


def test_the_rule_compares_the_slope_with_its_standard_error() -> None:
    tests = [(50 * i, value) for i, value in enumerate(np.random.default_rng(0).random(5))]
    (slope, _), covariance = np.polyfit(*zip(*tests, strict=True), deg=1, cov=True)
    limit = np.sqrt(covariance[0, 0]) / abs(slope)
    if slope > 0:
        tests, slope = [(x, -y) for x, y in tests], -slope
    assert stalls(tests, limit * 0.99) and not stalls(tests, limit * 1.01)


def run_rule(monkeypatch: pytest.MonkeyPatch, error: Callable[[int], float]) -> tuple[int, list[float]]:
    """Train with made-up test errors and no steps: (iterations made, learning rate of each)."""
    rates: list[float] = []
    weights = network(4, 2)
    adam = tensor_adam(weights.parameters(), CPU, (0.9, 0.999))
    monkeypatch.setattr(training, "step", lambda _, adam, *__: rates.append(float(adam.param_groups[0]["lr"])))
    monkeypatch.setattr(training, "restoration_error", lambda *_: error(len(rates)))
    return finish(train(weights, adam, None, Zssr())), rates  # type: ignore[arg-type]


def test_a_flat_series_drops_the_rate_at_300_600_and_900_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    made, rates = run_rule(monkeypatch, lambda iteration: 1 + (iteration // 50 % 2) * 1e-3)
    assert made == len(rates) == 900
    drops = [i for i in range(1, made) if rates[i] != rates[i - 1]]
    assert drops == [300, 600]
    assert rates[0] == 1e-3 and rates[-1] == pytest.approx(1e-5)


def test_a_falling_series_trains_to_the_last_iteration(monkeypatch: pytest.MonkeyPatch) -> None:
    made, rates = run_rule(monkeypatch, lambda iteration: 1 / iteration)
    assert made == 3000 and set(rates) == {1e-3}


@pytest.mark.parametrize("kernel", [None, gauss(2)], ids=["bicubic", "given"])
def test_back_projection_lowers_the_error_on_the_lr(kernel: F64 | None) -> None:
    shrink = shrinker(kernel, 2, CPU)
    hr = to_tensor(smooth(0, 40, 44, 3))
    sr = (hr + 0.05 * torch.randn(hr.shape, generator=torch.Generator().manual_seed(0))).clamp(0, 1)
    errors = [
        float((shrink(back_project(sr, shrink(hr), 2, times, shrink)) - shrink(hr)).square().sum())
        for times in range(6)
    ]
    assert all(later < earlier for earlier, later in itertools.pairwise(errors))


@pytest.mark.parametrize("variances", [(0.6, 5.0), (2.0, 3.0), (4.0, 4.5)])
def test_the_kernel_of_the_earlier_stage_applied_twice_has_the_covariance_of_the_given_one(
    variances: tuple[float, float],
) -> None:
    single = gauss(2, variances, 21)
    twice = np.zeros((61, 61))
    for u, v in np.ndindex(21, 21):  # k2 correlated with k2 dilated by 2
        twice[2 * u : 2 * u + 21, 2 * v : 2 * v + 21] += single[u, v] * single
    found = stage_kernel(twice, 4, 2)
    assert found is not None and found.sum() == pytest.approx(1)
    assert centre_of_mass(found) == pytest.approx((aligned_centre(found.shape[0], 2),) * 2, abs=1e-6)
    middle = found.shape[0] // 2
    assert np.abs(found[middle - 10 : middle + 11, middle - 10 : middle + 11] - single).max() < 2e-3


def test_stages_double_up_to_a_power_of_two() -> None:
    assert [stages(scale, True) for scale in (2, 3, 4, 8)] == [(2,), (3,), (2, 4), (2, 4, 8)]
    assert stages(4, False) == (4,)


def blurred(kernel: F64) -> tuple[Tensor, Picture]:
    """An HR picture with fine structure, and the LR picture that a kernel makes of it."""
    hr = to_tensor(np.kron(noise(4, 16, 16, 3), np.ones((5, 5, 1), dtype=np.uint8)))
    lr = to_tensor(to_uint8(shrinker(kernel, 2, CPU)(hr)))
    return hr, Picture("blocks", lr, torch.from_numpy(kernel))


def test_training_alone_restores_more_with_the_true_kernel_than_with_bicubic() -> None:
    hr, seen = blurred(gauss(2, (2.0, 2.0)))
    knobs = {"width": 16, "depth": 4, "iterations": 200, "crop": 64, "learning_rate": 4e-3, "back_projection": 0}
    given, bicubic = (upscale(seen, kernel=kernel, **knobs) for kernel in ("given", "bicubic"))
    errors = [float((sr - hr).square().mean()) for sr in (given, bicubic, resize_tensor(seen.lr, 2))]
    assert errors[0] < 0.9 * errors[1] and errors[0] < 0.85 * errors[2]


def test_the_same_seed_gives_the_same_picture_and_another_seed_or_name_another() -> None:
    seen = picture()
    once = upscale(seen, iterations=4)
    assert torch.equal(once, upscale(seen, iterations=4))
    assert not torch.equal(once, upscale(Picture("x", seen.lr, None, 1), iterations=4))
    assert not torch.equal(once, upscale(Picture("y", seen.lr), iterations=4))


def test_training_leaves_the_global_random_numbers_alone() -> None:
    torch.manual_seed(7)
    before = torch.get_rng_state()
    state = np.random.get_state()[1].copy()
    upscale(picture(), son_noise=0.0125, augment=(0.0, 0.0, 1.0), iterations=2)
    assert torch.equal(before, torch.get_rng_state())
    assert np.array_equal(state, np.random.get_state()[1])


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("size", [(4, 5), (7, 40), (33, 19)])
def test_pictures_smaller_than_the_crop_and_of_odd_size_are_enlarged(scale: int, size: tuple[int, int]) -> None:
    kernel = gauss(scale, (2.0, 2.0), 13)
    for chosen in ("given", "bicubic"):
        sr = upscale(picture(*size, kernel=kernel), scale=scale, kernel=chosen, iterations=2, crop=128)
        assert sr.shape == (3, scale * size[0], scale * size[1])
        assert bool(torch.isfinite(sr).all()) and float(sr.min()) >= 0 and float(sr.max()) <= 1


def test_a_grey_picture_is_enlarged() -> None:
    seen = Picture("grey", to_tensor(smooth(1, 20, 24)))
    assert to_uint8(upscale(seen), grey=True).shape == (40, 48)


def test_bf16_gives_nearly_the_picture_of_float32() -> None:
    seen = picture()
    one, other = (upscale(seen, precision=precision, iterations=5) for precision in ("float32", "bf16"))
    assert not torch.equal(one, other)
    assert float((one - other).abs().max()) < 0.02


def test_every_variant_upscales_and_differs_from_the_default() -> None:
    seen = picture(24, 22, kernel=gauss(4, (3.0, 5.0), 21))
    made = {}
    for name, knobs in ENTRY.variants.items():
        made[name] = ENTRY.build(4, {**TINY, "scale": 4, **knobs}).upscaler(None)(seen)
        assert made[name].shape == (3, 96, 88)
        assert name == "default" or not torch.equal(made[name], made["default"])
    assert torch.equal(made["estimated"], made["true"])


def test_gradual_training_takes_its_steps_at_every_scale(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def counted(*words: Any) -> Tensor:
        seen.append(words[2].scale)
        return step(*words)

    monkeypatch.setattr(training, "step", counted)
    upscale(picture(), scale=4, iterations=3)
    assert seen == [2, 2, 2, 4, 4, 4]


def test_son_noise_changes_what_is_learnt() -> None:
    assert not torch.equal(upscale(picture()), upscale(picture(), son_noise=0.05))


@pytest.mark.parametrize("changed", [{}, {"augment": (0.2, 0.4, 0.4), "son_noise": 0.05}], ids=str)
def test_a_recorded_step_gives_the_bytes_of_one_as_it_comes(
    changed: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = upscale(picture(), iterations=12, **changed)
    monkeypatch.setitem(RECORDERS, "cpu", record)
    assert torch.equal(upscale(picture(), iterations=12, **changed), expected)
    assert "no CUDA graph" not in capsys.readouterr().err


def fathers(augment: tuple[float, float, float], seed: int = 0) -> tuple[Fathers, Tensor]:
    lr = picture(40, 36).lr
    whole = torch.cat([lr, gradient_map(lr)])
    return Fathers(whole, (16, 12), augment, np.random.default_rng(seed)), whole


def test_a_plain_father_is_a_crop_with_its_own_part_of_the_loss_map() -> None:
    source, whole = fathers((1.0, 0.0, 0.0))
    crops = whole.unfold(1, 16, 1).unfold(2, 12, 1)  # (4, 25, 25, 16, 12)
    corners = set()
    for _ in range(40):
        equal = (crops == source.draw()[:, None, None]).all(-1).all(-1).all(0)
        assert int(equal.sum()) == 1
        corners.add(tuple(equal.nonzero()[0].tolist()))
    assert len(corners) > 30


def test_a_turned_father_holds_the_pixels_of_a_crop() -> None:
    source, whole = fathers((0.0, 1.0, 0.0))
    shapes = {tuple(source.draw().shape) for _ in range(30)}
    assert shapes == {(4, 16, 12), (4, 12, 16)}
    sums = whole.unfold(1, 16, 1).unfold(2, 12, 1).sum((-1, -2))[0]
    assert float((sums - source.draw()[0].sum()).abs().min()) < 1e-3


def test_an_affine_father_of_a_plane_is_a_plane() -> None:
    rows, columns = torch.meshgrid(torch.arange(200.0), torch.arange(180.0), indexing="ij")
    plane = torch.stack([rows / 400 + 0.2, columns / 400 + 0.2, (rows + columns) / 800 + 0.2, rows * 0 + 1])
    source = Fathers(plane, (16, 12), (0.0, 0.0, 1.0), np.random.default_rng(3))
    for _ in range(10):
        father = source.draw()[:3, 2:-2, 2:-2]
        if float(father.min()) < 0.25:
            continue  # near the mirrored border
        assert float(father.diff(n=2, dim=1).abs().max()) < 2e-3
        assert float(father.diff(n=2, dim=2).abs().max()) < 2e-3
        area = torch.linalg.det(torch.stack([father[:2].diff(dim=d).mean((1, 2)) * 400 for d in (1, 2)])).abs()
        assert 1 - 1e-3 <= float(area) <= 4 + 1e-3  # full to half size


def test_the_gradient_map_has_mean_one_and_sees_edges() -> None:
    lr = torch.zeros(3, 20, 30)
    lr[:, :, 15:] = 1
    weight = gradient_map(lr)
    assert weight.shape == (1, 20, 30) and float(weight.mean()) == pytest.approx(1)
    assert float(weight[0, 10, 15]) > 3 and float(weight[0, 10, 3]) == 0
    assert torch.equal(gradient_map(torch.full((3, 5, 1), 0.5)), torch.ones(1, 5, 1))


def test_a_missing_kernel_is_refused_by_the_pictures_name() -> None:
    with pytest.raises(BadInput, match=r"^x: no blur kernel"):
        upscale(picture(), kernel="given")


def test_a_kernel_that_does_not_sum_to_1_is_refused_by_the_pictures_name() -> None:
    with pytest.raises(BadInput, match=r"^x: sums to 2"):
        upscale(picture(kernel=2 * gauss(2)), kernel="given")


def test_a_picture_smaller_than_the_scale_is_refused() -> None:
    with pytest.raises(BadInput, match="9x3 pixels cannot be shrunk by 4"):
        upscale(picture(3, 9), scale=4)


@pytest.mark.parametrize(
    ("knobs", "word"),
    [
        ({"kernel": "givven"}, "did you mean 'given'"),
        ({"loss_map": "edges"}, "unknown loss_map"),
        ({"precision": "bf61"}, "did you mean 'bf16'"),
        ({"augment": (0.5, 0.2, 0.2)}, "sum to 1"),
        ({"window": 100}, "too few tests"),
        ({"crop": 1}, "at least the scale"),
    ],
)
def test_a_knob_that_makes_no_sense_is_refused(knobs: dict[str, Any], word: str) -> None:
    with pytest.raises(BadInput, match=word):
        ENTRY.build(2, knobs)


def test_what_is_trained_at_test_time_is_counted_over_every_stage() -> None:
    assert Zssr(scale=2, iterations=120).at_test == (224_640, 120)
    assert Zssr(scale=4, iterations=120).at_test == (224_640, 240)
    parameters, iterations = find_entry("kernelgan").build(2, {}).at_test
    assert iterations == 3200 and parameters > 4 * 150_000
