"""Checkpoint + LR pictures -> 8-bit SR pictures under the LR's stem, with seconds and memory."""

import dataclasses
import functools
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from bench.api import Method, Picture, Upscaler
from bench.data.back_projection import back_projected
from bench.data.blur_kernels import kernel_files, read_kernel
from bench.data.images import check_size, composed, pictures_by_name, read_image, to_tensor, to_uint8, write_png
from bench.data.orientations import in_every_orientation
from bench.data.tiles import OVERLAP, tiled
from bench.errors import BadInput
from bench.runtime.checksums import hash_file, hash_files
from bench.runtime.code_digest import source_digest
from bench.runtime.devices import describe, enough_memory, peak_memory_mib
from bench.runtime.files import making_folder, write_json
from bench.runtime.paths import CORRECTED
from bench.runtime.record import Stage
from bench.runtime.turns import PictureTrainer, Steps, finish, one_step, side_by_side, timed
from bench.suites.experiment import digest_of

DRAWS = "draws"  # the folder of further SR of the same pictures


@dataclass(frozen=True)
class Options:
    """How pictures are upscaled. tile: LR side of a tile, 0 for whole pictures; ensemble: the field's '+';
    back_project: iterations of back-projection on the finished SR."""

    ensemble: bool = False
    tile: int = 0
    overlap: int = OVERLAP
    back_project: int = 0


def with_options(upscaler: Upscaler, scale: int, options: Options) -> Upscaler:
    """The upscaler with tiling inside, self-ensemble around it and back-projection last, as asked."""
    if options.tile:
        upscaler = tiled(upscaler, scale, options.tile, options.overlap)
    if options.ensemble:
        upscaler = self_ensemble(upscaler)
    return back_projected(upscaler, scale, options.back_project) if options.back_project else upscaler


def self_ensemble(upscaler: Upscaler) -> Upscaler:
    """The mean over the eight orientations."""

    def upscale(picture: Picture) -> Tensor:
        def upscale_oriented(lr: Tensor) -> Tensor:
            return upscaler(replace(picture, lr=lr.contiguous()))

        return functools.reduce(torch.add, in_every_orientation(upscale_oriented, picture.lr)) / 8

    return upscale


def prepare(method: Method, network: nn.Module | None, device: torch.device) -> Upscaler:
    """The method's upscaler with its network on the device, and the picture too where it is trained on."""
    upscaler = method.upscaler(network.to(device).eval() if network is not None else None)
    return replace(upscaler, device=device) if isinstance(upscaler, PictureTrainer) else upscaler


def upscale_folder(
    upscaler: Upscaler,
    lr: Path,
    out: Path,
    scale: int,
    seed: int = 0,
    kernels: Path | None = None,
    pattern: str = "{name}",
) -> dict[str, Any]:
    """Upscale every picture of `lr` whose name matches the pattern into the folder `out` that is not there yet; a grey
    picture gives a grey one. Returns how many there are, and the seconds of each that was upscaled now.

    Raises BadInput for an unreadable picture or kernel, before the first is upscaled.
    """
    given = _readable(lr, scale, kernels, pattern)
    device = upscaler.device if isinstance(upscaler, PictureTrainer) else torch.device("cpu")
    left = [file for file in given if not (out / f"{file.stem}.png").is_file()]
    seconds: dict[str, float] = {}

    def upscale(file: Path) -> Steps[None]:
        image, path = read_image(file), given[file]
        kernel = None if path is None else torch.from_numpy(read_kernel(path))
        picture = Picture(file.stem, to_tensor(image), kernel, seed)
        with enough_memory(f"{file}: {image.shape[1]}x{image.shape[0]} pixels", "upscale it with a smaller --tile"):
            sr, spent, _ = yield from timed(_in_steps(upscaler, picture))
        expected = (3, scale * image.shape[0], scale * image.shape[1])
        if tuple(sr.shape) != expected:
            raise BadInput(f"{file}: upscaled to {tuple(sr.shape)}, expected {expected}; check --scale")
        write_png(out / f"{file.stem}.png", to_uint8(sr, grey=image.ndim == 2))
        seconds[file.stem] = round(spent, 4)
        bar.update()

    with tqdm(total=len(left), desc=f"{lr.parent.name}/{lr.name}", unit="picture", mininterval=2.0) as bar:
        finish(side_by_side(map(upscale, left), device))
    return {"pictures": len(given), "seconds": seconds}


def _in_steps(upscaler: Upscaler, picture: Picture) -> Steps[Tensor]:
    return upscaler.steps(picture) if isinstance(upscaler, PictureTrainer) else one_step(lambda: upscaler(picture))


def _readable(lr: Path, scale: int, kernels: Path | None, pattern: str) -> dict[Path, Path | None]:
    """Every picture, with the file of its kernel where there are kernels."""
    files = list(pictures_by_name(lr, pattern, "--lr-pattern").values())
    for file in files:
        height, width = read_image(file).shape[:2]
        check_size(file, scale * width, scale * height)
    if kernels is None:
        return dict.fromkeys(files)
    given = kernel_files(kernels, scale, [composed(file.stem) for file in files])
    for path in given.values():
        read_kernel(path)
    return {file: given[composed(file.stem)] for file in files}


def request_of(
    method: Method,
    checkpoint: Path | None,
    options: Options,
    lr: Path,
    device: torch.device,
    kernels: Path | None = None,
    pattern: str = "{name}",
) -> str:
    """A digest of everything that decides the pictures that `upscale_folder` writes: a folder begun under the same
    digest is completed."""
    source = source_digest("bench.stages.upscale", type(method).__module__)
    network = hash_file(checkpoint) if checkpoint is not None else ""
    pictures = {file.name: hash_file(file) for file in pictures_by_name(lr, pattern, "--lr-pattern").values()}
    pictures |= {} if kernels is None else {file.name: hash_file(file) for file in sorted(kernels.glob("*.[nm]*"))}
    knobs, threads = method.knobs, torch.get_num_threads()
    return digest_of([source, knobs, network, dataclasses.asdict(options), pictures, describe(device), threads])


@dataclass(frozen=True)
class TestSet:
    """A degraded test set. kernels: the folder of the blur kernels that the upscaler is given, if any; seed: of methods
    that train on the picture."""

    name: str
    lr: Path
    kernels: Path | None = None
    seed: int = 0


def upscale_sets(
    upscaler: Upscaler,
    sets: Iterable[TestSet],
    out: Path,
    method: Method,
    stage: Stage,
    corrector: Upscaler | None = None,
) -> None:
    """Every set into out/<data set>/, further draws into its draws/<number>/, what a method corrects first into its
    corrected/, with upscale.json beside."""
    times: dict[str, Any] = {}
    with making_folder(out) as folder:
        for each in sets:
            for draw in range(getattr(method, "draws", 1)):
                into = folder / each.name / (f"{DRAWS}/{draw}" if draw else "")
                seed = each.seed + draw * 2**16
                made = upscale_folder(upscaler, each.lr, into, method.scale, seed, each.kernels)
                times.setdefault(each.name, made)
            if corrector is not None:
                upscale_folder(corrector, each.lr, folder / each.name / CORRECTED, 1)
        more = {"sets": times, "peak_mib": round(peak_memory_mib(stage.device))}
        write_json(folder / "upscale.json", {**stage.record(hash_files(folder, "*.png")), **more})
