"""What dual regression costs: a training step with the dual networks over a step of the same network without them.

Both sides are timed in turn, in one process, on the embedded training photographs at x4:

    python tests/speed/drn.py [--device cuda] [--threads 1] [--cases small]
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402

from bench.api import Batch, Entry, Knobs, Learner, Training  # noqa: E402
from bench.data.patches import PatchStore  # noqa: E402
from bench.data.prepare import prepare_train  # noqa: E402
from bench.runtime.devices import be_deterministic, choose_device, cpu_has_bf16, describe  # noqa: E402
from methods import edsr, rcan, srresnet  # noqa: E402
from methods.drn import paired  # noqa: E402

SMALL: Knobs = {"features": 8, "blocks": 2, "reduction": 4, "batch_size": 4, "patch": 96}
BLOCKS: Knobs = {"width": 16, "blocks": 4, "batch_size": 4, "patch": 96}


@dataclass(frozen=True)
class Case:
    """A network to be trained with and without its dual networks, so many times a side; with: what switches them on."""

    name: str
    entry: Entry
    knobs: Knobs
    rounds: int
    without: Knobs = field(default_factory=lambda: {"dual_weight": 0.0})
    given: Knobs = field(default_factory=lambda: {"dual_weight": 0.1})


CASES = (
    Case("DRN small", paired.ENTRY, SMALL, 40),
    Case("DRN-S paper", paired.ENTRY, {"batch_size": 1, "patch": 192}, 7),
    Case("DRN small, bicubic dual", paired.ENTRY, SMALL, 40, given={"dual": "bicubic"}),
    Case("DRN small, HR side too", paired.ENTRY, SMALL, 40, given={"dual_hr": True}),
    Case("SRResNet small", srresnet.ENTRY, BLOCKS, 40),
    Case("EDSR small", edsr.ENTRY, {**BLOCKS, "residual_scaling": 1.0}, 40),
    Case("RCAN small", rcan.ENTRY, {**BLOCKS, "groups": 2, "blocks": 2, "reduction": 4}, 40),
)


def learner_of(case: Case, switch: Knobs, device: torch.device) -> Learner:
    native = torch.cuda.is_bf16_supported() if device.type == "cuda" else cpu_has_bf16()
    training = Training(1000, 1, device, "bf16" if native else "float32", channels_last=True)
    learner = case.entry.build(4, {**case.knobs, **switch}).learner(training)
    assert learner is not None
    return learner


def seconds(learner: Learner, batch: Batch) -> float:
    """One step, everything the device still has to do included."""
    start = time.perf_counter()
    learner.step(batch)
    if batch.lr.is_cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - start


def time_case(case: Case, store: PatchStore, device: torch.device) -> tuple[float, float]:
    """Median seconds of a step without and with the dual networks."""
    sides = [learner_of(case, switch, device) for switch in (case.without, case.given)]
    times: list[list[float]] = [[], []]
    count, patch = case.entry.build(4, case.knobs).batch
    for number in range(case.rounds + 2):  # the first two warm up
        batch = store.batch(number, 1, count, patch, device)
        for learner, found in zip(sides, times, strict=True):
            found.append(seconds(learner, batch))
    without, given = (statistics.median(found[2:]) for found in times)
    return without, given


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu", help="auto, cpu or cuda")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--cases", default="", help="only the cases whose name holds this word: DRN, small, paper")
    arguments = parser.parse_args()
    device = choose_device(arguments.device)
    be_deterministic(1)
    torch.set_num_threads(arguments.threads)
    print(f"{describe(device)}, {arguments.threads} threads, torch {torch.__version__}")
    print(f"{'network':24} {'batch':>9} without ms  with ms  ratio")
    with tempfile.TemporaryDirectory() as folder:
        prepare_train(("Embedded-train",), 4, "bicubic", Path(folder) / "train", levels=(2,))
        store = PatchStore(Path(folder) / "train")
        for case in (case for case in CASES if arguments.cases in case.name):
            without, given = time_case(case, store, device)
            count, patch = case.entry.build(4, case.knobs).batch
            row = f"{case.name:24} {f'{count}x{patch}':>9} {without * 1e3:10.1f} {given * 1e3:8.1f}"
            print(f"{row} {given / without:6.2f}", flush=True)


if __name__ == "__main__":
    main()
