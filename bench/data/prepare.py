"""Pictures ready for use: HR/LR folders of test sets, flat stores of training sets, LR of any folder.

Every folder carries a manifest.json that says what is in it: no times, no paths, so the same inputs give the same
bytes. How that of a suite was made, and when, is in its prepare.json.
"""

import contextlib
import hashlib
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.data.datasets import (
    DATASETS,
    OWN,
    UNPINNED,
    VALIDATION,
    Source,
    check,
    find,
    find_dataset,
    read_pair,
    whole_of,
)
from bench.data.degradations import DEGRADATIONS, Degraded, degrade
from bench.data.images import F64, U8, crop_to_multiple, image_files, to_rgb, write_png
from bench.data.near_duplicates import NEAR_DUPLICATES, search
from bench.data.pixel_checksums import pair_sha256, pixel_sha256
from bench.errors import BadInput, pick
from bench.runtime.checksums import hash_file
from bench.runtime.files import write_json
from bench.runtime.output import output_folder
from bench.runtime.record import Stage, code_of

MANIFEST = "manifest.json"
RECORD = "prepare.json"
CPU = torch.device("cpu")
Facts = dict[str, Any]


@dataclass(frozen=True)
class _Picture:
    """One picture on its way: `digest` of the files it came from, `facts` for the manifest, `levels` for a training
    store."""

    name: str
    digest: str
    hr: U8
    lr: U8
    kernel: F64 | None
    facts: Facts
    levels: tuple[U8, ...] = ()


def prepare_test(
    dataset: str, scale: int, degradation: str, out: Path, seed: int = 0, overwrite: bool = False
) -> Facts:
    """Write out/hr/<picture>.png, out/lr/<picture>.png, out/kernels/<picture>.npy where known, and the manifest.

    For `bicubic`, an LR that ships with the set is used as it is. Returns the manifest. Raises BadInput as `find`,
    `read_pair`, `check` and `degrade` do, and as `output_folder` does.
    """
    stage = Stage(code_of([__name__]), CPU, {})
    facts = _facts(degradation, scale, seed) | {"dataset": dataset}
    digests = {}
    sources = find(dataset, scale)
    with output_folder(out, _folders(sources), overwrite) as folder:
        for picture in _pictures(sources, scale, degradation, seed):
            write_png(folder / "hr" / f"{picture.name}.png", picture.hr)
            write_png(folder / "lr" / f"{picture.name}.png", picture.lr)
            _write_kernel(folder / "kernels", picture)
            digests[picture.name] = picture.digest
            facts["pictures"][picture.name] = picture.facts
        facts["copy"] = check(dataset, scale, digests)
        _write_records(folder, facts, replace(stage, inputs=digests))
    return facts


def degrade_folder(hr: Path, scale: int, degradation: str, out: Path, seed: int = 0, overwrite: bool = False) -> Facts:
    """Write out/<picture>.png, the LR of every picture in the folder `hr`; out/kernels/<picture>.npy where known;
    and the manifest, which is returned. Raises BadInput for unusable pictures and as `output_folder` does."""
    facts = _facts(degradation, scale, seed)
    sources = [Source(path.stem, path) for path in image_files(hr)]
    with output_folder(out, [hr], overwrite) as folder:
        for picture in _pictures(sources, scale, degradation, seed):
            write_png(folder / f"{picture.name}.png", picture.lr)
            _write_kernel(folder / "kernels", picture)
            facts["pictures"][picture.name] = picture.facts
        write_json(folder / MANIFEST, facts)
    return facts


def prepare_train(
    datasets: Sequence[str],
    scale: int,
    degradation: str,
    out: Path,
    seed: int = 0,
    levels: Sequence[int] = (),
    overwrite: bool = False,
) -> Facts:
    """Write out/hr.u8 and out/lr.u8, all pictures as planar RGB bytes one after the other; out/index.json, their names,
    sizes and offsets; and the manifest, which is returned.

    Each picture is decoded once, its LR made from HR, grey turned to RGB; those that `left_out` names are not used.
    levels: scales below `scale` at which the same HR is kept too, shrunk bicubically whatever the degradation, in
    out/lr<level>.u8. Raises BadInput for a set that is not for training, or unpinned and shows what test sets show
    where its `overlap` does not say that this is meant, and for a level that does not divide the scale.
    """
    stage, pixels = Stage(code_of([__name__]), CPU, {}), dict[str, str]()
    facts = _facts(degradation, scale, seed) | {"datasets": list(datasets), "copies": {}, "left_out": {}}
    more = {"levels": _check_levels(levels, scale)} if levels else {}
    index: list[Facts] = []
    found = {name: find(name, scale) for name in _training_sets(datasets)}
    inputs = {path for sources in found.values() for path in _folders(sources)}
    with output_folder(out, inputs, overwrite) as folder:
        for name in found:
            excluded, digests = left_out(name, scale), {}
            facts["left_out"] |= {f"{name}/{picture}": why for picture, why in excluded.items()}
            sources = [Source(source.name, source.hr) for source in found[name] if source.name not in excluded]
            for picture in _pictures(sources, scale, degradation, seed, levels):
                title = f"{name}/{picture.name}"
                index.append({"name": title} | _append(folder, picture))
                digests[picture.name] = picture.digest
                facts["pictures"][title] = picture.facts
            facts["copies"][name] = check(name, scale, digests, "train")
            pixels |= {f"{name}/{picture}": digest for picture, digest in digests.items()}
            if facts["copies"][name] == UNPINNED:
                _check_overlap(name, sources)
        write_json(folder / "index.json", {"scale": scale, "pictures": index, **more})
        _write_records(folder, facts | more, replace(stage, inputs=pixels))
    return facts | more


def _write_records(folder: Path, facts: Facts, stage: Stage) -> None:
    """manifest.json, and prepare.json. The inputs of the stage are the digests of the pixels of every picture."""
    write_json(folder / MANIFEST, facts)
    write_json(folder / RECORD, stage.record({MANIFEST: hash_file(folder / MANIFEST)}))


def left_out(name: str, scale: int) -> dict[str, str]:
    """The pictures of a training set that training leaves out, and why: held out for validation, or near-duplicates of
    test pictures. Raises BadInput as `find` does."""
    whole, mine = whole_of(name), {source.name for source in find(name, scale)}
    held = find(VALIDATION[whole], scale) if whole in VALIDATION else []
    why = {source.name: f"held out as {VALIDATION[whole]}" for source in held}
    why |= {
        pair.train: f"shows what {pair.test_set}/{pair.test} shows"
        for pair in NEAR_DUPLICATES
        if pair.train_set == whole
    }
    return {picture: reason for picture, reason in why.items() if picture in mine}


def _check_overlap(name: str, sources: Sequence[Source]) -> None:
    """Search a set of the user's own for pictures of the test sets that are here. Raises BadInput naming them, or says
    so on stderr where the set's `overlap` is meant."""
    test = {}
    for other, dataset in (DATASETS | OWN).items():
        with contextlib.suppress(BadInput):
            if dataset.role == "test" and whole_of(other) == other:
                test[other] = find(other, 4)
    found = search({name: sources}, test)
    shown = [f"{pair.train} shows what {pair.test_set}/{pair.test} shows" for pair in found]
    if shown and not find_dataset(name).overlap:
        raise BadInput(f"{name}: {', '.join(shown)}; remove them from {name}, or say overlap=True of it")
    for text in shown:
        print(f"warning: {name}: {text}, as its overlap says", file=sys.stderr)


def _check_levels(levels: Sequence[int], scale: int) -> list[int]:
    """The levels, after refusing those that no pyramid of the scale has."""
    for level in levels:
        if not 1 < level < scale or scale % level or list(levels).count(level) > 1:
            raise BadInput(f"x{level} is no level between HR and x{scale}; name divisors of {scale}, each once")
    return list(levels)


def _append(folder: Path, picture: _Picture) -> Facts:
    """Add a picture to every store. Returns where it begins in each and its sizes."""
    extents: Facts = {}
    between = [(f"lr{picture.hr.shape[0] // image.shape[0]}", image) for image in picture.levels]
    for side, image in (("hr", picture.hr), ("lr", picture.lr), *between):
        with (folder / f"{side}.u8").open("ab") as store:
            extents |= {f"{side}_offset": store.tell(), f"{side}_size": list(image.shape[:2])}
            store.write(np.ascontiguousarray(to_rgb(image).transpose(2, 0, 1)).tobytes())
    return extents


def _training_sets(names: Sequence[str]) -> Sequence[str]:
    """The names, after refusing test sets and repetitions."""
    for name in names:
        if find_dataset(name).role not in ("train", "any"):
            kind = "validation" if find_dataset(name).role == "valid" else "test"
            raise BadInput(f"{name} is a {kind} set; train on another, such as BSD400 or Embedded-train")
        if list(names).count(name) > 1:
            raise BadInput(f"{name} is named twice among the training sets; name it once")
    if not names:
        raise BadInput("no training set is named; name one, such as Embedded-train")
    return names


def _facts(by: str, scale: int, seed: int) -> Facts:
    """The head of a manifest. A seed that changes nothing is not recorded."""
    seeded = pick("degradation", by, DEGRADATIONS).seeded
    return {"degradation": by, "scale": scale, "seed": seed if seeded else None, "pictures": {}}


def _pictures(
    sources: Iterable[Source], scale: int, by: str, seed: int, levels: Sequence[int] = ()
) -> Iterator[_Picture]:
    """Read, check and degrade one picture after the other. What is drawn for a picture goes by its pixels, for pictures
    of different sets may have one name."""
    for source in sources:
        image, shipped = read_pair(source, scale)
        if shipped is not None and by == "bicubic":
            degraded, origin = Degraded(shipped), "shipped"
        else:
            degraded, origin = degrade(image, scale, by, seed, pixel_sha256(image)), "made"
        hr = crop_to_multiple(image, scale) if degraded.hr is None else degraded.hr
        facts = {
            "hr_size": list(hr.shape[:2]),
            "hr_sha256": pixel_sha256(hr),
            "lr_size": list(degraded.lr.shape[:2]),
            "lr_sha256": pixel_sha256(degraded.lr),
            "lr_from": origin,
            "cropped_from": list(image.shape[:2]) if hr.shape[:2] != image.shape[:2] else None,
            "recipe": degraded.recipe,
            "kernel_sha256": None if degraded.kernel is None else hashlib.sha256(degraded.kernel.tobytes()).hexdigest(),
        }
        between = tuple(degrade(hr, level, "bicubic").lr for level in levels)
        facts |= {f"lr{level}_sha256": pixel_sha256(lower) for level, lower in zip(levels, between, strict=True)}
        yield _Picture(source.name, pair_sha256(image, shipped), hr, degraded.lr, degraded.kernel, facts, between)


def _folders(sources: Iterable[Source]) -> set[Path]:
    """The folders that pictures are read from."""
    return {path.parent for source in sources for path in (source.hr, source.lr) if path is not None}


def _write_kernel(folder: Path, picture: _Picture) -> None:
    if picture.kernel is not None:
        folder.mkdir(exist_ok=True)
        np.save(folder / f"{picture.name}.npy", picture.kernel)
