"""Blur kernels: what was to be found, and what every estimator found, picture by picture."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bench.data.blur_kernels import read_kernel
from bench.report.aggregate import KERNEL, Scores, cell_of, short_name, widen
from bench.report.style import DPI, Drawn, save
from bench.report.tables import heading, show_value
from bench.runtime.paths import degraded_folder, kernels_folder

MAX_PICTURES = 10
MAX_ROWS = 24
FOLDER = "kernels"
CELL = 0.85  # inches
TRUTH = "true kernel"
TRUTHS = "truth"


@dataclass(frozen=True)
class KernelGrid:
    """rows: the truth, then every estimate by variant. kernels: (row, picture) -> (k, k), of those that are there.

    captions: the score of an estimate.
    """

    rows: tuple[str, ...]
    pictures: tuple[tuple[str, str], ...]
    kernels: Mapping[tuple[str, tuple[str, str]], NDArray[np.float64]]
    captions: Mapping[tuple[str, tuple[str, str]], str]
    metric: str


def read_kernels(scores: Scores, work: Path, kept: Path | None = None) -> KernelGrid:
    """The kernels of the first seed of every variant, from work/kernels or where `keep_kernels` put them.

    Raises FileNotFoundError where no estimate is here.
    """
    metric = scores.first_available(KERNEL) or scores.setting.metrics[0]
    values = widen(scores.frame)[metric]
    pictures = list(dict.fromkeys((str(dataset), str(image)) for _, dataset, image in values.index))[:MAX_PICTURES]
    runs = {short_name(*variant.key): variant.runs[0] for variant in scores.variants}
    info = scores.metrics[metric]
    kernels: dict[tuple[str, tuple[str, str]], NDArray[np.float64]] = {}
    captions: dict[tuple[str, tuple[str, str]], str] = {}
    for dataset, image in pictures:
        files = {TRUTH: _truths(scores, dataset, work, kept) / f"{image}.npy"}
        for name, run in list(runs.items())[:MAX_ROWS]:
            folder = _folder(scores, run, work, kept)
            files[name] = folder / dataset / f"{image}.npy"
            captions[name, (dataset, image)] = show_value(float(values[run, dataset, image]), info)
        kernels |= {(name, (dataset, image)): read_kernel(path) for name, path in files.items() if path.is_file()}
    if not any(name != TRUTH for name, _ in kernels):
        raise FileNotFoundError(f"{FOLDER}/")
    rows = tuple(row for row in (TRUTH, *runs) if any(name == row for name, _ in kernels))
    side = max(max(kernel.shape) for kernel in kernels.values())
    kernels = {key: _padded(kernel, side) for key, kernel in kernels.items()}
    return KernelGrid(rows, tuple(pictures), kernels, captions, metric)


def _folder(scores: Scores, run: str, work: Path, kept: Path | None) -> Path:
    """Where a run's kernels are."""
    estimated = kernels_folder(work, cell_of(scores.runs, run, "method"), run)
    return estimated if estimated.is_dir() or kept is None else kept / run


def _truths(scores: Scores, dataset: str, work: Path, kept: Path | None) -> Path:
    """Where the true kernels of a data set are."""
    folder = degraded_folder(work, dataset, scores.setting.scale, scores.setting.degradation)
    return folder / "kernels" if (folder / "kernels").is_dir() or kept is None else kept / TRUTHS / folder.name


def keep_kernels(scores: Scores, work: Path, kept: Path, folder: Path) -> None:
    """Copy the kernels of the first seed of every variant to <run>/<data set>/<image>.npy, and the true ones to
    truth/<degraded data set>/<image>.npy."""
    sources = {
        folder / run: _folder(scores, run, work, kept) for run in (variant.runs[0] for variant in scores.variants)
    }
    for dataset in scores.setting.datasets:
        truths = _truths(scores, dataset, work, kept)
        sources[folder / TRUTHS / f"{dataset}.x{scores.setting.scale}.{scores.setting.degradation}"] = truths
    for target, source in sources.items():
        for path in sorted(source.rglob("*.npy")):
            (target / path.relative_to(source)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target / path.relative_to(source))


def _padded(kernel: NDArray[np.float64], side: int) -> NDArray[np.float64]:
    """On a square of that side, the middle on its middle, so that kernels of all sizes are seen at one scale."""
    before = [side // 2 - length // 2 for length in kernel.shape]
    return np.pad(kernel, [(start, side - length - start) for start, length in zip(before, kernel.shape, strict=True)])


def shade(kernel: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Grey levels to look at: the peak is white, what is not positive is black."""
    peak = float(kernel.max())
    scaled = np.clip(kernel / peak, 0, 1) if peak > 0 else np.zeros_like(kernel)
    return np.asarray(np.rint(255 * scaled), dtype=np.uint8)


def draw_kernels(scores: Scores, grid: KernelGrid | None, folder: Path) -> Drawn:
    """The grid as a figure."""
    name, title = f"kernels{scores.suffix}", "Blur kernels, true and estimated"
    if grid is None:
        return Drawn(name, title, missing=f"{FOLDER}/ is not here")
    lines, columns = len(grid.rows), len(grid.pictures)
    width, height = 1.6 + CELL * columns, 0.5 + (CELL + 0.2) * lines
    figure = Figure(figsize=(width, height), dpi=DPI)
    for line, row in enumerate(grid.rows):
        lower = 1 - (0.4 + CELL + line * (CELL + 0.2)) / height
        figure.text(1.5 / width, lower + CELL / 2 / height, row, ha="right", va="center", size=8.5)
        for column, picture in enumerate(grid.pictures):
            axes = figure.add_axes(
                ((1.6 + column * CELL) / width, lower, 0.94 * CELL / width, 0.94 * CELL / height), frameon=False
            )
            axes.set(xticks=[], yticks=[])
            if line == 0:
                axes.set_title("\n".join(picture), size=6.5)
            axes.set_xlabel(grid.captions.get((row, picture), ""), size=7, labelpad=1)
            if (row, picture) in grid.kernels:
                axes.imshow(shade(grid.kernels[row, picture]), cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    save(figure, folder, name)
    return Drawn(name, title, caption(scores, grid))


def caption(scores: Scores, grid: KernelGrid) -> str:
    """What the grid shows."""
    return (
        f"Each kernel's peak is white. Below an estimate its {heading(scores.metrics[grid.metric])}. Of several seeds "
        f"the first is shown; the first {len(grid.pictures)} pictures."
    )
