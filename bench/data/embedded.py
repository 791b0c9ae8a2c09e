"""EMBEDDED: photographs that ship inside installed packages: pictures on every machine, without a download.

Located without importing the packages.
"""

import importlib.util
from dataclasses import dataclass
from functools import partial
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


def _shipped(wheel: str, package: str, folder: str, file: str, licence: str) -> Embedded:
    return Embedded(Path(file).stem, package, f"{folder}/{file}", wheel, licence)


_skimage = partial(_shipped, "scikit-image", "skimage", "data")
_sklearn = partial(_shipped, "scikit-learn", "sklearn", "datasets/images")
_matplotlib = partial(_shipped, "matplotlib", "matplotlib", "mpl-data/sample_data")


def _kodak(name: str, file: str) -> Embedded:
    licence = "Eastman Kodak, released for unrestricted use"
    return Embedded(name, "ResultsCalibra", f"ref_dir/{file}", "pyiqa", licence)


EMBEDDED: dict[str, tuple[Embedded, ...]] = {
    "Embedded-train": (
        _kodak("boat", "I06.bmp"),
        _kodak("caps", "I03.bmp"),
        _sklearn("china.jpg", "CC-BY-2.0, danielbuechele"),
        _skimage("coffee.png", "CC0, Rachel Michetti"),
        _sklearn("flower.jpg", "CC-BY-2.0, vultilion"),
        _matplotlib("grace_hopper.jpg", "public domain, US Navy"),
        _skimage("motorcycle_left.png", "Middlebury stereo 2014, Scharstein et al."),
        _kodak("red_hat", "I04.bmp"),
        _skimage("rocket.jpg", "public domain, SpaceX"),
    ),
    "Embedded-test": (
        _skimage("astronaut.png", "public domain, NASA"),
        _skimage("chelsea.png", "CC0, Stefan van der Walt"),
        _kodak("houses", "I08.bmp"),
        _kodak("lighthouse", "I19.bmp"),
    ),
}


def package_folder(package: str) -> Path | None:
    """Where an installed package (or folder of site-packages) is; None where it is not. Imports nothing."""
    spec = importlib.util.find_spec(package)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    return Path(folders[0]) if folders else None


def locate(picture: Embedded) -> Path:
    """The file. Raises BadInput with the package to install where it is missing."""
    folder = package_folder(picture.package)
    if folder is None or not (folder / picture.file).is_file():
        raise BadInput(f"{picture.name}: {picture.file} ships with {picture.wheel}; pip install {picture.wheel}")
    return folder / picture.file
