"""Fetching against a server on this machine: what is verified, what is refused, and that nothing is half-written."""

from __future__ import annotations

import hashlib
import io
import socket
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from pictures import noise

from bench.__main__ import main
from bench.data.datasets import DATASETS, Archive, DataSet, verify
from bench.data.fetch import fetch
from bench.data.images import write_png
from bench.data.pixel_checksums import PIXEL_CHECKSUMS, pixel_sha256
from bench.errors import BadInput, MissingWeights
from bench.metrics import METRICS, Sample
from bench.runtime import weights
from bench.runtime.weights import WEIGHTS, File, Weight

pytest.importorskip("pooch")

CONTENT = bytes(range(256)) * 50
DIGEST = hashlib.sha256(CONTENT).hexdigest()


class Handler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        if not self.path.startswith("/cut/"):
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("Content-Length", "100000")
        self.end_headers()
        self.wfile.write(CONTENT)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of tmp_path/served; BENCH_DATA and BENCH_WEIGHTS are empty folders."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("BENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("BENCH_WEIGHTS", str(tmp_path / "weights"))
    weights.hash_once.cache_clear()
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "net.pth").write_bytes(CONTENT)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(tmp_path / "served"))) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def offer_weight(monkeypatch: pytest.MonkeyPatch, url: str | None, sha256: str = DIGEST) -> None:
    entry = Weight("net", (File("net.pth", sha256, url),), "none", "made", how="train it")
    monkeypatch.setitem(WEIGHTS, "net", entry)


def offer_dataset(monkeypatch: pytest.MonkeyPatch, url: str, sha256: str | None, count: int = 2) -> None:
    archive = Archive(url, sha256, r"pictures/(?:train|test)/(\w+\.png)$", r"\1", "Tiny")
    entry = DataSet("Tiny", "train", count, "none", "made", "Tiny", how="draw it", archive=archive)
    monkeypatch.setitem(DATASETS, "Tiny", entry)


def members(folder: Path) -> dict[str, bytes]:
    """Two wanted pictures, one unwanted, and one that tries to leave the folder."""
    for number in range(3):
        write_png(folder / f"{number}.png", noise(number, 6, 6, 3))
    pictures = [(folder / f"{number}.png").read_bytes() for number in range(3)]
    paths = (
        "set/pictures/train/a.png",
        "set/pictures/test/b.png",
        "set/pictures/val/c.png",
        "../pictures/train/../x.png",
    )
    return dict(zip(paths, [*pictures, pictures[0]], strict=True))


def write_zip(path: Path, content: dict[str, bytes]) -> str:
    with zipfile.ZipFile(path, "w") as bundle:
        for name, data in content.items():
            bundle.writestr(name, data)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_tar(path: Path, content: dict[str, bytes]) -> None:
    with tarfile.open(path, "w:gz") as tape:
        for name, data in content.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tape.addfile(entry, io.BytesIO(data))


def everything_in(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*")) if folder.exists() else []


def refused(name: str) -> str:
    with pytest.raises(BadInput) as caught:
        fetch([name])
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("digits", [8, 64])
def test_a_weight_is_fetched_and_checked_by_its_digest_or_its_first_digits(
    server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, digits: int
) -> None:
    offer_weight(monkeypatch, f"{server}/net.pth", DIGEST[:digits])
    assert fetch(["net"]) == [tmp_path / "weights" / "net.pth"]
    assert (tmp_path / "weights" / "net.pth").read_bytes() == CONTENT
    assert everything_in(tmp_path / "weights") == ["net.pth"]


def test_mas_forests_are_fetched_by_the_remedy_that_pi_names(
    server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "served" / "NRQM_model.mat").write_bytes(CONTENT)
    here = replace(WEIGHTS["nrqm"].files[0], url=f"{server}/NRQM_model.mat")
    monkeypatch.setitem(WEIGHTS, "nrqm", replace(WEIGHTS["nrqm"], files=(here,)))
    with pytest.raises(MissingWeights) as missing:
        METRICS["pi"].function(Sample(noise(0, 200, 300, 3), None, None, 4))
    remedy = str(missing.value).rpartition("; python -m bench ")[2]
    assert main(remedy.split()) == 0
    assert DIGEST in capsys.readouterr().out
    assert weights.locate("nrqm").read_bytes() == CONTENT


def test_a_weight_that_is_here_is_not_fetched_again(
    server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    offer_weight(monkeypatch, f"http://127.0.0.1:{closed_port()}/net.pth")
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "net.pth").write_bytes(CONTENT)
    assert fetch(["net"]) == [tmp_path / "weights" / "net.pth"]


def test_a_damaged_weight_is_replaced(server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    offer_weight(monkeypatch, f"{server}/net.pth")
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "net.pth").write_bytes(CONTENT[:-1])
    fetch(["net"])
    assert (tmp_path / "weights" / "net.pth").read_bytes() == CONTENT


def test_a_weight_with_another_digest_is_refused_and_not_kept(
    server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    offer_weight(monkeypatch, f"{server}/net.pth", "0123abcd")
    assert "expected 0123abcd" in refused("net")
    assert everything_in(tmp_path / "weights") == []


def test_a_download_that_breaks_off_leaves_nothing(
    server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    offer_weight(monkeypatch, f"{server}/cut/net.pth")
    assert "by hand" in refused("net")
    assert everything_in(tmp_path / "weights") == []


@pytest.mark.parametrize(("limit", "value"), [("LIMIT_BYTES", len(CONTENT) - 1), ("LIMIT_SECONDS", -1.0)])
def test_a_download_beyond_its_limits_is_given_up_and_leaves_nothing(
    limit: str, value: float, server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    offer_weight(monkeypatch, f"{server}/net.pth")
    monkeypatch.setattr(f"bench.data.fetch.{limit}", value)
    text = refused("net")
    assert "sends more than" in text and "by hand" in text
    assert everything_in(tmp_path / "weights") == []


def test_a_missing_file_on_the_server_is_reported(server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    offer_weight(monkeypatch, f"{server}/gone.pth")
    text = refused("net")
    assert "404" in text
    assert f"put it at {tmp_path / 'weights' / 'net.pth'}" in text


def test_an_unreachable_host_is_named_with_what_to_do_by_hand(
    server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    port = closed_port()
    offer_weight(monkeypatch, f"http://127.0.0.1:{port}/net.pth")
    offer_dataset(monkeypatch, f"http://127.0.0.1:{port}/tiny.zip", "0" * 64)
    assert f"cannot reach 127.0.0.1:{port}; download" in refused("net")
    assert f"put it at {tmp_path / 'data' / 'tiny.zip'} and run this again" in refused("Tiny")
    assert everything_in(tmp_path / "weights") + everything_in(tmp_path / "data") == []


def test_an_unknown_name_is_refused_before_anything_is_fetched(
    server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    offer_weight(monkeypatch, f"{server}/net.pth")
    with pytest.raises(BadInput, match="did you mean 'Set14'"):
        fetch(["net", "Set41"])
    assert everything_in(tmp_path / "weights") == []


def test_what_has_no_public_address_says_how_to_get_it(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    offer_weight(monkeypatch, None)
    assert "train it" in refused("net")
    assert "ask its authors" in refused("Manga109")
    assert "91 training pictures" in refused("T91")


def test_a_zip_archive_is_verified_and_only_the_wanted_pictures_unpacked(
    server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    digest = write_zip(tmp_path / "served" / "tiny.zip", members(tmp_path / "made"))
    offer_dataset(monkeypatch, f"{server}/tiny.zip", digest)
    assert fetch(["Tiny"]) == [tmp_path / "data" / "Tiny"]
    assert everything_in(tmp_path / "data") == ["Tiny", "Tiny/a.png", "Tiny/b.png"]
    assert fetch(["Tiny"]) == [tmp_path / "data" / "Tiny"]


def test_an_archive_with_another_digest_is_refused(
    server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write_zip(tmp_path / "served" / "tiny.zip", members(tmp_path / "made"))
    offer_dataset(monkeypatch, f"{server}/tiny.zip", "0" * 64)
    assert "expected 0000" in refused("Tiny")
    assert everything_in(tmp_path / "data") == []


def test_a_tar_archive_without_a_digest_is_accepted_by_its_pixels_only(
    server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write_tar(tmp_path / "served" / "tiny.tgz", members(tmp_path / "made"))
    offer_dataset(monkeypatch, f"{server}/tiny.tgz", None)
    assert "not the pinned ones" in refused("Tiny")
    digests = {name: pixel_sha256(noise(number, 6, 6, 3)) for number, name in enumerate("ab")}
    monkeypatch.setitem(PIXEL_CHECKSUMS, ("Tiny", 0), {**digests, "b": "0" * 64})
    assert "b has pixels of sha256" in refused("Tiny")
    assert everything_in(tmp_path / "data") == []
    monkeypatch.setitem(PIXEL_CHECKSUMS, ("Tiny", 0), digests)
    fetch(["Tiny"])
    assert verify("Tiny") == ([], "pinned")


def test_an_archive_that_lacks_pictures_is_refused(
    server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    digest = write_zip(tmp_path / "served" / "tiny.zip", members(tmp_path / "made"))
    offer_dataset(monkeypatch, f"{server}/tiny.zip", digest, count=3)
    assert "2 pictures" in refused("Tiny")
    assert everything_in(tmp_path / "data") == []


@pytest.mark.parametrize("name", ["tiny.zip", "tiny.tgz"])
def test_a_damaged_archive_is_refused(server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    (tmp_path / "served" / name).write_bytes(CONTENT)
    offer_dataset(monkeypatch, f"{server}/{name}", DIGEST)
    assert "not a readable archive" in refused("Tiny")
    assert everything_in(tmp_path / "data") == []


@pytest.mark.parametrize(("limit", "value"), [("FILES", 2), ("FILE_BYTES", 100), ("BYTES", 200)])
@pytest.mark.parametrize("name", ["tiny.zip", "tiny.tgz"])
def test_an_archive_of_too_much_is_refused_and_leaves_nothing(
    server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, limit: str, value: int
) -> None:
    (tmp_path / "data").mkdir()
    (write_zip if name.endswith("zip") else write_tar)(tmp_path / "data" / name, members(tmp_path / "made"))
    monkeypatch.setattr(f"bench.data.fetch.LIMIT_{limit}", value)
    offer_dataset(monkeypatch, f"{server}/{name}", None)
    assert "too many, or too large" in refused("Tiny")
    assert everything_in(tmp_path / "data") == [name]


def test_an_archive_put_there_by_hand_is_used_without_a_network(
    server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    digest = write_zip(tmp_path / "data" / "tiny.zip", members(tmp_path / "made"))
    offer_dataset(monkeypatch, f"http://127.0.0.1:{closed_port()}/tiny.zip", digest)
    fetch(["Tiny"])
    assert everything_in(tmp_path / "data") == ["Tiny", "Tiny/a.png", "Tiny/b.png", "tiny.zip"]


def test_a_folder_that_is_not_the_whole_set_is_not_overwritten(
    server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    digest = write_zip(tmp_path / "served" / "tiny.zip", members(tmp_path / "made"))
    offer_dataset(monkeypatch, f"{server}/tiny.zip", digest)
    write_png(tmp_path / "data" / "Tiny" / "mine.png", noise(0, 6, 6))
    assert "remove it and fetch again" in refused("Tiny")
    assert everything_in(tmp_path / "data") == ["Tiny", "Tiny/mine.png"]
