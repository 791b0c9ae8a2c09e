"""Batches: a pure function of (pictures, seed, step), and LR that belongs to its HR."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from pictures import noise, smooth

from bench.api import Batch
from bench.data.datasets import DATASETS, DataSet
from bench.data.images import U8, write_png
from bench.data.patches import PatchStore, feed, made_ahead
from bench.data.prepare import prepare_train
from bench.data.resize import resize_tensor
from bench.errors import BadInput

SCALE, PATCH = 2, 24
SHAPES = {"large": (96, 120, 3), "small": (40, 48, 3), "wide": (33, 90, 3)}


def make_store(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    pictures: dict[str, U8],
    levels: tuple[int, ...] = (),
    scale: int = SCALE,
) -> Path:
    monkeypatch.setenv("BENCH_DATA", str(folder / "data"))
    entry = DataSet("Tiny", "train", len(pictures), "none", "made", "Tiny", how="draw it")
    monkeypatch.setitem(DATASETS, "Tiny", entry)
    for name, picture in pictures.items():
        write_png(folder / "data" / "Tiny" / f"{name}.png", picture)
    prepare_train(("Tiny",), scale, "bicubic_float", folder / "t", levels=levels)
    return folder / "t"


@pytest.fixture
def prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store of three noise pictures: any misplaced pixel shows."""
    pictures = {name: noise(number, *shape) for number, (name, shape) in enumerate(SHAPES.items())}
    return make_store(tmp_path, monkeypatch, pictures)


def test_a_batch_has_the_promised_shapes_and_range(prepared: Path) -> None:
    batch = PatchStore(prepared).batch(3, 1, 5, PATCH, torch.device("cpu"))
    assert batch.step == 3
    assert (batch.lr.shape, batch.hr.shape) == ((5, 3, PATCH // SCALE, PATCH // SCALE), (5, 3, PATCH, PATCH))
    for side in (batch.lr, batch.hr):
        assert side.dtype == torch.float32
        assert side.is_contiguous()
        assert 0 <= float(side.min()) < float(side.max()) <= 1
        assert torch.equal((side * 255).round() / 255, side)


def test_a_batch_depends_on_seed_and_step_and_on_nothing_else(prepared: Path) -> None:
    store = PatchStore(prepared)
    first = store.batch(7, 1, 4, PATCH)
    store.batch(8, 1, 4, PATCH)
    again = PatchStore(prepared).batch(7, 1, 4, PATCH)
    assert torch.equal(first.hr, again.hr)
    assert torch.equal(first.lr, again.lr)
    for other in (store.batch(8, 1, 4, PATCH), store.batch(7, 2, 4, PATCH), store.batch(1, 7, 4, PATCH)):
        assert not torch.equal(first.hr, other.hr)


def test_a_larger_batch_begins_with_the_smaller_one(prepared: Path) -> None:
    store = PatchStore(prepared)
    assert torch.equal(store.batch(0, 0, 16, PATCH).hr[:4], store.batch(0, 0, 4, PATCH).hr)


def test_another_stream_draws_other_patches(prepared: Path) -> None:
    one, two = (PatchStore(prepared, stream).batch(0, 0, 8, PATCH) for stream in (0, 1))
    assert not any(torch.equal(a, b) for a, b in zip(one.hr, two.hr, strict=True))


def test_the_inside_of_an_lr_patch_is_the_shrunk_hr_patch(prepared: Path) -> None:
    batch = PatchStore(prepared).batch(0, 0, 64, PATCH)
    shrunk = resize_tensor(batch.hr.double(), Fraction(1, SCALE)).clamp(0, 1)
    difference = (shrunk - batch.lr.double())[..., 2:-2, 2:-2].abs() * 255
    assert float(difference.max()) < 0.51


def test_every_patch_is_a_flipped_or_transposed_part_of_a_picture_at_aligned_corners(prepared: Path) -> None:
    pictures = [noise(number, *shape) for number, shape in enumerate(SHAPES.values())]
    at: dict[bytes, tuple[int, int, int]] = {}
    for number, image in enumerate(pictures):
        height, width = (side - side % SCALE for side in image.shape[:2])
        for y in range(0, height - PATCH + 1, SCALE):
            for x in range(0, width - PATCH + 1, SCALE):
                at[image[y : y + PATCH, x : x + PATCH].tobytes()] = (number, y, x)
    kinds, found = set(), []
    for patch in (PatchStore(prepared).batch(0, 0, 400, PATCH).hr * 255).round().byte().numpy():
        image = patch.transpose(1, 2, 0)
        for turns in range(8):
            back = image.transpose(1, 0, 2) if turns & 4 else image
            back = back[::-1] if turns & 2 else back
            back = back[:, ::-1] if turns & 1 else back
            if back.tobytes() in at:
                kinds.add(turns)
                found.append(at[back.tobytes()])
    assert len(found) == 400
    assert kinds == set(range(8))
    assert {number for number, _, _ in found} == {0, 1, 2}
    tops, lefts = zip(*((y, x) for number, y, x in found if number == 0), strict=True)
    assert (min(tops), max(tops), min(lefts), max(lefts)) == (0, 96 - PATCH, 0, 120 - PATCH)


def test_pictures_are_drawn_by_their_area(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sides = {"a": (20, 20), "b": (20, 40), "c": (40, 60)}
    flat = {name: np.full(sides[name], 10 * i, np.uint8) for i, name in enumerate(sides)}
    values = PatchStore(make_store(tmp_path, monkeypatch, flat)).batch(0, 0, 3000, 2).hr[:, 0, 0, 0] * 255
    share = np.bincount((values.numpy() / 10).round().astype(int)) / 3000
    assert share == pytest.approx([1 / 9, 2 / 9, 6 / 9], abs=0.03)


def test_a_picture_smaller_than_the_patch_names_itself_and_the_knob(prepared: Path) -> None:
    with pytest.raises(BadInput, match=r"Tiny/wide: 90x32 pixels are fewer than the HR patch of 40; lower knob patch"):
        PatchStore(prepared).batch(0, 0, 1, 40)


@pytest.mark.parametrize("patch", [0, -2, 25])
def test_a_patch_that_the_scale_does_not_divide_is_refused(prepared: Path, patch: int) -> None:
    with pytest.raises(BadInput, match="knob patch"):
        PatchStore(prepared).batch(0, 0, 1, patch)


def test_a_patch_as_large_as_the_picture_is_allowed(prepared: Path) -> None:
    assert PatchStore(prepared).batch(0, 0, 2, 32).hr.shape == (2, 3, 32, 32)


def test_a_folder_that_is_no_store_or_an_incomplete_one_is_refused(prepared: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"index\.json"):
        PatchStore(tmp_path / "nowhere")
    content = (prepared / "hr.u8").read_bytes()
    (prepared / "hr.u8").write_bytes(content[:-1])
    with pytest.raises(BadInput, match="prepare the folder again"):
        PatchStore(prepared)


@pytest.mark.parametrize("levels", [(4, 2), (2, 4), (2,)])
def test_levels_are_cut_where_the_pair_is(
    levels: tuple[int, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = {name: smooth(number, 70, 90, 3) for number, name in enumerate("ab")}
    without = make_store(tmp_path / "without", monkeypatch, pictures, scale=8)
    folder = make_store(tmp_path / "with", monkeypatch, pictures, levels, scale=8)
    plain, batch = (PatchStore(store).batch(2, 1, 32, 48) for store in (without, folder))
    assert plain.levels == ()
    assert torch.equal(plain.hr, batch.hr) and torch.equal(plain.lr, batch.lr)
    assert [level.shape[-1] for level in batch.levels] == [48 // level for level in levels]
    for level, found in zip(levels, batch.levels, strict=True):
        shrunk = resize_tensor(batch.hr.double(), Fraction(1, level)).clamp(0, 1)
        difference = (shrunk - found.double())[..., 2:-2, 2:-2].abs() * 255
        assert float(difference.max()) < 1.01  # 8 bits after each of two passes


def test_the_lr_side_of_a_batch_can_be_drawn_alone(prepared: Path) -> None:
    store = PatchStore(prepared)
    assert torch.equal(store.lr_batch(5, 1, 7, PATCH), store.batch(5, 1, 7, PATCH).lr)


def same(one: Batch, other: Batch) -> bool:
    pictures = [(batch.lr, batch.hr, *batch.levels, batch.unpaired) for batch in (one, other)]
    return one.step == other.step and all(
        (a is None and b is None) or (a is not None and b is not None and torch.equal(a, b) and a.is_contiguous())
        for a, b in zip(*pictures, strict=True)
    )


def test_a_batch_cut_on_the_device_is_the_one_cut_from_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = {name: noise(number, *shape) for number, (name, shape) in enumerate(SHAPES.items())}
    folder = make_store(tmp_path, monkeypatch, pictures, levels=(2,), scale=4)
    store = PatchStore(folder)
    mapped = [store.batch(step, 1, 40, PATCH) for step in range(5)]
    monkeypatch.setattr(torch.Tensor, "to", lambda tensor, _: tensor.clone())  # as to another device
    store.keep_on(torch.device("cuda"))
    monkeypatch.undo()
    monkeypatch.setattr("bench.data.patches.np.ndarray", None)  # of what is cut from the file
    for side in folder.glob("*.u8"):
        side.write_bytes(bytes(side.stat().st_size))
    assert all(same(batch, store.batch(step, 1, 40, PATCH)) for step, batch in enumerate(mapped))


def test_batches_made_ahead_are_the_ones_made_when_asked_for(prepared: Path) -> None:
    plain, ahead = PatchStore(prepared), made_ahead(PatchStore(prepared).batch)
    for step in (0, 1, 2, 7, 8, 3):
        assert same(ahead(step, 1, 3, PATCH, "cpu"), plain.batch(step, 1, 3, PATCH, "cpu"))


def test_a_gpu_keeps_the_pictures_that_it_has_room_for(prepared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, kept = PatchStore(prepared), list[torch.device]()
    monkeypatch.setattr(store, "keep_on", kept.append)
    cpu, gpu = torch.device("cpu"), torch.device("cuda")
    assert feed(store, cpu) == store.batch and not kept
    assert feed(store, gpu) == store.batch and kept == [gpu]
    monkeypatch.setattr("bench.data.patches.MOST_ON_GPU", store.size - 1)
    assert feed(store, gpu) != store.batch and kept == [gpu]
