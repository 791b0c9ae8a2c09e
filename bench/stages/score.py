"""SR folder + HR folder -> Records: every metric on every picture. Knows no network and no method.

Pictures are scored side by side in threads, each computing on one core: numpy, scipy and torch let go of the
interpreter while they work. The numbers are the same for any number of workers.
"""

import math
import os
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import TypeVar

import numpy as np
from tqdm import tqdm

from bench.data.blur_kernels import kernel_files, read_kernel
from bench.data.images import pictures_by_name, read_image
from bench.errors import BadInput, MissingWeights, pick
from bench.metrics import DEFAULT_METRICS, METRICS, Metric, Sample, pair
from bench.metrics.means import PSNR_CEILING, cap, set_mean
from bench.runtime import weights
from bench.runtime.files import read_points
from bench.runtime.output import check_place, output_file
from bench.runtime.paths import CORRECTED
from bench.runtime.rows import write_rows

Item = TypeVar("Item")
_QUIET_SECONDS = 3.0  # a shorter job shows a progress bar only on a terminal


@dataclass(frozen=True)
class Record:
    """One measured number; where there is none, `value` is None and `note` says why. `dataset` may be empty."""

    dataset: str
    image: str
    metric: str
    value: float | None
    note: str = ""


@dataclass(frozen=True)
class Pair:
    """The files of one picture."""

    image: str
    scale: int
    sr: Path
    hr: Path | None = None
    lr: Path | None = None
    kernel: Path | None = None
    true_kernel: Path | None = None
    dataset: str = ""
    draws: tuple[Path, ...] = ()
    seeds: tuple[Path, ...] = ()
    gradient_cosine: float | None = None
    corrected: Path | None = None


@dataclass(frozen=True)
class Folders:
    """Where the pictures are and how their file names pair: `{name}` in a pattern is the common part.

    A pattern with a picture's suffix is matched against the file name, any other against the stem; files that do not
    match are no part of the set. Kernels are named as `kernel_files` says.
    """

    sr: Path
    hr: Path | None = None
    lr: Path | None = None
    kernels: Path | None = None
    true_kernels: Path | None = None
    sr_pattern: str = "{name}"
    hr_pattern: str = "{name}"
    lr_pattern: str = "{name}"


def pair_folders(folders: Folders, scale: int, dataset: str = "") -> list[Pair]:
    """One Pair per picture, sorted by name. Raises BadInput naming a picture without its counterpart."""
    sr = pictures_by_name(folders.sr, folders.sr_pattern, "--sr-pattern")
    hr = {} if folders.hr is None else pictures_by_name(folders.hr, folders.hr_pattern, "--hr-pattern")
    lr = {} if folders.lr is None else pictures_by_name(folders.lr, folders.lr_pattern, "--lr-pattern")
    if folders.hr is not None:
        _complete("SR", hr, sr, folders.sr)
        _complete("HR", sr, hr, folders.hr)
    if folders.lr is not None:
        _complete("LR", sr, lr, folders.lr)
    kernels, true_kernels = (
        {} if folder is None else kernel_files(folder, scale, sr) for folder in (folders.kernels, folders.true_kernels)
    )
    return [
        Pair(name, scale, sr[name], hr.get(name), lr.get(name), kernels.get(name), true_kernels.get(name), dataset)
        for name in sorted(sr)
    ]


def _complete(kind: str, wanted: Iterable[str], found: dict[str, Path], folder: Path) -> None:
    """Raise BadInput naming the first wanted picture that was not found."""
    if missing := sorted(set(wanted) - set(found)):
        more = f" and of {len(missing) - 1} more" if len(missing) > 1 else ""
        here = f"it holds {min(found)}"
        raise BadInput(
            f"{kind} of {missing[0]}{more} is missing in {folder} ({here}, …); add it, or name the pairing by pattern"
        )


def load_sample(files: Pair) -> Sample:
    """Read the pictures and kernels of one pair. Raises BadInput, naming picture or file, also where sizes differ."""
    paths = (files.sr, files.hr, files.lr, files.corrected)
    sr, hr, lr, corrected = (None if path is None else read_image(path) for path in paths)
    assert sr is not None
    kernel, true_kernel = (None if path is None else read_kernel(path) for path in (files.kernel, files.true_kernel))
    draws, seeds = (tuple(map(read_image, found)) for found in (files.draws, files.seeds))
    sample = Sample(sr, hr, lr, files.scale, kernel, true_kernel, draws, seeds, files.gradient_cosine, corrected)
    if hr is not None:
        try:
            pair(sample)
        except BadInput as error:
            raise BadInput(f"{files.image}: {error}") from error
    if lr is not None and np.abs(np.array(sr.shape[:2]) - files.scale * np.array(lr.shape[:2])).max() >= files.scale:
        sizes = " and ".join(f"{image.shape[1]}x{image.shape[0]}" for image in (sr, lr))
        raise BadInput(f"{files.image}: SR and LR are {sizes}, which is not x{files.scale}; correct --scale")
    return sample


def score_pairs(pairs: Sequence[Pair], metrics: Sequence[str], workers: int | None = None) -> list[Record]:
    """Every metric on every pair, sorted by dataset and image, metrics in the order given.

    Raises BadInput for an unknown metric, unreadable pictures and sizes that differ. A metric that cannot be computed
    (weights not here, picture too small, no LR) yields Records without a value, with the reason as note.
    """
    chosen = [pick("metric", key, METRICS) for key in metrics]
    absent = {metric.key: _absent_weights(metric) for metric in chosen}
    workers = min(workers or os.cpu_count() or 1, max(1, len(pairs)))
    single = partial(_score, chosen, absent)
    on_one_core = _one_torch_thread if any(metric.torch for metric in chosen) else None
    ordered = sorted(pairs, key=lambda files: (files.dataset, files.image))
    with ThreadPoolExecutor(workers, initializer=on_one_core) as pool:
        done = progress(pool.map(single, ordered), len(ordered), "score")
        return [record for records in done for record in records]


def progress(items: Iterable[Item], total: int, verb: str) -> Iterable[Item]:
    """The items, with a progress bar on stderr: at once on a terminal, elsewhere after some seconds."""
    delay = 0.0 if sys.stderr.isatty() else _QUIET_SECONDS
    return tqdm(items, total=total, desc=verb, unit="picture", delay=delay)


def _absent_weights(metric: Metric) -> str:
    """Why the metric has no weights here, or an empty string. Raises BadInput for a file with a wrong hash."""
    try:
        for name in metric.weights:
            weights.locate(name)
    except MissingWeights as error:
        return str(error)
    return ""


def _one_torch_thread() -> None:
    """Convolutions sum in another order on more threads."""
    import torch

    torch.set_num_threads(1)


def _score(metrics: Sequence[Metric], absent: dict[str, str], files: Pair) -> list[Record]:
    """All records of one picture."""
    sample = load_sample(files)
    records = []
    for metric in metrics:
        value, note = (None, absent[metric.key]) if absent[metric.key] else _measure(metric, sample)
        records.append(Record(files.dataset, files.image, metric.key, value, note))
    return records


def _measure(metric: Metric, sample: Sample) -> tuple[float | None, str]:
    """(value, "") or (None, reason)."""
    try:
        value = metric.function(sample)
    except BadInput as error:
        return None, " ".join(str(error).split())
    return (None, "not a number") if math.isnan(value) else (value, "")


def score_folders(
    folders: Folders,
    scale: int,
    metrics: Sequence[str] | None,
    out: Path,
    workers: int | None = None,
    overwrite: bool = False,
) -> list[Record]:
    """The verb `score`: pair, measure, write the CSV, print the means. Without `metrics`, the default ones that apply.

    Raises BadInput as `pair_folders`, `score_pairs` and `output_file` do, and for a metric whose folder is not given.
    """
    inputs = (folders.sr, folders.hr, folders.lr, folders.kernels, folders.true_kernels)
    check_place(out, inputs, overwrite, folder=False)
    options = {"hr": "--hr", "lr": "--lr", "kernel": "--kernels", "true_kernel": "--true-kernels"}  # to fill a Sample
    given = {field for field, folder in zip(options, inputs[1:], strict=True) if folder is not None}
    if metrics is None:
        metrics = [key for key in DEFAULT_METRICS if given.issuperset(METRICS[key].needs)]
    for key in metrics:
        if lacking := [options[field] for field in pick("metric", key, METRICS).needs if field not in given]:
            raise BadInput(f"{key} needs {' and '.join(lacking)}; add it or drop {key}")
    records = score_pairs(pair_folders(folders, scale), metrics, workers)
    with output_file(out, inputs, overwrite) as temporary:
        write_csv(temporary, records, with_dataset=False)
    print(means_table(records))
    print(f"at scale {scale}:")
    print("\n".join(f"{key}: {METRICS[key].protocol}" for key in metrics))
    return records


def score_run(
    sr_folder: Path,
    data_folders: dict[str, Path],
    metrics: Sequence[str],
    scale: int,
    curve: Path | None = None,
    siblings: Sequence[Path] = (),
    workers: int | None = None,
) -> list[Record]:
    """All Records of one run of a suite.

    SR: `sr_folder/<dataset>/<stem>.png`, estimated kernels beside them in `kernels/<stem>.npy` where there are any,
    further draws in `draws/<number>/<stem>.png`, corrected LR in `corrected/<stem>.png`; a data folder holds `hr/`,
    `lr/` and, where the degradation has kernels, `kernels/`. curve: of the run's training, where it was trained here;
    siblings: SR folders of the same variant trained with other seeds.
    """
    cosine = _mean_cosine(curve) if curve is not None and "gradient_cosine" in metrics else None
    pairs: list[Pair] = []
    for dataset, data in sorted(data_folders.items()):
        sr = sr_folder / dataset
        kernels, true_kernels = (folder if folder.is_dir() else None for folder in (sr / "kernels", data / "kernels"))
        draws = sorted((sr / "draws").glob("*"))
        for files in pair_folders(Folders(sr, data / "hr", data / "lr", kernels, true_kernels), scale, dataset):
            more = tuple(folder / files.sr.name for folder in draws)
            corrected = sr / CORRECTED / files.sr.name if (sr / CORRECTED).is_dir() else None
            seeds = tuple(file for folder in siblings if (file := folder / dataset / files.sr.name).is_file())
            pairs.append(replace(files, draws=more, seeds=seeds, gradient_cosine=cosine, corrected=corrected))
    return score_pairs(pairs, metrics, workers)


def _mean_cosine(curve: Path) -> float | None:
    """Of `gradient_cosine` over a training curve; None where it has none."""
    known = [point["gradient_cosine"] for point in read_points(curve) if "gradient_cosine" in point]
    return fmean(known) if known else None


def score_kernels(folder: Path, data_folders: dict[str, Path], metrics: Sequence[str]) -> list[Record]:
    """All Records of one estimator's run: `folder/<dataset>/<stem>.npy` beside the true kernels in `kernels/` of the
    data folders; n/a for a picture without one. Raises BadInput where the degradation has none."""
    pairs, records = [], []
    for dataset, data in sorted(data_folders.items()):
        lr = pictures_by_name(data / "lr")
        true_kernels = kernel_files(data / "kernels", 1, lr)
        for name, path in lr.items():
            kernel = folder / dataset / f"{name}.npy"
            if kernel.is_file():
                pairs.append(Pair(name, 1, path, kernel=kernel, true_kernel=true_kernels[name], dataset=dataset))
            else:
                records += [Record(dataset, name, key, None, "no kernel: every generator is dead") for key in metrics]
    return records + score_pairs(pairs, metrics, 1)


def write_csv(path: Path, records: Iterable[Record], with_dataset: bool) -> None:
    """Rows sorted by dataset, image and metric; written atomically. Raises BadInput where it cannot."""
    ordered = sorted(records, key=lambda r: (r.dataset, r.image, r.metric))
    rows = [(r.dataset, r.image, r.metric, "" if r.value is None else f"{r.value:.6f}", r.note) for r in ordered]
    first = 0 if with_dataset else 1
    columns = ("dataset", "image", "metric", "value", "note")
    write_rows(path, columns[first:], [row[first:] for row in rows])


def means_table(records: Sequence[Record]) -> str:
    """For the terminal: a line per metric, a column per dataset, `(4/5)` where a picture has no value; why below."""
    metrics = list(dict.fromkeys(record.metric for record in records))
    datasets = sorted({record.dataset for record in records})
    rows = [["metric", *(name or "mean" for name in datasets)]]
    rows += [[metric, *(_cell(records, metric, name) for name in datasets)] for metric in metrics]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    reasons = dict.fromkeys((record.metric, record.note) for record in records if record.value is None)
    return "\n".join(lines + [f"{metric}: n/a: {note}" for metric, note in reasons])


def _cell(records: Sequence[Record], metric: str, dataset: str) -> str:
    """The mean of a metric over a data set."""
    records = [record for record in records if (record.metric, record.dataset) == (metric, dataset)]
    values = [record.value for record in records if record.value is not None]
    if not values:
        return "n/a"
    digits = 4 if METRICS[metric].unit == "1" else 3
    partial_set = f" ({len(values)}/{len(records)})" if len(values) < len(records) else ""
    return f"{set_mean(values, METRICS[metric]):.{digits}f}{partial_set}{_capped(metric, values)}"


def _capped(metric: str, values: Sequence[float]) -> str:
    """How many values count as PSNR_CEILING; nothing for none."""
    count = sum(value > cap(value, METRICS[metric]) for value in values)
    return f" ({count} as {PSNR_CEILING:.0f} dB)" if count else ""
