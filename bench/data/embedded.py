"""Photographs that ship inside installed packages: pictures on every machine, without a download.

Located without importing the packages. Each is pinned by its decoded pixels, so that a JPEG decoder that rounds
differently is noticed and named.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.errors import BadInput


@dataclass(frozen=True)
class Embedded:
    """One photograph: `file` inside the folder of the importable `package`, which `pip install wheel` brings."""

    name: str
    package: str
    file: str
    wheel: str
    licence: str
    sha256: str


_KODAK = "Eastman Kodak, released for unrestricted use"
_PUBLIC = "public domain"


def _skimage(file: str, licence: str, sha256: str) -> Embedded:
    return Embedded(Path(file).stem, "skimage", f"data/{file}", "scikit-image", licence, sha256)


def _sklearn(file: str, licence: str, sha256: str) -> Embedded:
    return Embedded(Path(file).stem, "sklearn", f"datasets/images/{file}", "scikit-learn", licence, sha256)


def _kodak(name: str, file: str, sha256: str) -> Embedded:
    return Embedded(name, "ResultsCalibra", f"ref_dir/{file}", "pyiqa", _KODAK, sha256)


TRAIN: tuple[Embedded, ...] = (
    _kodak("boat", "I06.bmp", "a890451f1c70df7b4f5436e0a676edd5a352478bcc3286547121b8963549d6cb"),
    _kodak("caps", "I03.bmp", "be48173e0b293313bfe534c7badcb6f9a1be5bb691b1b63739a99d07511a024b"),
    _sklearn(
        "china.jpg", "CC-BY-2.0, danielbuechele", "bf49a824959f590fa2ba5e2f837dc2ea4ed791e15a4e39673e483124422dc73e"
    ),
    _skimage("coffee.png", "CC0, Rachel Michetti", "7fd0c90e5dee90e2c5a366fe195127373bb8f76b6eb79fe4e633458d5a53ef9f"),
    _sklearn("flower.jpg", "CC-BY-2.0, vultilion", "1998af9fd020431a0dadaad66fa58e28b4222f3d82565649d450b06f87e55876"),
    Embedded(
        "grace_hopper",
        "matplotlib",
        "mpl-data/sample_data/grace_hopper.jpg",
        "matplotlib",
        f"{_PUBLIC}, US Navy",
        "3521c7728afa87e35eef7d46f57b83f5af61668a2df3d9033caa88de65c8ab49",
    ),
    _skimage(
        "motorcycle_left.png",
        "Middlebury stereo 2014, Scharstein et al.",
        "b82498093df1730b0699db1a8acff099c9411ff92bd917c745d5e15e3700d731",
    ),
    _kodak("red_hat", "I04.bmp", "51c2c71e4b9fff81d92a2ccdc04df1087c6e7cee963800572a6f38a5bb7c7782"),
    _skimage("rocket.jpg", f"{_PUBLIC}, SpaceX", "bbded42cc7ffd1bd459448eb4dc086ad2e31fcb242ce7609a3a7953419c00622"),
)
TEST: tuple[Embedded, ...] = (
    _skimage("astronaut.png", f"{_PUBLIC}, NASA", "3387e1b4a3ef9696cee1743dec8ad827d8b3091e97c3343895c574c03a464d61"),
    _skimage(
        "chelsea.png", "CC0, Stefan van der Walt", "e5285c13a582c0798a8be2d484e17e3f05e728594639f1b9d98189ca3d6b68b3"
    ),
    _kodak("houses", "I08.bmp", "2fd13347b402a9663df47ba7d1a04d7a28cd9a0054a0dae7fca2e549b250a1f9"),
    _kodak("lighthouse", "I19.bmp", "89d04971a95aca8e7cdbf0605799c5a1dac60f9a3166257e88ed4b7fe4cf0d6a"),
)
EMBEDDED: dict[str, tuple[Embedded, ...]] = {"Embedded-train": TRAIN, "Embedded-test": TEST}


def package_folder(package: str) -> Path | None:
    """Where an installed package (or folder of site-packages) is; None where it is not. Imports nothing."""
    spec = importlib.util.find_spec(package)
    places = list(spec.submodule_search_locations or ()) if spec else []
    return Path(places[0]) if places else None


def locate(picture: Embedded) -> Path:
    """The file. Raises BadInput with the package to install where it is missing."""
    folder = package_folder(picture.package)
    if folder is None or not (folder / picture.file).is_file():
        raise BadInput(f"{picture.name}: {picture.file} ships with {picture.wheel}; pip install {picture.wheel}")
    return folder / picture.file


def check(dataset: str, pixels: Mapping[str, str]) -> None:
    """Compare the pixel digests of an embedded set, by name, with the pinned ones. Raises BadInput for the first
    difference."""
    for picture in EMBEDDED[dataset]:
        found = pixels[picture.name]
        if found != picture.sha256:
            how = "JPEG decoding differs: install Pillow as locked" if picture.file.endswith(".jpg") else "reinstall it"
            raise BadInput(
                f"{dataset}: {picture.name} of {picture.wheel} has pixels of sha256 {found[:12]}…, "
                f"expected {picture.sha256[:12]}…; {how}"
            )
