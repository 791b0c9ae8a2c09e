"""What a method that a suite has no plan of is trained with: its learning rate, chosen on held-out pictures from the
one grid, and its length where it asks for seconds."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, replace
from pathlib import Path
from statistics import fmean
from typing import Any

import torch

from bench.api import Picture, Training
from bench.data.datasets import VALIDATION
from bench.data.images import pictures_by_name, read_image, to_tensor, to_uint8
from bench.data.prepare import MANIFEST, prepare_test
from bench.errors import BadInput, Diverged
from bench.metrics import METRICS, Sample
from bench.runtime.devices import be_deterministic
from bench.runtime.files import read_json, write_json
from bench.stages.run import open_store
from bench.stages.train import Limits, checkpoint_path, load_network, train
from bench.stages.upscale import prepare
from bench.suites.experiment import Experiment
from bench.suites.suite import Draft, Suite
from bench.suites.workdir import Workdir

TRIAL = 0.25  # of the length, at every rate
METRIC = "psnr_y"
_TIMED = (3, 10)  # steps not timed, and timed


def settle_budget(suite: Suite, method: str, device: torch.device, limits: Limits | None = None) -> None:
    """Write the budget.json of a method that the suite has no plan of, once: what it trains with, and why.

    Raises as `train` does, and BadInput where the suite holds no picture out to choose on.
    """
    layout = Workdir(suite.name)
    if method in {plan.method for plan in suite.plans}:
        return
    with layout.turn(f"budget.{method}"):
        draft = suite.draft(method)
        if suite.settled(draft) is not None:
            return
        run = suite.resolve(draft.plan, "default", draft.plan.seeds[0])
        if draft.asked.seconds:
            run = replace(run, iterations=max(1, int(draft.asked.seconds / _seconds_a_step(run, layout, device))))
        chosen: dict[str, Any] = {"digest": draft.digest, "iterations": run.iterations, "knobs": {}}
        chosen |= {"rival": draft.rival, "asked": asdict(draft.asked)}
        if draft.rates:
            chosen |= _choose_rate(suite, draft, run, device, limits or Limits())
        write_json(layout.budget(method) / "budget.json", chosen)


def _choose_rate(suite: Suite, draft: Draft, run: Experiment, device: torch.device, limits: Limits) -> dict[str, Any]:
    """Train at every rate for a part of the length, and take the one with the highest PSNR on the held-out pictures."""
    held_out = tuple(VALIDATION[name] for name in suite.train_sets if name in VALIDATION)
    if not held_out:
        sets = ", ".join(suite.train_sets)
        raise BadInput(f"{run.method}: nothing of {sets} is held out to choose on; name a learning_rate in its budgets")
    layout, steps = Workdir(suite.name), max(1, round(TRIAL * run.iterations))
    found: dict[str, float | None] = {}
    for rate in draft.rates:
        trial = replace(run, knobs={**run.knobs, "learning_rate": rate}, iterations=steps)
        folder = layout.budget(run.method) / f"{rate:g}"
        try:
            if not (folder / "train.json").is_file() or read_json(folder / "train.json")["digest"] != trial.digest():
                train(trial, open_store(trial, layout), folder, device, limits)
            found[f"{rate:g}"] = round(_validate(trial, layout, folder, held_out, device), 4)
        except Diverged:
            found[f"{rate:g}"] = None
    best = max(found, key=lambda rate: -math.inf if (psnr := found[rate]) is None else psnr)  # the lowest, if none
    more = {"metric": METRIC, "pictures": held_out, "trial_iterations": steps, "trials": found}
    return {"knobs": {"learning_rate": float(best)}, **more}


def _validate(run: Experiment, layout: Workdir, folder: Path, held_out: tuple[str, ...], device: torch.device) -> float:
    """The metric's mean over the held-out pictures."""
    method, network = run.build(), run.build().network()
    assert network is not None
    upscaler = prepare(method, load_network(network, checkpoint_path(folder)), device)
    values = []
    for name in held_out:
        data = layout.test_data(name, run.scale, run.degradation)
        if not (data / MANIFEST).is_file():
            prepare_test(name, run.scale, run.degradation, data)
        for stem, path in pictures_by_name(data / "lr").items():
            lr, hr = read_image(path), read_image(data / "hr" / path.name)
            sr = to_uint8(upscaler(Picture(stem, to_tensor(lr), seed=run.seed)), grey=lr.ndim == 2)
            values.append(METRICS[METRIC].function(Sample(sr, hr, lr, run.scale)))
    return fmean(values)


def _seconds_a_step(run: Experiment, layout: Workdir, device: torch.device) -> float:
    """Of the machine at hand, after some steps to warm up."""
    store, (count, patch) = open_store(run, layout), run.build().batch
    be_deterministic(run.seed)
    learner = run.build().learner(
        Training(run.iterations, run.seed, device, run.precision, run.channels_last, run.compile)
    )
    assert learner is not None
    began = 0.0
    for step in range(sum(_TIMED)):
        if step == _TIMED[0]:
            began = time.monotonic()
        losses = learner.step(store.batch(step, run.seed, count, patch, device))
        float(losses["loss"])  # waits for the device
    return (time.monotonic() - began) / _TIMED[1]
