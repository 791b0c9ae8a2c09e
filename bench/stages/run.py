"""The stages of one run of a suite: what each reads from the work folder, what it writes there, and its record."""

import sys
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import nn

from bench.data.images import image_files, read_image, write_png
from bench.data.patches import PairedAndUnpaired, PatchStore, Store
from bench.data.prepare import MANIFEST, RECORD, prepare_train
from bench.errors import BadInput, Diverged
from bench.runtime.checksums import hash_file, hash_files, hash_hashes
from bench.runtime.files import making_folder, read_json, write_json
from bench.runtime.output import changed_files, check_unchanged
from bench.runtime.record import Stage, code_of
from bench.runtime.turns import Steps, alternate, finish
from bench.runtime.weights import locate, published_sha256
from bench.stages import score
from bench.stages.checkpoints import import_checkpoint
from bench.stages.cost import count
from bench.stages.divergence import inherited, no_kernel, no_pictures, no_scores, reason, reason_of, settle
from bench.stages.estimate import estimate_sets
from bench.stages.feature_activity import measure_taps
from bench.stages.train import Limits, checkpoint_path, load_network, train
from bench.stages.upscale import TestSet, prepare, upscale_sets
from bench.suites import find_suite
from bench.suites.experiment import Experiment
from bench.suites.suite import TRUTH
from bench.suites.workdir import Workdir
from methods.elsewhere import Checkpoint, Pictures, check_elsewhere


def train_run(
    run: Experiment, layout: Workdir, device: torch.device, limits: Limits, settled: bool, out: Path | None = None
) -> None:
    """Train a run, preparing its stores first where they are not there yet. settled: whether a divergence becomes its
    result. out: the run folder, if not the suite's. Raises as `train` does, and MissingWeights."""
    weights = {f"weights/{name}": published_sha256(name) for name in run.build().needs_weights}
    store, folder = open_store(run, layout), out or layout.run(run.name)
    budget = layout.budget(run.method) / "budget.json"
    with layout.turn(run.name) as waited:
        if waited and (folder / "train.json").is_file() and read_json(folder / "train.json")["digest"] == run.digest():
            return  # the other process has just finished it
        inputs = weights | {kind: hash_file(data / MANIFEST) for kind, data in layout.stores(run).items()}
        if run.warm_start and checkpoint_path(folder.parent / run.warm_start).is_file():
            inputs[f"runs/{run.warm_start}"] = hash_file(checkpoint_path(folder.parent / run.warm_start))
        why = inherited(run, layout)
        try:
            if why:
                raise Diverged(f"{run.name}: has nothing to start from, for the {why}")
            train(run, store, folder, device, limits, inputs)
        except Diverged as error:
            if not settled:
                raise
            print(f"{error}; kept as the run's result", file=sys.stderr)
            settle(run, folder, device, inputs, why or reason_of(run.name, error))
        if budget.is_file():
            write_json(folder / "train.json", {**read_json(folder / "train.json"), "budget": read_json(budget)})


def open_store(run: Experiment, layout: Workdir) -> Store:
    """What a run draws its batches from, made where it is not there yet."""

    def open_store(folder: Path, sets: tuple[str, ...], degradation: str, levels: tuple[int, ...]) -> PatchStore:
        with layout.turn(folder.name):
            if changed := changed_files(folder):
                print(f"{folder / changed[0]}: changed since it was made; preparing it again", file=sys.stderr)
            if changed or not (folder / MANIFEST).is_file() or not (folder / RECORD).is_file():
                prepare_train(sets, run.scale, degradation, folder, levels=levels, overwrite=True)
        return PatchStore(folder)

    method, folders = run.build(), layout.stores(run)
    pairs = open_store(folders["train_data"], run.train_sets, run.pairs, method.levels)
    if not run.unpaired_sets:
        if method.unpaired:
            raise BadInput(f"{run.name}: it learns from unpaired LR, of no set; name some as `unpaired` in its plan")
        return pairs
    unpaired = open_store(folders["unpaired_data"], run.unpaired_sets, run.degradation, ())
    return PairedAndUnpaired(pairs, unpaired, method.unpaired)


def estimate_runs(runs: Iterable[Experiment], layout: Workdir, device: torch.device) -> None:
    """Estimate the blur kernel of every test picture of runs: on a GPU side by side, as far as there is room."""

    def estimate(run: Experiment) -> Steps[None]:
        sets = {name: folder / "lr" for name, folder in layout.test_sets(run).items()}
        stage = Stage(code_of(run.made_by), device, _test_data(run, layout), _identity(run))
        return estimate_sets(run.build(), sets, layout.kernels(run), run.seed, stage)

    finish(alternate(map(estimate, runs)))


def upscale_run(run: Experiment, sources: dict[str, Experiment], layout: Workdir, device: torch.device) -> None:
    """Upscale a run's test sets. sources: the runs whose kernels it may be given, by name."""
    inputs = _test_data(run, layout)
    for name in _networks(run):
        check_unchanged(layout.run(name), read_json(layout.run(name) / "train.json")["outputs"])
        inputs[f"runs/{name}"] = hash_file(checkpoint_path(layout.run(name)))
    source = layout.kernels(sources[run.kernel_from]) if run.kernel_from in sources else None
    if source is not None:
        inputs[f"kernels/{run.kernel_from}"] = hash_hashes(hash_files(source, "*.npy"))
    method = run.build()
    if run.published:
        inputs[f"weights/{run.published}"] = published_sha256(run.published)
    if "sha256" in method.knobs:
        inputs["elsewhere"] = check_elsewhere(method.knobs["sha256"])
    if isinstance(method, Pictures):
        _take_pictures(run, method, layout, Stage(code_of(run.made_by), device, inputs, _identity(run)))
        return
    counted = count(method)
    facts = {**_identity(run), "network": counted and asdict(counted)}
    stage = Stage(code_of(run.made_by), device, inputs, facts)
    lr = {name: folder / "lr" for name, folder in layout.test_sets(run).items()}
    if why := reason(run, layout) or (source and no_kernel(source, lr)):
        no_pictures(layout.sr(run), stage, why)
        return
    sets = []
    for name, folder in lr.items():
        kernels = folder.parent / "kernels" if run.kernel_from == TRUTH else source and source / name
        sets.append(TestSet(name, folder, kernels, run.seed))
    network = _load_networks(run, layout)
    upscaler = prepare(method, network, device)
    corrector = getattr(method, "corrector", lambda _: None)(network)
    upscale_sets(upscaler, sets, layout.sr(run), method, stage, corrector)


def _take_pictures(run: Experiment, method: Pictures, layout: Workdir, stage: Stage) -> None:
    """Bring the pictures that somebody made into the place of those that a run would make."""
    with making_folder(layout.sr(run)) as folder:
        for name, data in layout.test_sets(run).items():
            lr = {file.stem: file for file in image_files(data / "lr")}
            for image, file in method.find(name, sorted(lr)).items():
                sr, (height, width) = read_image(file), read_image(lr[image]).shape[:2]
                if sr.shape[:2] != (run.scale * height, run.scale * width):
                    size = f"{sr.shape[1]}x{sr.shape[0]}, not {run.scale * width}x{run.scale * height}"
                    raise BadInput(f"{file}: {size} as {image} of {name} has at x{run.scale}; name its own pictures")
                write_png(folder / name / f"{image}.png", sr)
        outputs = hash_files(folder, "*.png")
        write_json(folder / "upscale.json", {**stage.record(outputs), "network": None, "sets": {}, "peak_mib": ""})


def _networks(run: Experiment) -> tuple[str, ...]:
    """The runs whose networks a run upscales with: its own, another's, several others', or none."""
    return run.network_from or ((run.name,) if run.iterations else ())


def _load_networks(run: Experiment, layout: Workdir) -> nn.Module | None:
    """The network that a run upscales with, or several in a list, trained."""
    method = run.build()
    network = method.network()
    if network is None or isinstance(method, Checkpoint):
        return network
    if run.published:
        with TemporaryDirectory() as folder:
            file = Path(folder) / "network.safetensors"
            import_checkpoint(run.method, locate(run.published), file, scale=run.scale)
            return load_network(network, file)
    parts = list(network) if isinstance(network, nn.ModuleList) else [network]
    for part, name in zip(parts, _networks(run), strict=True):
        load_network(part, checkpoint_path(layout.run(name)))
    return network.eval()


def score_run(run: Experiment, layout: Workdir) -> None:
    """Score every picture or kernel of a run by every metric, and measure what its perceptual loss can see; a metric
    whose weights are absent is n/a with the reason."""
    record = read_json(layout.made(run))
    scored = record["outputs"]
    check_unchanged(layout.made(run).parent, scored)
    inputs = {"kernels" if run.estimates else "sr": hash_hashes(scored), **_test_data(run, layout)}
    stage = Stage(code_of(["bench.stages.score"]), torch.device("cpu"), inputs, {"run": run.name})
    sets = layout.test_sets(run)
    if run.estimates:
        records = score.score_kernels(layout.kernels(run), sets, run.metrics)
    elif why := record.get("diverged"):
        records = no_scores(sets, run.metrics, why)
    else:
        curve, siblings = layout.run(run.name) / "curves.jsonl", _siblings(run, layout)
        records = score.score_run(layout.sr(run), sets, run.metrics, run.scale, curve, siblings, workers=1)
    score.write_csv(layout.scores(run), records, with_dataset=True)
    taps = measure_taps(run, sets[run.test_sets[0]] / "hr")
    write_json(layout.score_record(run), {**stage.record({"scores": hash_file(layout.scores(run))}), "taps": taps})


def _siblings(run: Experiment, layout: Workdir) -> list[Path]:
    """The SR of the same variant by its other seeds, where a metric is about them."""
    if "seed_deviation" not in run.metrics:
        return []
    runs = find_suite(layout.suite).experiments().values()
    return [layout.sr(other) for other in runs if replace(other, seed=run.seed).name == run.name != other.name]


def _test_data(run: Experiment, layout: Workdir) -> dict[str, str]:
    """The sha256 of the manifest of each test set, under its name."""
    folders = layout.test_sets(run)
    for folder in folders.values():
        for name in changed_files(folder):
            raise BadInput(f"{folder / name}: missing, or changed since it was made; delete {folder} and make it again")
    return {f"data/{name}": hash_file(folder / MANIFEST) for name, folder in folders.items()}


def _identity(run: Experiment) -> dict[str, Any]:
    """Which run, and the digest of its settings and code."""
    return {"run": run.name, "digest": run.digest(), "experiment": run.resolved()}
