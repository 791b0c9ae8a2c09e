"""A small suite folder, written as the stages write it, for the tests of the report."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from bench.data.images import write_png
from bench.metrics import METRICS
from bench.report import Setting, SuiteInfo
from bench.report.aggregate import COST_COLUMNS, RUN_COLUMNS
from bench.runtime import results as layout

KEYS = ("psnr_y", "lpips_alex", "niqe", "ma", "rmse_pirm", "kernel_psnr", "kernel_ncc")
INFOS = {key: replace(METRICS[key], protocol="on luma.", source="Somebody 2018") for key in KEYS}
FETCH = "weights 'forest' are not here; python -m bench fetch forest"
# (run, method, variant, axis, seed, perceptual network)
RUNS = (
    ("bicubic.default.x4.bicubic.s1", "bicubic", "default", "", "1", ""),
    ("edsr.default.x4.bicubic.s1", "edsr", "default", "", "1", ""),
    ("edsr.default.x4.bicubic.s2", "edsr", "default", "", "2", ""),
    ("edsr.l2.x4.bicubic.s1", "edsr", "l2", "loss", "1", ""),
    ("esrgan.sgan.x4.bicubic.s1", "esrgan", "sgan", "adversarial", "1", "vgg-a"),
    ("esrgan.default.x4.bicubic.s1", "esrgan", "default", "", "1", "vgg-a"),
)
NAMES = tuple(run[0] for run in RUNS)
IMAGES = {"Set5": ("baby", "bird"), "Set14": ("face", "comic", "zebra")}
# psnr_y of a run's first picture; the next ones are each 1 dB lower
LEVEL = dict(zip(NAMES, (28.0, 30.0, 31.0, 29.5, 27.0, 27.5), strict=True))
Score = tuple[str, str, str, float | str]
"""(dataset, image, metric, value or the note that says why there is none)"""


def scores_of(run: str, metrics: Iterable[str] = ("psnr_y", "lpips_alex", "ma")) -> list[Score]:
    """psnr_y falling from picture to picture, lpips_alex higher for a higher psnr_y, ma always n/a."""
    rows: list[Score] = []
    for dataset, images in IMAGES.items():
        for place, image in enumerate(images):
            value = LEVEL[run] - place
            known: dict[str, float | str] = {"psnr_y": value, "lpips_alex": value / 100, "ma": FETCH}
            rows += [(dataset, image, metric, known[metric]) for metric in metrics]
    return rows


def write_rows(path: Path, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def write_scores(results: Path, run: str, rows: Iterable[Score]) -> Path:
    """Put the scores of one run into scores/<method>.csv, beside those of the method's other runs."""
    method = run.partition(".")[0]
    lines = [(*key, *(("", value) if isinstance(value, str) else (f"{value:.6f}", ""))) for *key, value in rows]
    scores = [dict(zip(layout.SCORE_COLUMNS, line, strict=True)) for line in lines]
    layout.write_scores(results, method, {**layout.read_scores(results, method), run: scores})
    return results / layout.SCORES / f"{method}.csv"


def write_results(results: Path, scores: Mapping[str, Iterable[Score]] | None = None) -> Path:
    """runs.csv (in another order than the suite's), cost.csv and all scores."""
    rows = []
    for name, method, variant, axis, seed, network in RUNS[::-1]:
        trained = (2000, 16, 128, 32000, "BSD400") if method != "bicubic" else (0, "", "", "", "BSD400")
        sizes = (network, 1234567, 10**9)
        rows.append((name, method, variant, axis, 4, "bicubic", seed, *trained, *sizes, "", "", "d", "By X 2018"))
    write_rows(results / "runs.csv", RUN_COLUMNS, rows)
    write_rows(results / "cost.csv", COST_COLUMNS, [(name, 12.5, 12.25, "cpu", 300, 0.25, 200) for name in NAMES])
    for name in NAMES:
        write_scores(results, name, (scores or {}).get(name) or scores_of(name))
    return results


def setting(metrics: tuple[str, ...] = ("psnr_y", "lpips_alex", "ma"), runs: tuple[str, ...] = NAMES) -> Setting:
    return Setting("x4.bicubic", 4, "bicubic", ("Set5", "Set14"), metrics, runs)


def suite_info(*settings: Setting) -> SuiteInfo:
    """The tiny suite; its one setting, or these."""
    return SuiteInfo(
        name="tiny",
        settings=settings or (setting(),),
        notes=("Made for a test.",),
        questions={"edsr.loss": "L1 or L2?", "esrgan.adversarial": "Which discriminator?"},
        deviations={"edsr": ("Other data.",)},
        paper_training={"edsr": "300,000 iterations"},
        deterministic=("bicubic",),
    )


KERNEL_RUN = "kernelgan.default.x2.blur.s1"
KERNELS = Setting("x2.blur.kernels", 2, "blur", ("Set5",), ("kernel_psnr", "kernel_ncc"), (KERNEL_RUN,))


def write_kernel_run(results: Path, dead: str = "") -> None:
    """A run that has estimated blur kernels, added to runs.csv, cost.csv and scores/. dead: of its generators."""
    row = (KERNEL_RUN, "kernelgan", "default", "", 2, "blur", "1", 0, *[""] * 5, 0, "", "", dead, "d", "By Y 2019")
    with (results / "runs.csv").open("a") as stream:
        csv.writer(stream, lineterminator="\n").writerow(row)
    scores = {"kernel_psnr": (45.0, 46.0), "kernel_ncc": (0.8, 0.9)}
    pictures = list(zip(IMAGES["Set5"], range(2), strict=True))
    rows: list[Score] = [("Set5", image, metric, v[place]) for metric, v in scores.items() for image, place in pictures]
    write_scores(results, KERNEL_RUN, rows)


def write_kernels(work: Path) -> None:
    """True and estimated kernels of the run of `write_kernel_run`: a peak, and one beside it."""
    for image in IMAGES["Set5"]:
        for place, folder in enumerate((work / "data" / "Set5.x2.blur" / "kernels", work / "kernels" / "kernelgan")):
            kernel = np.zeros((13, 13))
            kernel[6, 6 + place] = 1.0
            path = (folder if place == 0 else folder / KERNEL_RUN / "Set5") / f"{image}.npy"
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(path, kernel)


def write_pictures(work: Path, side: int = 72) -> None:
    """HR pictures of noise; every run's SR is HR but for a square at (40, 20) that its own grey level fills."""
    noise = np.random.default_rng(0)
    for dataset, images in IMAGES.items():
        for image in images:
            hr = noise.integers(0, 256, (side, side, 3), dtype=np.uint8)
            write_png(work / "data" / f"{dataset}.x4.bicubic" / "hr" / f"{image}.png", hr)
            for place, name in enumerate(NAMES):
                sr = hr.copy()
                sr[40:48, 20:28] = 40 * place
                write_png(work / "sr" / name.partition(".")[0] / name / dataset / f"{image}.png", sr)


def write_curves(work: Path, steps: int = 50) -> None:
    """A loss that falls as 1 / step for every trained run, and a second one for the adversarial ones."""
    for name, method, *_ in RUNS[1:]:
        path = work / "runs" / name / "curves.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        extra = {"adversarial": -0.5} if method == "esrgan" else {}
        path.write_text("".join(json.dumps({"step": s, "loss": 1 / s, **extra}) + "\n" for s in range(1, steps + 1)))
