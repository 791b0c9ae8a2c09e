"""Pairs and unpaired pictures: no picture in both, and draws of their own."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from pictures import noise, real

from bench.data.datasets import DATASETS, PINNED, SUBSETS, UNPINNED, VALIDATION, DataSet, check, find, verify
from bench.data.images import write_png
from bench.data.patches import PairedAndUnpaired, PatchStore
from bench.data.pixel_checksums import PIXEL_CHECKSUMS, pixel_sha256
from bench.data.prepare import prepare_train
from bench.errors import BadInput

PATCH = 16


@pytest.fixture
def stores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, PatchStore]:
    """Two sets of noise pictures that share nothing, a third that repeats a picture of the first; all at x2."""
    monkeypatch.setenv("BENCH_DATA", str(tmp_path / "data"))
    for name, numbers in (("Left", (0, 1)), ("Right", (2, 3)), ("Mixed", (4, 1))):
        monkeypatch.setitem(DATASETS, name, DataSet(name, "train", 2, "none", "made", name, how="draw it"))
        for number in numbers:
            write_png(tmp_path / "data" / name / f"picture{number}.png", noise(number, 33, 41, 3))
        degradation = "nearest" if name == "Right" else "bicubic"
        prepare_train((name,), 2, degradation, tmp_path / name)
    return {name: PatchStore(tmp_path / name) for name in ("Left", "Right", "Mixed")}


def test_a_store_paired_with_itself_is_refused_by_the_name_of_a_picture(stores: dict[str, PatchStore]) -> None:
    with pytest.raises(BadInput, match="Left/picture0: among the pairs and among the unpaired pictures"):
        PairedAndUnpaired(stores["Left"], stores["Left"], 1)


def test_one_shared_picture_is_enough_to_be_refused(stores: dict[str, PatchStore]) -> None:
    with pytest.raises(BadInput, match="Mixed/picture1"):
        PairedAndUnpaired(stores["Left"], stores["Mixed"], 1)


def test_the_same_picture_under_another_degradation_is_recognised(
    stores: dict[str, PatchStore], tmp_path: Path
) -> None:
    prepare_train(("Left",), 2, "nearest", tmp_path / "again")
    with pytest.raises(BadInput, match="Left/picture0"):
        PairedAndUnpaired(stores["Left"], PatchStore(tmp_path / "again", 5), 1)


def test_stores_of_two_scales_are_refused(stores: dict[str, PatchStore], tmp_path: Path) -> None:
    prepare_train(("Right",), 4, "bicubic", tmp_path / "four")
    with pytest.raises(BadInput, match="x2 and x4; prepare both at one scale"):
        PairedAndUnpaired(stores["Left"], PatchStore(tmp_path / "four"), 1)


def test_a_batch_holds_pairs_of_one_store_and_lr_patches_of_the_other(stores: dict[str, PatchStore]) -> None:
    both = PairedAndUnpaired(stores["Left"], stores["Right"], 3)
    batch = both.batch(4, 1, 8, PATCH)
    alone = stores["Left"].batch(4, 1, 5, PATCH)
    assert both.folder == stores["Left"].folder
    assert torch.equal(batch.lr, alone.lr) and torch.equal(batch.hr, alone.hr)
    assert batch.unpaired is not None
    assert batch.unpaired.shape == (3, 3, PATCH // 2, PATCH // 2)
    expected = PatchStore(stores["Right"].folder, stream=1).batch(4, 1, 3, PATCH).lr
    assert torch.equal(batch.unpaired, expected)


def test_unpaired_patches_are_not_drawn_where_the_pairs_are(stores: dict[str, PatchStore]) -> None:
    lone = PairedAndUnpaired(stores["Left"], stores["Right"], 6).batch(0, 0, 12, PATCH).unpaired
    same_stream = stores["Right"].batch(0, 0, 6, PATCH).lr
    assert lone is not None
    assert not any(torch.equal(one, other) for one, other in zip(lone, same_stream, strict=True))


def test_a_batch_is_a_pure_function_of_seed_and_step(stores: dict[str, PatchStore]) -> None:
    one, two = (PairedAndUnpaired(stores["Left"], stores["Right"], 2) for _ in range(2))
    one.batch(0, 1, 4, PATCH)
    first, again, other = one.batch(3, 1, 4, PATCH), two.batch(3, 1, 4, PATCH), two.batch(3, 2, 4, PATCH)
    for ours, theirs, third in ((first.lr, again.lr, other.lr), (first.unpaired, again.unpaired, other.unpaired)):
        assert ours is not None and theirs is not None and third is not None
        assert torch.equal(ours, theirs) and not torch.equal(ours, third)


def test_a_batch_may_be_all_pairs_or_all_unpaired(stores: dict[str, PatchStore]) -> None:
    pairs = PairedAndUnpaired(stores["Left"], stores["Right"], 0).batch(0, 0, 4, PATCH)
    assert pairs.unpaired is None and len(pairs.lr) == 4
    lone = PairedAndUnpaired(stores["Left"], stores["Right"], 4).batch(0, 0, 4, PATCH)
    assert lone.unpaired is not None
    assert (len(lone.lr), len(lone.hr), len(lone.unpaired)) == (0, 0, 4)
    with pytest.raises(BadInput, match="5 unpaired pictures do not fit a batch of 4"):
        PairedAndUnpaired(stores["Left"], stores["Right"], 5).batch(0, 0, 4, PATCH)


def test_a_set_is_its_two_halves() -> None:
    whole = find("Embedded-train", 4)
    first, second = find("Embedded-train-first", 4), find("Embedded-train-second", 4)
    assert first == whole[::2] and second == whole[1::2]
    for name, found in (("Embedded-train-first", first), ("Embedded-train-second", second)):
        assert len(found) == DATASETS[name].count
        assert DATASETS[name].role == "train"
    assert [DATASETS[f"BSD400-{part}"].count for part in ("first", "second")] == [200, 200]


def test_every_subset_is_of_a_set_whose_pictures_are_pinned_and_holds_each_once() -> None:
    for name, (whole, places) in SUBSETS.items():
        assert any(title == whole for title, _ in PIXEL_CHECKSUMS)
        assert list(places) == sorted(set(places)) and places[-1] < DATASETS[whole].count
        role = "valid" if name in VALIDATION.values() else DATASETS[whole].role
        assert (DATASETS[name].role, DATASETS[name].count) == (role, len(places))


def test_halves_of_the_embedded_photographs_can_be_used_together(tmp_path: Path) -> None:
    for part in ("first", "second"):
        facts = prepare_train((f"Embedded-train-{part}",), 4, "bicubic", tmp_path / part)
        assert facts["copies"] == {f"Embedded-train-{part}": PINNED}
    both = PairedAndUnpaired(PatchStore(tmp_path / "first"), PatchStore(tmp_path / "second"), 1)
    assert both.batch(0, 0, 2, 64).lr.shape == (1, 3, 16, 16)


def test_a_changed_picture_of_an_embedded_half_is_named() -> None:
    digests = dict(list(PIXEL_CHECKSUMS["Embedded-train", 0].items())[1::2])
    assert check("Embedded-train-second", 4, digests) == PINNED
    changed = sorted(digests)[0]
    with pytest.raises(BadInput, match=f"Embedded-train-second: {changed} has pixels"):
        check("Embedded-train-second", 4, {**digests, changed: "0" * 64})


def test_a_half_is_held_against_the_pins_of_the_whole_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    digests = {}
    for number in range(400):
        image = noise(number, 6, 6, 3)
        write_png(tmp_path / "BSD400" / f"{number:03d}.png", image)
        digests[f"{number:03d}"] = pixel_sha256(image)
    second = {name: digests[name] for name in sorted(digests)[1::2]}
    assert check("BSD400-second", 4, second) == UNPINNED
    monkeypatch.setitem(PIXEL_CHECKSUMS, ("BSD400", 0), digests)
    assert check("BSD400-second", 4, second) == PINNED
    assert [source.name for source in find("BSD400-second", 4)] == list(second)
    with pytest.raises(BadInput, match="BSD400-second: 003 has pixels of sha256 0000"):
        check("BSD400-second", 4, {**second, "003": "0" * 64})


def test_the_real_halves_are_of_the_pinned_set() -> None:
    real("BSD400")
    for part in ("first", "second"):
        assert verify(f"BSD400-{part}")[1] == PINNED
