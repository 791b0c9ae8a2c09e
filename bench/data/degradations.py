"""DEGRADATIONS: how an HR picture becomes its LR picture. Everything random is keyed by (degradation, seed, name), so
that a picture's LR does not depend on which others are made, or in what order.
"""

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
from PIL import Image

from bench.data.blur_kernels import apply_kernel, bd_kernel, blur_down, covariance_of, disturbed_gaussian
from bench.data.images import F64, U8, crop_to_multiple, luma, quantise
from bench.data.resize import resize
from bench.errors import BadInput, pick


@dataclass(frozen=True)
class Degraded:
    """What a degradation gives: `lr`; the blur `kernel` where there is one that methods may be told; the `recipe` of
    drawn values; and `hr` where the picture to score against changes too (luma only)."""

    lr: U8
    kernel: F64 | None = None
    recipe: dict[str, Any] = field(default_factory=dict)
    hr: U8 | None = None


Function = Callable[[U8, int, int, str], Degraded]
Drawn = tuple[F64, dict[str, Any]]


@dataclass(frozen=True)
class Degradation:
    """function(hr cropped to a multiple of scale, scale, seed, name) -> Degraded, for (h, w) and (h, w, 3).

    seeded: whether the result depends on the seed. scales: those it is defined for, () for all.
    """

    name: str
    function: Function
    description: str
    source: str
    seeded: bool = False
    scales: tuple[int, ...] = ()


def generator(degradation: str, seed: int, name: str) -> np.random.Generator:
    """The random numbers of one picture."""
    digest = hashlib.sha256(f"{degradation}\0{seed}\0{name}".encode()).digest()
    return np.random.Generator(np.random.Philox(key=np.frombuffer(digest[:16], dtype="<u8").astype(np.uint64)))


def _shrunk_by(shrink: Callable[[U8, Fraction], U8]) -> Function:
    return lambda hr, scale, seed, name: Degraded(shrink(hr, Fraction(1, scale)))


def _bicubic_y(hr: U8, scale: int, seed: int, name: str) -> Degraded:
    """The published pipeline keeps the LR luma in float; an 8-bit file cannot, so it is rounded once here."""
    y = quantise(luma(hr))
    return Degraded(resize(y, Fraction(1, scale), rounding="once"), hr=y)


def _bd(hr: U8, scale: int, seed: int, name: str) -> Degraded:
    kernel = bd_kernel(scale)
    return Degraded(apply_kernel(hr, kernel, scale, edge="replicate"), kernel)


def _dn(hr: U8, scale: int, seed: int, name: str) -> Degraded:
    sigma = 30.0
    lr = resize(hr, Fraction(1, scale)).astype(np.float64)
    noise = generator("dn", seed, name).standard_normal(lr.shape)
    return Degraded(quantise(lr + sigma * noise), recipe={"noise_sigma": sigma})


def _draw_kernel(
    random: np.random.Generator, size: int, scale: int, bounds: tuple[float, float], noise: float
) -> Drawn:
    """An anisotropic Gaussian with variances ~ U(bounds), angle ~ U(0, pi), each tap times 1 + U(-noise, noise)."""
    first, second = (float(v) for v in random.uniform(*bounds, size=2))
    angle = float(random.uniform(0, np.pi))
    taps = 1 + random.uniform(-noise, noise, size=(size, size))
    kernel = disturbed_gaussian(size, covariance_of((first, second), angle), scale, taps)
    return kernel, {"size": size, "variances": [first, second], "angle": angle, "tap_noise": noise}


def _random_kernel(hr: U8, scale: int, seed: int, name: str, by: str) -> Degraded:
    """KernelGAN's paper (`kernel_paper`) describes the kernels of x2 alone; beyond, those of its released generator at
    that scale.

    The paper draws the angle from U(-pi, pi): the same kernels, since a Gaussian repeats after half a turn.
    """
    described = by == "kernel_paper" and scale == 2
    size, bounds, noise = (11, (0.6, 5.0), 0.25) if described else (21, (0.175 * scale, 2.5 * scale), 0.4)
    kernel, recipe = _draw_kernel(generator(by, seed, name), size, scale, bounds, noise)
    return Degraded(apply_kernel(hr, kernel, scale), kernel, recipe)


def _wild(hr: U8, scale: int, seed: int, name: str) -> Degraded:
    """Blur, subsampling, noise, JPEG, in that order. The kernel is not handed on: it is what is unknown."""
    random = generator("wild", seed, name)
    kernel, recipe = _draw_kernel(random, 21, scale, (0.175 * scale, 2.5 * scale), 0.0)
    sigma, quality = float(random.uniform(1, 10)), int(random.integers(60, 96))
    lr = blur_down(hr.astype(np.float64), kernel, scale)
    noisy = quantise(lr + sigma * random.standard_normal(lr.shape))
    return Degraded(_through_jpeg(noisy, quality), recipe={**recipe, "noise_sigma": sigma, "jpeg_quality": quality})


def _through_jpeg(image: U8, quality: int) -> U8:
    """The picture after JPEG at this quality, chroma at half resolution."""
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, format="JPEG", quality=quality, subsampling="4:2:0")
    with Image.open(stream) as decoded:
        return np.array(decoded, dtype=np.uint8)


_bicubic, _symmetric = _shrunk_by(resize), _shrunk_by(partial(resize, border="symmetric"))
_once = _shrunk_by(partial(resize, rounding="once"))
_bilinear, _nearest = (_shrunk_by(partial(resize, kernel=kernel)) for kernel in ("bilinear", "nearest"))
_MATLAB = "MATLAB imresize"
_RCAN = "Zhang et al., ECCV 2018 (RCAN), after SRMD"
_KERNELGAN = "Bell-Kligler et al., NeurIPS 2019"
_KERNEL_SCALES = (2, 3, 4)

DEGRADATIONS: dict[str, Degradation] = {
    entry.name: entry
    for entry in (
        Degradation("bicubic", _bicubic, "8-bit after each pass, replicate border: the published test sets", _MATLAB),
        Degradation(
            "bicubic_symmetric", _symmetric, "8-bit after each pass, mirrored border: the EDSR archive", _MATLAB
        ),
        Degradation("bicubic_float", _once, "rounded once, at the end", _MATLAB),
        Degradation(
            "bicubic_y", _bicubic_y, "8-bit luma of HR, shrunk in float, rounded once; HR is the luma too", _MATLAB
        ),
        Degradation("bilinear", _bilinear, "antialiased triangle, 8-bit after each pass", _MATLAB),
        Degradation("nearest", _nearest, "one pixel of each block, no antialiasing", _MATLAB),
        Degradation("bd", _bd, "Gaussian blur sigma 1.6, then one sample per block", _RCAN, scales=(2, 3, 4, 8)),
        Degradation("dn", _dn, "bicubic, then Gaussian noise of sigma 30, clipped", _RCAN, seeded=True),
        Degradation(
            "kernel_paper",
            partial(_random_kernel, by="kernel_paper"),
            "x2: random anisotropic Gaussian 11x11, variances U(0.6, 5), taps disturbed by up to 25 %; x3, x4: as "
            "kernel_generator",
            f"{_KERNELGAN}; x2 as described in the paper, which names no other scale: how DIV2KRK's x4 kernels were "
            "drawn is not known",
            seeded=True,
            scales=_KERNEL_SCALES,
        ),
        Degradation(
            "kernel_generator",
            partial(_random_kernel, by="kernel_generator"),
            "random anisotropic Gaussian 21x21, variances U(0.175 s, 2.5 s), taps disturbed by up to 40 %",
            f"{_KERNELGAN}, defaults of the released generator",
            seeded=True,
            scales=_KERNEL_SCALES,
        ),
        Degradation(
            "wild",
            _wild,
            "hidden anisotropic Gaussian blur, noise of sigma 1 to 10, JPEG of quality 60 to 95 (Pillow as locked)",
            "this project's, after the realistic tracks of NTIRE 2018",
            seeded=True,
            scales=_KERNEL_SCALES,
        ),
    )
}


def degrade(hr: U8, scale: int, by: str, seed: int = 0, name: str = "") -> Degraded:
    """LR of a picture, cropped first to a multiple of `scale`. Raises BadInput for a degradation that does not exist,
    naming the nearest, and for a scale that it is not defined at."""
    entry = pick("degradation", by, DEGRADATIONS)
    if entry.scales and scale not in entry.scales:
        known = ", ".join(f"x{s}" for s in entry.scales)
        raise BadInput(f"degradation {by} is defined at {known}, not x{scale}; choose one of these")
    return entry.function(crop_to_multiple(hr, scale), scale, seed, name)
