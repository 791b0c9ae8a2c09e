"""What tiling costs in exactness: python tests/speed/tiles.py --suite demo [--tile 64] [--overlaps 0,4,8,16,32].

Every default network that a suite has trained under BENCH_WORK upscales the suite's first test set whole and in tiles.
Prints the largest difference of any pixel in grey levels, and the share of 8-bit values that change, for each overlap.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402

from bench.api import Picture  # noqa: E402
from bench.data.images import image_files, read_image, to_tensor, to_uint8  # noqa: E402
from bench.runtime.devices import be_deterministic, use_threads  # noqa: E402
from bench.stages.train import checkpoint_path, load_network  # noqa: E402
from bench.stages.upscale import OVERLAP, prepare, tiled  # noqa: E402
from bench.suites import find_suite  # noqa: E402
from bench.suites.workdir import Workdir  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--suite", default="demo")
    parser.add_argument("--tile", type=int, default=64)
    parser.add_argument("--overlaps", default=f"0,4,8,{OVERLAP},24")
    parser.add_argument("--pictures", type=int, default=3)
    chosen = parser.parse_args()
    use_threads(2)
    be_deterministic(1)
    wanted, layout = find_suite(chosen.suite), Workdir(chosen.suite)
    overlaps = [int(word) for word in chosen.overlaps.split(",")]
    data = layout.test_data(wanted.test_sets[0], wanted.scale, wanted.degradation) / "lr"
    images = [to_tensor(read_image(path)) for path in image_files(data)[: chosen.pictures]]
    print(f"tile {chosen.tile} LR pixels; largest difference in grey levels (share of 8-bit values that change)")
    print(f"{'network':12}" + "".join(f"{f'overlap {overlap}':>18}" for overlap in overlaps))
    for run in wanted.experiments().values():
        trained = checkpoint_path(layout.run(run.name))
        own = (run.scale, run.degradation) == (wanted.scale, wanted.degradation)
        if run.variant != "default" or run.seed != 1 or not run.iterations or not own or not trained.is_file():
            continue
        network = run.build().network()
        assert network is not None
        load_network(network, trained)
        upscaler = prepare(run.build(), network, torch.device("cpu"))
        row = f"{run.method:12}"
        whole = [upscaler(Picture("a", image, None, 0)) for image in images]
        for overlap in overlaps:
            parts = [tiled(upscaler, run.scale, chosen.tile, overlap)(Picture("a", image, None, 0)) for image in images]
            most = max(float((a - b).abs().max()) for a, b in zip(whole, parts, strict=True)) * 255
            changed = [(to_uint8(a) != to_uint8(b)).mean() for a, b in zip(whole, parts, strict=True)]
            row += f"{f'{most:.3f} ({sum(changed) / len(changed):.3%})':>18}"
        print(row, flush=True)


if __name__ == "__main__":
    main()
