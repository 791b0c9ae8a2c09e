"""What the report shows of the pictures: one window of a few test pictures, in HR and by every method.

Pictures and windows are chosen by rule: where the scores, then the detail, of the methods differ most. The crops are
kept with the results, as windows/<setting>/, and the whole HR as a thumbnail: the pictures themselves are too large for
that, and a report made elsewhere can so show the same.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import uniform_filter

from bench.data.images import F64, U8, luma, read_image, to_rgb
from bench.errors import BadInput
from bench.report.aggregate import DISTORTION, Scores, cell_of, widen
from bench.report.rivals import closest
from bench.report.tables import ARROWS, show_value
from bench.runtime.paths import degraded_folder, sr_folder
from bench.runtime.rows import read_rows, write_rows

SIDE = 96  # HR pixels of a window
PICTURES = 4
DETAIL = 9  # HR pixels of the local mean
MARGIN = 8  # HR pixels at the border of a picture that a window avoids
FOLDER = "windows"
HR = "HR"
WHOLE = "whole"
PLACES = "places.csv"
COLUMNS = ("dataset", "image", "top", "left", "side", "height", "width")
THUMBNAIL = 260  # screen pixels of the longer side


@dataclass(frozen=True)
class CropBox:
    """A square of a test picture of height x width, in HR pixels."""

    dataset: str
    image: str
    top: int
    left: int
    side: int
    height: int
    width: int

    def cut(self, pixels: U8) -> U8:
        """(side, side, 3) of a whole picture (h, w, 3)."""
        return np.ascontiguousarray(pixels[self.top : self.top + self.side, self.left : self.left + self.side])

    def file(self, folder: Path, run: str) -> Path:
        """Where a run's crop is kept."""
        return folder / run / f"{self.dataset}.{self.image}.webp"


@dataclass(frozen=True)
class PictureCrops:
    """One test picture. thumbnail: the whole HR, as WebP; crops: of HR and every method, by name; captions: two lines
    under each."""

    title: str
    thumbnail: bytes
    window: CropBox
    crops: Mapping[str, U8]
    captions: Mapping[str, str]


@dataclass(frozen=True)
class Gallery:
    """Pictures with the crops of `runs` (name to run); absent: the entrants without pictures here, or why there is no
    picture at all."""

    pictures: tuple[PictureCrops, ...] = ()
    runs: Mapping[str, str] | None = None
    absent: tuple[str, ...] = ()
    missing: str = ""


def read_gallery(scores: Scores, work: Path, kept: Path) -> Gallery:
    """The windows of a setting, of every entrant whose pictures are in work/sr, or whose crops are in `kept`.

    Places that `kept` lists are kept to; else they are chosen by rule. Raises BadInput for a picture of a wrong size.
    """
    every = {variant.label: variant.runs[0] for variant in scores.measured}
    folders = {name: sr_folder(work, cell_of(scores.runs, run, "method"), run) for name, run in every.items()}
    whole = {name: folder for name, folder in folders.items() if folder.is_dir()}
    windows = read_places(kept)
    try:
        if not windows:
            windows = _choose(scores, work, whole)
        old = {n: r for n, r in every.items() if n not in whole and all(w.file(kept, r).is_file() for w in windows)}
        runs = {name: run for name, run in every.items() if name in whole or name in old}
        pictures = [_crops_of(scores, work, runs, (whole, kept), window) for window in windows]
    except FileNotFoundError as error:
        return Gallery(missing=str(error))
    return Gallery(tuple(pictures), runs, tuple(name for name in every if name not in runs))


def keep(gallery: Gallery, folder: Path) -> None:
    """Write the places, thumbnails, and the crops of HR and every entrant; nothing where nothing is shown."""
    if not gallery.pictures:
        return
    folder.mkdir(parents=True, exist_ok=True)
    write_rows(folder / PLACES, COLUMNS, [astuple(picture.window) for picture in gallery.pictures])
    for picture in gallery.pictures:
        for name, run in {HR: HR, **(gallery.runs or {})}.items():
            file = picture.window.file(folder, run)
            file.parent.mkdir(exist_ok=True)
            Image.fromarray(picture.crops[name]).save(file, "WEBP", lossless=True, method=6)
        file = picture.window.file(folder, WHOLE)
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(picture.thumbnail)


def read_places(folder: Path) -> list[CropBox]:
    """What `keep` wrote; none without a file. Raises BadInput for a torn one."""
    path = folder / PLACES
    if not path.is_file():
        return []
    remedy = "remove it and make the report again"
    rows = read_rows(path, COLUMNS, remedy)
    try:
        return [CropBox(row["dataset"], row["image"], *(int(row[column]) for column in COLUMNS[2:])) for row in rows]
    except ValueError as error:
        raise BadInput(f"{path}: {error}; {remedy}") from None


def _choose(scores: Scores, work: Path, whole: Mapping[str, Path]) -> list[CropBox]:
    """By rule. Raises FileNotFoundError, naming it, where HR pictures or those of every method are not here."""
    if not whole:
        raise FileNotFoundError("sr/")
    found = []
    for dataset, image in choose_pictures(scores, PICTURES):
        hr = _hr(scores, work, dataset, image)
        folders = [whole[entrant.label] for entrant in closest(scores) if entrant.label in whole]
        methods = [_read(folder / dataset / f"{image}.png", work, hr.shape[:2]) for folder in folders]
        side = min(SIDE, *hr.shape[:2])
        corner = choose_window(methods if len(methods) > 1 else [hr, *methods], side)
        found.append(CropBox(dataset, image, *corner, side, *hr.shape[:2]))
    return found


def choose_pictures(scores: Scores, count: int) -> list[tuple[str, str]]:
    """(dataset, image): data set by data set in turn, those on which the entrants' scores differ most first."""
    runs = [variant.runs[0] for variant in closest(scores)]
    metric = scores.first_available(DISTORTION) or scores.setting.metrics[0]
    values = widen(scores.frame)[metric].unstack("run")[runs]  # (data set, image) x run
    spread = values.where(np.isfinite(values)).std(axis=1, ddof=0).fillna(0.0).round(6)
    order = sorted(((str(dataset), str(image)) for dataset, image in spread.index), key=lambda p: (-spread[p], p[1]))
    ranked = [[picture for picture in order if picture[0] == dataset] for dataset in scores.setting.datasets]
    turns = max(map(len, ranked))
    return [pictures[turn] for turn in range(turns) for pictures in ranked if turn < len(pictures)][:count]


def choose_window(pictures: Sequence[U8], side: int) -> tuple[int, int]:
    """(top, left) of the side x side window in which the detail of the pictures, all of one size, differs most.

    Detail is luma less its local mean, so that a method that gets the brightness wrong does not choose the window.
    Ties go to the first window in reading order.
    """
    lumas = [luma(picture) for picture in pictures]
    spread: F64 = np.stack([y - uniform_filter(y, DETAIL) for y in lumas]).var(axis=0)  # (h, w)
    edge = MARGIN if min(spread.shape) >= side + 4 * MARGIN else 0
    spread = spread[edge : spread.shape[0] - edge, edge : spread.shape[1] - edge]
    total = np.zeros((spread.shape[0] + 1, spread.shape[1] + 1))
    total[1:, 1:] = spread.cumsum(axis=0).cumsum(axis=1)
    sums = total[side:, side:] - total[:-side, side:] - total[side:, :-side] + total[:-side, :-side]
    step = 4
    top, left = np.unravel_index(int(np.argmax(sums[::step, ::step].round(3))), sums[::step, ::step].shape)
    return edge + int(top) * step, edge + int(left) * step


def _crops_of(
    scores: Scores, work: Path, runs: Mapping[str, str], found: tuple[Mapping[str, Path], Path], window: CropBox
) -> PictureCrops:
    """One picture. found: where whole pictures are by method, and where crops are kept."""
    whole, kept = found
    try:
        hr = _hr(scores, work, window.dataset, window.image)
        crops, thumbnail = {HR: window.cut(hr)}, _shrink(hr)
    except FileNotFoundError:
        if not window.file(kept, HR).is_file():
            raise
        crops, thumbnail = {HR: to_rgb(read_image(window.file(kept, HR)))}, window.file(kept, WHOLE).read_bytes()
    for name, run in runs.items():
        if name in whole:
            crops[name] = window.cut(
                _read(whole[name] / window.dataset / f"{window.image}.png", work, (window.height, window.width))
            )
        else:
            crops[name] = to_rgb(read_image(window.file(kept, run)))
    return PictureCrops(f"{window.dataset} / {window.image}", thumbnail, window, crops, _captions(scores, runs, window))


def _shrink(hr: U8) -> bytes:
    """A whole picture, small, as WebP."""
    height, width = hr.shape[:2]
    scale = min(1.0, THUMBNAIL / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    stream = io.BytesIO()
    Image.fromarray(hr).resize(size, Image.Resampling.BOX).save(stream, "WEBP", quality=80, method=6)
    return stream.getvalue()


def _hr(scores: Scores, work: Path, dataset: str, image: str) -> U8:
    setting = scores.setting
    return _read(degraded_folder(work, dataset, setting.scale, setting.degradation) / "hr" / f"{image}.png", work)


def _read(path: Path, work: Path, size: tuple[int, ...] | None = None) -> U8:
    """(h, w, 3). Raises FileNotFoundError, naming what is not here, and BadInput where the size is not that of HR."""
    if not path.is_file():
        raise FileNotFoundError(str(path.relative_to(work)))
    pixels = to_rgb(read_image(path))
    if size is not None and pixels.shape[:2] != size:
        raise BadInput(f"{path}: not of the size of its HR; upscale it again")
    return pixels


def _captions(scores: Scores, runs: Mapping[str, str], window: CropBox) -> dict[str, str]:
    """Name, then distortion and perceptual score of the whole picture."""
    metrics = scores.first_metrics
    rows = scores.frame[(scores.frame["dataset"] == window.dataset) & (scores.frame["image"] == window.image)]
    values = dict(zip(zip(rows["run"], rows["metric"], strict=True), map(float, rows["value"]), strict=True))
    captions = {HR: "HR\n" + "   ".join(f"{m} {ARROWS[scores.metrics[m].better]}" for m in metrics)}
    for name, run in runs.items():
        captions[name] = f"{name}\n" + "   ".join(show_value(values[run, m], scores.metrics[m]) for m in metrics)
    return captions
