"""Training batches, of pairs and of LR pictures without HR, as a pure function of (pictures, seed, step): no sampler
state exists, so a resumed run is the same run."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from bench.api import Batch
from bench.data.images import U8
from bench.errors import BadInput
from bench.runtime.files import as_written, read_json

_WORD = 2**64
Cut = tuple[int, int, int, int]
"""(number of the picture, row and column of its LR, three bits that say how the patch is turned)"""


class PatchStore:
    """A folder made by `prepare_train`, mapped into memory. Stores that differ in `stream` draw independently, so two
    of them give unpaired batches."""

    def __init__(self, folder: Path, stream: int = 0) -> None:
        """Raises BadInput where the folder is not such a store, or is incomplete."""
        index = read_json(folder / "index.json")
        self.folder, self.stream = folder, stream
        with as_written(folder / "index.json"):
            self.scale = int(index["scale"])
            self.levels: tuple[int, ...] = tuple(int(level) for level in index.get("levels", ()))
            self.names: list[str] = [str(picture["name"]) for picture in index["pictures"]]
            self._hr, self._lr, *self._between = (
                _planes(folder / f"{side}.u8", [(p[f"{side}_offset"], *p[f"{side}_size"]) for p in index["pictures"]])
                for side in ("hr", "lr", *(f"lr{level}" for level in self.levels))
            )
            factors = [(self._hr, self.scale), *zip(self._between, (self.scale // n for n in self.levels), strict=True)]
            for planes, factor in factors:
                for plane, lr in zip(planes, self._lr, strict=True):
                    if factor < 1 or min(np.array(plane.shape[1:]) - factor * np.array(lr.shape[1:])) < 0:
                        raise ValueError(f"{plane.shape} is no {factor} times {lr.shape}")
            self._area = np.cumsum([plane.shape[1] * plane.shape[2] for plane in self._lr], dtype=np.uint64)
            self._smallest = min(range(len(self.names)), key=lambda i: min(self._lr[i].shape[1:]))

    def batch(self, step: int, seed: int, count: int, patch: int, device: torch.device | str = "cpu") -> Batch:
        """`count` pairs with an HR side of `patch` pixels: pictures drawn by area, corners uniformly among those
        aligned to the scale, mirrored left-right and top-bottom and transposed with probability 1/2 each. Every level
        that the folder holds is cut at the same places.

        The first pairs of a larger batch are those of a smaller one. Raises BadInput for an unusable `patch`.
        """
        cuts = self._draw(step, seed, count, self._lr_side(patch))
        lr = _cut_all(self._lr, cuts, 1, patch // self.scale)
        hr = _cut_all(self._hr, cuts, self.scale, patch)
        between = [
            _cut_all(planes, cuts, self.scale // level, patch // level)
            for level, planes in zip(self.levels, self._between, strict=True)
        ]
        levels = tuple(_to_float(pixels, device) for pixels in between)
        return Batch(_to_float(lr, device), _to_float(hr, device), step, levels)

    def lr_batch(
        self, step: int, seed: int, count: int, patch: int, device: torch.device | str = "cpu"
    ) -> torch.Tensor:
        """The LR side of the same batch alone, (count, 3, patch/scale, patch/scale)."""
        side = self._lr_side(patch)
        return _to_float(_cut_all(self._lr, self._draw(step, seed, count, side), 1, side), device)

    def _draw(self, step: int, seed: int, count: int, side: int) -> list[Cut]:
        """Where `count` LR squares of a side lie, and how each is turned."""
        key = np.array([seed % _WORD, step % _WORD], dtype=np.uint64)
        counter = np.array([0, 0, 0, self.stream], dtype=np.uint64)
        words = np.random.Philox(key=key, counter=counter).random_raw(4 * count).reshape(count, 4)
        chosen = np.searchsorted(self._area, words[:, 0] % self._area[-1], side="right")
        cuts = []
        for i, picture in enumerate(chosen.tolist()):
            height, width = self._lr[picture].shape[1:]
            y, x = int(words[i, 1]) % (height - side + 1), int(words[i, 2]) % (width - side + 1)
            cuts.append((picture, y, x, int(words[i, 3] >> np.uint64(61))))
        return cuts

    def _lr_side(self, patch: int) -> int:
        """The LR side of a patch, after checking that every picture holds one."""
        side, height, width = patch // self.scale, *self._lr[self._smallest].shape[1:]
        if patch < 1 or patch % self.scale:
            raise BadInput(
                f"an HR patch of {patch} pixels does not divide by the scale {self.scale}; change knob patch"
            )
        if min(height, width) < side:
            raise BadInput(
                f"{self.names[self._smallest]}: {width * self.scale}x{height * self.scale} pixels are fewer than the "
                f"HR patch of {patch}; lower knob patch or train on larger pictures"
            )
        return side


class PairedAndUnpaired:
    """`count_unpaired` LR patches of a batch come from one store, the pairs from the other. The HR of the unpaired
    store is never read."""

    def __init__(self, paired: PatchStore, unpaired: PatchStore, count_unpaired: int) -> None:
        """Raises BadInput for stores of different scales, and naming a picture whose HR both were made of."""
        if paired.scale != unpaired.scale:
            scales = f"x{paired.scale} and x{unpaired.scale}"
            raise BadInput(f"{unpaired.folder}: pairs and unpaired pictures are {scales}; prepare both at one scale")
        names, others = _names(paired.folder), _names(unpaired.folder)
        shared = [name for digest, name in others.items() if digest in names]
        if shared:
            raise BadInput(
                f"{shared[0]}: among the pairs and among the unpaired pictures; train on disjoint sets, such as "
                "BSD400-first and BSD400-second"
            )
        self.paired = paired
        self.unpaired = PatchStore(unpaired.folder, paired.stream + 1)  # its draws are its own
        self.count_unpaired = count_unpaired

    @property
    def folder(self) -> Path:
        """The pairs' folder."""
        return self.paired.folder

    def batch(self, step: int, seed: int, count: int, patch: int, device: torch.device | str = "cpu") -> Batch:
        """`count` pictures in all: as `PatchStore.batch`, the unpaired ones beside the pairs."""
        lone = self.count_unpaired
        if not 0 <= lone <= count:
            raise BadInput(f"{lone} unpaired pictures do not fit a batch of {count}; change knob batch_size")
        batch = self.paired.batch(step, seed, count - lone, patch, device)
        lr = self.unpaired.lr_batch(step, seed, lone, patch, device) if lone else None
        return replace(batch, unpaired=lr)


def _names(folder: Path) -> dict[str, str]:
    """The pictures of a store by the digest of their HR."""
    manifest = read_json(folder / "manifest.json")
    with as_written(folder / "manifest.json"):
        return {facts["hr_sha256"]: name for name, facts in manifest["pictures"].items()}


def _planes(path: Path, extents: list[tuple[int, int, int]]) -> list[U8]:
    """One (3, h, w) view per picture into the mapped file."""
    size = path.stat().st_size if path.is_file() else 0
    ends = [0]
    for offset, height, width in extents:
        if offset != ends[-1] or min(height, width) < 1:
            raise ValueError(f"a picture of {height}x{width} at {offset}, where the one before ends at {ends[-1]}")
        ends.append(offset + 3 * height * width)
    if not size or size != ends[-1]:
        raise BadInput(f"{path}: {size} bytes do not hold the pictures of index.json; prepare the folder again")
    store = np.memmap(path, dtype=np.uint8, mode="r")
    flat: U8 = np.asarray(store)
    return [flat[start : start + 3 * h * w].reshape(3, h, w) for start, h, w in extents]


def _cut_all(planes: list[U8], cuts: list[Cut], factor: int, size: int) -> U8:
    """(N, 3, size, size): the squares at places that are given in pixels of the LR, `factor` times as small."""
    squares = np.empty((len(cuts), 3, size, size), dtype=np.uint8)
    for (picture, y, x, turns), square in zip(cuts, squares, strict=True):
        _cut(planes[picture], y * factor, x * factor, turns, square)
    return squares


def _cut(plane: U8, y: int, x: int, turns: int, target: U8) -> None:
    """Copy the square at (y, x) into `target` (3, p, p), flipped as the three bits of `turns` say."""
    size = target.shape[-1]
    square = plane[:, y : y + size, x : x + size]
    if turns & 1:
        square = square[:, :, ::-1]
    if turns & 2:
        square = square[:, ::-1, :]
    target[...] = square.transpose(0, 2, 1) if turns & 4 else square


def _to_float(pixels: NDArray[np.uint8], device: torch.device | str) -> torch.Tensor:
    """uint8 -> float32 in [0, 1], converted where it is used: a quarter of the bytes travel."""
    return torch.from_numpy(pixels).to(device, non_blocking=True).float().div_(255)
