"""PSNR, SSIM, RMSE and consistency with the LR, against scikit-image, official values and known cases."""

from __future__ import annotations

import math
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from pictures import calibration_pair

from bench.data.images import U8, grey, luma, read_image, rounded_luma
from bench.data.resize import Rounding, resize
from bench.errors import BadInput
from bench.metrics import METRICS, Sample, match
from bench.metrics.fidelity import WINDOW, psnr, ssim, ssim_map
from bench.runtime.weights import WEIGHTS

KEYS = [
    *("psnr_y", "ssim_y", "psnr_y_rounded", "ssim_y_rounded", "psnr_rgb", "ssim_rgb", "rmse_pirm", "lr_psnr"),
    *("lpips_alex", "lpips_squeeze", "lpips_vgg", "stlpips_alex", "niqe", "niqe_pirm", "ma", "pi", "dists"),
    *("kernel_psnr", "kernel_ncc", "luma_error", "corrected_psnr"),
    *("phase_deviation", "lattice_excess", "diversity", "seed_deviation", "gradient_cosine"),
]
OFFICIAL = {  # official code's values of the calibration pairs: RGB PSNR, SSIM of MATLAB on full-range grey
    "I03": (21.11, 0.6993),
    "I04": (20.99, 0.9978),
    "I06": (27.01, 0.9989),
    "I08": (23.3, 0.9669),
    "I19": (21.62, 0.6519),
}


def pictures(height: int = 61, width: int = 54, channels: int | None = 3) -> tuple[U8, U8]:
    """Two related random pictures."""
    random = np.random.default_rng(height * width)
    shape = (height, width) if channels is None else (height, width, channels)
    hr = resize(random.integers(0, 256, shape, dtype=np.uint8), 2)[:height, :width]
    sr = np.clip(hr + random.normal(0, 12, hr.shape), 0, 255).astype(np.uint8)
    return sr, hr


def measure(key: str, sr: U8, hr: U8 | None = None, lr: U8 | None = None, scale: int = 4) -> float:
    return METRICS[key].function(Sample(sr, hr, lr, scale))


def test_psnr_of_identical_images_is_infinite() -> None:
    hr = pictures()[1]
    for key in ("psnr_y", "psnr_y_rounded", "psnr_rgb"):
        assert measure(key, hr, hr) == math.inf
    for key in ("ssim_y", "ssim_y_rounded", "ssim_rgb"):
        assert measure(key, hr, hr) == pytest.approx(1, abs=1e-12)
    assert measure("rmse_pirm", hr, hr) == 0


def test_a_constant_error_of_one_grey_level_gives_48_dot_13_db() -> None:
    hr = np.full((20, 20), 100, np.uint8)
    assert measure("psnr_y", hr + 1, hr) == pytest.approx(20 * math.log10(255))
    assert measure("rmse_pirm", hr + 1, hr) == pytest.approx(1)


@pytest.mark.parametrize("channels", [None, 3])
@pytest.mark.parametrize(("height", "width"), [(61, 54), (40, 151), (19, 300)])
def test_psnr_and_ssim_agree_with_scikit_image(height: int, width: int, channels: int | None) -> None:
    reference = pytest.importorskip("skimage.metrics")
    sr, hr = pictures(height, width, channels)
    crop = np.s_[4:-4, 4:-4]
    assert psnr(sr, hr, 4) == pytest.approx(reference.peak_signal_noise_ratio(hr[crop], sr[crop]), abs=1e-9)
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255}
    axis = None if channels is None else 2
    x, y = (image[crop].astype(np.float64) for image in (hr, sr))
    _, full = reference.structural_similarity(x, y, channel_axis=axis, full=True, **options)
    assert ssim(sr, hr, 4) == pytest.approx(full[5:-5, 5:-5].mean(), abs=1e-9)


def test_uniform_windows_with_unbiased_variances_are_scikit_images_default() -> None:
    reference = pytest.importorskip("skimage.metrics")
    x, y = (luma(image) for image in pictures())
    expected = reference.structural_similarity(x, y, data_range=255)
    assert ssim_map(x, y, np.full(7, 1 / 7), unbiased=True).mean() == pytest.approx(expected, abs=1e-9)


def test_the_ssim_map_does_not_depend_on_the_strips_it_is_made_in() -> None:
    x, y = (luma(image) for image in pictures(200, 30))
    whole = ssim_map(x, y)
    assert whole.shape == (190, 20)
    assert np.array_equal(whole[100:140], ssim_map(x[100:150], y[100:150]))
    assert WINDOW.sum() == pytest.approx(1)


def test_luma_is_matlabs_and_its_rounding_is_exact() -> None:
    corners = np.array([[[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8)
    assert luma(corners)[0] == pytest.approx([16, 235, 81.481, 144.553, 40.966])
    assert rounded_luma(corners)[0].tolist() == [16, 235, 81, 145, 41]
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8)
    assert np.abs(rounded_luma(noise) - luma(noise)).max() <= 0.5 + 1e-9
    assert grey(corners)[0].tolist() == [0, 255, 76, 150, 29]


def test_a_grey_hr_is_its_own_luma_and_equal_channels_are_converted() -> None:
    sr, hr = pictures(channels=None)
    stacked_sr, stacked_hr = (np.repeat(image[:, :, None], 3, axis=2) for image in (sr, hr))
    own, converted = measure("psnr_y", sr, hr), measure("psnr_y", stacked_sr, stacked_hr)
    assert converted - own == pytest.approx(20 * math.log10(255 / 219), abs=1e-9)


def test_an_rgb_sr_of_a_grey_hr_becomes_full_range_grey() -> None:
    sr, hr = pictures(channels=None)
    stacked = np.repeat(sr[:, :, None], 3, axis=2)
    for key in ("psnr_y", "ssim_y", "psnr_rgb", "rmse_pirm"):
        assert measure(key, stacked, hr) == measure(key, sr, hr)


def test_a_grey_sr_of_an_rgb_hr_is_repeated() -> None:
    sr, hr = pictures()
    plane = sr[:, :, 0]
    stacked = np.repeat(plane[:, :, None], 3, axis=2)
    assert measure("psnr_rgb", plane, hr) == measure("psnr_rgb", stacked, hr)
    assert match(plane, hr)[0].shape == hr.shape


def test_the_hr_is_cropped_to_a_multiple_of_the_scale() -> None:
    sr, hr = pictures(62, 55)
    assert measure("psnr_y", sr[:60, :52], hr) == measure("psnr_y", sr[:60, :52], hr[:60, :52])


def test_other_differences_of_size_are_refused_naming_both() -> None:
    sr, hr = pictures(64, 56)
    with pytest.raises(BadInput, match=r"SR is 52x60, HR 56x64.*scale 4"):
        measure("psnr_y", sr[:60, :52], hr)
    with pytest.raises(BadInput, match="HR"):
        measure("psnr_y", sr)


def test_too_small_pictures_are_refused() -> None:
    sr, hr = pictures(18, 18)
    assert math.isfinite(measure("psnr_y", sr, hr))
    with pytest.raises(BadInput, match="smaller than the SSIM window"):
        measure("ssim_y", sr, hr)
    with pytest.raises(BadInput, match="border"):
        measure("psnr_y", sr[:8, :8], hr[:8, :8])


def test_luma_error_is_the_shift_of_brightness_and_nothing_else() -> None:
    random = np.random.default_rng(4)
    hr = random.integers(40, 200, (40, 36), dtype=np.uint8)
    assert measure("luma_error", hr + 7, hr) == pytest.approx(7)
    assert measure("luma_error", hr - 7, hr) == pytest.approx(7)
    inside = np.s_[4:-4, 4:-4]
    shuffled = hr.copy()
    shuffled[inside] = random.permutation(hr[inside].ravel()).reshape(32, 28)
    shuffled[:4] = 0  # the border does not count
    assert measure("luma_error", shuffled, hr) == pytest.approx(0, abs=1e-9)


def test_luma_error_weighs_colours_as_matlabs_luma_does() -> None:
    hr = np.full((20, 20, 3), 100, np.uint8)
    greener = hr.copy()
    greener[:, :, 1] += 10
    assert measure("luma_error", greener, hr) == pytest.approx(1285.53 / 255)


def test_lr_psnr_is_infinite_where_shrinking_the_sr_gives_the_lr() -> None:
    _, hr = pictures(64, 56)
    lr = resize(hr, Fraction(1, 4))
    assert measure("lr_psnr", hr, lr=lr) == math.inf
    assert measure("lr_psnr", hr, lr=lr ^ np.uint8(1)) == pytest.approx(20 * math.log10(255))
    with pytest.raises(BadInput, match=r"56x64.*14x15"):
        measure("lr_psnr", hr, lr=lr[:15])


def test_a_correction_is_compared_with_the_shrunk_hr_and_without_one_the_lr_is() -> None:
    sr, hr = pictures(64, 56)
    clean = resize(hr, Fraction(1, 4))
    wild = clean ^ np.uint8(3)
    assert measure("corrected_psnr", sr, hr, clean) == math.inf
    assert METRICS["corrected_psnr"].function(Sample(sr, hr, clean, 4, corrected=wild)) == measure(
        "corrected_psnr", sr, hr, wild
    )
    assert 20 < measure("corrected_psnr", sr, hr, wild) < 60
    with pytest.raises(BadInput, match="--hr and --lr"):
        measure("corrected_psnr", sr, hr)


@pytest.mark.parametrize("name", OFFICIAL)
def test_psnr_and_ssim_reproduce_the_official_values(name: str) -> None:
    distorted, reference = calibration_pair(name)
    official_psnr, official_ssim = OFFICIAL[name]
    assert psnr(distorted, reference, 0) == pytest.approx(official_psnr, abs=0.01)
    assert ssim(grey(distorted), grey(reference), 0) == pytest.approx(official_ssim, abs=0.001)


@pytest.mark.parametrize("rounding", ["each pass", "once"])
def test_bicubic_set5_x4_gives_the_known_numbers(bench_data: Path, rounding: Rounding) -> None:
    folder = bench_data / "Set5" / "image_SRF_4"
    if not folder.is_dir():
        pytest.skip("BENCH_DATA has no Set5/image_SRF_4")
    samples = []
    for path in sorted(folder.glob("*_HR.png")):
        lr = read_image(path.with_name(path.name.replace("_HR", "_LR")))
        samples.append(Sample(resize(lr, 4, rounding=rounding), read_image(path), lr, 4))
    mean = {key: np.mean([METRICS[key].function(s) for s in samples]) for key in ("psnr_y", "ssim_y", "psnr_y_rounded")}
    assert len(samples) == 5
    assert mean["psnr_y"] == pytest.approx(28.430, abs=0.002)
    assert mean["ssim_y"] == pytest.approx(0.8111, abs=0.0002)
    assert mean["psnr_y_rounded"] == pytest.approx(28.419, abs=0.002)


def test_every_metric_is_registered_with_its_protocol() -> None:
    assert sorted(METRICS) == sorted(KEYS)
    for key, metric in METRICS.items():
        assert metric.key == key
        assert metric.protocol and metric.source and metric.unit
        assert set(metric.needs) <= set(Sample.__dataclass_fields__)
        assert set(metric.weights) <= set(WEIGHTS)


def test_a_psnr_needs_neither_torch_nor_scipy() -> None:
    code = (
        "import sys, numpy as np; from bench.metrics import METRICS, Sample\n"
        "from bench.stages.score import score_pairs\n"
        "a = np.zeros((32, 32), np.uint8); s = Sample(a, a + 1, a[:8, :8], 4)\n"
        "print([METRICS[k].function(s) > 0 for k in ('psnr_y', 'ssim_y', 'lr_psnr')], "
        "sorted({'torch', 'scipy', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[True, True, True] []"
