"""Record a divergence as a result: n/a scores, with the reason.

A variant that diverges answers the question it was run for, and does not keep a suite from its end.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import torch

from bench.data.images import image_files
from bench.errors import Diverged
from bench.runtime.files import making_folder, read_json, write_json
from bench.runtime.record import Stage, code_of
from bench.runtime.results import read_records
from bench.stages.score import Record
from bench.stages.train import write_outcome
from bench.suites.experiment import Experiment
from bench.suites.workdir import Workdir


def reason_of(run: str, error: Diverged) -> str:
    """The reason as tables give it: whose training, and what was seen, without the remedy."""
    seen = str(error).removeprefix(f"{run}: ").partition(";")[0]
    return f"training of {run} diverged: {seen}"


def settle(run: Experiment, folder: Path, device: torch.device, inputs: Mapping[str, str], why: str) -> None:
    """Write what a finished training leaves in `folder`: a checkpoint without tensors, and a train.json that says why
    (`diverged`) and no cost. The curve up to there and the last good state stay. inputs: the sha256 of what the
    training took, `train_data` among them."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "curves.jsonl").touch()
    network = run.build().network()
    parameters = sum(parameter.numel() for parameter in network.parameters()) if network is not None else 0
    facts = {"diverged": why, "parameters": parameters, "seconds": ""}
    write_outcome(run, folder, Stage(code_of(run.modules), device, inputs, facts), {"diverged": why})


def reason(run: Experiment, layout: Workdir) -> str | None:
    """Why a run has no network to upscale with: the training of its own, or of another that it uses, diverged; or
    None."""
    return _first(run.network_from or ((run.name,) if run.iterations else ()), layout)


def no_kernel(estimated: Path, lr: Mapping[str, Path]) -> str | None:
    """Why a run cannot be given these kernels: a picture, of the folders `lr` by data set, has none; or None."""
    pictures = [(dataset, path.stem) for dataset, folder in lr.items() for path in image_files(folder)]
    lacking = [f"{dataset}/{name}" for dataset, name in pictures if not (estimated / dataset / f"{name}.npy").is_file()]
    return f"{estimated.name} has no kernel of {lacking[0]}: every generator is dead" if lacking else None


def inherited(run: Experiment, layout: Workdir) -> str | None:
    """Why a run cannot be trained: the one that it starts from diverged; or None."""
    return _first((run.warm_start,) if run.warm_start else (), layout)


def _first(names: tuple[str, ...], layout: Workdir) -> str | None:
    for name in names:
        path = layout.run(name) / "train.json"
        why: str | None = read_json(path).get("diverged") if path.is_file() else None
        if why:
            return why
    return None


def notes(results: Path, runs: Iterable[str]) -> tuple[str, ...]:
    """A sentence for each of these runs whose training diverged, from the records under `results`."""
    records = read_records(results)
    reasons = {name: records.get(name, {}).get("training", {}).get("diverged") for name in runs}
    return tuple(f"`{name}` has no scores: {why}." for name, why in reasons.items() if why)


def no_pictures(out: Path, stage: Stage, why: str) -> None:
    """upscale.json, in place of a run's pictures."""
    with making_folder(out) as folder:
        write_json(folder / "upscale.json", {**stage.record({}), "sets": {}, "peak_mib": "", "diverged": why})


def no_scores(sets: Mapping[str, Path], metrics: Sequence[str], why: str) -> list[Record]:
    """Every metric of every picture, n/a. sets: data set to its folder, with lr/."""
    names = [(dataset, path.stem) for dataset, folder in sets.items() for path in image_files(folder / "lr")]
    return [Record(dataset, image, metric, None, why) for dataset, image in names for metric in metrics]
