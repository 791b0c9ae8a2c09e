"""Our training step beside a plain one, in turn, in one process: python tests/speed/train_step.py [--device cuda].

Ours: the learner as the training loop drives it (channels_last, bf16 autocast where bf16 is native, fused Adam,
deterministic), step by step; on a GPU also as one graph; with --compile also through torch.compile. Plain: the same
network and losses in float32, NCHW, eager, an unfused Adam. Prints medians, ratios to plain, the share of our fastest
step that making its batch takes (the aims: under 3 % on a CPU, 5 % on a GPU), and the arithmetic rate that it reaches.
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
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from bench.api import Batch, Knobs, Learner, Method, Training  # noqa: E402
from bench.data.patches import PatchStore, Store, feed  # noqa: E402
from bench.data.prepare import prepare_train  # noqa: E402
from bench.runtime.devices import be_deterministic, choose_device, cpu_has_bf16, describe, keep_freed_memory  # noqa: E402
from bench.runtime.graph import RECORDERS, stepper  # noqa: E402
from bench.suites import SUITES  # noqa: E402
from methods import find_entry  # noqa: E402
from methods.common.adversarial import (  # noqa: E402
    relativistic_discriminator,
    relativistic_generator,
    vgg_discriminator,
)
from methods.common.perceptual import Features  # noqa: E402
from methods.esrgan.gan import Esrgan  # noqa: E402

Step = Callable[[Batch], object]
PAPER: Knobs = {"batch_size": 1}  # on a GPU the paper's 16


@dataclass(frozen=True)
class Case:
    """A step to be timed, so many times a side."""

    name: str
    method: Method
    rounds: int


def cases(device: torch.device) -> list[Case]:
    """Both stages of ESRGAN, in the paper's size, at batch 1 on a CPU, and in the demo suite's."""
    demo = SUITES["demo"]
    paper = {} if device.type == "cuda" else PAPER
    packaged = {**paper, "perceptual": "stlpips-vgg16"}
    return [
        Case("PSNR, paper", find_entry("rrdb").build(4, paper), 7),
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
    discriminator = vgg_discriminator(method.batch[1], recipe.discriminator_width).to(device).train()
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


def synchronised(work: Callable[[], object], device: torch.device) -> float:
    """Seconds of the work, everything the device still has to do included."""
    wait = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    wait()
    start = time.perf_counter()
    work()
    wait()
    return time.perf_counter() - start


def time_case(case: Case, store: Store, device: torch.device, compile: bool) -> Iterator[tuple[str, float]]:
    """(column, median seconds) of every side and of making a batch; where something is compiled, of the first step."""
    ours = our_learner(case.method, device)
    sides: dict[str, Step] = {"plain": plain_step(case.method, device), "ours": ours.step}
    if device.type in RECORDERS:
        sides["graph"] = stepper(our_learner(case.method, device), case.name, device, True)
    if compile:
        sides["compiled"] = our_learner(case.method, device, compile=True).step
    times: dict[str, list[float]] = {name: [] for name in ["loader", *sides]}
    count, patch = case.method.batch
    batches: list[Batch] = []
    for number in range(case.rounds + 2):  # the first two warm up
        batches.clear()
        make = lambda: batches.append(store.batch(number, 1, count, patch, device))  # noqa: B023, E731
        times["loader"].append(synchronised(make, device))
        for name, step in sides.items():
            torch.use_deterministic_algorithms(name != "plain", warn_only=device.type == "cuda")
            times[name].append(synchronised(lambda: step(batches[0]), device))  # noqa: B023
    for name, found in times.items():
        yield name, statistics.median(found[2:])
    if compile:
        yield "compiling", times["compiled"][0]
    with FlopCounterMode(display=False) as counter:
        ours.step(batches[0])
    yield "operations", float(counter.get_total_flops())


def print_case(case: Case, threads: int, found: dict[str, float]) -> None:
    """A line for each side, and one for what is around the fastest."""
    count, patch = case.method.batch
    print(f"{case.name}, batch {count}x{patch}, {threads} threads")
    sides = {name: found[name] for name in ("plain", "ours", "graph", "compiled") if name in found}
    for name, value in sides.items():
        after = f", after {found['compiling']:.0f} s of compiling" if name == "compiled" else ""
        print(f"    {name:9} {value * 1e3:9.1f} ms {found['plain'] / value:6.2f} times plain{after}")
    fastest = min(value for name, value in sides.items() if name != "plain")
    rate = found["operations"] / fastest / 1e12
    print(f"    loader    {found['loader'] * 1e3:9.2f} ms {found['loader'] / fastest:6.2%} of the fastest step")
    print(f"    rate      {rate:9.3f} Tflop/s, {found['operations'] / 1e9:.4g} Gflop a step", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu", help="auto, cpu or cuda")
    parser.add_argument("--threads", default="2,1", help="thread counts joined by commas")
    parser.add_argument("--cases", default="", help="only the cases whose name holds this word: PSNR, GAN, paper, demo")
    parser.add_argument("--compile", action="store_true", help="time torch.compile too (minutes to compile)")
    arguments = parser.parse_args()
    device = choose_device(arguments.device)
    be_deterministic(1)
    keep_freed_memory()
    print(f"{describe(device)}, bf16 native on the CPU: {cpu_has_bf16()}, torch {torch.__version__}")
    with tempfile.TemporaryDirectory() as folder:
        prepare_train(("Embedded-train",), 4, "bicubic", Path(folder) / "train")
        store = PatchStore(Path(folder) / "train")
        feed(store, device)
        for threads in map(int, arguments.threads.split(",")):
            torch.set_num_threads(threads)
            for case in (case for case in cases(device) if arguments.cases in case.name):
                print_case(case, threads, dict(time_case(case, store, device, arguments.compile)))


if __name__ == "__main__":
    main()
