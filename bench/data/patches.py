"""Training batches, of pairs and of LR pictures without HR, as a pure function of (pictures, seed, step): no sampler
state exists, so a resumed run is the same run."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.api import Batch
from bench.errors import BadInput
from bench.runtime.files import as_written, read_json

_WORD = 2**64
MOST_ON_GPU = 2**31  # bytes of pictures that are kept there; BSD400 takes 0.2e9, DIV2K 7e9
Cut = tuple[int, int, int, int]
"""(number of the picture, row and column of its LR, three bits that say how the patch is turned)"""
Draw = Callable[[int, int, int, int, torch.device], Batch]
"""step, seed, count, patch, device -> Batch"""


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
                _Planes(folder / f"{side}.u8", [(p[f"{side}_offset"], *p[f"{side}_size"]) for p in index["pictures"]])
                for side in ("hr", "lr", *(f"lr{level}" for level in self.levels))
            )
            self._extents = [(height, width) for _, height, width in self._lr.extents]
            factors = [(self._hr, self.scale), *zip(self._between, (self.scale // n for n in self.levels), strict=True)]
            for planes, factor in factors:
                for (_, *sides), extent in zip(planes.extents, self._extents, strict=True):
                    if factor < 1 or min(np.array(sides) - factor * np.array(extent)) < 0:
                        raise ValueError(f"{sides} is no {factor} times {extent}")
            self._area = np.cumsum([height * width for height, width in self._extents], dtype=np.uint64)
            self._smallest = min(range(len(self.names)), key=lambda i: min(self._extents[i]))

    @property
    def size(self) -> int:
        """Bytes of its pictures."""
        return sum(planes.flat.nbytes for planes in (self._hr, self._lr, *self._between))

    def keep_on(self, device: torch.device) -> None:
        """Copy the pictures to a device; batches are then cut there."""
        for planes in (self._hr, self._lr, *self._between):
            planes.flat, planes.kept = planes.flat.to(device), True

    def batch(self, step: int, seed: int, count: int, patch: int, device: torch.device | str = "cpu") -> Batch:
        """`count` pairs with an HR side of `patch` pixels: pictures drawn by area, corners uniformly among those
        aligned to the scale, mirrored left-right and top-bottom and transposed with probability 1/2 each. Every level
        that the folder holds is cut at the same places.

        The first pairs of a larger batch are those of a smaller one. Raises BadInput for an unusable `patch`.
        """
        cuts = self._draw(step, seed, count, self._lr_side(patch))
        lr = self._lr.cut(cuts, 1, patch // self.scale, device)
        hr = self._hr.cut(cuts, self.scale, patch, device)
        between = zip(self.levels, self._between, strict=True)
        levels = (planes.cut(cuts, self.scale // level, patch // level, device) for level, planes in between)
        return Batch(lr, hr, step, tuple(levels))

    def lr_batch(
        self, step: int, seed: int, count: int, patch: int, device: torch.device | str = "cpu"
    ) -> torch.Tensor:
        """The LR side of the same batch alone, (count, 3, patch/scale, patch/scale)."""
        side = self._lr_side(patch)
        return self._lr.cut(self._draw(step, seed, count, side), 1, side, device)

    def _draw(self, step: int, seed: int, count: int, side: int) -> list[Cut]:
        """Where `count` LR squares of a side lie, and how each is turned."""
        key = np.array([seed % _WORD, step % _WORD], dtype=np.uint64)
        counter = np.array([0, 0, 0, self.stream], dtype=np.uint64)
        words = np.random.Philox(key=key, counter=counter).random_raw(4 * count).reshape(count, 4)
        chosen = np.searchsorted(self._area, words[:, 0] % self._area[-1], side="right")
        cuts = []
        for i, picture in enumerate(chosen.tolist()):
            height, width = self._extents[picture]
            y, x = int(words[i, 1]) % (height - side + 1), int(words[i, 2]) % (width - side + 1)
            cuts.append((picture, y, x, int(words[i, 3] >> np.uint64(61))))
        return cuts

    def _lr_side(self, patch: int) -> int:
        """The LR side of a patch, after checking that every picture holds one."""
        side, height, width = patch // self.scale, *self._extents[self._smallest]
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
        if shared := [name for digest, name in others.items() if digest in names]:
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

    @property
    def size(self) -> int:
        return self.paired.size + self.unpaired.size

    def keep_on(self, device: torch.device) -> None:
        self.paired.keep_on(device)
        self.unpaired.keep_on(device)

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


Store = PatchStore | PairedAndUnpaired


def feed(store: Store, device: torch.device) -> Draw:
    """How a device is best given the batches of a store: a GPU from pictures that lie there or, where they are too
    many, by batches that are made while it works."""
    if device.type != "cuda":
        return store.batch
    if store.size > MOST_ON_GPU:
        return made_ahead(store.batch)
    store.keep_on(device)
    return store.batch


def made_ahead(draw: Draw) -> Draw:
    """The same batches, of which a thread makes the next while one is used."""
    pool = ThreadPoolExecutor(1)
    waiting: dict[tuple[object, ...], Future[Batch]] = {}

    def batch(step: int, seed: int, count: int, patch: int, device: torch.device) -> Batch:
        ready = waiting.pop((step, seed, count, patch, device), None)
        found = ready.result() if ready else draw(step, seed, count, patch, device)
        following = step + 1, seed, count, patch, device
        waiting.clear()
        waiting[following] = pool.submit(draw, *following)
        return found

    return batch


class _Planes:
    """One side of a store's pictures, `flat`: the bytes of the mapped file, or their copy where a device has `kept` it.
    extents: (where a picture begins, height, width) of each.

    Raises BadInput, and ValueError, for a file that is not as the index says.
    """

    def __init__(self, path: Path, extents: list[tuple[int, int, int]]) -> None:
        end = 0
        for offset, height, width in extents:
            if offset != end or min(height, width) < 1:
                raise ValueError(f"a picture of {height}x{width} at {offset}, where the one before ends at {end}")
            end += 3 * height * width
        size = path.stat().st_size if path.is_file() else 0
        if not size or size != end:
            raise BadInput(f"{path}: {size} bytes do not hold the pictures of index.json; prepare the folder again")
        self.extents, self.kept = extents, False
        self.flat = torch.from_file(str(path), size=size, dtype=torch.uint8)

    def cut(self, cuts: list[Cut], factor: int, size: int, device: torch.device | str) -> Tensor:
        """(N, 3, size, size) float32 in [0, 1]: the squares at places that are given in pixels of the LR, `factor`
        times as small. As uint8 they travel, a quarter of the bytes."""
        steps = self._steps(cuts, factor, size)
        if self.kept:
            pixels = self.flat.take(_addresses(torch.from_numpy(steps).to(self.flat.device), size))
        else:
            flat, shape = self.flat.numpy(), (3, size, size)
            squares = [np.ndarray(shape, np.uint8, flat, first, strides) for first, *strides in steps.tolist()]
            pixels = torch.from_numpy(np.array(squares, np.uint8).reshape(-1, *shape))
        if torch.device(device).type == "cuda" and not pixels.is_cuda:
            pixels = pixels.pin_memory()
        return pixels.to(device, non_blocking=not pixels.is_cuda).float().div_(255)

    def _steps(self, cuts: list[Cut], factor: int, size: int) -> NDArray[np.int64]:
        """(N, 4): where each square begins, and how many bytes further a channel, a row and a column lie, turned as the
        three bits of a cut say: mirrored left-right and top-bottom, transposed."""
        steps = np.empty((len(cuts), 4), dtype=np.int64)
        for step, (picture, y, x, turns) in zip(steps, cuts, strict=True):
            start, height, width = self.extents[picture]
            start, down, right = start + y * factor * width + x * factor, width, 1
            if turns & 1:
                start, right = start + (size - 1) * right, -right
            if turns & 2:
                start, down = start + (size - 1) * down, -down
            step[:] = start, height * width, *((right, down) if turns & 4 else (down, right))
        return steps


def _addresses(steps: Tensor, size: int) -> Tensor:
    """(N, 3, size, size): where every pixel of the squares lies."""
    first, channel, row, column = steps[:, :, None, None, None].unbind(1)
    along = torch.arange(size, device=steps.device)
    return first + channel * along[:3, None, None] + (row * along[:, None] + column * along)
