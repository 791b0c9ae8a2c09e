"""Whatever a file holds, a reader gives its content or one line that names it: nothing else is raised, nothing hangs,
nothing is allocated that the file cannot fill."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pickle
import resource
import struct
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pictures import noise
from PIL import Image
from published import PUBLISHED
from safetensors.torch import save
from scipy.io import savemat

from bench.__main__ import main
from bench.data.blur_kernels import read_kernel
from bench.data.images import EXTENSIONS, PIXELS, SIDE, image_files, read_image, write_png
from bench.data.patches import PatchStore
from bench.errors import BadInput
from bench.report.losses import read_curves as read_losses
from bench.runtime.files import read_json, write_json
from bench.runtime.rows import read_rows
from bench.runtime.tensors import read_torch
from bench.stages.checkpoints import import_checkpoint, read_published, recorded_method
from bench.stages.score import Folders, pair_folders
from bench.stages.train import load_weights
from bench.tracking import mean_scores, read_curves
from methods import METHODS, find_entry

# BENCH_FUZZ=1000 tries a thousand times as many; the numbers here take seconds
TRIES = settings(
    max_examples=40 * int(os.environ.get("BENCH_FUZZ", "1")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    derandomize="BENCH_FUZZ" not in os.environ,
    database=None,
)


def encoded(kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(noise(1, 12, 10, 3)).save(stream, format=kind, **options)
    return stream.getvalue()


def torch_bytes(legacy: bool = False) -> bytes:
    stream = io.BytesIO()
    state = {"params": {"a.weight": torch.ones(3, 2), "a.bias": torch.zeros(3)}}
    torch.save(state, stream, _use_new_zipfile_serialization=not legacy)
    return stream.getvalue()


def kernel_bytes() -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.full((5, 5), 0.04))
    return stream.getvalue()


def mat_bytes(compressed: bool) -> bytes:
    stream = io.BytesIO()
    savemat(stream, {"Kernel": np.full((5, 5), 0.04)}, do_compression=compressed)
    return stream.getvalue()


SAID = {"bench": json.dumps({"method": "srcnn", "scale": 4, "knobs": {"widths": [4, 4]}})}
PICTURES = [
    *(encoded(kind) for kind in ("PNG", "BMP", "JPEG", "WEBP")),
    *(encoded("TIFF", compression=name) for name in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg")),
]
SCORES = b"dataset,image,metric,value,note\nSet5,baby,psnr_y,30.5,\nSet5,bird,psnr_y,,no weights\n"
CURVE = b'{"step": 10, "loss": 0.5}\n{"step": 20, "loss": 0.25}\n'
INDEX = {
    "scale": 2,
    "pictures": [
        {"name": "a", "hr_offset": 0, "hr_size": [4, 4], "lr_offset": 0, "lr_size": [2, 2]},
        {"name": "b", "hr_offset": 48, "hr_size": [4, 2], "lr_offset": 12, "lr_size": [2, 1]},
    ],
}


@st.composite
def damaged(draw: st.DrawFn, seeds: list[bytes]) -> bytes:
    """A good file with bytes changed, cut out, doubled or put in, or no such file at all."""
    if draw(st.integers(0, 19)) == 0:
        return draw(st.binary(max_size=200))
    content = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(1, 4))):
        where = draw(st.integers(0, max(0, len(content) - 1)))
        length = draw(st.integers(0, 8))
        kind = draw(st.integers(0, 3))
        if kind == 0:
            content[where : where + length] = draw(st.binary(min_size=length, max_size=length))
        elif kind == 1:
            del content[where : where + draw(st.integers(1, len(content) + 1))]
        elif kind == 2:
            content[where:where] = content[where : where + length]
        else:
            content[where:where] = draw(st.binary(max_size=8))
    return bytes(content)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def misshapen(draw: st.DrawFn, seed: Any) -> bytes:
    """A JSON document in which one value, at any depth, is another or missing."""
    document = json.loads(json.dumps(seed))
    node, key = {"": document}, ""
    while isinstance(node[key], dict | list) and node[key] and draw(st.booleans()):
        node = node[key]
        key = draw(st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node))))
    if draw(st.booleans()) and node is not document and isinstance(node, dict) and key:
        del node[key]
    else:
        node[key] = draw(JSON_VALUES)
    return json.dumps(document).encode()


def read_or_refuse(read: Callable[[Path], Any], path: Path, content: bytes) -> None:
    """The reader's whole duty."""
    path.write_bytes(content)
    try:
        read(path)
    except BadInput as error:
        assert path.name in str(error) or path.parent.name in str(error)


@TRIES
@given(content=damaged(PICTURES), suffix=st.sampled_from(EXTENSIONS))
def test_any_bytes_are_a_picture_or_refused(content: bytes, suffix: str, tmp_path: Path) -> None:
    def read(path: Path) -> None:
        picture = read_image(path)
        assert picture.dtype == np.uint8 and picture.ndim in (2, 3) and picture.size

    read_or_refuse(read, tmp_path / f"x{suffix}", content)


@TRIES
@given(content=damaged([torch_bytes(), torch_bytes(legacy=True)]))
def test_any_bytes_are_a_torch_checkpoint_or_refused(content: bytes, tmp_path: Path) -> None:
    read_or_refuse(read_published, tmp_path / "x.pth", content)


@TRIES
@given(content=damaged([save({"a.weight": torch.ones(3, 2)}, metadata=SAID)]))
def test_any_bytes_are_a_safetensors_checkpoint_or_refused(content: bytes, tmp_path: Path) -> None:
    read_or_refuse(load_weights, tmp_path / "x.safetensors", content)
    read_or_refuse(lambda path: recorded_method(path, find_entry("srcnn"), "default", 4), tmp_path / "y", content)


@TRIES
@given(said=misshapen(json.loads(SAID["bench"])))
def test_any_metadata_of_a_checkpoint_is_understood_or_refused(said: bytes, tmp_path: Path) -> None:
    content = save({"a": torch.ones(1)}, metadata={"bench": said.decode()})
    read_or_refuse(lambda path: recorded_method(path, find_entry("srcnn"), "default", 4), tmp_path / "y", content)


@TRIES
@given(content=damaged([kernel_bytes()]))
def test_any_bytes_are_a_kernel_or_refused(content: bytes, tmp_path: Path) -> None:
    read_or_refuse(read_kernel, tmp_path / "x.npy", content)


@TRIES
@given(content=damaged([mat_bytes(compressed) for compressed in (False, True)]))
def test_any_bytes_are_a_kernel_of_matlabs_or_refused(content: bytes, tmp_path: Path) -> None:
    read_or_refuse(read_kernel, tmp_path / "x.mat", content)


@TRIES
@given(content=damaged([SCORES]))
def test_any_bytes_are_scores_or_refused(content: bytes, tmp_path: Path) -> None:
    read_or_refuse(read_rows, tmp_path / "x.csv", content)
    read_or_refuse(mean_scores, tmp_path / "x.csv", content)


@TRIES
@given(content=damaged([CURVE]) | misshapen({"step": 10, "loss": 0.5}))
def test_any_bytes_are_a_curve_or_refused(content: bytes, tmp_path: Path) -> None:
    read_or_refuse(read_curves, tmp_path / "curves.jsonl", content)
    read_or_refuse(read_losses, tmp_path / "curves.jsonl", content)


@TRIES
@given(content=damaged([json.dumps(INDEX).encode()]) | misshapen(INDEX))
def test_any_bytes_are_the_index_of_a_store_or_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "hr.u8").write_bytes(bytes(72))
    (tmp_path / "lr.u8").write_bytes(bytes(18))

    def read(path: Path) -> None:
        store = PatchStore(path.parent)
        with contextlib.suppress(BadInput):  # which names a picture that is too small
            store.batch(3, 1, 4, 2)

    read_or_refuse(read, tmp_path / "index.json", content)


@TRIES
@given(content=damaged([b'{"a": [1, 2.5, "b"]}']))
def test_any_bytes_are_json_or_refused(content: bytes, tmp_path: Path) -> None:
    read_or_refuse(read_json, tmp_path / "x.json", content)


def refused(read: Callable[[Path], Any], path: Path) -> str:
    with pytest.raises(BadInput) as caught:
        read(path)
    assert path.name in str(caught.value)
    return str(caught.value)


def within(mebibytes: int, read: Callable[[Path], Any], path: Path) -> str:
    """The refusal, after no more memory than that."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    text = refused(read, path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1024 * mebibytes
    return text


def test_deeply_nested_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("[" * 100_000)
    refused(read_json, tmp_path / "x.json")


# pictures


@pytest.mark.parametrize(("width", "height"), [(100_000, 1), (1, 100_000), (30_000, 30_000), (2**31 - 1, 2**31 - 1)])
def test_a_picture_of_more_pixels_than_are_worked_with_is_refused_before_it_is_unpacked(
    width: int, height: int, tmp_path: Path
) -> None:
    content = bytearray(encoded("PNG"))
    content[16:24] = struct.pack(">II", width, height)
    import zlib

    content[29:33] = struct.pack(">I", zlib.crc32(bytes(content[12:29])))
    (tmp_path / "bomb.png").write_bytes(bytes(content))
    within(64, read_image, tmp_path / "bomb.png")


def test_a_small_file_that_would_be_upscaled_beyond_the_limit_is_refused_before_any_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    side = 1 + int(PIXELS**0.5) // 16
    write_png(tmp_path / "lr" / "big.png", np.zeros((side, side), np.uint8))
    words = ("upscale", "--method", "bicubic", "--scale", "16", "--lr", str(tmp_path / "lr"), "--out")
    assert main([*words, str(tmp_path / "sr")]) == 2
    assert f"{16 * side}x{16 * side}" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lr"]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
def test_a_picture_is_read_as_its_orientation_says(suffix: str, orientation: int, tmp_path: Path) -> None:
    picture = np.repeat(np.repeat(noise(2, 2, 3), 16, axis=0), 16, axis=1)
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 100} if suffix in (".jpg", ".webp") else {}
    Image.fromarray(np.stack([picture] * 3, axis=2)).save(tmp_path / f"p{suffix}", exif=exif, **options)
    turned = {
        1: picture,
        2: picture[:, ::-1],
        3: picture[::-1, ::-1],
        4: picture[::-1],
        5: picture.T,
        6: np.rot90(picture, -1),
        7: picture[::-1, ::-1].T,
        8: np.rot90(picture),
    }[orientation]
    read = read_image(tmp_path / f"p{suffix}")[:, :, 1].astype(int)
    assert read.shape == turned.shape and np.abs(read - turned).max() < 12


def test_a_16_bit_tiff_is_refused_whether_grey_or_colour(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((4, 4), np.uint16)).save(tmp_path / "grey.tif")
    assert "16-bit" in refused(read_image, tmp_path / "grey.tif")
    tags = [(256, 4, 4), (257, 4, 4), (258, 3, (16, 16, 16)), (262, 3, 2), (273, 4, 200), (277, 3, 3), (279, 4, 96)]
    (tmp_path / "rgb.tif").write_bytes(tiff(tags) + bytes(96))
    assert Image.open(tmp_path / "rgb.tif").mode == "RGB"
    assert "16-bit" in refused(read_image, tmp_path / "rgb.tif")


def tiff(tags: list[tuple[int, int, Any]]) -> bytes:
    """A little-endian TIFF's header and directory, 200 bytes."""
    entries, extra = b"", b""
    for tag, kind, value in tags:
        values = value if isinstance(value, tuple) else (value,)
        packed = struct.pack("<" + {3: "H", 4: "I"}[kind] * len(values), *values)
        if len(packed) > 4:
            packed, extra = struct.pack("<I", 150), packed
        entries += struct.pack("<HHI", tag, kind, len(values)) + packed.ljust(4, b"\0")
    head = b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + bytes(4)
    return (head.ljust(150, b"\0") + extra).ljust(200, b"\0")


@pytest.mark.parametrize(("suffix", "kind"), [(".tif", "TIFF"), (".png", "PNG"), (".webp", "WEBP")])
def test_a_file_of_several_pictures_is_refused(suffix: str, kind: str, tmp_path: Path) -> None:
    pages = [Image.fromarray(noise(seed, 8, 8, 3)) for seed in range(3)]
    pages[0].save(tmp_path / f"m{suffix}", format=kind, save_all=True, append_images=pages[1:])
    assert "several" in refused(read_image, tmp_path / f"m{suffix}")


@pytest.mark.parametrize("kind", ["JPEG2000", "PPM", "GIF", "ICO", "TGA", "SGI", "PCX", "DDS", "EPS", "AVIF"])
def test_another_format_behind_a_known_name_is_refused(kind: str, tmp_path: Path) -> None:
    try:
        (tmp_path / "x.png").write_bytes(encoded(kind))
    except (KeyError, OSError):
        pytest.skip(f"this Pillow writes no {kind}")
    assert "none of the formats" in refused(read_image, tmp_path / "x.png")


def test_a_lossless_webp_is_read_exactly(tmp_path: Path) -> None:
    Image.fromarray(noise(3, 9, 7, 3)).save(tmp_path / "a.webp", lossless=True)
    assert np.array_equal(read_image(image_files(tmp_path)[0]), noise(3, 9, 7, 3))


def test_pictures_of_other_formats_are_counted_aloud(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a.png", "b.jp2", "c.heic", "notes.txt", "manifest.json"):
        write_png(tmp_path / name, noise(1, 4, 4))
    assert [path.name for path in image_files(tmp_path)] == ["a.png"]
    assert "2 of other formats skipped (b.jp2" in capsys.readouterr().err


def test_what_is_no_regular_file_is_refused_and_nothing_hangs(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    assert "no regular file" in refused(read_image, tmp_path / "pipe.png")
    assert "no regular file" in refused(read_torch, tmp_path / "pipe.png")
    for name in ("pipe.png", "gone.png", "folder.png"):
        folder = tmp_path / "of" / name
        folder.mkdir(parents=True)
        write_png(folder / "a.png", noise(1, 4, 4))
        if name == "pipe.png":
            os.mkfifo(folder / name)
        elif name == "gone.png":
            (folder / name).symlink_to("nowhere.png")
        else:
            (folder / name).mkdir()
        with pytest.raises(BadInput, match=name):
            image_files(folder)


@pytest.mark.parametrize("name", [b"a\xff.png", b"a\nb.png", b"a\x1b[31m.png", "a\u202eb.png".encode()])
def test_a_name_that_cannot_be_written_down_is_refused(
    name: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_png(tmp_path / "lr" / "x.png", noise(1, 8, 8))
    os.rename(tmp_path / "lr" / "x.png", os.fsencode(tmp_path / "lr") + b"/" + name)
    words = ("--scale", "2", "--out", str(tmp_path / "out"))
    for verb in (("degrade", "--hr"), ("upscale", "--method", "bicubic", "--lr")):
        assert main([*verb, str(tmp_path / "lr"), *words]) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1


def test_names_pair_however_their_accents_are_spelled(tmp_path: Path) -> None:
    write_png(tmp_path / "hr" / "caf\u00e9.png", noise(1, 8, 8))
    write_png(tmp_path / "sr" / "cafe\u0301.png", noise(1, 8, 8))
    assert len(pair_folders(Folders(tmp_path / "sr", tmp_path / "hr"), 2)) == 1
    write_png(tmp_path / "hr" / "cafe\u0301.png", noise(1, 8, 8))
    with pytest.raises(BadInput, match="more than one picture"):
        image_files(tmp_path / "hr")


@TRIES
@given(
    stem=st.text(min_size=1, max_size=40).filter(
        lambda s: s.isprintable() and "/" not in s and not s.startswith(".") and len(os.fsencode(s)) < 250
    ),
    shape=st.sampled_from([(1, 1), (1, 9, 3), (9, 1), (3, 5, 3)]),
)
def test_a_picture_that_was_written_here_is_readable(stem: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    folder = tmp_path / os.urandom(8).hex()
    write_png(folder / f"{stem}.png", noise(1, *shape))
    assert np.array_equal(read_image(image_files(folder)[0]), noise(1, *shape))


def test_the_longest_name_that_a_disk_takes_is_written_and_read(tmp_path: Path) -> None:
    write_png(tmp_path / "in" / f"{'n' * 251}.png", noise(1, 8, 8))
    words = ("upscale", "--method", "bicubic", "--scale", "2", "--lr", str(tmp_path / "in"), "--out")
    assert main([*words, str(tmp_path / "sr")]) == 0
    assert read_image(image_files(tmp_path / "sr")[0]).shape == (16, 16)


def test_the_limits_hold_for_what_is_written_too() -> None:
    assert SIDE < 2**16 <= 2**31 // 3 and PIXELS < 2**31  # what Pillow and PNG can hold


# tensors and arrays


def test_a_checkpoint_of_views_larger_than_its_file_is_refused(tmp_path: Path) -> None:
    torch.save({"w": torch.zeros(1).expand(2**20, 2**10)}, tmp_path / "x.pth")
    assert "4294967296 bytes" in within(64, read_torch, tmp_path / "x.pth")
    torch.save({f"w{i}": torch.zeros(1).expand(2**10, 2**10) for i in range(100)}, tmp_path / "x.pth")
    within(64, read_torch, tmp_path / "x.pth")


def test_a_checkpoint_that_unpacks_to_more_than_its_file_is_refused(tmp_path: Path) -> None:
    torch.save({"w": torch.zeros(2**24)}, tmp_path / "whole.pth")
    with (
        zipfile.ZipFile(tmp_path / "whole.pth") as whole,
        zipfile.ZipFile(tmp_path / "x.pth", "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for name in whole.namelist():
            packed.writestr(name, whole.read(name))
    assert (tmp_path / "x.pth").stat().st_size < 10**6
    assert "unpack" in within(16, read_torch, tmp_path / "x.pth")


@pytest.mark.parametrize("name", [name for name, entry in METHODS.items() if entry.build(4, {}).recipe])
@pytest.mark.parametrize("size", [2**16, 2**62])
def test_no_size_that_a_checkpoint_says_is_allocated_before_its_file_is_seen_to_be_smaller(
    size: int, name: str, tmp_path: Path
) -> None:
    entry, refusals = find_entry(name), []
    for knob, value in entry.build(4, {}).knobs.items():
        if knob != "scale" and (
            type(value) is int or (isinstance(value, tuple) and {type(each) for each in value} == {int})
        ):
            said = {"method": name, "scale": 4, "knobs": {knob: [size] * len(value) if type(value) is tuple else size}}
            content = save({"a": torch.ones(1)}, metadata={"bench": json.dumps(said)})
            (tmp_path / "x.safetensors").write_bytes(content)
            before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
            try:
                recorded_method(tmp_path / "x.safetensors", entry, "default", 4)
            except BadInput as error:
                refusals.append(knob)
                assert "x.safetensors: says sizes" in str(error), error
            assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**17, knob
            assert time.monotonic() - began < 10, knob
    assert refusals


def test_a_published_file_whose_first_layer_promises_a_huge_network_is_refused(tmp_path: Path) -> None:
    method, state, _ = PUBLISHED["msrresnet-basicsr"]
    tensors = state()
    tensors["conv_first.weight"] = torch.zeros(2**17, 3, 3, 3)
    torch.save(tensors, tmp_path / "x.pth")
    text = within(64, lambda path: import_checkpoint(method, path, tmp_path / "out.safetensors"), tmp_path / "x.pth")
    assert "says sizes" in text


def test_sparse_and_quantised_tensors_are_refused(tmp_path: Path) -> None:
    for tensor in (torch.eye(3).to_sparse(), torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8)):
        torch.save({"w": tensor}, tmp_path / "x.pth")
        refused(read_torch, tmp_path / "x.pth")


def test_a_pickle_that_would_run_something_does_not(tmp_path: Path) -> None:
    class Runs:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.system, (f"touch {tmp_path / 'ran'}",)

    torch.save({"w": Runs()}, tmp_path / "x.pth")
    refused(read_torch, tmp_path / "x.pth")
    (tmp_path / "y.npy").write_bytes(kernel_bytes()[:128] + pickle.dumps(Runs()))
    np.save(tmp_path / "z.npy", np.array([[Runs()]], dtype=object), allow_pickle=True)
    refused(read_kernel, tmp_path / "z.npy")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((3, 3)),
        np.full((3, 3), np.nan),
        np.ones(9),
        np.ones((2, 2, 2)),
        np.ones((600, 600)),
        np.ones((2, 2), "c8"),
    ],
)
def test_an_array_that_is_no_kernel_is_refused(array: Any, tmp_path: Path) -> None:
    np.save(tmp_path / "k.npy", array)
    refused(read_kernel, tmp_path / "k.npy")


def test_a_compressed_kernel_that_unpacks_to_far_more_is_refused(tmp_path: Path) -> None:
    savemat(tmp_path / "k.mat", {"Kernel": np.zeros((2**13, 2**13))}, do_compression=True)
    assert (tmp_path / "k.mat").stat().st_size > 2**17
    assert "more than a kernel's" in within(16, read_kernel, tmp_path / "k.mat")


def test_a_kernel_whose_header_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    content = kernel_bytes().replace(b"(5, 5)", b"(99999, 99999)").replace(b"        \n", b"\n", 1)
    (tmp_path / "k.npy").write_bytes(content)
    within(16, read_kernel, tmp_path / "k.npy")


def test_out_of_memory_is_one_line_that_names_the_tile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from bench.stages import upscale

    def greedy(*_: Any) -> Any:
        def upscaler(_: Any) -> Any:
            return torch.empty(2**50)

        return upscaler

    monkeypatch.setattr(upscale, "prepare", greedy)
    write_png(tmp_path / "lr" / "a.png", noise(1, 8, 8))
    words = ("upscale", "--method", "bicubic", "--lr", str(tmp_path / "lr"), "--out", str(tmp_path / "sr"))
    assert main([*words, "--device", "cpu"]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("bench ")]
    assert len(lines) == 1 and "--tile" in lines[0] and "a.png" in lines[0]


def test_a_manifest_of_another_shape_is_refused(tmp_path: Path) -> None:
    from bench.data.patches import PairedAndUnpaired

    stores = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "hr.u8").write_bytes(bytes(72))
        (tmp_path / name / "lr.u8").write_bytes(bytes(18))
        write_json(tmp_path / name / "index.json", INDEX)
        stores.append(PatchStore(tmp_path / name))
    for manifest in ([], {}, {"pictures": []}, {"pictures": {"a": {}}}, {"pictures": {"a": None}}, None, 3):
        write_json(tmp_path / "a" / "manifest.json", manifest)
        write_json(tmp_path / "b" / "manifest.json", {"pictures": {}})
        with pytest.raises(BadInput, match=r"manifest\.json"):
            PairedAndUnpaired(*stores, 1)
