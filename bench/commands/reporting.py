"""What the report and the mirror need to be told: they know neither methods nor suites."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.api import Claim, Entry
from bench.runtime.files import read_json, write_json
from bench.runtime.paths import results_folder
from bench.suites.experiment import Experiment
from bench.suites.workdir import Workdir


def build_report(
    suite_name: str, shard: str | None, methods: str | None, out: Path | None, reuse: bool = False
) -> None:
    """Tables, figures, REPORT.md and provenance of a suite, a shard of it, or some methods of it, from the scores.

    With a shard, runs of the other shards that results/<suite>/ holds keep their place in the tables; with `reuse`,
    those whose scores there still hold.
    """
    from bench.provenance.record import write_records
    from bench.provenance.reuse import needed
    from bench.report.document import build
    from bench.runtime.checksums import seal
    from bench.suites import find_suite

    chosen, layout = find_suite(suite_name), Workdir(suite_name)
    runs = needed(chosen, shard, reuse)
    if methods:
        names = set(methods.split(","))
        runs = {name: run for name, run in runs.items() if run.method in names}
    results = out or layout.results
    if out is not None:
        for run in runs.values():
            place = out / "scores" / run.method / f"{run.name}.csv"
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(layout.scores(run), place)
    whole = shard is None and not reuse
    adopted = [] if whole else _adopt(chosen.experiments(), runs, results, results_folder() / suite_name)
    write_records(chosen, runs.values(), layout, results, adopted)
    everything = chosen.experiments()
    order = [name for name in everything if name in runs or name in adopted]
    build(results, layout.root, describe(chosen, order, results))
    seal(results)


def _adopt(everything: dict[str, Experiment], own: dict[str, Experiment], results: Path, published: Path) -> list[str]:
    """Copy the published scores and records of runs that are not made here, and what figures are drawn from; return
    the names of the runs."""
    from bench.report.material import FOLDERS
    from bench.stages.feature_activity import FILE

    adopted = []
    for name, run in everything.items():
        scores = published / "scores" / run.method / f"{name}.csv"
        record = published / "provenance" / f"{name}.json"
        if name in own or not (scores.is_file() and record.is_file()):
            continue
        for source, place in ((scores, results / "scores" / run.method), (record, results / "provenance")):
            place.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, place / source.name)
        adopted.append(name)
    if adopted and (published / FILE).is_file() and not (results / FILE).is_file():
        shutil.copyfile(published / FILE, results / FILE)
    for folder in FOLDERS if adopted else ():
        if (published / folder).is_dir():
            shutil.copytree(published / folder, results / folder, dirs_exist_ok=True)
    return adopted


def describe(chosen: Any, order: Sequence[str], results: Path) -> Any:
    """The suite as the report wants to hear of it. results: where the runs' records are."""
    from bench.report import SuiteInfo
    from bench.stages.divergence import notes
    from bench.suites import read_awaiting
    from methods import METHODS

    everything = chosen.experiments()
    runs = [everything[name] for name in order]
    used = {run.method for run in runs}
    entries = {name: METHODS[name] for name in METHODS if name in used}
    training = {n: f"{d.iterations:,} iterations" for n, d in entries.items() if d.iterations}
    return SuiteInfo(
        name=chosen.name,
        settings=_settings(chosen, runs),
        notes=(chosen.title, *chosen.notes, *notes(results, order)),
        questions={f"{n}.{axis.name}": axis.question for n, d in entries.items() for axis in d.axes},
        deviations={n: d.deviations for n, d in entries.items() if d.deviations},
        paper_training=training,
        claims=(*(claim for entry in entries.values() for claim in entry.claims), *_awaited(entries.values())),
        sweeps=tuple(sweep for entry in entries.values() for sweep in _sweeps(entry, runs)),
        papers={name: re.sub(r"(\d{4}).*", r"\1", entry.paper) for name, entry in METHODS.items()},
        deterministic=tuple(name for name, entry in entries.items() if entry.deterministic),
        baselines={name: entry.baselines for name, entry in entries.items() if entry.baselines},
        awaiting=read_awaiting(chosen.name),
        gaps={name: entry.gap for name, entry in entries.items() if entry.gap},
    )


def _awaited(entries: Iterable[Entry]) -> Sequence[Claim]:
    """The claims of methods that are not here yet; none where no method at hand has a claim either."""
    from methods.awaited import AWAITED

    return AWAITED if any(entry.claims for entry in entries) else ()


def _sweeps(entry: Entry, runs: Sequence[Experiment]) -> Iterator[Any]:
    """The axes of a method along which one number took three values or more, every other knob of the axis the same.

    The default is on such an axis where it has the others' values of those.
    """
    from bench.report import Sweep

    built = {run.variant: run.build().knobs for run in runs if run.method == entry.name}
    for axis in entry.axes:
        names = list(dict.fromkeys(name for variant in axis.variants for name in entry.variants[variant]))
        rows = {v: {name: built[v][name] for name in names} for v in axis.variants if v in built}
        moving = [name for name in names if len({row[name] for row in rows.values()}) > 1]
        if len(moving) != 1 or any(_number(row[moving[0]]) is None for row in rows.values()):
            continue
        knob = moving[0]
        rest = {name: value for name, value in next(iter(rows.values())).items() if name != knob}
        if "default" in built and all(built["default"][name] == value for name, value in rest.items()):
            rows["default"] = {knob: built["default"][knob]}
        values = {variant: float(row[knob]) for variant, row in rows.items()}
        if len(set(values.values())) > 2:
            yield Sweep(entry.name, axis.name, knob, dict(sorted(values.items(), key=lambda item: item[1])))


def _number(value: object) -> float | None:
    """A knob that is a number and no switch."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _settings(chosen: Any, runs: Sequence[Experiment]) -> Any:
    """The runs in groups that can be compared, the suite's own setting first, the others as they come.

    Two groups that differ in their pictures alone have the names of these in theirs.
    """
    from bench.report import Setting

    groups: dict[tuple[int, str, bool, tuple[str, ...]], list[Experiment]] = {}
    for run in runs:
        groups.setdefault((run.scale, run.degradation, run.estimates, run.test_sets), []).append(run)
    own = (chosen.scale, chosen.degradation, False, chosen.test_sets)
    plain: dict[str, int] = {}
    made = []
    for key in sorted(groups, key=lambda key: key != own):
        scale, degradation, estimates, sets = key
        name = f"x{scale}.{degradation}{'.kernels' if estimates else ''}"
        plain[name] = plain.get(name, 0) + 1
        name += "" if plain[name] == 1 else f".{'+'.join(sets)}"
        metrics = tuple(dict.fromkeys(metric for run in groups[key] for metric in run.metrics))
        made.append(Setting(name, scale, degradation, sets, metrics, tuple(run.name for run in groups[key])))
    return tuple(made)


def mirror_method(suite_name: str, runs: Sequence[Experiment]) -> None:
    """Mirror the finished runs of one method, and note where they went."""
    from bench.tracking import mirror_runs

    layout = Workdir(suite_name)
    made = mirror_runs(suite_name, [_folder(run, layout) for run in runs])
    write_json(layout.root / "mirror" / f"{runs[0].method}.json", made)


def mirror_tables(suite_name: str) -> None:
    """Attach every table, the figures and the report to the suite's parent run."""
    from bench.tracking import mirror_suite

    layout = Workdir(suite_name)
    write_json(layout.root / "mirror" / "tables.json", mirror_suite(suite_name, layout.results))


def _folder(run: Experiment, layout: Workdir) -> Any:
    """One finished run as the mirror wants to see it."""
    from bench.suites.experiment import digest_of
    from bench.tracking import RunFolder

    folder = layout.run(run.name)
    made = layout.kernels(run) / "kernels.json" if run.estimates else layout.sr(run) / "upscale.json"
    record = read_json(folder / "train.json" if run.iterations else made)
    said = run.resolved()
    params = {**{k: v for k, v in said.items() if k != "knobs"}, **{f"knob.{k}": v for k, v in said["knobs"].items()}}
    pictures = sorted(layout.sr(run).rglob("*.png"))
    return RunFolder(
        name=run.name,
        params={name: str(value) for name, value in params.items()},
        tags={
            "method": run.method,
            "variant": run.variant,
            "digest": record["digest"],
            "commit": record["code"]["commit"],
            "train_data": record.get("train_data", ""),
            "device": record["device"] if run.iterations else "",
            "environment": digest_of(record["environment"]),
        },
        curves=folder / "curves.jsonl" if run.iterations else None,
        scores=layout.scores(run),
        samples=pictures[:2],
    )
