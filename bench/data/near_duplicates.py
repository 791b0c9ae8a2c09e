"""Near-duplicates: pictures of two sets that are one photograph, whole, cropped, resized or mirrored.

The whole of either picture is compared with crops of the other, as grey thumbnails. Where these correlate, the crop is
moved until they correlate most, and what decides is the correlation of the details that are left without the blurred
thumbnail: two skies have the same blur. The perceptual hash of the whole pictures finds what is not cropped. Pictures
that overlap so that neither holds the other are not found. `NEAR_DUPLICATES` is what `search` found between the sets
here.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.data.datasets import Source
from bench.data.images import read_image

F32 = NDArray[np.float32]
Box = tuple[float, float, float, float]  # left, top, right, bottom, of a picture whose sides are 1
LONGEST = 256  # pixels of the side to which pictures are shrunk before anything
SMALL, LARGE = 12, 48  # pixels of a thumbnail, for the search and for the decision
FRACTIONS = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4)  # of the largest crop of an aspect
STEPS = 7  # positions of a crop along each side
ASPECTS = (1.0, 2 / 3, 3 / 2)  # height / width of crops, beside the picture's own
CANDIDATE = 0.7  # correlation of small thumbnails from which on a pair is looked at closely
ALIKE = 0.8  # correlation of details from which on it is one photograph
SAME_HASH = 6  # of 63 bits that may differ
BLUR = 2.0  # standard deviation, pixels of a large thumbnail


class NearDuplicate(NamedTuple):
    """A training picture and the test picture that is the same photograph. Of the best crop: `correlation` of the
    thumbnails, `details` of what their blur leaves; `bits` of 63 in which the hashes of the wholes differ."""

    train_set: str
    train: str
    test_set: str
    test: str
    correlation: float
    details: float
    bits: int


NEAR_DUPLICATES: tuple[NearDuplicate, ...] = (NearDuplicate("BSD400", "302003", "Set5", "img_005", 0.999, 0.995, 2),)
"""Between BSD400, T91, Embedded-train and Set5, Set14, BSD100, Embedded-test: every pair that `search` finds; the next
has details of 0.67 and is of two photographs. DIV2K, Flickr2K, Urban100 and Manga109 were not searched."""


@dataclass(frozen=True)
class _Look:
    """A grey picture; `crops` (n, SMALL * SMALL), the whole first; its `hash` (63,)."""

    grey: Image.Image
    crops: F32
    hash: NDArray[np.bool_]

    @property
    def wholes(self) -> F32:
        """(2, SMALL * SMALL): the picture and its mirror image."""
        whole = self.crops[0].reshape(SMALL, SMALL)
        return np.stack([whole.ravel(), whole[:, ::-1].ravel()])


def search(train: Mapping[str, Iterable[Source]], test: Mapping[str, Iterable[Source]]) -> list[NearDuplicate]:
    """Every pair of the sets, by name, that is one photograph, in the order of the sets."""
    others = [(name, source.name, _look_at(source)) for name, sources in test.items() for source in sources]
    every_crop = np.concatenate([other.crops for *_, other in others])
    every_whole = np.stack([other.wholes for *_, other in others])
    starts = np.cumsum([0, *(len(other.crops) for *_, other in others)])[:-1]
    found = []
    for train_set, sources in train.items():
        for source in sources:
            look = _look_at(source)
            inside = (look.crops @ every_whole.reshape(-1, SMALL * SMALL).T).reshape(len(look.crops), -1, 2)
            around = np.maximum.reduceat((every_crop @ look.wholes.T).max(axis=1), starts)
            for position in np.flatnonzero(np.maximum(inside.max(axis=(0, 2)), around) >= CANDIDATE):
                test_set, name, other = others[position]
                correlation, details, bits = _compare(look, other)
                if details >= ALIKE or bits <= SAME_HASH:
                    scores = round(correlation, 3), round(details, 3), bits
                    found.append(NearDuplicate(train_set, source.name, test_set, name, *scores))
    return found


def _look_at(source: Source) -> _Look:
    grey = Image.fromarray(read_image(source.hr)).convert("L")
    grey.thumbnail((LONGEST, LONGEST))
    return _Look(grey, np.stack([_thumbnail(grey, box, SMALL) for box in _boxes(*grey.size)]), _hash(grey))


def _boxes(width: int, height: int) -> Iterator[Box]:
    """The whole picture, then every crop."""
    yield 0.0, 0.0, 1.0, 1.0
    for aspect in (height / width, *ASPECTS):
        widest = min(width, height / aspect)
        for fraction in FRACTIONS:
            w, h = fraction * widest / width, fraction * widest * aspect / height
            for left in np.linspace(0, 1 - w, STEPS if w < 1 else 1):
                for top in np.linspace(0, 1 - h, STEPS if h < 1 else 1):
                    yield float(left), float(top), float(left) + w, float(top) + h


def _thumbnail(grey: Image.Image, box: Box, side: int) -> F32:
    """(side * side,) of mean 0 and length 1; zeros where flat."""
    left, top, right, bottom = (min(position, 1.0) for position in box)
    width, height = grey.size
    area = (left * width, top * height, right * width, bottom * height)
    return _unit(np.asarray(grey.resize((side, side), Image.Resampling.BOX, box=area), dtype=np.float32).ravel())


def _unit(values: F32) -> F32:
    centred: F32 = values - values.mean()
    return centred / np.float32(max(float(np.linalg.norm(centred)), 1e-6))


def _hash(grey: Image.Image) -> NDArray[np.bool_]:
    """Whether each of the 63 lowest frequencies but the mean is above their median (the perceptual hash)."""
    from scipy.fft import dctn

    values = np.asarray(grey.resize((32, 32), Image.Resampling.BOX), dtype=np.float64)
    lowest = dctn(values)[:8, :8].ravel()[1:]
    return np.asarray(lowest > np.median(lowest))


def _compare(train: _Look, test: _Look) -> tuple[float, float, int]:
    """(correlation, correlation of details) where a crop of either looks most like the other; bits that differ."""
    best = max((_fit(one, other) for one, other in ((train, test), (test, train))), key=lambda fit: fit[1])
    return *best, int((train.hash != test.hash).sum())


def _fit(cropped: _Look, whole: _Look) -> tuple[float, float]:
    """Move a crop's sides until its thumbnail looks most like the whole of another picture, or its mirror image."""
    likeness = cropped.crops @ whole.wholes.T
    start, mirror = np.unravel_index(likeness.argmax(), likeness.shape)
    box = list(_boxes(*cropped.grey.size))[start]
    upright = _thumbnail(whole.grey, (0.0, 0.0, 1.0, 1.0), LARGE).reshape(LARGE, LARGE)
    target = upright[:, :: -1 if mirror else 1].ravel()
    best = float(_thumbnail(cropped.grey, box, LARGE) @ target)
    for step in (0.04, 0.02, 0.01, 0.005):
        moved = True
        while moved:
            tried = [_move(box, side, sign * step) for side in range(4) for sign in (1, -1)]
            tried = [one for one in tried if one[2] - one[0] > 0.1 and one[3] - one[1] > 0.1]
            scores = [float(_thumbnail(cropped.grey, one, LARGE) @ target) for one in tried]
            moved = max(scores, default=best) > best + 1e-4
            if moved:
                best, box = max(zip(scores, tried, strict=True))
    return best, float(_details(_thumbnail(cropped.grey, box, LARGE)) @ _details(target))


def _move(box: Box, side: int, by: float) -> Box:
    left, top, right, bottom = (min(max(value + by * (index == side), 0.0), 1.0) for index, value in enumerate(box))
    return left, top, right, bottom


def _details(thumbnail: F32) -> F32:
    """What a large thumbnail has beyond its blur, of mean 0 and length 1."""
    from scipy.ndimage import gaussian_filter

    values = thumbnail.reshape(LARGE, LARGE)
    return _unit((values - gaussian_filter(values, BLUR)).ravel())
