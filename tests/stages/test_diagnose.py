"""Each convention, measured here with other tools, is recognised from the number it gives."""

from __future__ import annotations

import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from pictures import noise
from PIL import Image

from bench.data.images import F64, U8, luma, read_image, rounded_luma, write_png
from bench.data.resize import Rounding, resize
from bench.errors import BadInput
from bench.metrics.conventions import RGB_MEAN
from bench.metrics.fidelity import psnr
from bench.metrics.pipelines import PIPELINES, opencv_resize
from bench.stages.diagnose import GIVEN, POOLED, Finding, diagnose_pairs, render
from bench.stages.score import Folders, Pair, pair_folders

reference = pytest.importorskip("skimage.metrics", reason="needs scikit-image's pictures and metrics")
pictures = pytest.importorskip("skimage.data")
SCALE = 4
SIDE = 120
COLOUR = ("astronaut", "coffee", "chelsea")


def crop_of(name: str) -> U8:
    """A detailed piece of one of scikit-image's embedded pictures."""
    image = getattr(pictures, name)()[60 : 60 + SIDE, 180 : 180 + SIDE]
    return np.ascontiguousarray(image)


def degrade(hr: U8, seed: int) -> U8:
    """Bicubic from a quarter of the size, and noise: a stand-in for a network's output, grey where the HR is."""
    sr = resize(resize(hr, Fraction(1, SCALE)), SCALE).astype(np.float64)
    noise = np.random.default_rng(seed).normal(0, 4 + 8 * seed, sr.shape)
    return np.clip(np.rint(sr + noise), 0, 255).astype(np.uint8)


def write_set(folder: Path, names: tuple[str, ...], sr_of: Callable[[U8, int], U8]) -> list[tuple[U8, U8]]:
    """sr/ and hr/ below the folder; returns the (SR, HR) pairs."""
    pairs = []
    for seed, name in enumerate(names):
        hr = crop_of(name)
        sr = sr_of(hr, seed)
        write_png(folder / "sr" / f"{name}.png", sr)
        write_png(folder / "hr" / f"{name}.png", hr)
        pairs.append((sr, hr))
    return pairs


def bicubic(hr: U8, seed: int = 0) -> U8:
    return resize(resize(hr, Fraction(1, SCALE)), SCALE)


@pytest.fixture(scope="module")
def colour(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[tuple[U8, U8]]]:
    folder = tmp_path_factory.mktemp("colour")
    return folder, write_set(folder, COLOUR, degrade)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[tuple[U8, U8]]]:
    folder = tmp_path_factory.mktemp("mixed")
    return folder, write_set(folder, (*COLOUR[:2], "camera"), degrade)


def dB(sr: F64 | U8, hr: F64 | U8, border: int) -> float:
    """PSNR by scikit-image."""
    inside = np.s_[border : sr.shape[0] - border, border : sr.shape[1] - border]
    x, y = (image[inside].astype(np.float64) for image in (hr, sr))
    return float(reference.peak_signal_noise_ratio(x, y, data_range=255))


def pillow_grey(image: U8) -> U8:
    return np.asarray(Image.fromarray(image).convert("L"))


def diagnose(sr: Path, hr: Path, scale: int, metric: str, reported: str) -> list[Finding]:
    """Of two folders whose pictures pair by stem."""
    return diagnose_pairs(pair_folders(Folders(sr, hr), scale), metric, reported)


def best(folder: Path, metric: str, number: float, digits: int) -> Finding:
    """The first explanation of the number printed with so many digits."""
    findings = diagnose(folder / "sr", folder / "hr", SCALE, metric, f"{number:.{digits}f}")
    assert findings[0].explains
    assert findings[0].value == pytest.approx(number, abs=0.005 if metric == "psnr" else 0.0001)
    return findings[0]


Case = tuple[Callable[[U8, U8], float], str, int]
CHANNELS: dict[str, Case] = {
    "Y": (lambda sr, hr: dB(luma(sr), luma(hr), 4), "Y", 4),
    "no crop": (lambda sr, hr: dB(luma(sr), luma(hr), 0), "Y", 0),
    "scale + 2": (lambda sr, hr: dB(luma(sr), luma(hr), 6), "Y", 6),
    "scale + 6": (lambda sr, hr: dB(luma(sr), luma(hr), 10), "Y", 10),
    "RGB": (lambda sr, hr: dB(sr, hr, 4), "RGB", 4),
    "RGB without crop": (lambda sr, hr: dB(sr, hr, 0), "RGB", 0),
    "mean of channels": (
        lambda sr, hr: float(np.mean([dB(sr[..., c], hr[..., c], 4) for c in range(3)])),
        RGB_MEAN,
        4,
    ),
    "rounded": (lambda sr, hr: dB(rounded_luma(sr), rounded_luma(hr), 4), "Y rounded to 8 bits", 4),
    "full range": (
        lambda sr, hr: dB(pillow_grey(sr), pillow_grey(hr), 4),
        "full-range Y rounded to 8 bits (OpenCV's YCrCb, Pillow's L)",
        4,
    ),
}


@pytest.mark.parametrize("case", CHANNELS)
def test_channel_and_crop_are_recognised(colour: tuple[Path, list[tuple[U8, U8]]], case: str) -> None:
    folder, pairs = colour
    measure, channel, border = CHANNELS[case]
    found = best(folder, "psnr", float(np.mean([measure(sr, hr) for sr, hr in pairs])), 3)
    assert (found.source, found.convention.channel, found.convention.border) == (GIVEN, channel, border)
    assert found.convention.grey == found.aggregate == ""


def test_the_psnr_of_the_mean_squared_error_is_recognised(colour: tuple[Path, list[tuple[U8, U8]]]) -> None:
    folder, pairs = colour
    error = np.mean([np.mean((luma(sr) - luma(hr))[4:-4, 4:-4] ** 2) for sr, hr in pairs])
    found = best(folder, "psnr", float(10 * np.log10(255**2 / error)), 2)
    assert (found.aggregate, found.convention.channel, found.convention.border) == (POOLED, "Y", 4)


def test_a_grey_picture_put_through_rgb_to_y_is_recognised(mixed: tuple[Path, list[tuple[U8, U8]]]) -> None:
    folder, pairs = mixed
    assert pairs[2][1].ndim == 2
    stacked = [tuple(np.repeat(i[:, :, None], 3, 2) if i.ndim == 2 else i for i in pair) for pair in pairs]
    found = best(folder, "psnr", float(np.mean([dB(luma(sr), luma(hr), 4) for sr, hr in stacked])), 2)
    assert (found.convention.grey, found.convention.channel) == ("grey files put through RGB -> Y", "Y")
    right = best(folder, "psnr", float(np.mean([dB(luma(sr), luma(hr), 4) for sr, hr in pairs])), 2)
    assert right.rarity == 0


def test_equal_channels_taken_as_grey_are_recognised(tmp_path: Path) -> None:
    def stacked(hr: U8, seed: int) -> U8:
        sr = degrade(hr, seed)
        return np.repeat(sr[:, :, :1], 3, 2) if seed == 0 else sr

    pairs = write_set(tmp_path, COLOUR, stacked)
    same = np.repeat(pairs[0][1][:, :, :1], 3, 2)
    write_png(tmp_path / "hr" / f"{COLOUR[0]}.png", same)
    numbers = [dB(pairs[0][0][..., 0], same[..., 0], 4), *(dB(luma(sr), luma(hr), 4) for sr, hr in pairs[1:])]
    found = best(tmp_path, "psnr", float(np.mean(numbers)), 2)
    assert found.convention.grey == "RGB files with equal channels taken as grey"


def gaussian_ssim(sr: F64, hr: F64) -> F64:
    """The SSIM map of scikit-image with Wang's constants, border mirrored with the edge repeated."""
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255, "full": True}
    similarity: F64 = reference.structural_similarity(sr, hr, **options)[1]
    return similarity


WINDOWS: dict[str, Callable[[F64, F64], float]] = {
    "11x11 Gaussian, valid": lambda x, y: float(gaussian_ssim(x, y)[5:-5, 5:-5].mean()),
    "7x7 uniform, unbiased (scikit-image's default)": lambda x, y: float(
        reference.structural_similarity(x, y, data_range=255)
    ),
    "11x11 Gaussian, border replicated (MATLAB's ssim)": lambda x, y: float(
        gaussian_ssim(*(np.pad(plane, 20, mode="edge") for plane in (x, y)))[20:-20, 20:-20].mean()
    ),
    "11x11 Gaussian, border of zeros (pytorch-ssim)": lambda x, y: float(
        gaussian_ssim(*(np.pad(plane, 20) for plane in (x, y)))[20:-20, 20:-20].mean()
    ),
    "11x11 Gaussian, border reflected": lambda x, y: float(
        gaussian_ssim(*(np.pad(plane, 20, mode="reflect") for plane in (x, y)))[20:-20, 20:-20].mean()
    ),
}


@pytest.mark.parametrize("window", WINDOWS)
def test_ssim_windows_are_recognised(colour: tuple[Path, list[tuple[U8, U8]]], window: str) -> None:
    folder, pairs = colour
    planes = [tuple(luma(image)[4:-4, 4:-4] for image in pair) for pair in pairs]
    found = best(folder, "ssim", float(np.mean([WINDOWS[window](*pair) for pair in planes])), 5)
    assert (found.convention.window, found.convention.channel, found.convention.border) == (window, "Y", 4)


def test_ssim_of_rgb_is_recognised(colour: tuple[Path, list[tuple[U8, U8]]]) -> None:
    folder, pairs = colour
    each = [
        gaussian_ssim(*(image[4:-4, 4:-4, c].astype(np.float64) for image in pair))[5:-5, 5:-5].mean()
        for pair in pairs
        for c in range(3)
    ]
    assert best(folder, "ssim", float(np.mean(each)), 4).convention.channel == "RGB"


def test_our_opencv_cubic_is_opencvs() -> None:
    cv2 = pytest.importorskip("cv2")
    hr = crop_of("astronaut")
    for height, width in ((30, 30), (480, 480), (40, 24)):
        theirs = cv2.resize(hr, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.int64)
        difference = np.abs(opencv_resize(hr, height, width) - theirs)
        assert difference.max() <= 1
        assert (difference > 0).mean() < 0.02


def test_a_bicubic_number_from_opencvs_lr_is_recognised(tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2")
    pairs = write_set(tmp_path, COLOUR, bicubic)
    numbers = []
    for _, hr in pairs:
        small = cv2.resize(hr, (SIDE // SCALE, SIDE // SCALE), interpolation=cv2.INTER_CUBIC)
        numbers.append(dB(luma(resize(small, SCALE)), luma(hr), 4))
    found = best(tmp_path, "psnr", float(np.mean(numbers)), 2)
    assert found.source == "an LR by OpenCV's INTER_CUBIC, MATLAB's imresize up"
    assert "bicubic via an LR by OpenCV's INTER_CUBIC" in found.words


def test_the_pipelines_are_scored_for_bicubic_pictures_only(colour: tuple[Path, list[tuple[U8, U8]]]) -> None:
    folder, _ = colour
    assert {f.source for f in diagnose(folder / "sr", folder / "hr", SCALE, "psnr", "30")} == {GIVEN}


@pytest.mark.parametrize("name", PIPELINES)
def test_every_pipeline_makes_a_bicubic_picture(name: str) -> None:
    hr = crop_of("astronaut")
    target = rounded_luma(hr) if PIPELINES[name].luma_only else hr
    made = PIPELINES[name].upscaled(hr, SCALE)
    assert made.shape == target.shape
    assert psnr(made, target, 4) > 20
    assert psnr(made, bicubic(target), 0) > (25 if "OpenCV" in name else 40)


def test_a_number_that_nothing_gives_is_said_to_be_unexplained(colour: tuple[Path, list[tuple[U8, U8]]]) -> None:
    folder, _ = colour
    findings = diagnose(folder / "sr", folder / "hr", SCALE, "psnr", "50.00")
    assert not any(finding.explains for finding in findings)
    text = render(findings, "50.00")
    assert "none explains 50.00; the nearest:" in text
    assert text.splitlines()[2].lstrip().startswith(f"{findings[0].value:.4f}")


def test_the_text_gives_the_usual_protocol_and_the_explanation(colour: tuple[Path, list[tuple[U8, U8]]]) -> None:
    folder, pairs = colour
    usual = np.mean([dB(luma(sr), luma(hr), 4) for sr, hr in pairs])
    reported = f"{np.mean([dB(sr, hr, 4) for sr, hr in pairs]):.3f}"
    lines = render(diagnose(folder / "sr", folder / "hr", SCALE, "psnr", reported), reported).splitlines()
    assert lines[0] == f"reported {reported}; the usual protocol gives {usual:.4f}"
    assert lines[1] == "explained by, the likeliest first:"
    assert lines[2].endswith("the SR given; RGB; border of 4 dropped")


def test_a_number_covers_what_is_printed_like_it(colour: tuple[Path, list[tuple[U8, U8]]]) -> None:
    folder, pairs = colour
    usual = float(np.mean([dB(luma(sr), luma(hr), 4) for sr, hr in pairs]))
    coarse = diagnose(folder / "sr", folder / "hr", SCALE, "psnr", f"{usual:.0f}")
    fine = diagnose(folder / "sr", folder / "hr", SCALE, "psnr", f"{usual:.4f}")
    assert coarse[0].rarity == fine[0].rarity == 0
    assert sum(f.explains for f in coarse) > sum(f.explains for f in fine)


def test_a_picture_too_small_for_a_convention_of_its_set_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, side in (("large", 64), ("tiny", 18)):
        for folder, seed in (("sr", 0), ("hr", 1)):
            write_png(tmp_path / folder / f"{name}.png", noise(seed, side, side, 3))
    diagnose(tmp_path / "sr", tmp_path / "hr", SCALE, "psnr", "8.0")
    lines = capsys.readouterr().err.splitlines()
    assert [line for line in lines if line.startswith("tiny: too small for ")] and not any(
        "large: " in x for x in lines
    )


@pytest.mark.parametrize("reported", ["about 30", "nan", "1e2", "-3"])
def test_what_is_no_number_is_refused(colour: tuple[Path, list[tuple[U8, U8]]], reported: str) -> None:
    folder, _ = colour
    with pytest.raises(BadInput, match=r"reported .* is no"):
        diagnose(folder / "sr", folder / "hr", SCALE, "psnr", reported)
    with pytest.raises(BadInput, match="unknown metric to diagnose 'psnr_y'"):
        diagnose(folder / "sr", folder / "hr", SCALE, "psnr_y", "30")


Y_ONLY = "MATLAB's imresize of the 8-bit Y alone, rounded once at the end"
SET5: dict[tuple[Rounding, str, str], tuple[str, str]] = {  # (rounding of the SR, metric, reported) -> explanation
    ("each pass", "psnr", "28.430"): (GIVEN, "Y"),
    ("each pass", "psnr", "28.42"): (Y_ONLY, "Y"),
    ("each pass", "ssim", "0.8104"): (Y_ONLY, "Y"),
    ("once", "psnr", "28.419"): (GIVEN, "Y rounded to 8 bits"),
    ("once", "psnr", "28.42"): (Y_ONLY, "Y"),
}


@pytest.fixture(scope="module")
def set5(tmp_path_factory: pytest.TempPathFactory) -> dict[Rounding, list[Pair]]:
    """Bicubic x4 of the shipped LR, by how it is rounded, paired with the shipped HR."""
    folder = Path(os.environ.get("BENCH_DATA") or "absent") / "Set5" / "image_SRF_4"
    if not folder.is_dir():
        pytest.skip("needs Set5/image_SRF_4 under BENCH_DATA")
    found: dict[Rounding, list[Pair]] = {}
    roundings: tuple[Rounding, ...] = ("each pass", "once")
    for rounding in roundings:
        place = tmp_path_factory.mktemp("set5")
        for path in folder.glob("*_LR.png"):
            write_png(place / path.name.replace("_LR", ""), resize(read_image(path), 4, rounding=rounding))
        found[rounding] = pair_folders(Folders(place, folder, hr_pattern="{name}_HR.png"), 4)
    return found


@pytest.mark.parametrize(("rounding", "metric", "reported"), SET5)
def test_the_bicubic_numbers_of_set5_are_told_apart(
    set5: dict[Rounding, list[Pair]], rounding: Rounding, metric: str, reported: str
) -> None:
    first = diagnose_pairs(set5[rounding], metric, reported)[0]
    assert first.explains
    assert (first.source, first.convention.channel) == SET5[rounding, metric, reported]
    assert first.convention.border == 4
