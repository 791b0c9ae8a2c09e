"""Pack what a machine elsewhere needs to make runs of a suite: see bench.runtime.packed for what is in a pack."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.data.datasets import VALIDATION, find, whole_of
from bench.data.prepare import left_out
from bench.errors import BadInput
from bench.metrics import METRICS
from bench.provenance.reuse import needed, reusable
from bench.runtime import weights
from bench.runtime.checksums import hash_file
from bench.runtime.files import write_json
from bench.runtime.git import checked_out, commit
from bench.runtime.output import check_place, output_folder
from bench.runtime.packed import CODE, PACK, PICTURES, code_hashes, write_state
from bench.runtime.parcel import PART_BYTES, PARTS
from bench.runtime.paths import results_folder
from bench.runtime.results import Record, read_results
from bench.stages.train import checkpoint_path
from bench.suites import find_suite
from bench.suites.experiment import Experiment
from bench.suites.suite import Suite
from bench.suites.workdir import Workdir

MB = 10**6
_STATE_BYTES = MB  # weights above this are kept as a state dict
GO = """#!/bin/sh
# bash go.sh [MINUTES] [OUT] [PROCESSES]: make the runs of pack.json, the most telling first, until the minutes are
# over, and write those that are finished to OUT (back). At once are PROCESSES (2) of them, or fewer where the GPU's
# memory does not hold what the suite says that they take. Run it again to go on. Needs Python 3.11 or 3.12 with torch,
# numpy, scipy, pillow, safetensors, tqdm.
minutes=${1:-9} out=$(realpath -m -- "${2:-$(dirname -- "$0")/back}") processes=${3:-2}
cd -- "$(dirname -- "$0")" || exit 2
unset BENCH_METHODS
export PYTHONPATH=. PYTHONDONTWRITEBYTECODE=1 BENCH_WORK=work BENCH_DATA=data BENCH_WEIGHTS=weights
python=${PYTHON:-python3}
"$python" -c "import torch, numpy, scipy, PIL, safetensors, tqdm" || exit 2
exec "$python" -m bench make-packed-runs --minutes "$minutes" --processes "$processes" --out "$out"
"""


def pack(suite_name: str, shard: str | None, out: Path, limit_mb: int, return_mb: int, overwrite: bool) -> list[str]:
    """Write the folder `out`; returns the names of the runs to make, the most telling first: those of a shard, or of
    all, whose published scores do not hold.

    Raises BadInput for code that is in no commit, a pack above `limit_mb`, and as `needed` and `output_folder` do;
    MissingWeights for a network that a run trains with.
    """
    head, suite, layout = commit(), find_suite(suite_name), Workdir(suite_name)
    check_place(out, [layout.root], overwrite)
    if head["changed"] is not False:
        why = "is in no checkout" if head["changed"] is None else "has changes that are in no commit; commit them first"
        raise BadInput(f"the code {why}: what is made with it could not be adopted")
    everything = suite.experiments()
    needs = [everything[name] for name in _in_order(suite, shard)]
    records, scores = read_results(results_folder() / suite_name)
    adopted = [run for run in needs if reusable(run, records.get(run.name), scores.get(run.name))]
    given = [run for run in adopted if _is_here(layout.run(run.name), records[run.name])]
    runs = [run for run in needs if run not in given]
    if not runs:
        raise BadInput(f"results/{suite_name} has every run of {shard or 'the suite'}; name another shard")
    for run in runs:
        if run.entry.method.__module__.startswith("guest_"):
            raise BadInput(f"{run.name}: the method is a file of its own, in no commit; leave it out")
    with output_folder(out, [layout.root], overwrite) as folder:
        with checked_out(head["commit"]) as tree:
            for name in CODE:
                shutil.copytree(tree / name, folder / name)
        _pack_pictures(runs, folder / "data")
        _pack_weights(runs, folder / "weights")
        for run in given:
            shutil.copytree(layout.run(run.name), folder / "work" / suite_name / "runs" / run.name)
        (folder / "go.sh").write_text(GO)
        about = {"suite": suite_name, "runs": [run.name for run in runs], "code": code_hashes(folder)}
        room = min(return_mb * MB, PARTS * PART_BYTES)
        write_json(folder / PACK, {**about, "commit": head["commit"], "return_bytes": room})
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        if size > limit_mb * MB:
            raise BadInput(f"the pack takes {size / MB:.1f} MB; raise --limit-mb {limit_mb}, or pack a smaller --shard")
    return [run.name for run in runs]


def _in_order(suite: Suite, shard: str | None) -> list[str]:
    """The runs that have to be made, shard by shard as named, or as the suite declares them."""
    shards = shard.split("+") if shard else dict.fromkeys(plan.shard for plan in suite.all_plans)
    return list(dict.fromkeys(name for part in shards for name in needed(suite, part, reuse=True)))


def _is_here(folder: Path, record: Record) -> bool:
    """Whether the network that a published run was scored with is in its run folder."""
    path = checkpoint_path(folder)
    return path.is_file() and hash_file(path) == record.get("checkpoint")


def _pack_pictures(runs: Sequence[Experiment], data: Path) -> None:
    """The pictures that are tested on, with the LR that they ship, and the HR of those that are trained on."""
    listed: dict[str, list[list[str | None]]] = {}

    def add(name: str, scale: int, role: str) -> None:
        unused, rows = left_out(name, scale) if role == "train" else {}, []
        for source in find(name, scale):
            files = [source.hr, source.lr if role == "test" else None]
            rows.append([source.name, *(None if file is None else f"{whole_of(name)}/{file.name}" for file in files)])
            for file in files:
                if file is not None and source.name not in unused and role != "valid":
                    (data / whole_of(name)).mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(file, data / whole_of(name) / file.name)
        listed.setdefault(f"{name}.x{scale}", rows)

    for name, scale, role in dict.fromkeys(_sets(runs)):
        add(name, scale, role)
        if role == "train" and whole_of(name) in VALIDATION:
            add(VALIDATION[whole_of(name)], scale, "valid")
    write_json(data / PICTURES, listed)


def _sets(runs: Sequence[Experiment]) -> Iterator[tuple[str, int, str]]:
    """(data set, scale, role) of everything that runs are tested and trained on."""
    for run in runs:
        yield from ((name, run.scale, "test") for name in run.test_sets)
        yield from ((name, run.scale, "train") for name in (*run.train_sets, *run.unpaired_sets))


def _pack_weights(runs: Sequence[Experiment], folder: Path) -> None:
    """What runs are trained and scored with. A network that is seen through bf16 alone is kept in bf16."""
    training = {name: [run for run in runs if name in run.build().needs_weights] for name in weights.WEIGHTS}
    scoring = {name for run in runs for metric in run.metrics for name in METRICS[metric].weights}
    folder.mkdir()
    for name, entry in weights.WEIGHTS.items():
        if not training[name] and (name not in scoring or entry.found is None):
            continue  # without a metric's weights it is n/a
        path, file = weights.locate(name), entry.found
        assert file is not None
        if path.stat().st_size > _STATE_BYTES:
            rounded = name not in scoring and all(run.precision == "bf16" for run in training[name])
            state = weights.load(name)
            write_state(folder / f"{name}.xz", state, weights.published_sha256(name), rounded)
        else:
            place = folder / (file.package or "") / file.name
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)
