"""Every convention by which a PSNR or an SSIM of a picture pair has been measured; one pass over the pixels for all.

A convention is a channel, a border dropped on each side, a rule for grey pictures and, for SSIM, a window. Each table
below maps the words that describe a choice to its function and its rarity: 0 is the protocol of this project and of
most papers, larger is rarer.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from bench.data.images import F64, GREY_BT601, U8, grey, luma, rounded_luma, to_rgb
from bench.metrics.fidelity import WINDOW, psnr_of, ssim_map

Padding = Literal["edge", "reflect", "constant"]
RGB_MEAN = "mean of the values of R, G and B"
COMMON = 1  # the rarity up to which channels and borders are usual; a usual window has none


@dataclass(frozen=True)
class Convention:
    """How one number is measured. `border` in pixels; `window` is empty for PSNR."""

    channel: str
    border: int
    grey: str
    window: str = ""


@dataclass(frozen=True)
class Window:
    """An SSIM window: separable taps, whether variances are unbiased, how the picture is padded (None: not)."""

    taps: F64
    rarity: int
    unbiased: bool = False
    padding: Padding | None = None


def _planes(image: F64 | U8) -> F64:
    """(h, w) or (h, w, c) -> (c, h, w) float64."""
    return np.atleast_3d(image).transpose(2, 0, 1).astype(np.float64)


CHANNELS: dict[str, tuple[Callable[[U8], F64], int]] = {
    "Y": (lambda image: _planes(luma(image)), 0),
    "Y rounded to 8 bits": (lambda image: _planes(rounded_luma(image)), 1),
    "RGB": (_planes, 1),
    "full-range Y rounded to 8 bits (OpenCV's YCrCb, Pillow's L)": (lambda image: _planes(grey(image)), 2),
    "full-range Y": (lambda image: _planes(image if image.ndim == 2 else image @ np.array(GREY_BT601)), 3),
}


def _as_stored(sr: U8, hr: U8) -> tuple[U8, U8]:
    """A grey HR is its own luma; of an RGB SR beside it the grey is taken."""
    return (grey(sr), hr) if hr.ndim == 2 else (to_rgb(sr), hr)


def _equal_as_grey(sr: U8, hr: U8) -> tuple[U8, U8]:
    equal = hr.ndim == 3 and not np.ptp(hr, axis=2).any()
    return (grey(sr), hr[:, :, 0]) if equal else _as_stored(sr, hr)


GREY_RULES: dict[str, tuple[Callable[[U8, U8], tuple[U8, U8]], int]] = {
    "": (_as_stored, 0),
    "grey files put through RGB -> Y": (lambda sr, hr: (to_rgb(sr), to_rgb(hr)), 1),
    "RGB files with equal channels taken as grey": (_equal_as_grey, 2),
}

WINDOWS: dict[str, Window] = {
    "11x11 Gaussian, valid": Window(WINDOW, 0),
    "7x7 uniform, unbiased (scikit-image's default)": Window(np.full(7, 1 / 7), 1, unbiased=True),
    "11x11 Gaussian, border replicated (MATLAB's ssim)": Window(WINDOW, 1, padding="edge"),
    "11x11 Gaussian, border of zeros (pytorch-ssim)": Window(WINDOW, 2, padding="constant"),
    "11x11 Gaussian, border reflected": Window(WINDOW, 2, padding="reflect"),
    "8x8 uniform": Window(np.full(8, 1 / 8), 3),
}


def borders(scale: int) -> dict[int, int]:
    """Pixels dropped on each side -> rarity: the scale, none, and the EDSR code's scale + 2 and scale + 6."""
    return {scale: 0, 0: 1, scale + 6: 2, scale + 2: 2}


def rarity_of(convention: Convention, scale: int) -> int:
    """0 for the usual protocol, a point or more for each departure from it."""
    channel = 3 if convention.channel == RGB_MEAN else CHANNELS[convention.channel][1]
    window = WINDOWS[convention.window].rarity if convention.window else 0
    return channel + borders(scale)[convention.border] + GREY_RULES[convention.grey][1] + window


def squared_errors(sr: U8, hr: U8, scale: int, usual: bool) -> dict[Convention, tuple[float, ...]]:
    """Mean squared errors of one picture under every convention, or the usual ones: one, or for RGB_MEAN one per
    channel."""
    table: dict[Convention, tuple[float, ...]] = {}
    for rule, channel, x, y in _views(sr, hr, usual):
        square = np.square(x - y)
        for border in _fitting(scale, square.shape, usual):
            inside = square[:, border : square.shape[1] - border, border : square.shape[2] - border]
            each = tuple(float(plane.mean()) for plane in inside)
            table[Convention(channel, border, rule)] = (float(np.mean(each)),)
            if channel == "RGB":
                table[Convention(RGB_MEAN, border, rule)] = each
    return table


def psnr_under(errors: tuple[float, ...]) -> float:
    """PSNR in dB of one picture from its entry in `squared_errors`."""
    return float(np.mean([psnr_of(error) for error in errors]))


def similarities(sr: U8, hr: U8, scale: int, usual: bool) -> dict[Convention, tuple[float, ...]]:
    """SSIM of one picture under every convention, or the usual ones, the mean over the channels; one value each."""
    table: dict[Convention, tuple[float, ...]] = {}
    windows = {name: window for name, window in WINDOWS.items() if not (usual and window.rarity)}
    for rule, channel, x, y in _views(sr, hr, usual):
        valid: dict[bytes, list[F64]] = {}
        for name, window in windows.items():
            key = window.taps.tobytes()
            if key not in valid:
                valid[key] = [ssim_map(a, b, window.taps, window.unbiased) for a, b in zip(x, y, strict=True)]
            for border in _fitting(scale, x.shape, usual):
                each = [_mean_ssim(a, b, m, window, border) for a, b, m in zip(x, y, valid[key], strict=True)]
                table[Convention(channel, border, rule, name)] = (float(np.mean(each)),)
    return table


def _views(sr: U8, hr: U8, usual: bool) -> Iterator[tuple[str, str, F64, F64]]:
    """(grey rule, channel, SR planes, HR planes) for all that differ on this picture; planes (c, h, w)."""
    seen: list[tuple[U8, U8]] = []
    for rule, (apply, _) in GREY_RULES.items():
        x, y = apply(sr, hr)
        if any(x.shape == a.shape and y.shape == b.shape for a, b in seen):
            continue
        seen.append((x, y))
        for channel, (planes, rarity) in CHANNELS.items():
            if rarity <= COMMON or not usual:
                yield rule, channel, planes(x), planes(y)


def _fitting(scale: int, shape: tuple[int, ...], usual: bool) -> list[int]:
    """The borders that leave room for the largest window."""
    widths = [border for border, rarity in borders(scale).items() if rarity <= COMMON or not usual]
    return [border for border in widths if min(shape[1:]) - 2 * border >= 11]


def _mean_ssim(x: F64, y: F64, valid: F64, window: Window, border: int) -> float:
    """Mean SSIM of two (h, w) planes without their border, from the valid map of the whole planes."""
    inner = valid[border : valid.shape[0] - border, border : valid.shape[1] - border]
    if window.padding is None:
        return float(inner.mean())
    x, y = (plane[border : plane.shape[0] - border, border : plane.shape[1] - border] for plane in (x, y))
    return (float(inner.sum()) + _rim(x, y, window.taps, window.padding)) / x.size


def _rim(x: F64, y: F64, taps: F64, padding: Padding) -> float:
    """Sum of SSIM over the positions whose odd window reaches beyond the picture, the picture padded."""
    reach = len(taps) // 2
    thick = reach + len(taps) - 1  # rows of padded input behind `reach` rows of output
    a, b = (np.pad(plane, reach, mode=padding) for plane in (x, y))
    middle = slice(reach, -reach)
    strips = [np.s_[:thick, :], np.s_[-thick:, :], np.s_[middle, :thick], np.s_[middle, -thick:]]
    return sum(float(ssim_map(a[strip], b[strip], taps).sum()) for strip in strips)
