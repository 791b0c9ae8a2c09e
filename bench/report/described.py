"""What the report is told of a suite; no other module of the report knows suites or methods."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from bench.api import Entry, knob_paths
from bench.errors import BadInput
from bench.report import Setting, SuiteInfo, Sweep
from bench.report.aggregate import short_name
from bench.report.document import build
from bench.report.verdicts import TOLERANCE
from bench.runtime.results import read_records
from bench.stages.divergence import notes
from bench.suites import find_suite, read_awaiting
from bench.suites.experiment import Experiment
from bench.suites.suite import Suite
from methods import METHODS, PUBLISHED


def describe(suite: Suite, order: Sequence[str], results: Path, mine: str = "") -> SuiteInfo:
    """A suite's runs of these names. results: where their records are. mine: the '<method>.<variant>' that all others
    are compared with; each then stands for itself."""
    everything = suite.experiments()
    runs = [everything[name] for name in order]
    used, planned = {run.method for run in runs}, {plan.method for plan in suite.plans}
    entries = {name: entry for name, entry in (METHODS | PUBLISHED).items() if name in used}
    training = {n: f"{d.iterations:,} iterations" for n, d in entries.items() if d.iterations}
    judged = set() if suite.reported else used | planned
    info = SuiteInfo(
        name=suite.name,
        settings=_settings(suite, runs),
        notes=(suite.title, *suite.notes, *_budgets(results, runs), *notes(results, order)),
        questions={f"{n}.{axis.name}": axis.question for n, d in entries.items() for axis in d.axes},
        deviations={n: d.deviations for n, d in entries.items() if d.deviations},
        paper_training=training,
        claims=tuple(claim for n, d in METHODS.items() if n in judged for claim in d.claims),
        sweeps=tuple(sweep for entry in entries.values() for sweep in _sweeps(entry, runs)),
        papers={name: re.sub(r"(\d{4}).*", r"\1", entry.paper) for name, entry in (METHODS | entries).items()},
        sizes={f"{run.method}.{run.variant}": words for run in runs if (words := _resized(run))},
        headlines={f"{n}.{v}": label for n, entry in entries.items() for v, label in entry.headlines.items()},
        at_test={f"{run.method}.{run.variant}": trained for run in runs if any(trained := run.build().at_test)},
        deterministic=tuple(name for name, entry in entries.items() if entry.deterministic),
        baselines={name: entry.baselines for name, entry in entries.items() if entry.baselines},
        awaiting=read_awaiting(suite.name),
        reported=suite.reported,
        gaps={name: entry.gap for name, entry in entries.items() if entry.gap},
    )
    return _compared(info, runs, mine) if mine else info


def _compared(info: SuiteInfo, runs: Sequence[Experiment], mine: str) -> SuiteInfo:
    """The same about one's own method: every variant by its name, nothing of the papers."""
    labels = {f"{run.method}.{run.variant}": short_name(run.method, run.variant) for run in runs}
    info = replace(info, mine=mine, claims=(), headlines={**labels, **info.headlines})
    return replace(info, deviations={}, paper_training={}, awaiting={}, reported={}, gaps={}, baselines={})


def _budgets(results: Path, runs: Sequence[Experiment]) -> Iterator[str]:
    """A sentence for each method that the suite has no plan of: what it was trained with, and why."""
    records = read_records(results)
    first = {run.method: run for run in reversed(runs) if run.variant == "default"}
    for method, run in first.items():
        budget = records.get(run.name, {}).get("training", {}).get("budget")
        if budget is None:
            continue
        (count, side), asked = run.build().batch, budget["asked"]
        seen = f"{budget['iterations']:,} steps of {count} patches of {side}x{side} HR pixels"
        knobs = ", ".join(f"{name} {value}" for name, value in asked["knobs"].items())
        length = next((f"{asked[name]:g} {name}, as it asks" for name in ("iterations", "seconds") if asked[name]), "")
        why = (length or f"as many pixels as {budget['rival']} sees") + (f"; it asks for {knobs}" if knobs else "")
        rate = ""
        if "trials" in budget:
            tried = ", ".join(f"{r}: {v if v is None else f'{v:.2f} dB'}" for r, v in budget["trials"].items())
            rate = (
                f"; its learning rate, {budget['knobs']['learning_rate']:g}, is the best of a grid on "
                f"{', '.join(budget['pictures'])} after {budget['trial_iterations']:,} steps each ({tried})"
            )
        unequal = [
            f"`{name}` {ratio:.2g} times as many"
            for name, other in first.items()
            if other.iterations and abs((ratio := _pixels(other) / _pixels(run)) - 1) > TOLERANCE
        ]
        warning = f" Not equal in what they see of HR: {', '.join(unequal)}." if unequal else ""
        yield f"`{method}` is no method of this suite. It was trained for {seen}, {why}{rate}.{warning}"


def _pixels(run: Experiment) -> int:
    """HR pixels that a run's own training sees."""
    count, side = run.build().batch
    return run.iterations * count * side**2


def _resized(run: Experiment) -> str:
    """'width 24 instead of 64, ...': the knobs of the network, not of its recipe, that are not the paper's."""
    paper = run.entry.build(run.scale, run.entry.variants[run.variant]).knobs
    paths = knob_paths(run.entry.method)
    other = {name: value for name, value in run.build().knobs.items() if value != paper[name]}
    return ", ".join(
        f"{name} {value} instead of {paper[name]}" for name, value in other.items() if "recipe" not in paths[name]
    )


def _sweeps(entry: Entry, runs: Sequence[Experiment]) -> Iterator[Sweep]:
    """The axes of a method along which one number took three values or more, every other knob of the axis the same.

    The default is on such an axis where it has the same values of those other knobs.
    """
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


def _settings(suite: Suite, runs: Sequence[Experiment]) -> tuple[Setting, ...]:
    """The runs in groups that can be compared, the suite's own setting first, the others as they come.

    Two groups that differ in their pictures alone have the names of these in theirs.
    """
    groups: dict[tuple[int, str, bool, tuple[str, ...]], list[Experiment]] = {}
    for run in runs:
        groups.setdefault((run.scale, run.degradation, run.estimates, run.test_sets), []).append(run)
    own = (suite.scale, suite.degradation, False, suite.test_sets)
    plain: dict[str, int] = {}
    settings = []
    for key in sorted(groups, key=lambda key: key != own):
        scale, degradation, estimates, sets = key
        name = f"x{scale}.{degradation}{'.kernels' if estimates else ''}"
        plain[name] = plain.get(name, 0) + 1
        name += "" if plain[name] == 1 else f".{'+'.join(sets)}"
        metrics = tuple(dict.fromkeys(metric for run in groups[key] for metric in run.metrics))
        settings.append(Setting(name, scale, degradation, sets, metrics, tuple(run.name for run in groups[key])))
    return tuple(settings)


def rebuild_tables(suite_name: str, folder: Path, runs: Sequence[str], page: Path | None = None) -> None:
    """tables/ of a folder from its scores, by the report's own code, and the page where one is wanted. Raises BadInput
    for an unknown suite or run."""
    suite = find_suite(suite_name)
    known = suite.experiments()
    lacking = [name for name in runs if name not in known]
    if lacking:
        raise BadInput(f"suite {suite_name} no longer has {lacking[0]}")
    order = [name for name in known if name in set(runs)]
    build(folder, folder / "work", describe(suite, order, folder), page=page)
