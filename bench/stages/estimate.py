"""A folder of LR pictures -> the blur kernel of each, as an array and as a picture to look at, with seconds."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from tqdm import tqdm

from bench.api import Estimate, Method, Picture
from bench.data.images import F64, U8, image_files, read_image, to_tensor
from bench.errors import BadInput, Diverged
from bench.runtime.checksums import hash_files
from bench.runtime.devices import describe, peak_memory_mib
from bench.runtime.files import making_folder, replacing, write_json
from bench.runtime.record import Stage
from bench.runtime.turns import KernelTrainer, Steps, finish, one_step, timed

PREVIEW_SIDE = 400  # pixels, about


def estimate_pictures(method: Method, lr: Sequence[Path], out: Path, seed: int, device: torch.device) -> dict[str, Any]:
    """<stem>.npy (float64, sum 1, cross-correlation orientation), <stem>.png and kernels.json for every picture.

    Nothing is written to the folder `out` before every kernel is there. Returns what kernels.json says. Raises BadInput
    for a picture that cannot be read or carries no kernel.
    """
    pictures = [Picture(p.stem, to_tensor(read_image(p)).to(device), None, seed) for p in lr]
    estimates, seconds, _ = finish(_estimated(method, pictures))
    if failed := [picture.name for picture, found in zip(pictures, estimates, strict=True) if not _has_kernel(found)]:
        raise Diverged(f"{', '.join(failed)}: every generator is dead; use more iterations or another seed")
    done = {
        "pictures": len(pictures),
        "seconds": round(seconds, 3),
        "seconds_per_picture": round(seconds / len(pictures), 3),
        "seed": seed,
        "device": describe(device),
        "threads": torch.get_num_threads(),
        "peak_mib": round(peak_memory_mib(device)),
        "knobs": method.knobs,
        "generators": _count_generators(pictures, estimates),
    }
    for picture, found in zip(pictures, estimates, strict=True):
        write_kernel(out, picture.name, found.kernel.numpy())
    write_json(out / "kernels.json", done)
    return done


def estimate_sets(method: Method, sets: Mapping[str, Path], out: Path, seed: int, stage: Stage) -> Steps[None]:
    """out/<data set>/<stem>.npy and .png for every picture of every set (data set to LR folder), all sets side by
    side, and out/kernels.json. Raises BadInput as `estimate_pictures` does."""
    places = [(name, path) for name, lr in sets.items() for path in image_files(lr)]
    # an estimation that comes to nothing leaves no file: its metrics are n/a
    lr = [to_tensor(read_image(path)).to(stage.device) for _, path in places]
    pictures = [Picture(f"{name}/{p.stem}", image, None, seed) for (name, p), image in zip(places, lr, strict=True)]
    estimates, seconds, cpu_seconds = yield from _estimated(method, pictures)
    spent = {
        "pictures": len(pictures),
        "seconds": round(seconds, 2),
        "cpu_seconds": round(cpu_seconds, 2),
        "peak_mib": round(peak_memory_mib(stage.device)),
        "generators": _count_generators(pictures, estimates),
    }
    with making_folder(out) as folder:
        for (name, path), found in zip(places, estimates, strict=True):
            (folder / name).mkdir(parents=True, exist_ok=True)
            if _has_kernel(found):
                write_kernel(folder / name, path.stem, found.kernel.numpy())
        write_json(folder / "kernels.json", {**stage.record(hash_files(folder, "*.npy")), **spent})


def _has_kernel(estimate: Estimate) -> bool:
    return bool(estimate.kernel.isfinite().all())


def _count_generators(pictures: Sequence[Picture], estimates: Sequence[Estimate]) -> dict[str, Any]:
    """How many generators were trained in all, and how many of them are dead, by picture where there are any."""
    dead = {picture.name: found.dead for picture, found in zip(pictures, estimates, strict=True) if found.dead}
    return {"trained": sum(found.generators for found in estimates), "dead": dead}


def _estimated(method: Method, pictures: Sequence[Picture]) -> Steps[tuple[list[Estimate], float, float]]:
    """What was estimated, and the seconds and processor seconds that it took, under a progress bar that counts
    iterations over all generators of all pictures. Raises BadInput for a method that estimates none."""
    estimator = method.estimator()
    if estimator is None:
        raise BadInput(f"{type(method).__name__} estimates no kernels; use python -m bench upscale")
    iterations = int(method.knobs.get("iterations", 0)) * int(method.knobs.get("estimates", 1)) * len(pictures)
    with tqdm(total=iterations, desc="kernels", unit="iteration", unit_scale=True) as bar:

        def advance(iterations: int) -> None:
            bar.update(iterations)

        if isinstance(estimator, KernelTrainer):
            return (yield from timed(estimator.steps(pictures, advance)))
        return (yield from timed(one_step(lambda: estimator(pictures, advance))))


def write_kernel(folder: Path, stem: str, kernel: F64) -> None:
    """<stem>.npy and <stem>.png."""
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(folder / f"{stem}.npy") as temporary, temporary.open("wb") as stream:
        np.save(stream, kernel.astype(np.float64))
    with replacing(folder / f"{stem}.png") as temporary:
        Image.fromarray(preview(kernel)).save(temporary, format="PNG")


def preview(kernel: F64) -> U8:
    """Grey squares, the largest value white and what is not positive black, on a grey frame, about 400 pixels wide."""
    magnify = max(1, PREVIEW_SIDE // max(kernel.shape))
    values = np.clip(kernel / kernel.max(), 0, 1)
    squares = np.kron(np.rint(255 * values), np.ones((magnify, magnify))).astype(np.uint8)
    return np.pad(squares, 2, constant_values=128)
