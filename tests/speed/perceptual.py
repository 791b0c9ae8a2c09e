"""NIQE and Ma's metric beside pyiqa's, seconds a picture on the five calibration pictures, imports and set-up aside.

    OMP_NUM_THREADS=2 python tests/speed/perceptual.py [rounds]

Both sides run in one process, picture by picture in turn; the medians are compared. Ma's forests are synthetic: the
published shape with random splits.
"""

from __future__ import annotations

import os
import statistics
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import scipy.io
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "metrics")]

from test_nrqm import SIZES, random_trees  # noqa: E402
from torchvision_stub import import_or_skip  # noqa: E402

from bench.data.images import U8, read_image, rgb2gray  # noqa: E402
from bench.metrics.niqe_model import niqe_of  # noqa: E402
from bench.metrics.nrqm import (  # noqa: E402
    Model,
    load_model,
    ma_features,
    predict,
)
from bench.metrics.nrqm_features import PYIQA  # noqa: E402
from bench.runtime.weights import locate  # noqa: E402

Metric = Callable[[U8], float]


def seconds(metric: Metric, image: U8) -> float:
    start = time.perf_counter()
    metric(image)
    return time.perf_counter() - start


def compare(name: str, ours: Metric, theirs: Metric, images: list[U8], rounds: int) -> None:
    """Print both medians and their ratio; the first picture is run once before, for what is built once."""
    for metric in (ours, theirs):
        metric(images[0])
    pairs = [(seconds(ours, image), seconds(theirs, image)) for _ in range(rounds) for image in images]
    mine, pyiqa = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"{name}: ours {mine * 1e3:.1f} ms, pyiqa {pyiqa * 1e3:.0f} ms, {pyiqa / mine:.1f} times faster", flush=True)


def synthetic_model(folder: str) -> Path:
    cells = np.empty((1, 3), dtype=object)
    for i, size in enumerate(SIZES):
        cells[0, i] = random_trees(size, seed=i)
    path = Path(folder) / "model.mat"
    scipy.io.savemat(path, {"model": {"rf": cells, "linear": np.array([[0.3], [0.2], [0.5], [0.25]])}})
    return path


def main(rounds: int) -> None:
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
    niqe_module = import_or_skip("pyiqa", "pyiqa.archs.niqe_arch")
    nrqm_module = import_or_skip("pyiqa", "pyiqa.archs.nrqm_arch")
    folder = Path(sysconfig.get_path("purelib")) / "ResultsCalibra" / "dist_dir"
    images = [read_image(path) for path in sorted(folder.glob("*.bmp"))]
    network = niqe_module.NIQE(pretrained_model_path=str(locate("niqe")))

    def pyiqa_niqe(image: U8) -> float:
        return float(network(torch.from_numpy(image.transpose(2, 0, 1)[None] / 255.0)))

    compare("NIQE", niqe_of, pyiqa_niqe, images, 5 * rounds)
    with tempfile.TemporaryDirectory() as scratch:
        path = synthetic_model(scratch)
        model: Model = load_model(path, SIZES)
        forests = nrqm_module.NRQM(pretrained_model_path=str(path))

    def pyiqa_ma(image: U8) -> float:
        plane = torch.from_numpy(rgb2gray(image))[None, None]
        return float(nrqm_module.nrqm(plane, forests.linear_param, forests.rf_params_list))

    compare("Ma", lambda image: predict(model, ma_features(image, PYIQA)), pyiqa_ma, images, rounds)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
