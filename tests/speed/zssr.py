"""ZSSR's training step beside a plain one, in turn, in one process: python tests/speed/zssr.py [--device cuda].

Plain: float32, NCHW, an unfused Adam, the son made by correlating everywhere and keeping every second pixel, ReLU
out of place. Ours: strided correlation, channels_last, fused Adam, ReLU in place; then the same in bf16. A father of
128x128, width 64, depth 8, a 13x13 kernel at x2. Prints median milliseconds and ratios; on a CPU, of processor time,
which other processes disturb least.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import torch  # noqa: E402
from torch.nn import functional  # noqa: E402

from bench.api import Precision  # noqa: E402
from bench.data.blur_kernels import disturbed_gaussian  # noqa: E402
from bench.data.resize import resize_tensor  # noqa: E402
from bench.runtime.devices import choose_device, cpu_has_bf16, describe  # noqa: E402
from bench.runtime.graph import RECORDERS, Recordings  # noqa: E402
from methods.common.optimise import make_moments, tensor_adam  # noqa: E402
from methods.zssr.fathers import Fathers, gradient_map  # noqa: E402
from methods.zssr.method import (  # noqa: E402
    Stage,
    Zssr,
    ZssrNetwork,
    step,
)
from methods.zssr.shrink import mirror, shrinker  # noqa: E402

Step = Callable[[], object]
KERNEL = disturbed_gaussian(13, np.diag([1.0, 3.0]), 2, np.ones((13, 13)))


def fathers(device: torch.device) -> Fathers:
    """Crops of a random picture, the same sequence for every side."""
    lr = torch.rand(3, 250, 240, generator=torch.Generator().manual_seed(0)).to(device)
    return Fathers(torch.cat([lr, gradient_map(lr)]), (128, 128), (1.0, 0.0, 0.0), np.random.default_rng(0))


def our_step(device: torch.device, precision: Precision) -> Step:
    network = ZssrNetwork(64, 8, torch.Generator().manual_seed(0)).to(device)
    adam = tensor_adam(network.parameters(), device, (0.9, 0.999))
    adam.param_groups[0]["lr"].fill_(1e-3)
    make_moments(adam)
    state = list(network.weights), adam.state_dict()["state"]
    recordings = Recordings("step", RECORDERS.get(device.type), lambda: state)
    source = fathers(device)
    stage = Stage(2, source.picture[:3], shrinker(KERNEL, 2, device), source, torch.Generator())
    method = Zssr(scale=2, kernel="given", precision=precision)
    return lambda: step(network, adam, stage, method, recordings)


def plain_step(device: torch.device) -> Step:
    made = ZssrNetwork(64, 8, torch.Generator().manual_seed(0)).to(device)
    weights = [weight.detach().contiguous().requires_grad_() for weight in made.weights]
    adam = torch.optim.Adam(weights, lr=1e-3, fused=False, foreach=False)
    source, kernel = fathers(device), torch.from_numpy(KERNEL).float().to(device)[None, None]

    def train() -> None:
        drawn = source.draw()
        father, loss_map = drawn[:3], drawn[3:]
        whole = functional.conv2d(mirror(mirror(father, -2, (6, 6)), -1, (6, 6))[:, None], kernel)[:, 0]
        enlarged = resize_tensor(whole[:, ::2, ::2].clamp(0, 1), 2)[None]
        y = enlarged
        for weight in weights[:-1]:
            y = torch.relu(functional.conv2d(y, weight, padding=1))
        restored = enlarged + functional.conv2d(y, weights[-1], padding=1)
        adam.zero_grad()
        ((restored[0] - father).abs() * loss_map).mean().backward()  # type: ignore[no-untyped-call]
        adam.step()

    return train


def seconds(take: Step, device: torch.device) -> float:
    """One step: processor time of this process, or on a GPU wall time with everything it still has to do."""
    if device.type == "cpu":
        start = time.process_time()
        take()
        return time.process_time() - start
    torch.cuda.synchronize()
    start = time.perf_counter()
    take()
    torch.cuda.synchronize()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu", help="auto, cpu or cuda")
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    device = choose_device(arguments.device)
    torch.set_num_threads(1)
    print(f"{describe(device)}, one thread, bf16 native on the CPU: {cpu_has_bf16()}, torch {torch.__version__}")
    sides = {
        "plain": plain_step(device),
        "ours, float32": our_step(device, "float32"),
        "ours, bf16": our_step(device, "bf16"),
    }
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(arguments.rounds + 2):  # the first two warm up
        for name, take in sides.items():
            times[name].append(seconds(take, device))
    medians = {name: statistics.median(found[2:]) for name, found in times.items()}
    for name, found in medians.items():
        print(f"{name:14} {found * 1e3:8.1f} ms  {medians['plain'] / found:5.2f} times as fast as plain")


if __name__ == "__main__":
    main()
