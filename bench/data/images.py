"""Every pixel convention, once: PNG reading and writing, uint8 <-> float, RGB -> luma and grey, border crop.

A picture on disk is 8-bit grey (mode L) or RGB; in memory uint8 (h, w) or (h, w, 3). Everything else is refused by
name, because a silently converted picture costs decibels.
"""

from __future__ import annotations

import functools
import mimetypes
import re
import sys
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from bench.errors import BadInput
from bench.runtime.files import replacing

if TYPE_CHECKING:
    import torch

U8 = NDArray[np.uint8]
F64 = NDArray[np.float64]
EXTENSIONS = (".png", ".bmp", ".jpg", ".jpeg", ".tif", ".tiff", ".webp")
FORMATS = ("PNG", "BMP", "JPEG", "TIFF", "WEBP")  # what Pillow may take a file for, whatever its name
SIDE = 2**16 - 1  # pixels, of pictures read and made
PIXELS = 2**28
_OTHERS = (".jp2", ".j2k", ".heic", ".avif", ".jxl", ".exr", ".hdr", ".pfm", ".dng", ".nef", ".cr2", ".tga", ".dds")
_BITS_PER_SAMPLE = 258  # TIFF's tag
BT601 = np.array([65.481, 128.553, 24.966])  # MATLAB's rgb2ycbcr, RGB in [0, 1] -> Y - 16
GREY_BT601 = (0.299, 0.587, 0.114)  # the same luma in full range
RGB2GRAY = np.array([0.298936021293775, 0.587043074451121, 0.114020904255103])  # MATLAB's, not BT.601 to 3 digits
_REMEDY = {
    "I;16": "16-bit; convert it to 8 bits a channel",
    "I": "16- or 32-bit; convert it to 8 bits a channel",
    "F": "floating point; convert it to 8 bits a channel",
    "RGBA": "has an alpha channel; flatten it to RGB",
    "LA": "has an alpha channel; flatten it to grey",
    "PA": "has an alpha channel; flatten it to RGB",
    "P": "has a palette; convert it to RGB",
    "1": "1-bit; convert it to grey",
    "CMYK": "CMYK; convert it to RGB",
}


def read_image(path: Path) -> U8:
    """(h, w) for a grey file, (h, w, 3) for RGB, uint8, turned upright as its EXIF orientation says.

    Raises BadInput naming file and remedy for anything that is not one 8-bit picture without transparency.
    """
    if path.exists() and not path.is_file():
        raise BadInput(f"{path}: no regular file; replace it by a picture")
    try:
        with Image.open(path, formats=FORMATS) as image:
            check_size(path, *image.size)
            if reason := _unreadable(image) or (_REMEDY["I;16"] if _bits(path, image) > 8 else ""):
                raise BadInput(f"{path}: {reason}")
            return np.array(ImageOps.exif_transpose(image), dtype=np.uint8)
    except BadInput:
        raise
    except FileNotFoundError as error:
        raise BadInput(f"{path}: no such file; replace the file") from error
    except UnidentifiedImageError as error:
        reason = f"cannot be read (of none of the formats {', '.join(FORMATS)})"
        raise BadInput(f"{path}: {reason}; replace the file, or convert it to PNG") from error
    except Exception as error:  # Pillow's decoders raise as many kinds as there are ways to be broken
        raise BadInput(f"{path}: cannot be read ({error}); replace the file") from error


def check_size(path: Path, width: int, height: int) -> None:
    """Raise BadInput, before anything is allocated, for a picture larger than what is worked with."""
    if max(width, height) > SIDE or width * height > PIXELS:
        limit = f"{SIDE} pixels a side and {PIXELS} in all"
        raise BadInput(f"{path}: {width}x{height} pixels are more than {limit}; cut it into smaller pictures")


def _unreadable(image: Image.Image) -> str:
    """Why an opened picture is not taken, with the remedy; empty where it is."""
    if image.mode not in ("L", "RGB"):
        return _REMEDY.get(image.mode.split(";B")[0], f"mode {image.mode}; convert it to 8-bit RGB or grey")
    if "transparency" in image.info:
        return "has a transparent colour; flatten it to RGB"
    if getattr(image, "n_frames", 1) > 1:
        return "holds several pictures; save each as a file of its own"
    return ""


def _bits(path: Path, image: Image.Image) -> int:
    """Bits a channel: Pillow reads 16-bit RGB of PNG and TIFF as 8-bit without a word."""
    if image.format == "PNG":
        with path.open("rb") as stream:
            return stream.read(26)[24]
    return max(int(bits) for bits in getattr(image, "tag_v2", {}).get(_BITS_PER_SAMPLE, (8,)))


def write_png(path: Path, image: U8) -> None:
    """Write atomically, without metadata: the same pixels give the same bytes."""
    with replacing(path) as temporary:
        Image.fromarray(image).save(temporary, format="PNG", compress_level=6)


def image_files(folder: Path) -> list[Path]:
    """The pictures of a folder, sorted by name; says on stderr which ones of other formats it skips.

    Raises BadInput for a missing or empty folder, two of a stem (as Unicode sees it), a name that cannot be written
    down, and one that is no regular file.
    """
    if not folder.is_dir():
        raise BadInput(f"{folder}: no such folder; name a folder of pictures")
    shown = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    files = [path for path in shown if path.suffix.lower() in EXTENSIONS]
    if not files:
        raise BadInput(f"{folder}: holds no picture ({', '.join(EXTENSIONS)}); name a folder of pictures")
    for path in files:
        if not path.name.isprintable():
            raise BadInput(f"{path}: its name holds what cannot be printed, or is no UTF-8; rename it")
        if not path.is_file():
            raise BadInput(f"{path}: no regular file, or a link to nothing; remove it")
    stems = [composed(path.stem) for path in files]
    twice = sorted({stem for stem in stems if stems.count(stem) > 1}) if len(set(stems)) < len(stems) else []
    if twice:
        raise BadInput(f"{folder}: more than one picture named {twice[0]}; remove or rename one")
    if skipped := [path.name for path in shown if path not in files and _is_other_picture(path.name)]:
        _say_skipped(folder, f"{len(skipped)} of other formats skipped ({skipped[0]}, …); convert to PNG to use them")
    return files


def pictures_by_name(folder: Path, pattern: str = "{name}", option: str = "the pattern") -> dict[str, Path]:
    """name -> file of the pictures of a folder whose file name, where the pattern has a picture's suffix, or else whose
    stem matches: `{name}` is the common part. Raises BadInput as `image_files` does, and, naming the option, for a
    pattern without {name} and where nothing matches."""
    if pattern.count("{name}") != 1:
        raise BadInput(f"{option} {pattern!r} must hold {{name}} once, such as '{{name}}_x4.png'")
    before, after = map(re.escape, pattern.split("{name}"))
    whole = pattern.lower().endswith(EXTENSIONS)
    found, files = {}, image_files(folder)
    for path in files:
        if match := re.fullmatch(f"{before}(.+){after}", path.name if whole else path.stem):
            found[composed(match.group(1))] = path
    if not found:
        raise BadInput(f"{folder}: no picture matches {pattern!r}; correct {option}")
    if len(found) < len(files):
        _say_skipped(
            folder, f"{len(files) - len(found)} of {len(files)} pictures left out: not of {option} {pattern!r}"
        )
    return found


def composed(name: str) -> str:
    """One spelling for the names that look the same: some systems decompose accents, some do not."""
    return unicodedata.normalize("NFC", name)


def _is_other_picture(name: str) -> bool:
    kind = mimetypes.guess_type(name)[0] or ""
    return kind.startswith("image/") or Path(name).suffix.lower() in _OTHERS


@functools.cache
def _say_skipped(folder: Path, what: str) -> None:
    """Once a folder and process."""
    print(f"{folder}: {what}", file=sys.stderr)


def to_rgb(image: U8) -> U8:
    """(h, w) or (h, w, 3) -> (h, w, 3): grey is repeated."""
    return image if image.ndim == 3 else np.repeat(image[:, :, None], 3, axis=2)


def to_tensor(image: U8) -> torch.Tensor:
    """uint8 picture -> (3, h, w) float32 RGB in [0, 1]."""
    import torch

    return torch.from_numpy(np.ascontiguousarray(to_rgb(image).transpose(2, 0, 1))).float().div_(255)


def to_uint8(tensor: torch.Tensor, grey: bool = False) -> U8:
    """(3, h, w) float RGB in [0, 1] -> uint8 (h, w, 3), or (h, w) as the mean of the channels: clip, x 255, round.

    Raises BadInput for NaN or infinity: they would become black pixels without a word.
    """
    import torch

    values = tensor.detach().float().cpu()
    if not bool(torch.isfinite(values).all()):
        raise BadInput("the upscaled picture holds NaN or infinite values; the network has diverged, retrain it")
    if grey:
        values = values.mean(dim=0, keepdim=True)
    quantised = values.clamp(0, 1).mul(255).round().to(torch.uint8).numpy().transpose(1, 2, 0)
    return np.ascontiguousarray(quantised[:, :, 0] if grey else quantised)


def luma(image: U8) -> F64:
    """MATLAB's rgb2ycbcr Y of an RGB picture in float, 16...235; a grey picture is its own luma, 0...255.

    A grey file must not be converted (1.3 dB on that picture); an RGB file with equal channels must be.
    """
    if image.ndim == 2:
        return image.astype(np.float64)
    return image.astype(np.float64) @ (BT601 / 255.0) + 16.0


def rounded_luma(image: U8) -> U8:
    """MATLAB's rgb2ycbcr of a uint8 picture: an integer Y, 16...235, exact at ties; grey is its own luma."""
    if image.ndim == 2:
        return image
    thousandths = image.astype(np.int32) @ np.array([65481, 128553, 24966], np.int32)  # of Y - 16, times 255
    return (16 + (thousandths + 127500) // 255000).astype(np.uint8)


def grey(image: U8) -> U8:
    """Full-range BT.601 grey rounded to 8 bits, exact at ties; a grey picture as it is."""
    if image.ndim == 2:
        return image
    thousandths = image.astype(np.int32) @ np.array([299, 587, 114], np.int32)
    return ((thousandths + 500) // 1000).astype(np.uint8)


def rgb2gray(image: U8) -> F64:
    """MATLAB's rgb2gray of an 8-bit picture, rounded to whole grey levels; a grey picture as it is. (h, w)."""
    if image.ndim == 2:
        return image.astype(np.float64)
    return round_half_up(np.tensordot(image.astype(np.float64), RGB2GRAY, axes=1))


def round_half_up(values: NDArray[Any]) -> NDArray[Any]:
    """MATLAB's rounding for non-negative numbers."""
    return np.floor(values + 0.5)


def quantise(values: F64) -> U8:
    """8 bits of values in 0...255 and beyond: clip, round."""
    return round_half_up(values.clip(0, 255)).astype(np.uint8)


def crop_border(image: NDArray[Any], border: int) -> NDArray[Any]:
    """Drop `border` pixels on each side. Raises BadInput where nothing would be left."""
    height, width = image.shape[:2]
    if min(height, width) <= 2 * border:
        raise BadInput(f"a {width}x{height} picture has nothing left after a border crop of {border}; use larger ones")
    return image[border : height - border, border : width - border]


def crop_to_multiple(image: NDArray[Any], scale: int) -> NDArray[Any]:
    """Drop the last rows and columns so that both sides divide by `scale` (the field's modcrop)."""
    height, width = image.shape[:2]
    return image[: height - height % scale, : width - width % scale]
