"""Our training step beside a plain one, in turn, in one process: python tests/speed/train_step.py [--device cuda].

Ours: the learner as the training loop drives it (channels_last, bf16 autocast where bf16 is native, fused Adam,
deterministic). Plain: the same network and losses in float32, NCHW, eager, an unfused Adam. Prints medians, their
ratio, and the share of our step that making its batch takes (the aim: under 3 %).
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn.functional import l1_loss  # noqa: E402

from bench.api import Batch, Knobs, Learner, Method, Training  # noqa: E402
from bench.data.patches import PatchStore  # noqa: E402
from bench.data.prepare import prepare_train  # noqa: E402
from bench.runtime.devices import be_deterministic, choose_device, cpu_has_bf16, describe  # noqa: E402
from bench.suites import SUITES  # noqa: E402
from methods import find_entry  # noqa: E402
from methods.common.adversarial import (  # noqa: E402
    VggDiscriminator,
    relativistic_discriminator,
    relativistic_generator,
)
from methods.common.perceptual import Features  # noqa: E402
from methods.esrgan.gan import Esrgan  # noqa: E402

Step = Callable[[Batch], object]
PAPER: Knobs = {"batch_size": 1}


@dataclass(frozen=True)
class Case:
    """A step to be timed, so many times a side."""

    name: str
    method: Method
    rounds: int


def cases() -> list[Case]:
    """Both stages of ESRGAN, in the paper's size at batch 1 and in the demo suite's."""
    demo = SUITES["demo"]
    packaged = {**PAPER, "perceptual": "stlpips-vgg16"}
    return [
        Case("PSNR, paper", find_entry("rrdb").build(4, PAPER), 7),
        Case("PSNR, demo", demo.experiment("rrdb", "default", 1).build(), 40),
        Case("GAN, paper", find_entry("esrgan").build(4, packaged), 5),
        Case("GAN, demo", demo.experiment("esrgan", "default", 1).build(), 20),
    ]


def our_learner(method: Method, device: torch.device, compile: bool = False) -> Learner:
    native = torch.cuda.is_bf16_supported() if device.type == "cuda" else cpu_has_bf16()
    training = Training(1000, 1, device, "bf16" if native else "float32", channels_last=True, compile=compile)
    learner = method.learner(training)
    assert learner is not None
    return learner


def plain_step(method: Method, device: torch.device) -> Step:
    return _plain_gan(method, device) if isinstance(method, Esrgan) else _plain_psnr(method, device)


def _adam(network: nn.Module) -> torch.optim.Adam:
    return torch.optim.Adam(network.parameters(), lr=1e-4, fused=False, foreach=False)


def _plain_psnr(method: Method, device: torch.device) -> Step:
    network = method.network()
    assert network is not None
    network.to(device).train()
    adam = _adam(network)

    def step(batch: Batch) -> None:
        adam.zero_grad()
        l1_loss(network(batch.lr), batch.hr).backward()  # type: ignore[no-untyped-call]
        adam.step()

    return step


def _plain_gan(method: Esrgan, device: torch.device) -> Step:
    generator, recipe = method.network().to(device).train(), method.recipe
    discriminator = VggDiscriminator(method.batch[1], recipe.discriminator_width).to(device).train()
    features = Features(recipe.perceptual, recipe.layer, recipe.tap).to(device)
    adams = _adam(generator), _adam(discriminator)

    def step(batch: Batch) -> None:
        discriminator.requires_grad_(False)
        sr = generator(batch.lr)
        real, fake = discriminator(batch.hr), discriminator(sr)
        loss = recipe.perceptual_weight * l1_loss(features(sr), features(batch.hr))
        loss = loss + recipe.adversarial_weight * relativistic_generator(real, fake)
        loss = loss + recipe.pixel_weight * l1_loss(sr, batch.hr)
        adams[0].zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        adams[0].step()
        discriminator.requires_grad_(True)
        real, fake = discriminator(batch.hr), discriminator(sr.detach())
        adams[1].zero_grad()
        relativistic_discriminator(real, fake, recipe.ragan_detach_mean).backward()  # type: ignore[no-untyped-call]
        adams[1].step()

    return step


def seconds(step: Step, batch: Batch) -> float:
    """One step, everything the device still has to do included."""
    if batch.lr.is_cuda:
        torch.cuda.synchronize()
    start = time.perf_counter()
    step(batch)
    if batch.lr.is_cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - start


def time_case(case: Case, store: PatchStore, device: torch.device, compile: bool) -> Iterator[tuple[str, float]]:
    """(column, median seconds) of every side, and of making a batch."""
    sides: dict[str, Step] = {"plain": plain_step(case.method, device), "ours": our_learner(case.method, device).step}
    if compile:
        sides["compiled"] = our_learner(case.method, device, compile=True).step
    times: dict[str, list[float]] = {name: [] for name in [*sides, "loader"]}
    count, patch = case.method.batch
    for number in range(case.rounds + 2):  # the first two warm up
        start = time.perf_counter()
        batch = store.batch(number, 1, count, patch, device)
        times["loader"].append(time.perf_counter() - start)
        for name, step in sides.items():
            torch.use_deterministic_algorithms(name != "plain", warn_only=device.type == "cuda")
            times[name].append(seconds(step, batch))
    for name, found in times.items():
        yield name, statistics.median(found[2:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu", help="auto, cpu or cuda")
    parser.add_argument("--threads", default="2,1", help="thread counts joined by commas")
    parser.add_argument("--cases", default="", help="only the cases whose name holds this word: PSNR, GAN, paper, demo")
    parser.add_argument("--compile", action="store_true", help="time torch.compile too (minutes to compile)")
    arguments = parser.parse_args()
    device = choose_device(arguments.device)
    be_deterministic(1)
    print(f"{describe(device)}, bf16 native on the CPU: {cpu_has_bf16()}, torch {torch.__version__}")
    print(f"{'step':12} {'batch':>9} threads  plain ms   ours ms  ratio  loader" + "  compiled" * arguments.compile)
    with tempfile.TemporaryDirectory() as folder:
        prepare_train(("Embedded-train",), 4, "bicubic", Path(folder) / "train")
        store = PatchStore(Path(folder) / "train")
        for threads in map(int, arguments.threads.split(",")):
            torch.set_num_threads(threads)
            for case in (case for case in cases() if arguments.cases in case.name):
                found = dict(time_case(case, store, device, arguments.compile))
                count, patch = case.method.batch
                row = f"{case.name:12} {f'{count}x{patch}':>9} {threads:7d} {found['plain'] * 1e3:9.1f} "
                row += f"{found['ours'] * 1e3:9.1f} {found['plain'] / found['ours']:6.2f} "
                row += f"{found['loader'] / found['ours']:7.2%}"
                print(row + (f" {found['compiled'] * 1e3:9.1f}" if arguments.compile else ""), flush=True)


if __name__ == "__main__":
    main()
