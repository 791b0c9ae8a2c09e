"""Adopt what came back from a machine elsewhere: check every link of it, then make it part of the published suite."""

import contextlib
import json
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bench.data.prepare import MANIFEST, prepare_test
from bench.errors import BadInput
from bench.provenance.checks import FAULTS
from bench.provenance.record import write_results
from bench.provenance.verify import verify
from bench.report.described import describe
from bench.report.document import build
from bench.runtime.checksums import seal
from bench.runtime.files import making_folder, read_json, write_json
from bench.runtime.git import absence
from bench.runtime.output import check_place, check_unchanged, output_folder
from bench.runtime.parcel import read_parcel
from bench.runtime.paths import results_folder
from bench.runtime.results import FILES
from bench.stages.elsewhere import made_by, records_of
from bench.stages.feature_activity import measure_taps
from bench.stages.train import checkpoint_path, load_weights
from bench.suites import find_suite
from bench.suites.experiment import Experiment
from bench.suites.suite import Suite
from bench.suites.workdir import Workdir


def adopt(parcel: Path) -> list[str]:
    """Check the runs of a parcel, put them into results/<suite> with those that are there, and their networks into the
    work folder, where a later pack finds them. Returns their names.

    Raises BadInput, and leaves everything as it was, for a parcel that `read_parcel` refuses; a suite, run, setting,
    commit or file that is not the project's; and any link of `verify` that is broken.
    """
    head, content = read_parcel(parcel)
    suite, runs = _runs_of(parcel, head, content)
    published = results_folder() / suite.name
    check_place(published, [parcel], record=FILES)
    with tempfile.TemporaryDirectory() as name:
        draft, layout = Path(name) / "results", Workdir(suite.name, Path(name))
        try:
            _unpack(parcel, runs, content, layout)
            _measure_taps(runs, layout)
            order = write_results(suite, runs, layout, draft, published)
        except FAULTS as error:
            why = error if isinstance(error, BadInput) else f"not as a stage writes it ({error!r})"
            raise BadInput(f"{parcel}: {why}; nothing was adopted") from None
        for link in verify(draft, layout.root):
            if link.state == "broken" and link.kind != "file":  # they are not listed yet
                raise BadInput(f"{parcel}: {link.kind}: {link.name}: {link.text}; nothing was adopted")
        build(draft, layout.root, describe(suite, order, draft))
        seal(draft)
        with output_folder(published, [parcel], record=FILES) as folder:
            shutil.copytree(draft, folder, dirs_exist_ok=True)
        for run in runs:
            _keep_network(layout.run(run.name), Workdir(suite.name).run(run.name))
    return [run.name for run in runs]


def _runs_of(parcel: Path, head: Any, content: Mapping[str, bytes]) -> tuple[Suite, list[Experiment]]:
    """The suite, and its runs of which there are scores. Raises BadInput for what is not the project's."""
    try:
        suite, names, made_at = find_suite(str(head["suite"])), [str(run) for run in head["runs"]], str(head["commit"])
    except (KeyError, TypeError) as error:
        raise BadInput(f"{parcel}: does not say which runs it holds ({error!r}); run go.sh again") from None
    if why := absence(made_at) if set(made_at) <= set("0123456789abcdef") else "is no commit":
        raise BadInput(f"{parcel}: was made with code that cannot be checked: {why}")
    everything, layout = suite.experiments(), Workdir(suite.name)
    if foreign := [name for name in names if name not in everything]:
        raise BadInput(f"{parcel}: suite {suite.name} has no run {foreign[0]!r}; check out {made_at[:12]} to adopt it")
    runs = [everything[name] for name in dict.fromkeys(names)]
    runs = [run for run in runs if layout.scores(run).relative_to(layout.root).as_posix() in content]
    if not runs:
        raise BadInput(f"{parcel}: holds no finished run; run go.sh for longer")
    return suite, runs


def _unpack(parcel: Path, runs: Iterable[Experiment], content: Mapping[str, bytes], layout: Workdir) -> None:
    """Write the files of these runs to a work folder, beside test pictures where their data sets are here. Raises
    BadInput for a file that none of the runs makes, and one that is not as the run's record says."""
    for run in runs:
        for name, folder in layout.test_sets(run).items():
            with contextlib.suppress(BadInput):
                if not folder.is_dir():
                    prepare_test(name, run.scale, run.degradation, folder)
    expected = set[Path]()
    for run in runs:
        files = records_of(run, layout)
        if lacking := [path.name for path in files if path.relative_to(layout.root).as_posix() not in content]:
            raise BadInput(f"the {lacking[0]} of {run.name} did not come back")
        expected |= {*files, *([checkpoint_path(layout.run(run.name))] if run.iterations else [])}
        record = json.loads(content[files[-1].relative_to(layout.root).as_posix()])
        expected |= set(made_by(run, layout, record["outputs"]))
        if record["experiment"] != json.loads(json.dumps(run.resolved(), default=list)):
            raise BadInput(f"{run.name} has other settings here; check out the commit that it was made at")
    for name, data in content.items():
        path = layout.root / name
        if path not in expected or not {"..", ""}.isdisjoint(name.split("/")) or not name.isprintable():
            raise BadInput(f"{name!r} is no file that its runs make")
        if path.name == MANIFEST and path.is_file() and path.read_bytes() != data:
            raise BadInput(f"{name} is of other pictures than those that are here")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    for run in runs:
        if run.iterations:
            folder, made = layout.run(run.name), read_json(layout.run(run.name) / "train.json")["outputs"]
            check_unchanged(folder, {name: made[name] for name in made if (folder / name).is_file()})
            if checkpoint_path(folder).is_file():
                load_weights(checkpoint_path(folder))


def _measure_taps(runs: Iterable[Experiment], layout: Workdir) -> None:
    """What the perceptual losses can see, measured here where it was not there: a pack rounds their networks."""
    for run in runs:
        path, pictures = layout.score_record(run), layout.test_data(run.test_sets[0], run.scale, run.degradation) / "hr"
        record = read_json(path)
        if record["taps"] is None and pictures.is_dir():
            write_json(path, {**record, "taps": measure_taps(run, pictures)})


def _keep_network(made: Path, place: Path) -> None:
    """A trained run where `pack` looks for what others start from; not over a run folder that is there."""
    if checkpoint_path(made).is_file() and not place.exists():
        with making_folder(place) as folder:
            shutil.copytree(made, folder, dirs_exist_ok=True)
