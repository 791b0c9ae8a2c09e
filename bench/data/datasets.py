"""DATASETS: every set of pictures by name: role, size, licence, where it comes from, and how its files are laid out.

A set other than the embedded ones is a folder under BENCH_DATA in one of three layouts:
`Set5/image_SRF_4/img_001_SRF_4_{HR,LR}.png`; `Set5/HR/baby.png` with `Set5/LR_bicubic/X4/babyx4.png`; pictures only.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from bench.data.embedded import EMBEDDED, locate
from bench.data.images import U8, image_files, pictures_by_name, read_image
from bench.data.pixel_checksums import PIXEL_CHECKSUMS, pair_sha256
from bench.errors import BadInput, pick
from bench.runtime.files import read_json, write_json
from bench.runtime.packed import packed_pictures
from bench.runtime.paths import data_folder, work_folder

PINNED, UNPINNED = "pinned", "unpinned copy"
Role = Literal["train", "valid", "test", "any"]


@dataclass(frozen=True)
class Archive:
    """Where `fetch` gets a set. A member whose path matches `members` is written to `target` (groups as in re.sub)
    inside `folder` under BENCH_DATA. sha256 None: the pinned pixels of the pictures decide instead."""

    url: str
    sha256: str | None
    members: str
    target: str
    folder: str


@dataclass(frozen=True)
class DataSet:
    """A set of pictures. `folder` is its place under BENCH_DATA, or a path; `prefix` stands before HR and LR_bicubic
    there. hr, lr: what the pictures are called in it, with {name} (or * in hr), and {scale} for the LR that it ships;
    empty for one of the layouts. count: 0 for as many as there are. role: "any" trains and tests. `overlap`: that test
    pictures are in this training set is known, and meant."""

    name: str
    role: Role = "any"
    count: int = 0
    licence: str = "not stated"
    source: str = "one's own"
    folder: str = ""
    prefix: str = ""
    how: str = "put its pictures together"
    archive: Archive | None = None
    hr: str = ""
    lr: str = ""
    overlap: bool = False

    @property
    def remedy(self) -> str:
        """One phrase: how to get the set."""
        if self.archive is None:
            return f"{self.how}, and put it under BENCH_DATA as {self.folder}/"
        return f"python -m bench fetch {self.name}, or point BENCH_DATA at the folder that holds {self.folder}/"


@dataclass(frozen=True)
class Source:
    """One picture of a set on disk; `lr` where the set ships it at this scale."""

    name: str
    hr: Path
    lr: Path | None = None


_BOX = "https://uofi.box.com/shared/static/"
_DIV2K = "https://data.vision.ee.ethz.ch/cvl/DIV2K/"
_BSDS = "https://www.eecs.berkeley.edu/Research/Projects/CS/vision/grouping/BSR/BSR_bsds500.tgz"
_BSDS_LICENCE = "non-commercial research and education"
_SELFEX = "as prepared by Huang et al., CVPR 2015 (SelfExSR)"
_PAIRS = r"image_SRF_([234])/(img_\d{3}_SRF_\d_(?:HR|LR)\.png)$"


def _selfex(name: str, count: int, licence: str, source: str, file: str, members: str = _PAIRS) -> DataSet:
    archive = Archive(_BOX + file, None, members, r"image_SRF_\1/\2", name)
    return DataSet(name, "test", count, licence, f"{source}; {_SELFEX}", name, archive=archive)


def _div2k(part: str, role: Role, count: int, sha256: str) -> DataSet:
    folder = f"DIV2K_{part}_HR"
    archive = Archive(f"{_DIV2K}{folder}.zip", sha256, rf"{folder}/(\d{{4}}\.png)$", r"\1", f"DIV2K/{folder}")
    source = "Agustsson & Timofte, CVPRW 2017"
    return DataSet(f"DIV2K-{part}", role, count, _RESEARCH, source, "DIV2K", f"DIV2K_{part}_", archive=archive)


def _by_hand(name: str, role: Role, count: int, licence: str, source: str, how: str, prefix: str = "") -> DataSet:
    return DataSet(name, role, count, licence, source, name, prefix, how)


_NONE_STATED = "none stated; used for research"
_RESEARCH = "academic research"
_INSIDE = "photographs inside installed packages"
_BSD100 = "Martin et al., ICCV 2001, the 100 test pictures of BSDS300"
_BSD400 = "Arbeláez et al., PAMI 2011: BSDS500 train and test, disjoint from BSD100"
_URBAN, _YANG, _LIM = f"Huang et al., CVPR 2015; {_SELFEX}", "Yang et al., TIP 2010", "Lim et al., CVPRW 2017 (EDSR)"
_EDSR = "download Flickr2K from the page of EDSR's authors"
_FLICKR = "Creative Commons, photographers on Flickr"
DATASETS: dict[str, DataSet] = {
    dataset.name: dataset
    for dataset in (
        DataSet("Embedded-train", "train", 9, "per picture", _INSIDE),
        DataSet("Embedded-test", "test", 4, "per picture", _INSIDE),
        _selfex("Set5", 5, _NONE_STATED, "Bevilacqua et al., BMVC 2012", "kfahv87nfe8ax910l85dksyl2q212voc.zip"),
        _selfex("Set14", 14, _NONE_STATED, "Zeyde et al., 2010", "igsnfieh4lz68l926l8xbklwsnnk8we9.zip"),
        _selfex(
            "BSD100", 100, _BSDS_LICENCE, _BSD100, "qgctsplb8txrksm9to9x01zfa4m61ngq.zip", _PAIRS.replace("234", "24")
        ),
        _by_hand("Urban100", "test", 100, _FLICKR, _URBAN, "download it from the page of the paper (SelfExSR)"),
        _by_hand("Manga109", "test", 109, "academic use, on request", "Matsui et al., 2017", "ask its authors for it"),
        DataSet(
            "BSD400",
            "train",
            400,
            _BSDS_LICENCE,
            _BSD400,
            "BSD400",
            archive=Archive(_BSDS, None, r"BSDS500/data/images/(?:train|test)/(\d+\.jpg)$", r"\1", "BSD400"),
        ),
        _by_hand("T91", "train", 91, _NONE_STATED, _YANG, "take the 91 training pictures of the ScSR release"),
        _div2k("train", "train", 800, "9d0b9c463f6e35b6c62cc6a930ee2224f670b34c1df841a57670f9acf0f6c335"),
        _div2k("valid", "test", 100, "20dd31fd84d777bc1cf5d6b7654a3f569c0aec74458ae094122ad1d0489900fc"),
        _by_hand("Flickr2K", "train", 2650, _RESEARCH, _LIM, _EDSR, "Flickr2K_"),
    )
}
# Some pictures of a set under a name of their own. Halves of training sets are disjoint, so that pairs and unpaired
# pictures share nothing; parts of test sets are what methods that train on each picture can afford.
SUBSETS: dict[str, tuple[str, tuple[int, ...]]] = {  # subset -> (whole set, positions of its pictures by name)
    "BSD-valid": ("BSD400", tuple(range(10, 400, 20))),
    "Embedded-valid": ("Embedded-train", (3, 4)),
    "BSD400-first": ("BSD400", tuple(range(0, 400, 2))),
    "BSD400-second": ("BSD400", tuple(range(1, 400, 2))),
    "T91-first": ("T91", tuple(range(0, 91, 2))),
    "Embedded-train-first": ("Embedded-train", tuple(range(0, 9, 2))),
    "Embedded-train-second": ("Embedded-train", tuple(range(1, 9, 2))),
    "Embedded-one": ("Embedded-test", (0,)),
    "Set14-5": ("Set14", (0, 1, 8, 11, 12)),  # in colour, with 100 pixels a side or more at x4
    "BSD100-5": ("BSD100", (0, 20, 40, 60, 80)),
}
# Held out of training: learning rates, lengths and the like are chosen on these pictures, never on a test set.
VALIDATION: dict[str, str] = {"BSD400": "BSD-valid", "Embedded-train": "Embedded-valid"}
for _name, (_whole, _positions) in SUBSETS.items():
    DATASETS[_name] = replace(
        DATASETS[_whole],
        name=_name,
        role="valid" if _name in VALIDATION.values() else DATASETS[_whole].role,
        count=len(_positions),
        source=f"{len(_positions)} of the {DATASETS[_whole].count} pictures of {_whole}: {DATASETS[_whole].source}",
        how=f"fetch {_whole}",
        archive=None,
    )


OWN: dict[str, DataSet] = {}
"""Data sets of one's own, declared in a file of a suite."""
_NAME = re.compile(r"[A-Za-z0-9][\w-]*", re.ASCII)


def declare(dataset: DataSet) -> None:
    """Let a data set be found by its name. Raises BadInput for a name that is taken or that no path can hold, and for
    patterns without {name}."""
    if dataset.name in DATASETS or not _NAME.fullmatch(dataset.name):
        raise BadInput(f"data set {dataset.name!r}: taken, or not of letters, digits, _ and -; rename it")
    OWN[dataset.name] = replace(dataset, folder=dataset.folder or dataset.name, hr=dataset.hr.replace("*", "{name}"))
    for pattern in filter(None, (OWN[dataset.name].hr, dataset.lr)):
        if Path(pattern).name.count("{name}") != 1:
            raise BadInput(f"data set {dataset.name}: {pattern!r} must hold {{name}} once, at its end")


def pictures_of(names: Iterable[str]) -> set[tuple[str, int]]:
    """(whole set, position) of every picture of these sets, parts of a set or whole ones. Raises BadInput for a set
    that does not exist."""
    found: set[tuple[str, int]] = set()
    for name in names:
        whole, positions = SUBSETS.get(name, (name, tuple(range(find_dataset(name).count or len(find(name, 1))))))
        found |= {(whole, position) for position in positions}
    return found


def find_dataset(name: str) -> DataSet:
    """The data set of that name: known, declared, or a folder under BENCH_DATA. Raises BadInput, naming the nearest,
    where there is none."""
    if name not in DATASETS and name not in OWN and _NAME.fullmatch(name) and (data_folder() / name).is_dir():
        return DataSet(name, folder=name)
    return pick("dataset", name, DATASETS | OWN)


def find(name: str, scale: int, root: Path | None = None) -> list[Source]:
    """The pictures of a set at a scale, sorted by name, with the LR that ships with them; nothing is decoded.

    root: instead of BENCH_DATA. Raises BadInput where the set, the scale or a picture is missing."""
    dataset = find_dataset(name)
    if (packed := packed_pictures(root or data_folder(), name, scale)) is not None:
        return [Source(*picture) for picture in packed]
    if name in SUBSETS:
        whole, positions = SUBSETS[name]
        sources = find(whole, scale, root)
        return [sources[position] for position in positions if position < len(sources)]
    if name in EMBEDDED:
        return [Source(picture.name, locate(picture)) for picture in EMBEDDED[name]]
    sources = _find_in((root or data_folder()) / dataset.folder, dataset, scale)
    if len(sources) != (dataset.count or len(sources)):
        here = f"{len(sources)} pictures in {sources[0].hr.parent}"
        raise BadInput(f"{name}: {here}, expected {dataset.count}; {dataset.remedy}")
    return sorted(sources, key=lambda source: source.name)


def _find_in(folder: Path, dataset: DataSet, scale: int) -> list[Source]:
    """Those that a pattern names, or the layouts in the order of the module's docstring."""
    if dataset.hr:
        return _find_named(folder, dataset, scale)
    scales = _scales(folder)
    if scale in scales:
        place, ending = folder / f"image_SRF_{scale}", f"_SRF_{scale}_HR.png"
        found = {path.name.removesuffix(ending): path for path in sorted(place.glob(f"*{ending}"))}
        if not found:
            raise BadInput(f"{dataset.name}: no *{ending} in {place}; {dataset.remedy}")
        return _with_lr(found, place, f"_SRF_{scale}_LR.png")
    if (folder / f"{dataset.prefix}HR").is_dir():
        found = {path.stem: path for path in image_files(folder / f"{dataset.prefix}HR")}
        return _with_lr(found, folder / f"{dataset.prefix}LR_bicubic" / f"X{scale}", f"x{scale}.png")
    if scales:
        here = ", ".join(f"x{s}" for s in scales)
        raise BadInput(
            f"{dataset.name}: {folder} holds {here} but not x{scale}; use one of these or add image_SRF_{scale}"
        )
    if not folder.is_dir() or dataset.prefix:
        raise BadInput(f"{dataset.name} is not here, looked in {folder}; {dataset.remedy}")
    return [Source(path.stem, path) for path in image_files(folder)]


def _find_named(folder: Path, dataset: DataSet, scale: int) -> list[Source]:
    """By the patterns of a set of one's own. Raises BadInput for an HR without its LR."""
    hr, lr = (folder / pattern.replace("{scale}", str(scale)) for pattern in (dataset.hr, dataset.lr))
    found = pictures_by_name(hr.parent, hr.name, f"hr of the data set {dataset.name}")
    shipped = pictures_by_name(lr.parent, lr.name, f"lr of the data set {dataset.name}") if dataset.lr else {}
    for name in found if dataset.lr else ():
        if name not in shipped:
            raise BadInput(f"{found[name]}: its LR is missing in {lr.parent} ({lr.name}); add it, or correct lr")
    return [Source(name, path, shipped.get(name)) for name, path in found.items()]


def _scales(folder: Path) -> list[int]:
    """The scales of the image_SRF layout that a folder holds."""
    found = (path.name.removeprefix("image_SRF_") for path in folder.glob("image_SRF_*") if path.is_dir())
    return sorted(int(scale) for scale in found if scale.isdigit())


def _with_lr(found: Mapping[str, Path], folder: Path, ending: str) -> list[Source]:
    """Pictures by name, with their LR: name and ending, in a folder that is missing where the set ships none."""
    for name, hr in found.items() if folder.is_dir() else ():
        if not (folder / f"{name}{ending}").is_file():
            raise BadInput(f"{hr}: its LR {name}{ending} is missing in {folder}; extract the set again")
    return [Source(name, hr, folder / f"{name}{ending}" if folder.is_dir() else None) for name, hr in found.items()]


def read_pair(source: Source, scale: int) -> tuple[U8, U8 | None]:
    """(HR as it is on disk, shipped LR or None). Raises BadInput for unusable pictures and sizes that disagree."""
    hr = read_image(source.hr)
    height, width = hr.shape[:2]
    if min(height, width) < scale:
        raise BadInput(f"{source.hr}: {width}x{height} pixels, smaller than the scale {scale}; remove it")
    if source.lr is None:
        return hr, None
    lr = read_image(source.lr)
    if lr.shape[:2] != (height // scale, width // scale):
        raise BadInput(
            f"{source.lr}: {lr.shape[1]}x{lr.shape[0]} pixels, expected {width // scale}x{height // scale} for the "
            f"{width}x{height} HR at x{scale}; extract the set again"
        )
    if lr.ndim != hr.ndim:
        raise BadInput(f"{source.lr}: one of HR and LR is grey, the other RGB; extract the set again")
    return hr, lr


def check(name: str, scale: int, digests: Mapping[str, str], role: Role = "test") -> str:
    """PINNED or UNPINNED, from the `pair_sha256` of each picture. Raises BadInput for a changed picture of a pinned
    set, and for any change of a set of one's own since it was first used, at that scale and in that role."""
    if name not in DATASETS:
        own = find_dataset(name)
        patterns = f"{(data_folder() / own.folder).resolve()}{own.hr}{own.lr}"  # others of one folder are another set
        place = hashlib.sha256(patterns.encode()).hexdigest()[:8]
        _check_first_use(name, work_folder() / "first_use" / f"{name}.{place}.x{scale}.{role}.json", digests)
    expected = _checksums(name, scale)
    if not expected or not digests.keys() <= expected.keys():
        return UNPINNED
    for picture, digest in digests.items():
        if digest != expected[picture]:
            again = "reinstall the package that ships it" if whole_of(name) in EMBEDDED else "extract the set again"
            raise BadInput(
                f"{name}: {picture} has pixels of sha256 {digest[:12]}…, expected {expected[picture][:12]}…; {again} "
                f"({find_dataset(name).source}); JPEG pictures also need Pillow as locked"
            )
    return PINNED


def _check_first_use(name: str, record: Path, digests: Mapping[str, str]) -> None:
    """Record the digests of a set of one's own, or raise BadInput where they are not those of the first use."""
    known = read_json(record) if record.is_file() else dict(digests)
    for picture in sorted(known.keys() | digests.keys()):
        if known.get(picture) != digests.get(picture):
            how = "new" if picture not in known else "missing" if picture not in digests else "another picture"
            raise BadInput(
                f"{name}: {picture} is {how} since the set was first used; restore it, or take the set as it is now by "
                f"deleting {record}"
            )
    if not record.is_file():
        write_json(record, known)


def _checksums(name: str, scale: int) -> dict[str, str]:
    """The pinned pictures of a set or, of a subset, of the whole set; none where it is not pinned."""
    whole = whole_of(name)
    return PIXEL_CHECKSUMS.get((whole, scale)) or PIXEL_CHECKSUMS.get((whole, 0)) or {}


def whole_of(name: str) -> str:
    """The set that a subset is of; any other set is whole."""
    return SUBSETS[name][0] if name in SUBSETS else name


def verify(name: str, root: Path | None = None) -> tuple[list[int], str]:
    """(scales in the image_SRF layout, or [], PINNED or UNPINNED), by decoding every picture of a pinned set.

    root: instead of BENCH_DATA. Raises BadInput where the set is missing, incomplete or changed.
    """
    folder = find_dataset(name).folder
    scales = _scales((root or data_folder()) / folder) if folder else []
    copies = []
    for scale in scales or [1]:
        sources = find(name, scale, root)
        pinned = bool(_checksums(name, scale))
        digests = {source.name: pair_sha256(*read_pair(source, scale)) for source in sources} if pinned else {}
        copies.append(check(name, scale, digests))
    return scales, "; ".join(dict.fromkeys(copies))
