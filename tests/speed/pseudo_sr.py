"""What each term of pseudo-supervision costs: a step without it, in turn with the whole step, in one process:

    python tests/speed/pseudo_sr.py [--device cuda] [--threads 1] [--cases paper] [--batch 16] [--rounds 5]

Prints processor milliseconds on the CPU, milliseconds on a GPU, and the multiply-accumulates that a step of one
picture makes, backward passes included. The aims, at batch 16: the ensemble's step over one without it at most 1.65
with both sides learning, 1.25 with one. With both, the products alone are over the aim at the paper's sizes, 200.0 GMAC
over 115.9: each of seven turned pictures takes a forward and a backward pass of the correction. Nothing beside can be
spared: x as it stands is corrected once for all losses, discriminators see real and fake in one pass, and a gradient
goes to no weights but those that its loss is for.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from bench.api import Batch, Knobs, Learner, Training  # noqa: E402
from bench.runtime.devices import be_deterministic, choose_device, cpu_has_bf16, describe, keep_freed_memory  # noqa: E402
from bench.suites import SUITES  # noqa: E402
from methods.pseudo_sr.entry import ENTRY  # noqa: E402

WITHOUT: dict[str, Knobs] = {
    "whole": {},
    "no ensemble": {"ensemble_weight": 0.0},
    "ensemble one-sided": {"ensemble_sides": "one"},
    "no cycle": {"cycle_weight": 0.0},
    "no identity": {"identity_weight": 0.0},
    "no upscaled discriminator": {"upscaled_weight": 0.0},
    "upscaler alone": {"pairs": "given"},
}


def prepare(knobs: Knobs, device: torch.device) -> tuple[Learner, Batch]:
    """A learner and a batch of noise."""
    native = torch.cuda.is_bf16_supported() if device.type == "cuda" else cpu_has_bf16()
    method = ENTRY.build(4, knobs)
    learner = method.learner(Training(1000, 1, device, "bf16" if native else "float32", channels_last=True))
    assert learner is not None
    count, patch = method.batch
    pairs, side = count - method.unpaired, patch // 4
    x = torch.rand(method.unpaired, 3, side, side, device=device) if method.unpaired else None
    lr, hr = (torch.rand(pairs, 3, size, size, device=device) for size in (side, patch))
    return learner, Batch(lr, hr, 100, unpaired=x)


def seconds(learner: Learner, batch: Batch) -> float:
    """Of one step: of the processor, or until the device is done."""
    clock = time.perf_counter if batch.lr.is_cuda else time.process_time
    start = clock()
    learner.step(batch)
    if batch.lr.is_cuda:
        torch.cuda.synchronize()
    return clock() - start


def count(knobs: Knobs) -> float:
    """The multiply-accumulates of a step, as torch counts them: convolutions and matrix products."""
    learner, batch = prepare(knobs, torch.device("cpu"))
    with FlopCounterMode(display=False) as counter:
        learner.step(batch)
    return counter.get_total_flops() / 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu", help="auto, cpu or cuda")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--cases", default="suite,paper", help="sizes, joined by commas: suite is suite cpu's")
    parser.add_argument("--terms", default=",".join(WITHOUT), help="which steps, joined by commas")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    device = choose_device(arguments.device)
    be_deterministic(1)
    keep_freed_memory()
    torch.set_num_threads(arguments.threads)
    print(f"{describe(device)}, {arguments.threads} threads, torch {torch.__version__}")
    run = SUITES["cpu"].experiments("pseudo_sr")["pseudo_sr.default.x4.wild.s1"]
    sizes: dict[str, Knobs] = {"suite": {**run.knobs, "patch": 128}, "paper": {}}
    for case in arguments.cases.split(","):
        chosen = {name: WITHOUT[name] for name in arguments.terms.split(",")}
        steps = {n: prepare({**sizes[case], "batch_size": arguments.batch, **k}, device) for n, k in chosen.items()}
        times: dict[str, list[float]] = {name: [] for name in steps}
        for _ in range(arguments.rounds + 1):  # the first warms up
            for name, (learner, batch) in steps.items():
                times[name].append(seconds(learner, batch))
        products = {name: count({**sizes[case], "batch_size": 1, **k}) for name, k in chosen.items()}
        medians = {name: statistics.median(found[1:]) for name, found in times.items()}
        for name, median in medians.items():
            beside = median / medians["no ensemble"] if "no ensemble" in medians else float("nan")
            more = products[name] / products.get("no ensemble", float("nan"))
            print(
                f"{case:6} batch {arguments.batch:3} {name:26} {median * 1e3:9.1f} ms {beside:6.2f} of no ensemble, "
                f"{products[name] / 1e9:7.2f} GMAC {more:6.2f}"
            )


if __name__ == "__main__":
    main()
