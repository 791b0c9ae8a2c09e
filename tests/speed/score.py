"""Speed of scoring, side by side: python tests/speed/score.py [--pictures N]. Prints seconds and ratios.

Uses Set14 x4 under BENCH_DATA where it is, else crops of scikit-image's embedded pictures.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from bench.data.images import luma, read_image, write_png  # noqa: E402
from bench.data.resize import resize  # noqa: E402
from bench.metrics.fidelity import ssim_map  # noqa: E402
from bench.runtime.paths import data_folder  # noqa: E402

SCORE = """
import sys
from pathlib import Path
from bench.stages.score import Folders, score_folders
folder, workers, metrics = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3].split(",")
score_folders(Folders(folder / "sr", folder / "hr", folder / "lr"), 4, metrics, folder / "out.csv", workers)
"""


def make_set(folder: Path, pictures: int) -> None:
    """hr/, lr/ and bicubic sr/ below the folder."""
    sources = sorted((data_folder() / "Set14" / "image_SRF_4").glob("*_HR.png"))[:pictures]
    images = {path.stem: read_image(path) for path in sources}
    if not images:
        from skimage import data

        images = {name: getattr(data, name)()[:384, :384] for name in ("astronaut", "coffee", "chelsea", "rocket")}
    for name, hr in images.items():
        hr = hr[: hr.shape[0] // 4 * 4, : hr.shape[1] // 4 * 4]
        lr = resize(np.ascontiguousarray(hr), Fraction(1, 4))
        for kind, image in (("hr", hr), ("lr", lr), ("sr", resize(lr, 4))):
            write_png(folder / kind / f"{name}.png", np.ascontiguousarray(image))


def cold(folder: Path, workers: int, metrics: str) -> float:
    """Seconds of a fresh process that scores the set."""
    start = time.perf_counter()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", SCORE, str(folder), str(workers), metrics]
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def best_of(function: Callable[[], object], repeats: int = 5) -> float:
    """The least CPU seconds of some calls."""
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        function()
        seconds.append(time.process_time() - start)
    return min(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=14)
    pictures = parser.parse_args().pictures
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_set(folder, pictures)
        for metrics in ("psnr_y", "psnr_y,ssim_y,niqe,lpips_alex", "stlpips_alex"):
            one, two = cold(folder, 1, metrics), cold(folder, 2, metrics)
            print(f"{metrics}: cold, 1 worker {one:.1f} s, 2 workers {two:.1f} s, ratio {one / two:.2f}")
        first = sorted((folder / "hr").iterdir())[0]
        x, y = luma(read_image(first)), luma(read_image(folder / "sr" / first.name))
    from skimage.metrics import structural_similarity

    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255}
    ours, theirs = best_of(lambda: ssim_map(x, y)), best_of(lambda: structural_similarity(x, y, **options))
    print(f"SSIM {x.shape}: {ours * 1e3:.1f} ms, scikit-image {theirs * 1e3:.1f} ms, ratio {theirs / ours:.2f}")


if __name__ == "__main__":
    main()
