"""KernelGAN: sizes and identities of its paper and release, the batched form against the plain one, its kernels."""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import plain_kernelgan
import pytest
import torch
from pictures import smooth
from recorded import record
from scipy.ndimage import correlate
from scipy.stats import multivariate_normal

from bench.api import Knobs, Picture
from bench.data.blur_kernels import aligned_centre, centre_of_mass
from bench.data.images import F64, to_tensor
from bench.errors import BadInput
from bench.runtime import turns
from bench.runtime.graph import RECORDERS
from methods.kernelgan import losses, network
from methods.kernelgan.entry import ENTRY, KernelGan
from methods.kernelgan.estimate import Batch, alive, prepare, train
from methods.kernelgan.kernel import centred, cut_tails, finish, grown
from methods.kernelgan.knobs import PRESETS
from methods.kernelgan.sampling import AHEAD, Subject, crop_probabilities, strong_gradients

SHORT = KernelGan(  # as the plain form has it
    iterations=10, averaged=1, estimates=1, side_by_side=4, gan_loss="l1", discriminator_sizes=(7,)
)


def picture(name: str = "blobs", seed: int = 3, height: int = 150, width: int = 152) -> Picture:
    return Picture(name, to_tensor(smooth(seed, height, width, 3)), None, 1)


def quiet(_: int) -> None:
    """No progress."""


def kernel_of(knobs: KernelGan, *pictures: Picture) -> list[F64]:
    return [found.kernel.numpy() for found in knobs.estimator()(pictures, quiet)]


def doubled(subject: Subject) -> Subject:
    """The same picture in float64."""
    lists = {name: [t.double() for t in getattr(subject, name)] for name in ("filters", "discriminator")}
    return dataclasses.replace(subject, image=subject.image.double(), **lists)


def blob(size: int = 13, centre: tuple[float, float] = (6.2, 6.9)) -> F64:
    """A Gaussian kernel that is not quite centred."""
    grid = np.stack(np.indices((size, size)), -1)
    values: F64 = multivariate_normal(centre, [[2.0, 0.6], [0.6, 1.2]]).pdf(grid)
    return values / values.sum()


def test_the_networks_have_the_released_numbers_of_parameters() -> None:
    subject = prepare(SHORT, picture())
    assert sum(weight.numel() for weight in subject.filters) == 150_656
    assert sum(weight.numel() for weight in subject.discriminator[:8]) == 30_977
    assert (SHORT.support, SHORT.fake_side) == (13, 26)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float64, 1e-12)])
def test_the_generator_is_cross_correlation_with_its_kernel(dtype: torch.dtype, tolerance: float) -> None:
    filters = [weight.to(dtype)[None] * 3 for weight in prepare(SHORT, picture()).filters]
    crop = torch.rand(1, 3, 64, 64, dtype=dtype, generator=torch.Generator().manual_seed(0))
    layers = plain_kernelgan.Generator([weight[0] for weight in filters])
    kernel = network.equivalent_kernel(filters)
    assert (kernel[0] - layers.kernel()).abs().max() < tolerance
    shrunk = network.downscale(network.row_strips(crop, 13, 2), kernel, 2)
    assert (shrunk - layers(crop)).abs().max() < tolerance
    by_scipy = np.stack([correlate(colour, kernel[0].numpy())[6:-6:2, 6:-6:2] for colour in crop[0].numpy()])
    assert np.abs(shrunk[0].numpy() - by_scipy).max() < tolerance


def test_the_generator_with_relu_is_the_layers_with_relu_between() -> None:
    filters = [weight.double() for weight in prepare(SHORT, picture()).filters]
    crops = torch.rand(2, 3, 64, 64, dtype=torch.float64)
    together = network.through_layers(crops, [torch.stack([weight, -weight]) for weight in filters], 2)
    for index, sign in enumerate((1, -1)):
        x = crops[index].unsqueeze(1)
        for weight in filters[:-1]:
            x = torch.conv2d(x, sign * weight).relu()
        x = torch.conv2d(x, sign * filters[-1], stride=2)
        assert (together[index] - x.squeeze(1)).abs().max() < 1e-12


def test_losses_and_gradients_are_those_of_the_plain_form() -> None:
    subjects = [doubled(prepare(SHORT, picture(name, seed))) for name, seed in (("a", 1), ("b", 2))]
    batch = Batch(SHORT, subjects)
    plain = [plain_kernelgan.Plain(subject, torch.float64) for subject in subjects]
    batch.schedule.constrained = [False, True]
    plain[1].constrained = True
    batch.take_schedule()
    batch.crops.begin(0)
    crops, real = batch.crops.inputs(), batch.crops.real()
    strips = network.row_strips(crops, 13, 2)
    loss, _ = batch.generator_loss(crops, strips)
    loss.sum().backward()
    for index, one in enumerate(plain):
        expected = one.generator_loss(crops[index : index + 1])
        expected.backward()
        assert abs(float(loss[index] - expected)) < 1e-10
        for ours, theirs in zip(batch.filters, one.generator.parameters(), strict=True):
            assert (ours.grad[index] - theirs.grad).abs().max() < 1e-10 * (1 + theirs.grad.abs().max())
    loss = batch.discriminator_loss(crops, strips, real)
    loss.sum().backward()
    for index, one in enumerate(plain):
        one.discriminator.zero_grad()
        noise = batch.crops.normal(1)[index] / 255
        expected = one.discriminator_loss(crops[index : index + 1], real[index : index + 1], noise)
        expected.backward()
        assert abs(float(loss[index] - expected)) < 1e-10
        check_discriminator(batch.discriminator, one.discriminator, index)


def check_discriminator(ours: network.Discriminator, plain: torch.nn.Sequential, index: int) -> None:
    """Gradients of every parameter that has an effect; those of biases in front of a batch normalisation vanish."""
    for weight, layer in ((ours.first, plain[0]), (ours.last, plain[16])):
        theirs = layer.weight_orig.grad.flatten(1)
        assert (weight.grad[index] - theirs).abs().max() < 1e-10
    assert (ours.last_bias.grad[index].flatten() - plain[16].bias.grad).abs().max() < 1e-10
    for number in range(5):
        layer, norm = plain[1 + 3 * number], plain[2 + 3 * number]
        assert (ours.middle.grad[index, number] - layer.weight_orig.grad[:, :, 0, 0]).abs().max() < 1e-10
        assert (ours.gain.grad[index, number, :, 0] - norm.weight.grad).abs().max() < 1e-10
        assert (ours.offset.grad[index, number, :, 0] - norm.bias.grad).abs().max() < 1e-10
        assert layer.bias.grad.abs().max() < 1e-12
    assert ours.first_bias.grad is None and ours.middle_bias.grad is None


def test_the_fused_normalisation_has_the_gradient_of_its_parts() -> None:
    random = torch.Generator().manual_seed(0)
    x, gain, offset = (
        torch.randn(*shape, dtype=torch.float64, generator=random, requires_grad=True)
        for shape in ((2, 3, 20), (2, 3, 1), (2, 3, 1))
    )
    assert torch.autograd.gradcheck(network.NormRelu.apply, (x, gain, offset))


def test_the_bicubic_target_has_the_taps_of_matlab_and_lies_over_the_output() -> None:
    taps = np.array([*plain_kernelgan.TAPS, *reversed(plain_kernelgan.TAPS)])
    assert np.abs(losses.bicubic_taps(2) - taps).max() < 1e-12
    matrix = losses.bicubic_matrix(SHORT).numpy()
    ramp = np.arange(64.0)
    assert np.abs(matrix @ ramp - (2 * np.arange(26) + aligned_centre(13, 2))).max() < 1e-9
    colours = torch.rand(1, 3, 64, 64, dtype=torch.float64)
    grouped, released = (losses.bicubic_target(colours, torch.from_numpy(matrix), k) for k in ("grouped", "released"))
    assert torch.allclose(released, grouped.sum(1, keepdim=True).expand(-1, 3, -1, -1))


def test_the_boundary_mask_is_a_ring_from_2_14_to_5_76() -> None:
    mask = losses.boundary_mask(13, 2)
    ring = mask[mask > 0]
    assert (round(ring.min(), 2), round(ring.max(), 2)) == (2.14, 5.76)
    assert (mask[2:-2, 2:-2] == 0).all() and len(ring) == 169 - 81
    assert losses.boundary_mask(13, 0)[6, 5] > 0


def test_constraints_have_the_values_of_their_formulas() -> None:
    kernel = torch.zeros(1, 13, 13, dtype=torch.float64)
    kernel[0, 6, 7], kernel[0, 7, 7] = 0.5, 0.75
    assert float(losses.sum_loss(kernel)) == pytest.approx(0.25)
    offset = (0.5 * 6 + 0.75 * 7) / 1.25 - 6.5, 0.5
    assert float(losses.centre_loss(kernel, 2, "mse")) == pytest.approx((offset[0] ** 2 + 0.25) / 2)
    assert float(losses.centre_loss(kernel, 2, "norm")) == pytest.approx(np.hypot(*offset))
    assert float(losses.sparse_loss(kernel, 0.5, "sum")) == pytest.approx(0.5**0.5 + 0.75**0.5, abs=1e-9)


@pytest.mark.parametrize(("kind", "values"), [("l1", (0.25, 0.75)), ("l2", (0.0625, 0.5625))])
def test_adversarial_losses_have_the_values_of_their_formulas(kind: str, values: tuple[float, float]) -> None:
    logits = torch.full((1, 1, 4), float(np.log(3.0)))
    assert float(losses.gan_loss(logits, True, kind)) == pytest.approx(values[0])
    assert float(losses.gan_loss(logits, False, kind)) == pytest.approx(values[1])
    assert float(losses.gan_loss(logits, True, "bce")) == pytest.approx(-np.log(0.75))


def test_the_schedule_is_the_released_one() -> None:
    schedule = losses.Schedule(KernelGan(decays=True), 2)
    seen = {}
    for iteration in range(3000):
        schedule.take_in(torch.tensor([0.1, 9.0]))
        schedule.after(iteration)
        seen[iteration] = (schedule.bicubic[0], schedule.constrained[0])
    assert seen[199] == (5.0, False) and seen[200] == (0.05, False)
    assert seen[400] == (pytest.approx(5e-4), True) and seen[2999] == (pytest.approx(5e-6), True)
    assert schedule.bicubic[1] == 5.0 and not schedule.constrained[1]
    rates = [schedule.learning_rate(iteration) for iteration in (750, 751, 1500, 1501, 2999)]
    assert rates == pytest.approx([2e-4, 2e-5, 2e-5, 2e-6, 2e-7])


@pytest.mark.parametrize(("kind", "weight"), [("always", 5.0), ("none", 0.0)])
def test_a_fixed_schedule_keeps_its_weight_and_switches_on_in_time(kind: str, weight: float) -> None:
    schedule = losses.Schedule(KernelGan(schedule_length=300, bicubic_schedule=kind), 1)
    for iteration in range(41):
        schedule.take_in(torch.tensor([9.0]))
        schedule.after(iteration)
        assert schedule.constrained == [iteration >= 40] and schedule.bicubic == [weight]


def test_tails_are_subtracted_not_masked() -> None:
    kernel = np.arange(169.0).reshape(13, 13) / 169
    cut = cut_tails(kernel, 40, 0.75)
    threshold = 0.75 * np.sort(kernel.ravel())[-41]
    assert np.abs(cut - np.clip(kernel - threshold, 0, None) / np.clip(kernel - threshold, 0, None).sum()).max() < 1e-12
    assert cut.sum() == pytest.approx(1) and cut.min() == 0


def test_a_centred_kernel_is_17_wide_with_its_mass_where_bicubic_has_it() -> None:
    kernel = centred(blob(), 2)
    assert kernel.shape == (17, 17)
    assert np.abs(np.array(centre_of_mass(kernel)) - aligned_centre(17, 2)).max() < 0.01


@pytest.mark.parametrize(("size", "grown_size"), [(13, 25), (17, 33)])
def test_the_x4_kernel_shrinks_as_shrinking_twice_does(size: int, grown_size: int) -> None:
    kernel = blob(size, (size // 2 + 0.5,) * 2)
    x4 = grown(kernel)
    assert x4.shape == (grown_size, grown_size) and x4.sum() == pytest.approx(1)
    assert np.abs(np.array(centre_of_mass(x4)) - aligned_centre(grown_size, 4)).max() < 0.01
    hr = smooth(1, 200, 200).astype(np.float64)
    twice = correlate(correlate(hr, kernel)[::2, ::2], kernel)[::2, ::2]
    assert np.abs(correlate(hr, x4)[::4, ::4] - twice)[10:-10, 10:-10].max() < 0.05


@pytest.mark.parametrize("scale", [2, 4])
def test_a_finished_kernel_sums_to_one_and_is_aligned(scale: int) -> None:
    noisy = blob() + 0.002 * np.random.default_rng(0).standard_normal((13, 13))
    kernel = finish("k", noisy, KernelGan(scale=scale))
    assert kernel.dtype == np.float64 and kernel.sum() == pytest.approx(1, abs=1e-12)
    assert kernel.shape[0] == {2: 17, 4: 33}[scale]
    assert np.abs(np.array(centre_of_mass(kernel)) - aligned_centre(len(kernel), scale)).max() < 0.02


def test_crops_are_drawn_where_gradients_are_strong() -> None:
    grey = np.zeros((120, 120))
    grey[:, 70:] = 1
    chance = crop_probabilities(strong_gradients(grey), 26)
    assert chance.sum() == pytest.approx(1)
    assert chance[:, 64:76].sum() > 0.5 and chance[:13].sum() == 0
    assert np.ptp(crop_probabilities(np.zeros((40, 40)), 64)) == 0


def test_corners_are_even_and_crops_stay_inside() -> None:
    subject = prepare(KernelGan(iterations=500), picture())
    for corners, side in zip(subject.corners, (64, 26), strict=True):
        assert (corners % 2 == 0).all() and corners.min() >= 0
        assert (corners.max(0) + side <= np.array(subject.image.shape[1:])).all()


def test_noise_accumulates_in_the_picture_only_where_asked() -> None:
    for accumulate in (False, True):
        knobs = dataclasses.replace(SHORT, accumulate_noise=accumulate)
        crops = Batch(knobs, [prepare(knobs, picture())]).crops
        before = crops.pictures.clone()
        crops.begin(0)
        crops.real()
        assert torch.equal(crops.pictures, before) != accumulate


def test_noise_that_threads_draw_is_the_noise_that_is_drawn_when_it_is_due() -> None:
    plain, threaded = (Batch(SHORT, [prepare(SHORT, picture(name)) for name in "ab"]).crops for _ in range(2))
    threaded.threads = ThreadPoolExecutor(2)
    for iteration in range(3 * AHEAD):
        plain.begin(iteration)
        threaded.begin(iteration)
        assert torch.equal(plain.normal(1), threaded.normal(1))


@pytest.mark.parametrize("variant", list(ENTRY.variants))
def test_every_variant_gives_a_kernel_that_sums_to_one(variant: str) -> None:
    length = 3 if variant == "relu" else 10  # layer by layer, which takes its time
    length = 60 if ENTRY.variants[variant].get("n_filter") == 0 else length  # until the filters' sum is positive
    quick = {"iterations": length, "averaged": 1}
    knobs = ENTRY.build(4 if variant == "direct-x4" else 2, {**ENTRY.variants[variant], **quick})
    assert isinstance(knobs, KernelGan)
    (kernel,) = kernel_of(knobs, picture())
    assert kernel.dtype == np.float64 and kernel.shape[0] == kernel.shape[1]
    assert np.isfinite(kernel).all() and kernel.sum() == pytest.approx(1, abs=1e-9)


def test_presets_set_the_same_knobs() -> None:
    assert len({tuple(knobs) for knobs in PRESETS.values()}) == 1


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    first, again = (kernel_of(SHORT, picture())[0] for _ in range(2))
    assert first.tobytes() == again.tobytes()
    other = dataclasses.replace(picture(), seed=2)
    assert kernel_of(SHORT, other)[0].tobytes() != first.tobytes()


def test_a_kernel_does_not_depend_on_what_is_beside_it() -> None:
    pictures = [picture(name, seed) for name, seed in (("c", 1), ("a", 2), ("b", 3))]
    together = kernel_of(SHORT, *pictures)
    for one, kernel in zip(pictures, together, strict=True):
        assert kernel_of(SHORT, one)[0].tobytes() == kernel.tobytes()
    reversed_order = kernel_of(SHORT, *reversed(pictures))
    assert [k.tobytes() for k in reversed(reversed_order)] == [k.tobytes() for k in together]


@pytest.mark.parametrize("changed", [{}, {"accumulate_noise": True, "gan_loss": "l1"}, {"generator": "relu"}], ids=str)
def test_a_recorded_iteration_gives_the_bytes_of_one_as_it_comes(
    changed: Knobs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    length = 6 if changed.get("generator") else 24  # the centre and sparsity losses begin after the 20th
    knobs = KernelGan(
        iterations=length, averaged=3, estimates=1, schedule_length=150, bicubic_schedule="always", **changed
    )
    pictures = [picture(name, seed) for name, seed in (("a", 1), ("b", 2))]
    expected = kernel_of(knobs, *pictures)
    monkeypatch.setitem(RECORDERS, "cpu", record)
    for ours, kernel in zip(kernel_of(knobs, *pictures), expected, strict=True):
        assert ours.tobytes() == kernel.tobytes()
    assert "no CUDA graph" not in capsys.readouterr().err


def test_a_shorter_run_is_the_beginning_of_a_longer_one() -> None:
    short, long = (prepare(KernelGan(iterations=length), picture()) for length in (10, 3000))
    for one, other in zip(short.corners, long.corners, strict=True):
        assert np.array_equal(one, other)
    assert losses.Schedule(KernelGan(iterations=10), 1).period == losses.Schedule(KernelGan(), 1).period


def test_a_grey_picture_gives_a_kernel() -> None:
    grey = Picture("grey", to_tensor(smooth(0, 120, 120)), None, 0)
    assert kernel_of(SHORT, grey)[0].sum() == pytest.approx(1)


def test_progress_counts_every_iteration_of_every_picture() -> None:
    made: list[int] = []
    KernelGan(iterations=13, estimates=1, side_by_side=2).estimator()([picture(n, 1) for n in "abc"], made.append)
    assert sum(made) == 39


def test_progress_counts_the_iterations_of_every_generator() -> None:
    made: list[int] = []
    KernelGan(iterations=13, estimates=2).estimator()([picture(n, 1) for n in "ab"], made.append)
    assert sum(made) == 52


def raw_kernel(knobs: KernelGan, estimate: int = 0) -> F64:
    return turns.finish(train(knobs, [prepare(knobs, picture(), estimate)], quiet, 1))[0]


def test_a_pictures_kernel_is_the_mean_of_its_generators_kernels() -> None:
    knobs = KernelGan(iterations=60, averaged=1, learning_rate=3e-3)  # until both have a gain
    kernels = [finish("one", raw_kernel(knobs, estimate), knobs) for estimate in range(2)]
    assert not np.allclose(kernels[0], kernels[1])
    widest = max(len(kernel) for kernel in kernels)
    padded = [np.pad(kernel, (widest - len(kernel)) // 2) for kernel in kernels]
    [found] = kernel_of(dataclasses.replace(knobs, estimates=2), picture())
    assert np.array_equal(found, np.mean(padded, axis=0))
    assert found.sum() == pytest.approx(1, abs=1e-9)
    assert centre_of_mass(found) == pytest.approx((aligned_centre(widest, 2),) * 2, abs=0.02)


def test_a_generators_kernel_is_the_mean_over_its_last_iterations() -> None:
    knobs = KernelGan(iterations=10, averaged=1)
    last = [raw_kernel(dataclasses.replace(knobs, iterations=length)) for length in (8, 9, 10)]
    assert raw_kernel(dataclasses.replace(knobs, averaged=3)) == pytest.approx(np.mean(last, axis=0), abs=1e-12)
    assert np.array_equal(raw_kernel(dataclasses.replace(knobs, averaged=1)), last[-1])


def test_generators_whose_gain_fell_to_nothing_are_left_out() -> None:
    sound, faint, broken = np.full((3, 3), 0.1), np.full((3, 3), 0.01), np.full((3, 3), np.nan)
    assert [values.sum() for values in alive([sound, faint, broken, sound])] == [sound.sum()] * 2
    assert len(alive([faint])) == 1
    assert alive([broken]) == []
    assert len(alive([-sound, -faint, -sound])) == 3


SOUND, FAINT, BROKEN = np.full((13, 13), 1 / 169), np.full((13, 13), 1e-9), np.full((13, 13), np.nan)


@pytest.mark.parametrize(
    ("raw", "dead"),
    [
        ([SOUND], 0),
        ([FAINT], 1),
        ([BROKEN], 1),
        ([-SOUND], 1),
        ([SOUND] * 4, 0),
        ([SOUND, FAINT, BROKEN, SOUND], 2),
        ([FAINT, FAINT, SOUND, FAINT], 3),
        ([FAINT, BROKEN, -SOUND], 3),
    ],
)
def test_dead_generators_are_counted_and_where_all_are_there_is_no_kernel(
    raw: list[F64], dead: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = iter(raw * 2)

    def train(_: object, subjects: list[Subject], *__: object) -> turns.Steps[list[F64]]:
        return turns.one_step(lambda: [next(left) for _ in subjects])

    monkeypatch.setattr("methods.kernelgan.estimate.train", train)
    knobs = KernelGan(estimates=len(raw), iterations=200, side_by_side=8)
    for found in knobs.estimator()([picture("a"), picture("b")], quiet):
        assert (found.generators, found.dead) == (len(raw), dead)
        assert bool(found.kernel.isnan().all()) == (dead == len(raw)) != bool(found.kernel.isfinite().all())


def test_generators_of_a_picture_take_the_sizes_of_patches_in_turn() -> None:
    knobs = KernelGan(iterations=60, averaged=1, learning_rate=3e-3, discriminator_sizes=(7, 5))
    sides = [int((prepare(knobs, picture(), number).discriminator[0].shape[-1] / 3) ** 0.5) for number in range(4)]
    assert sides == [7, 5, 7, 5]
    both = kernel_of(dataclasses.replace(knobs, estimates=2), picture("b"), picture("a"))
    alone = kernel_of(dataclasses.replace(knobs, estimates=2, side_by_side=1), picture("b"), picture("a"))
    for first, second in zip(both, alone, strict=True):
        assert np.array_equal(first, second)
    only = kernel_of(dataclasses.replace(knobs, estimates=2, discriminator_sizes=(7,)), picture("b"))
    assert not np.allclose(np.pad(both[0], 20)[:30, :30], np.pad(only[0], 20)[:30, :30])


def test_without_decay_the_learning_rate_stays() -> None:
    schedule = losses.Schedule(KernelGan(decays=False), 1)
    assert {schedule.learning_rate(iteration) for iteration in (0, 751, 2999)} == {2e-4}


def test_a_picture_too_small_for_a_crop_is_named_with_the_least_size() -> None:
    with pytest.raises(BadInput, match=r"tiny: 80x83 is too small.*84x84"):
        kernel_of(SHORT, picture("tiny", height=83, width=80))
    assert kernel_of(SHORT, picture("least", height=84, width=85))[0].sum() == pytest.approx(1)


def test_a_constant_picture_is_refused_before_any_work() -> None:
    made: list[int] = []
    with pytest.raises(BadInput, match="flat: a constant picture carries no kernel"):
        SHORT.estimator()([picture(), Picture("flat", torch.full((3, 120, 120), 0.5))], made.append)
    assert not made


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"scale": 3}, "x3"),
        ({"generator": "deep"}, "unknown generator 'deep'"),
        ({"gan_loss": "l3"}, "gan_loss"),
        ({"iterations": 0}, "iterations"),
        ({"side_by_side": 0}, "side_by_side"),
        ({"noise": -0.1}, "noise"),
        ({"sparse_weight": float("nan")}, "sparse_weight"),
        ({"kernel_sizes": (7, 4)}, "odd"),
        ({"kernel_sizes": (3, 3)}, "5 wide"),
        ({"crop": 63}, "crop"),
        ({"discriminator_sizes": (40,)}, "crop"),
    ],
)
def test_values_that_nothing_can_start_from_are_refused(knobs: dict[str, object], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        KernelGan(**knobs)


def test_it_upscales_nothing_and_trains_no_network() -> None:
    assert KernelGan().network() is None
    with pytest.raises(BadInput, match="zssr"):
        KernelGan().upscaler(None)
