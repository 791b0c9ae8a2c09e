"""The training loop: step, log, save, resume, stop. It reads top to bottom and knows no method.

Batches depend only on (seed, step), so a resumed run is the same run, bit for bit. The resume state holds the curve,
too; the checkpoint appears only on completion.
"""

import contextlib
import json
import math
import signal
import statistics
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn
from tqdm import tqdm

from bench.api import Learner, Training
from bench.data.patches import Store, feed
from bench.errors import BadInput, Diverged, OutOfTime
from bench.runtime.checksums import hash_file
from bench.runtime.devices import be_deterministic, enough_memory, keep_freed_memory, peak_memory_mib
from bench.runtime.files import locked, replacing, sync, write_json
from bench.runtime.graph import stepper
from bench.runtime.record import Stage, code_of
from bench.stages.resume import STATES, load_state, remove_states, save_state
from bench.suites.experiment import Experiment

LOG_EVERY = 10  # steps between points of the curve
EXPLOSION = 1e3  # a loss this many times its recent median has diverged
HISTORY = 50  # points of the curve that the median is taken over


@dataclass(frozen=True)
class Limits:
    """What a call may spend, how often it saves, and whether a step is one CUDA graph: nothing that decides a byte.

    minutes None: no limit. graph None: where the device is a GPU."""

    minutes: float | None = None
    save_seconds: float = 30.0
    graph: bool | None = None


FILES = ("lock", *STATES, "curves.jsonl", "checkpoint.safetensors", "train.json")
"""What a run folder may hold."""
Spent = tuple[float, float]
"""(seconds, processor seconds)"""


def checkpoint_path(folder: Path) -> Path:
    """The finished network of a run folder."""
    return folder / "checkpoint.safetensors"


def train(
    run: Experiment,
    store: Store,
    folder: Path,
    device: torch.device,
    limits: Limits,
    inputs: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, Any]:
    """Train `run` to completion in `folder` and return its record, which is also written as train.json.

    inputs: the sha256 of what it takes besides the store, for the record.
    Raises OutOfTime at the time budget (resume with the same call), Diverged for NaN, infinity or an exploding loss
    (the last good state is kept), BadInput where another process works in the folder or memory does not suffice.
    """
    remedy = "run fewer at once and the same command again, or lower batch_size or patch"
    with locked(folder / "lock", wait=False), enough_memory(run.name, remedy):
        return _train(run, store, folder, device, limits, inputs)


def _train(
    run: Experiment, store: Store, folder: Path, device: torch.device, limits: Limits, inputs: Mapping[str, str]
) -> dict[str, Any]:
    began, began_cpu = time.monotonic(), time.process_time()
    inputs = {"train_data": hash_file(store.folder / "manifest.json"), **inputs}
    stage = Stage(code_of(run.modules), device, inputs)
    method, digest = run.build(), run.digest()
    count, patch = method.batch
    be_deterministic(run.seed)
    keep_freed_memory()
    learner = method.learner(
        Training(run.iterations, run.seed, device, run.precision, run.channels_last, run.compile),
    )
    if learner is None:
        raise BadInput(f"{run.name} has nothing to train; upscale with it directly")
    curve_file = folder / "curves.jsonl"
    step, (seconds_before, cpu_before), totals, lines = _resume(run, learner, folder, device)
    with replacing(curve_file) as temporary:
        temporary.write_text("".join(lines))
    recent = [json.loads(line)["loss"] for line in lines[-HISTORY:]]
    saved = time.monotonic()
    take_step, draw = stepper(learner, run.name, device, limits.graph), feed(store, device)
    progress = tqdm(total=run.iterations, initial=step, desc=run.name, unit="step", mininterval=2.0, smoothing=0.05)

    def spent() -> Spent:
        return seconds_before + time.monotonic() - began, cpu_before + time.process_time() - began_cpu

    with progress, _signals() as stop, curve_file.open("a") as curve:
        while step < run.iterations:
            losses = take_step(draw(step, run.seed, count, patch, device))
            totals = {name: totals.get(name, 0.0) + value for name, value in losses.items()}
            step += 1
            if step % LOG_EVERY == 0 or step == run.iterations:
                width = LOG_EVERY if step % LOG_EVERY == 0 else step % LOG_EVERY
                point = {name: float(value) / width for name, value in totals.items()}
                _check(run, step, point, recent)
                recent = [*recent[1 - HISTORY :], point["loss"]]
                lines.append(json.dumps({"step": step, **{k: float(f"{v:.6g}") for k, v in point.items()}}) + "\n")
                curve.write(lines[-1])
                curve.flush()
                totals = {}
                progress.set_postfix_str(f"loss {point['loss']:.4g}", refresh=False)
            progress.update()
            now = time.monotonic()
            out_of_time = limits.minutes is not None and now - began > 60 * limits.minutes
            if step == run.iterations:
                break
            if stop or out_of_time or (not totals and now - saved > limits.save_seconds):
                state = {"digest": digest, "step": step, "seconds": spent(), "totals": totals, "curve": lines}
                save_state(folder, {**state, "learner": learner.state_dict()})
                saved = now
            if stop:
                raise KeyboardInterrupt("run the same command to resume")
            if out_of_time:
                raise OutOfTime(
                    f"{run.name}: stopped at step {step} of {run.iterations}; run the same command to resume"
                )

    states = {"": learner.network, **{f"{name}/": part for name, part in getattr(learner, "companions", {}).items()}}
    weights = {
        prefix + name: value.detach().cpu().contiguous()
        for prefix, part in states.items()
        for name, value in part.state_dict().items()
    }
    knobs = {name: value for name, value in method.knobs.items() if name != "scale"}
    seconds, cpu_seconds = spent()
    facts = {
        "parameters": sum(parameter.numel() for parameter in learner.network.parameters()),
        "cpu_seconds": round(cpu_seconds, 2),
        "peak_mib": round(peak_memory_mib(device)),
        "seconds": round(seconds, 2),
    }
    about = {"method": run.method, "variant": run.variant, "knobs": knobs}
    record = write_outcome(run, folder, replace(stage, facts=facts), about, weights)
    remove_states(folder)
    return record


def write_outcome(
    run: Experiment,
    folder: Path,
    stage: Stage,
    about: Mapping[str, Any],
    weights: Mapping[str, Tensor] = MappingProxyType({}),
) -> dict[str, Any]:
    """Write the checkpoint of a run beside its curve, and train.json, which is returned. about: what else the
    checkpoint says of itself."""
    curve, metadata = folder / "curves.jsonl", {"run": run.name, "digest": run.digest(), "scale": run.scale, **about}
    sync(curve)
    with replacing(checkpoint_path(folder)) as temporary:
        temporary.write_bytes(save(dict(weights), metadata={"bench": json.dumps(metadata, sort_keys=True)}))
    outputs = {path.name: hash_file(path) for path in (checkpoint_path(folder), curve)}
    record = {
        "run": run.name,
        "digest": run.digest(),
        "experiment": run.resolved(),
        "train_data": stage.inputs["train_data"],
        **stage.record(outputs),
    }
    write_json(folder / "train.json", record)
    return record


def _resume(
    run: Experiment, learner: Learner, folder: Path, device: torch.device
) -> tuple[int, Spent, dict[str, Tensor], list[str]]:
    """(step, seconds and processor seconds already spent, running sums, the curve's lines): from the resume state, else
    from the warm start, else nothing."""
    state = load_state(folder, run.digest(), device)
    if state is not None:
        learner.load_state_dict(state["learner"])
        return state["step"], state["seconds"], state["totals"], state["curve"]
    if run.warm_start is not None:
        earlier = checkpoint_path(folder.parent / run.warm_start)
        learner.warm_start(load_weights(earlier, device, companions=True))
    return 0, (0.0, 0.0), {}, []


def load_weights(path: Path, device: torch.device | None = None, companions: bool = False) -> dict[str, Tensor]:
    """The network in a checkpoint, and where asked for what trained along with it, as '<name>/<key>'. Raises BadInput
    for a file that is missing or not safetensors."""
    if not path.is_file():
        raise BadInput(f"{path}: no such checkpoint; train the run it belongs to first")
    try:
        tensors = load_file(path, device=str(device or "cpu"))
    except Exception as error:  # safetensors raises its own type, and others for a truncated header
        raise BadInput(f"{path}: not a safetensors checkpoint ({error}); train or import it again") from error
    return tensors if companions else {key: value for key, value in tensors.items() if "/" not in key}


def load_network(network: nn.Module, path: Path) -> nn.Module:
    """`network` with a checkpoint's weights, in evaluation mode. Raises BadInput for a missing or extra key."""
    try:
        network.load_state_dict(load_weights(path))
    except RuntimeError as error:
        reason = str(error).splitlines()[1].strip() if "\n" in str(error) else str(error)
        raise BadInput(f"{path}: does not fit the method ({reason}); name the variant it was trained as") from error
    return network.eval()


def _check(run: Experiment, step: int, point: dict[str, float], recent: list[float]) -> None:
    """Raise Diverged for a loss that is not finite, or far above its recent median."""
    remedy = "lower the learning rate (last good state kept)"
    for name, value in point.items():
        if not math.isfinite(value):
            raise Diverged(f"{run.name}: {name} is {value} at step {step}; {remedy}")
    if len(recent) >= 5 and abs(point["loss"]) > EXPLOSION * abs(statistics.median(recent)) > 0:
        size = f"loss {point['loss']:.3g} at step {step} is over {EXPLOSION:g} times its recent median"
        raise Diverged(f"{run.name}: {size}; {remedy}")


@contextlib.contextmanager
def _signals() -> Iterator[list[int]]:
    """SIGINT and SIGTERM as they come, for the loop to save and stop after the current step."""
    come: list[int] = []
    kinds = (signal.SIGINT, signal.SIGTERM) if threading.current_thread() is threading.main_thread() else ()
    before = {kind: signal.signal(kind, lambda number, _: come.append(number)) for kind in kinds}
    try:
        yield come
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
