"""What has to hold on a GPU, checked on one, in ten minutes: python tests/speed/gpu.py [--device cuda] [--minutes 9].

Needs torch, numpy, scipy, pillow, safetensors and tqdm alone: pictures are made, perceptual networks drawn at random.

repeats   every trainable variant, shrunk: two runs have the same bytes; the list of others is empty.
graphs    every learner: a run whose steps are graphs has the bytes of one step by step, and resumes to them.
loader    batches cut on the device are those cut from the file; making one takes under 5 % of a step of RRDB-23.
steps     RRDB-23 at least 2.5 times, ESRGAN at least 2.2 times as fast as plain float32.
kernelgan 64 side by side: at most 0.39 / 4 ms each; alone the same kernel; variants side by side too.
zssr      the graph's picture is that of steps as they come; pictures side by side are those of one after another.
memory    a run holds no more than its suite says and packs by.
compile   what torch.compile takes and gains, beside the graph; nothing is judged.

Exit code 1 where something does not hold. With --device cpu, to try the script: nothing is a graph, no speed is judged.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "speed")]

import numpy as np  # noqa: E402
import torch  # noqa: E402
from memory import batch_of, drawn_weights  # noqa: E402
from scipy.ndimage import gaussian_filter  # noqa: E402
from shrink import TRAINED, open_store, small_run  # noqa: E402
from train_step import Case, print_case, synchronised, time_case  # noqa: E402

from bench.api import Knobs, Picture, Training  # noqa: E402
from bench.data.datasets import DATASETS, DataSet  # noqa: E402
from bench.data.images import U8, to_tensor, write_png  # noqa: E402
from bench.data.patches import PatchStore, feed  # noqa: E402
from bench.data.prepare import prepare_train  # noqa: E402
from bench.errors import OutOfTime  # noqa: E402
from bench.runtime import graph as graphs  # noqa: E402
from bench.runtime.devices import be_deterministic, choose_device, describe  # noqa: E402
from bench.runtime.turns import (  # noqa: E402
    MARGIN,
    PictureTrainer,
    Steps,
    alternate,
    finish,
    one_step,
    side_by_side,
)
from bench.stages.gpu_hours import training_mib  # noqa: E402
from bench.stages.train import Limits, checkpoint_path, train  # noqa: E402
from bench.stages.upscale import prepare as prepare_upscaler  # noqa: E402
from bench.suites import SUITES  # noqa: E402
from bench.suites.experiment import Experiment  # noqa: E402
from methods import find_entry  # noqa: E402
from methods.common import perceptual  # noqa: E402
from methods.kernelgan.entry import KernelGan  # noqa: E402
from methods.kernelgan.estimate import ON_GPU, prepare  # noqa: E402
from methods.kernelgan.estimate import Batch as Generators  # noqa: E402
from methods.zssr.method import Zssr  # noqa: E402

LEVELS = ("drn", "drn-adapt")
WITH_LEVELS = [("drn", name) for name in ("default", "dual-hr", "dual-frozen", "cascade")] + [("drn-adapt", "default")]
LEARNERS = [*WITH_LEVELS, ("rrdb", "default"), ("rrdb", "bn"), ("esrgan", "default"), ("srgan", "default")]
LEARNERS += [("enhancenet", "default"), ("edsr", "dual"), ("pseudo_sr", "default"), ("pseudo_sr", "faces")]
LEARNERS += [("downsampled_space", name) for name in ("adversarial", "kernel-learned", "noise-adversarial")]
STEPS = 12
Fault = Iterator[str]


def picture_of(seed: int, height: int, width: int) -> U8:
    """Blobs under noise, (h, w, 3)."""
    values = np.random.default_rng(seed).random((2, height, width, 3))
    mixed = gaussian_filter(values[0], (3, 3, 0)) * 2 - 0.5 + 0.2 * values[1]
    picture: U8 = (255 * mixed.clip(0, 1)).astype(np.uint8)
    return picture


def make_pictures(folder: Path) -> None:
    """Training pictures as the sets that `small_run` names, in a store with levels and in one without."""
    os.environ["BENCH_DATA"] = str(folder / "data")
    for name in ("Embedded-train", "Embedded-train-first", "Embedded-train-second"):
        DATASETS[name] = DataSet(name, "train", 4, "none", "made", name, how="draw it")
        for number in range(4):
            write_png(folder / "data" / name / f"{number}.png", picture_of(10 * len(name) + number, 320, 360))
    prepare_train(("Embedded-train",), 4, "bicubic", folder / "plain" / "train")
    prepare_train(("Embedded-train",), 4, "bicubic", folder / "levels" / "train", levels=(2,))


class Trainings:
    """Short runs of shrunk variants."""

    def __init__(self, folder: Path, device: torch.device) -> None:
        self.folder, self.device, self.count = folder, device, 0

    def run(self, method: str, variant: str) -> Experiment:
        run = small_run(method, variant, iterations=STEPS)
        return dataclasses.replace(run, precision="bf16", channels_last=True)

    def bytes_of(self, run: Experiment, graph: bool | None, pauses: int = 0) -> tuple[bytes, bytes]:
        """The checkpoint and the curve of a run that is stopped after its first steps so often."""
        self.count += 1
        out = self.folder / "runs" / str(self.count)
        store = open_store(run, self.folder / ("levels" if run.method in LEVELS else "plain") / "train")
        for _ in range(pauses):
            try:
                train(run, store, out, self.device, Limits(minutes=0.0, graph=graph))
            except OutOfTime:
                continue
        train(run, store, out, self.device, Limits(graph=graph))
        return checkpoint_path(out).read_bytes(), (out / "curves.jsonl").read_bytes()


def check_repeats(trainings: Trainings, ends: float) -> Fault:
    left = [*TRAINED, *WITH_LEVELS]
    while left and time.monotonic() < ends:
        run = trainings.run(*left.pop(0))
        if trainings.bytes_of(run, None) != trainings.bytes_of(run, None):
            yield f"{run.name}: two runs differ"
    if left:
        print(f"  time is up before {len(left)} variants, from {'.'.join(left[0])} on", flush=True)


def check_graphs(trainings: Trainings, ends: float) -> Fault:
    graph = True if trainings.device.type in graphs.RECORDERS else None
    for method, variant in LEARNERS:
        run = trainings.run(method, variant)
        eager = trainings.bytes_of(run, False)
        if trainings.bytes_of(run, graph) != eager:
            yield f"{run.name}: a graph's bytes are others"
        if trainings.bytes_of(run, graph, pauses=3) != eager:
            yield f"{run.name}: a graph resumed has other bytes"


def check_loader(trainings: Trainings, ends: float) -> Fault:
    away, there = (PatchStore(trainings.folder / "levels" / "train") for _ in range(2))
    there.keep_on(trainings.device)
    for step in range(20):
        one, other = (store.batch(step, 1, 16, 128, trainings.device) for store in (away, there))
        pairs = zip((one.lr, one.hr, *one.levels), (other.lr, other.hr, *other.levels), strict=True)
        if not all(torch.equal(a, b) for a, b in pairs):
            yield f"batch {step} cut on the device is another one"


def check_steps(trainings: Trainings, ends: float) -> Fault:
    on_gpu = trainings.device.type == "cuda"
    size: Knobs = {"batch_size": 16 if on_gpu else 1, "patch": 128}
    size = size if on_gpu else {**size, "blocks": 1, "width": 8, "growth": 4}
    psnr, gan = find_entry("rrdb").build(4, size), find_entry("esrgan").build(4, {**size, "perceptual": "vgg19"})
    store = PatchStore(trainings.folder / "plain" / "train")
    feed(store, trainings.device)
    for case, least in ((Case("RRDB-23", psnr, 20), 2.5), (Case("ESRGAN", gan, 15), 2.2)):
        found = dict(time_case(case, store, trainings.device, compile=False))
        ours = found.get("graph", found["ours"])
        ratio, share = found["plain"] / ours, found["loader"] / ours
        print(f"  {case.name}: plain {found['plain'] * 1e3:.1f} ms, ours {found['ours'] * 1e3:.1f} ms, as a graph "
              f"{ours * 1e3:.1f} ms: {ratio:.2f} times; loader {share:.1%}", flush=True)  # fmt: skip
        if on_gpu and ratio < least:
            yield f"{case.name}: {ratio:.2f} times plain float32, not {least}"
        if on_gpu and share > 0.05:
            yield f"{case.name}: making a batch takes {share:.1%} of a step, over 5 %"


def check_kernelgan(trainings: Trainings, ends: float) -> Fault:
    on_gpu = trainings.device.type == "cuda"
    count, device = (ON_GPU if on_gpu else 2), trainings.device
    knobs = KernelGan(iterations=40, averaged=10, estimates=1, schedule_length=300)
    pictures = [Picture(f"p{i}", to_tensor(picture_of(i, 160, 180)).to(device), None, 0) for i in range(count)]
    estimator = knobs.estimator()
    together = estimator(pictures, lambda _: None)
    (alone,) = estimator(pictures[-1:], lambda _: None)
    if not torch.equal(together[-1].kernel, alone.kernel):
        yield "kernelgan: a kernel depends on what is beside it"
    variants = [knobs, dataclasses.replace(knobs, gan_loss="l1", discriminator_sizes=(7,))]
    yield from compare(
        device, "kernelgan", [lambda v=v: v.estimator().steps(pictures, lambda _: None) for v in variants]
    )
    batch = Generators(KernelGan(), [prepare(KernelGan(), picture) for picture in pictures])
    times = [synchronised(lambda step=step: batch.step(step), device) for step in range(60 if on_gpu else 4)]
    each = statistics.median(times[len(times) // 3 :]) / count
    print(f"  {each * 1e3:.3f} ms a picture and iteration with {count} side by side", flush=True)
    if on_gpu and each > 0.39e-3 / 4:
        yield f"kernelgan: {each * 1e3:.3f} ms a picture and iteration, over 0.39 / 4"


def compare(device: torch.device, name: str, works: Sequence[Callable[[], Steps[object]]]) -> Fault:
    """Work side by side against one after another: the same tensors, and the seconds of both."""
    made: list[object] = []
    for label, take in (("one after another", one_after_another), ("side by side", alternate)):
        seconds = synchronised(lambda take=take: made.append(finish(take(work() for work in works))), device)
        print(f"  {len(works)} {label}: {seconds:.2f} s", flush=True)
    if not all(map(torch.equal, *(graphs.tensors(found) for found in made))):
        yield f"{name}: a result depends on what is beside it"


def one_after_another(works: Iterable[Steps[object]]) -> Steps[list[object]]:
    return one_step(lambda: [finish(work) for work in works])


def check_zssr(trainings: Trainings, ends: float) -> Fault:
    device, on_gpu = trainings.device, trainings.device.type == "cuda"
    upscaler = Zssr(scale=2, iterations=60).upscaler(None)
    picture = Picture("p", to_tensor(picture_of(0, 150, 140)).to(device))
    made, recorder = [], graphs.RECORDERS.pop(device.type, None)
    for known in ({}, {device.type: recorder} if recorder else {}):
        graphs.RECORDERS.update(known)
        seconds = synchronised(lambda: made.append(upscaler(picture)), device)
        print(f"  {'as a graph' if known else 'step by step'}: {seconds:.2f} s for 60 steps", flush=True)
    if not torch.equal(*made):
        yield "zssr: a graph's picture is another one"
    method = Zssr(scale=4, iterations=330 if on_gpu else 2)  # the rule for the learning rate is asked
    trainer = prepare_upscaler(method, None, device)
    assert isinstance(trainer, PictureTrainer)
    pictures = [Picture(f"p{i}", to_tensor(picture_of(i, 100 + 9 * i, 140))) for i in range(12 if on_gpu else 2)]
    works = [lambda picture=picture: trainer.steps(picture) for picture in pictures]
    yield from compare(device, "zssr", [lambda work=work: side_by_side([work()], device) for work in works])


def check_memory(trainings: Trainings, ends: float) -> Fault:
    device = trainings.device
    for method, variant in (("rrdb", "default"), ("esrgan", "default")):
        run = SUITES["gpu"].experiment(method, variant, 1)
        counted = training_mib("gpu", run)
        if device.type != "cuda":
            print(f"  {run.name}: {counted:.0f} MiB counted", flush=True)
            continue
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        learner = run.build().learner(Training(run.iterations, 1, device, run.precision, run.channels_last))
        assert learner is not None
        step, batch = graphs.stepper(learner, run.name, device, None), batch_of(run.build(), device)
        for _ in range(3):
            step(batch)
        held = (torch.cuda.max_memory_allocated() - before) / 2**20
        print(f"  {run.name}: {held:.0f} MiB held, {counted:.0f} counted", flush=True)
        if held > MARGIN * counted:
            yield f"{run.name}: holds {held:.0f} MiB, over {MARGIN:g} times the {counted:.0f} that were counted"


def check_compile(trainings: Trainings, ends: float) -> Fault:
    size: Knobs = {"batch_size": 16, "patch": 128, "blocks": 8}
    small: Knobs = {"batch_size": 1, "patch": 32, "blocks": 1, "width": 8, "growth": 4}
    on_gpu = trainings.device.type == "cuda"
    case = Case("RRDB-8", find_entry("rrdb").build(4, size if on_gpu else small), 15)
    store = PatchStore(trainings.folder / "plain" / "train")
    feed(store, trainings.device)
    print_case(case, torch.get_num_threads(), dict(time_case(case, store, trainings.device, compile=True)))
    yield from ()


CHECKS: dict[str, Callable[[Trainings, float], Fault]] = {
    "graphs": check_graphs,
    "steps": check_steps,
    "loader": check_loader,
    "kernelgan": check_kernelgan,
    "zssr": check_zssr,
    "memory": check_memory,
    "compile": check_compile,
    "repeats": check_repeats,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--device", default="cuda", help="cuda or cpu")
    parser.add_argument("--minutes", type=float, default=9.0, help="the last check, of every variant, ends then")
    parser.add_argument("--checks", default=",".join(CHECKS), help="names joined by commas")
    arguments = parser.parse_args()
    device, ends = choose_device(arguments.device), time.monotonic() + 60 * arguments.minutes
    be_deterministic(1)
    torch.set_num_threads(1 if device.type == "cpu" else 4)
    perceptual.load = drawn_weights  # type: ignore[assignment]
    refused, faults = list[str](), 0
    graphs._say = lambda name, reason: refused.append(f"{name}: no graph: {reason}")
    print(f"{describe(device)}, torch {torch.__version__}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        make_pictures(Path(folder))
        for name in arguments.checks.split(","):
            began = time.monotonic()
            print(name, flush=True)
            checked = CHECKS[name](Trainings(Path(folder), device), ends)
            for fault in itertools.chain(checked, refused):  # a list that grows while the check is made
                faults += 1
                print(f"  DOES NOT HOLD: {fault}", flush=True)
            refused.clear()
            print(f"  {time.monotonic() - began:.0f} s", flush=True)
    print("everything holds" if not faults else f"{faults} things do not hold")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
