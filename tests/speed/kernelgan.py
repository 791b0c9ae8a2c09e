"""KernelGAN side by side against KernelGAN layer by layer: python tests/speed/kernelgan.py [--threads 2].

Ours: `Batch.step` under the released loss and patches, one picture and many. Plain: the same loop for one picture in
float32, NCHW, every filter a convolution, an unfused Adam. In turn, in one process; prints medians per picture and
iteration and ratios. On a busy machine use --processor --threads 1: processor time instead of the clock's.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import torch  # noqa: E402
from pictures import smooth  # noqa: E402
from plain_kernelgan import Plain  # noqa: E402

from bench.api import Picture  # noqa: E402
from bench.data.images import to_tensor  # noqa: E402
from bench.runtime.devices import describe, use_threads  # noqa: E402
from methods.kernelgan.entry import KernelGan  # noqa: E402
from methods.kernelgan.estimate import Batch, prepare  # noqa: E402
from methods.kernelgan.sampling import Subject  # noqa: E402

Step = Callable[[], object]


def subjects(knobs: KernelGan, count: int) -> list[Subject]:
    pictures = [Picture(f"blobs{index}", to_tensor(smooth(index, 240, 320, 3)), None, 0) for index in range(count)]
    return [prepare(knobs, picture) for picture in pictures]


def our_step(knobs: KernelGan, count: int) -> Step:
    batch = Batch(knobs, subjects(knobs, count))
    batch.schedule.constrained = [True] * count
    batch.take_schedule()
    iteration = iter(range(knobs.iterations))
    return lambda: batch.step(next(iteration))


def plain_step(knobs: KernelGan) -> Step:
    source = Batch(knobs, subjects(knobs, 1))
    plain = Plain(source.subjects[0])
    plain.constrained = True
    iteration = iter(range(knobs.iterations))

    def step() -> None:
        source.crops.begin(next(iteration))
        plain.step(source.crops.inputs(), source.crops.real())

    return step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--batches", default="1,8,16", help="pictures side by side")
    parser.add_argument("--processor", action="store_true", help="count processor time")
    chosen = parser.parse_args()
    now = time.process_time if chosen.processor else time.perf_counter
    use_threads(chosen.threads)
    knobs = KernelGan(gan_loss="l1", discriminator_sizes=(7,))  # as the release, and the plain one, have it
    sizes = [int(word) for word in chosen.batches.split(",")]
    steps = {f"{count} side by side": (our_step(knobs, count), count) for count in sizes}
    steps["plain"] = plain_step(knobs), 1
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for turn in range(chosen.rounds + 2):
        for name, (step, count) in steps.items():
            began = now()
            step()
            if turn >= 2:
                seconds[name].append((now() - began) / count)
    print(f"{describe(torch.device('cpu'))}, {torch.get_num_threads()} threads, medians of {chosen.rounds}")
    plain = statistics.median(seconds["plain"])
    for name, values in seconds.items():
        median = statistics.median(values)
        print(f"{name:>16}: {1e3 * median:7.2f} ms a picture and iteration, {plain / median:5.1f} times plain")


if __name__ == "__main__":
    main()
