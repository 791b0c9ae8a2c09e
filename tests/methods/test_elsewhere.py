"""Methods trained elsewhere: their pictures pair with the right ones, and are those that they are said to be."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from pictures import noise
from published import BLOCKS, WIDTH, edsr_forward, edsr_state, rrdb_state
from torchvision_stub import import_or_skip

import methods
from bench.api import Entry, Picture, feed_forward
from bench.data.images import U8, read_image, to_tensor, to_uint8, write_png
from bench.data.prepare import prepare_test
from bench.data.tiles import tiled
from bench.errors import BadInput
from bench.provenance.reuse import needed
from bench.runtime.checksums import hash_file
from bench.runtime.files import read_json
from bench.runtime.rows import read_rows
from bench.runtime.weights import WEIGHTS, File, Weight
from bench.stages.run import score_run, upscale_run
from bench.suites.experiment import Experiment
from bench.suites.published import PUBLISHED_SUITE, is_here
from bench.suites.suite import MethodPlan, Suite
from bench.suites.workdir import Workdir
from methods.elsewhere import Pictures, check_elsewhere, checkpoint_entry, onnx_entry, pictures_entry

SET5 = ("baby", "bird", "butterfly", "head", "woman")
NUMBERS = tuple(f"img_00{number}" for number in range(1, 6))


def write(folder: Path, *names: str) -> Path:
    for number, name in enumerate(names):
        write_png(folder / f"{name}.png", noise(number, 8, 8))
    return folder


def pictures(place: Path) -> Pictures:
    entry = pictures_entry("theirs", place)
    method = entry.build(4, entry.default)
    assert isinstance(method, Pictures)
    return method


def test_pictures_pair_by_name_or_by_a_pattern(tmp_path: Path) -> None:
    write(tmp_path / "plain", *SET5)
    write(tmp_path / "own" / "Set5" / "x4", *(f"{name}_mine_x4" for name in SET5))
    for place, file in (("plain", "baby.png"), ("own/{set}/x{scale}/{name}_mine_x{scale}.png", "baby_mine_x4.png")):
        assert pictures(tmp_path / place).find("Set5", SET5)["baby"].name == file


def test_a_folder_of_folders_is_one_for_each_data_set(tmp_path: Path) -> None:
    write(tmp_path / "Set5", *SET5)
    assert pictures(tmp_path).find("Set5", SET5)["head"] == tmp_path / "Set5" / "head.png"


def test_a_numbered_set_pairs_in_the_order_of_the_names(tmp_path: Path) -> None:
    found = pictures(write(tmp_path, *SET5)).find("Set5", NUMBERS)
    assert [found[number].stem for number in NUMBERS] == list(SET5)


@pytest.mark.parametrize("names", [SET5[:4], (*SET5, "other"), ("img_001", *SET5[1:])])
def test_a_numbered_set_does_not_pair_with_more_fewer_or_some_numbers(tmp_path: Path, names: tuple[str, ...]) -> None:
    with pytest.raises(BadInput, match=r"no SR of img_00\d of Set5"):
        pictures(write(tmp_path, *names)).find("Set5", NUMBERS)


def test_a_picture_that_is_missing_and_a_folder_without_any_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no SR of woman of Set5"):
        pictures(write(tmp_path, *SET5[:4])).find("Set5", SET5)
    with pytest.raises(BadInput, match="no such pictures"):
        pictures_entry("theirs", tmp_path / "{name}_nothing.png")


def test_a_picture_that_changed_is_refused(tmp_path: Path) -> None:
    method = pictures(write(tmp_path, *SET5))
    assert check_elsewhere(method.sha256) == method.sha256
    write_png(tmp_path / "head.png", noise(9, 8, 8))
    with pytest.raises(BadInput, match="get the original again"):
        check_elsewhere(method.sha256)


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workdir:
    """A work folder with one test set."""
    monkeypatch.setenv("BENCH_WORK", str(tmp_path / "work"))
    prepared = Workdir("theirs")
    prepare_test("Embedded-one", 4, "bicubic", prepared.test_data("Embedded-one", 4, "bicubic"))
    return prepared


SUITE = Suite("theirs", "", (), ("Embedded-one",), (MethodPlan("bicubic"),), metrics=("psnr_y", "ssim_y"))


def scored(run: Experiment, layout: Workdir) -> list[dict[str, str]]:
    upscale_run(run, {}, layout, torch.device("cpu"))
    score_run(run, layout)
    return read_rows(layout.scores(run))


def test_a_folder_of_a_methods_pictures_has_the_methods_scores(
    layout: Workdir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = SUITE.experiment("bicubic", "default", 1)
    expected = scored(run, layout)
    shutil.copytree(layout.sr(run) / "Embedded-one", tmp_path / "copy")
    monkeypatch.setitem(methods.METHODS, "copied", pictures_entry("copied", tmp_path / "copy"))
    copied = replace(SUITE, plans=(MethodPlan("copied"),)).experiment("copied", "default", 1)
    assert scored(copied, layout) == expected
    record = read_json(layout.sr(copied) / "upscale.json")
    assert record["inputs"]["elsewhere"] == record["experiment"]["knobs"]["sha256"]
    assert record["experiment"]["train_sets"] == ["elsewhere"]


def test_pictures_of_another_size_are_refused(layout: Workdir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (picture,) = (layout.test_data("Embedded-one", 4, "bicubic") / "hr").iterdir()
    monkeypatch.setitem(methods.METHODS, "small", pictures_entry("small", write(tmp_path / "small", picture.stem)))
    run = replace(SUITE, plans=(MethodPlan("small"),)).experiment("small", "default", 1)
    with pytest.raises(BadInput, match="8x8, not"):
        upscale_run(run, {}, layout, torch.device("cpu"))
    assert not layout.sr(run).exists()


def test_what_authors_published_is_run_where_it_is_here() -> None:
    runs = PUBLISHED_SUITE.experiments()
    assert set(needed(PUBLISHED_SUITE, None, False)) == {name for name, run in runs.items() if is_here(run)}
    assert is_here(runs["bicubic.default.x4.bicubic.s1"])


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """A third party's checkpoint: RRDBNet under its published names."""
    torch.save(rrdb_state(growth=32), tmp_path / "theirs.pth")
    return tmp_path / "theirs.pth"


def run_of(entry: Entry, monkeypatch: pytest.MonkeyPatch) -> Experiment:
    monkeypatch.setitem(methods.METHODS, entry.name, entry)
    return replace(SUITE, plans=(MethodPlan(entry.name),)).experiment(entry.name, "default", 1)


def sr_of(run: Experiment, layout: Workdir) -> U8:
    upscale_run(run, {}, layout, torch.device("cpu"))
    (picture,) = (layout.sr(run) / "Embedded-one").iterdir()
    return read_image(picture)


def test_a_checkpoint_gives_the_pictures_that_spandrel_gives_alone(
    layout: Workdir, network: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spandrel = import_or_skip("spandrel")
    run = run_of(checkpoint_entry(network), monkeypatch)
    (lr,) = (layout.test_data("Embedded-one", 4, "bicubic") / "lr").iterdir()
    alone = spandrel.ModelLoader().load_from_file(network).eval()
    assert np.array_equal(sr_of(run, layout), to_uint8(alone(to_tensor(read_image(lr))[None])[0]))
    record = read_json(layout.sr(run) / "upscale.json")
    assert record["network"]["parameters"] == sum(tensor.numel() for tensor in rrdb_state(growth=32).values())
    assert record["inputs"]["elsewhere"] == hash_file(network)


@pytest.mark.parametrize("side", [None, 48])
def test_its_onnx_twin_is_within_one_grey_level(
    layout: Workdir, network: Path, monkeypatch: pytest.MonkeyPatch, side: int | None
) -> None:
    for package in ("onnx", "onnxruntime"):
        pytest.importorskip(package)
    import_or_skip("spandrel")
    first = run_of(checkpoint_entry(network), monkeypatch)
    twin = network.with_name("twin.onnx")
    axes = None if side else {"lr": {2: "h", 3: "w"}}
    plain = first.build().network().model
    example = torch.rand(1, 3, side or 16, side or 20)
    torch.onnx.export(plain, (example,), str(twin), input_names=["lr"], dynamic_axes=axes, dynamo=False)
    second = run_of(onnx_entry(twin), monkeypatch)
    expected = sr_of(first, layout)
    if side:  # of fixed sides: in tiles
        (lr,) = (layout.test_data("Embedded-one", 4, "bicubic") / "lr").iterdir()
        in_tiles = tiled(feed_forward(first.build().network()), 4, side)
        expected = to_uint8(in_tiles(Picture("", to_tensor(read_image(lr)))))
    assert np.abs(expected.astype(int) - sr_of(second, layout)).max() <= 1


def test_a_file_that_is_no_network_or_of_another_scale_is_refused(tmp_path: Path, network: Path) -> None:
    with pytest.raises(BadInput, match="no such file"):
        onnx_entry(tmp_path / "absent.onnx")
    for package, make in (("spandrel", checkpoint_entry), ("onnxruntime", onnx_entry)):
        import_or_skip(package)
        (tmp_path / f"{package}.bin").write_bytes(b"PK nothing")
        entry = make(tmp_path / f"{package}.bin")
        with pytest.raises(BadInput):
            method = entry.build(4, entry.default)
            method.upscaler(method.network())
    entry = checkpoint_entry(network)
    with pytest.raises(BadInput, match="x4 network, not x2"):
        entry.build(2, entry.default).network()


def test_a_truncated_safetensors_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spandrel = ModuleType("spandrel")
    for name in ("ImageModelDescriptor", "ModelLoader", "canonicalize_state_dict"):
        setattr(spandrel, name, object)
    monkeypatch.setitem(sys.modules, "spandrel", spandrel)
    (tmp_path / "net.safetensors").write_bytes(b"short")
    entry = checkpoint_entry(tmp_path / "net.safetensors")
    with pytest.raises(BadInput, match="holds no network"):
        entry.build(4, entry.default).network()


def test_a_published_network_is_imported_and_upscales_as_the_authors_does(
    layout: Workdir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_PUBLISHED", str(tmp_path))
    torch.save(edsr_state(), tmp_path / "small.pt")
    digits = hash_file(tmp_path / "small.pt")[:8]
    monkeypatch.setitem(WEIGHTS, "small", Weight("small", (File("small.pt", digits, network=True),), "", ""))
    sizes = {"width": WIDTH, "blocks": BLOCKS, "residual_scaling": 1.0}
    plan = MethodPlan("edsr", knobs=sizes, published="small")
    run = replace(SUITE, plans=(plan,)).experiment("edsr", "default", 1)
    (lr,) = (layout.test_data("Embedded-one", 4, "bicubic") / "lr").iterdir()
    expected = edsr_forward(edsr_state(), to_tensor(read_image(lr))[None])[0]
    assert np.abs(sr_of(run, layout).astype(int) - to_uint8(expected)).max() <= 1
    assert read_json(layout.sr(run) / "upscale.json")["inputs"]["weights/small"].startswith(digits)
    assert run.resolved()["published"] == "small" and "published" not in replace(run, published="").resolved()
    (tmp_path / "small.pt").unlink()
    assert not is_here(run)
