"""REPORT.md and everything it shows: tables, figures and sentences, all made from the files of one suite."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from bench.report import MetricInfo, SuiteInfo
from bench.report.aggregate import (
    DISTORTION,
    PERCEPTUAL,
    Mean,
    Scores,
    cell_of,
    default_runs,
    difference,
    first_available,
    methods_of,
    read,
    read_costs,
    variants_of,
)
from bench.report.figures import Drawn, draw
from bench.report.render import Cell, Section, Table, to_grid, write
from bench.report.tables import (
    ablation_tables,
    cost_table,
    image_table,
    method_table,
    rank,
    show_difference,
    show_mean,
    unit_of,
)

REFERENCE = "bicubic"
MARKS = (
    "**Best** and <u>second best</u> of each column. With every digit: [CSV](tables/methods.csv); "
    "[every picture](tables/per-image.md)."
)
GAPS = "One change at a time. In brackets: the difference to the default, between the two means shown."


def build(results: Path, work: Path, suite: SuiteInfo, metrics: Mapping[str, MetricInfo] | None = None) -> Path:
    """Write tables/, figures/ and REPORT.md under `results`, replacing them; returns the report's path.

    results: holds scores/, runs.csv and, where there is one, cost.csv. work: the suite's folder with data/, sr/ and
    runs/. metrics: how each metric is named and measured, default bench.metrics.METRICS. Everything is made in a
    temporary folder first: an error leaves the old report as it was. Raises BadInput for scores missing or torn.
    """
    if metrics is None:
        from bench.metrics import METRICS

        metrics = METRICS
    scores = read(results, suite, metrics)
    draft = results / f".report.{os.getpid()}"
    shutil.rmtree(draft, ignore_errors=True)
    try:
        methods, ablations, costs = (
            method_table(scores),
            ablation_tables(scores),
            cost_table(read_costs(results, suite)),
        )
        for table in (methods, *ablations, image_table(scores), costs):
            write(table, draft / "tables")
        figures = draw(scores, work, draft / "figures")
        text = compose(scores, methods, ablations, costs, figures)
        (draft / "REPORT.md").write_text(text, encoding="utf-8", newline="\n")
        for name in ("tables", "figures", "REPORT.md"):
            _replace(draft / name, results / name)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return results / "REPORT.md"


def _replace(new: Path, old: Path) -> None:
    """Put a file or folder where another one may be."""
    if old.is_dir():
        old.rename(new.with_name(f"{new.name}.old"))
    new.replace(old)


def compose(scores: Scores, methods: Table, ablations: Sequence[Table], costs: Table, figures: Sequence[Drawn]) -> str:
    """The report's Markdown; its links are relative to the folder that holds it."""
    suite = scores.suite
    parts = [f"# Suite `{suite.name}`: ×{suite.scale}, {suite.degradation}", _bullets(headline(scores))]
    parts += ["## What was compared", to_grid(facts(scores, costs)), _bullets(suite.notes), disclaimer(scores)]
    parts += [f"## {methods.title}", MARKS]
    parts += [part for section in methods.sections for part in (f"### {section.title}", to_grid(section))]
    parts += ["How the metrics were measured, and why values are n/a:", _bullets(methods.footnotes)]
    parts += ["## Figures", *(_figure(drawn) for drawn in figures)]
    parts += ["## Ablations", GAPS] if ablations else []
    parts += [_ablation(table, methods.footnotes) for table in ablations]
    parts += ["## Training, here and in the papers", to_grid(training(scores)), _deviations(scores)]
    parts += ["## Cost", _cost(scores, costs), "## Where a number comes from", tracing(scores)]
    return "\n\n".join(part for part in parts if part) + "\n"


def headline(scores: Scores) -> list[str]:
    """Plain sentences: the best mean of the first distortion and perceptual metric, and what stands behind a mean."""
    lines = []
    for title, wanted in (("Distortion", DISTORTION), ("Perception", PERCEPTUAL)):
        metric = first_available(scores, wanted)
        if metric is None:
            lines.append(f"**{title}**: no metric of it has a value for every method.")
            continue
        sentences = [_best(scores, dataset, metric) for dataset in scores.suite.datasets]
        lines.append(f"**{title}** (`{metric}`, {scores.metrics[metric].better} is better): {'; '.join(sentences)}.")
    seeds = sorted({len(names) for names in default_runs(scores.runs).values()})
    counts = " to ".join(dict.fromkeys((str(seeds[0]), str(seeds[-1]))))
    noun = "seed" if seeds[-1] == 1 else "seeds"
    lines.append(f"Every number is a mean over pictures and {counts} {noun}; nothing here is a test of significance.")
    return lines


def _best(scores: Scores, dataset: str, metric: str) -> str:
    """'edsr is best on Set5 (30.71 dB, 2.28 dB above bicubic)'; ties name all, a best bicubic names the next."""
    info = scores.metrics[metric]
    means = {name: scores.means[name, "default", dataset, metric] for name in default_runs(scores.runs)}
    marks = dict(zip(means, rank(list(means.values()), info.better), strict=True))
    best = [name for name, mark in marks.items() if mark == "best"]
    if not best:
        return f"no two methods differ on {dataset}" if len(means) > 1 else f"{next(iter(means))} alone on {dataset}"
    other, name = REFERENCE, REFERENCE
    if REFERENCE not in means or REFERENCE in best:
        other = next(name for name, mark in marks.items() if mark == "second")
        name = f"the next, {other}"
    mean = means[best[0]]
    text = f"{' and '.join(best)} {'is' if len(best) == 1 else 'are'} best on {dataset} ({show_mean(mean, info)}"
    return f"{_with_unit(text, info)}{_gap(mean, means[other], info, name)})"


def _gap(mean: Mean, other: Mean, info: MetricInfo, name: str) -> str:
    """', 2.28 dB above bicubic', or nothing where the two cannot be compared."""
    gap = difference(mean, other)
    if gap is None:
        return ""
    size = _with_unit(show_difference(gap, info).lstrip("+−±"), info)
    return f", {size} {'above' if gap > 0 else 'below'} {name}"


def _with_unit(text: str, info: MetricInfo) -> str:
    return f"{text} {unit_of(info)}".rstrip()


def facts(scores: Scores, costs: Table) -> Section:
    """What was compared, one row a fact."""
    suite, runs = scores.suite, scores.runs
    pictures = {place: scores.frame[scores.frame["dataset"] == place]["image"].nunique() for place in suite.datasets}
    variants = sum(len([v for _, v in variants_of(runs, name) if v != "default"]) for name in default_runs(runs))
    rows = {
        "data sets": ", ".join(f"{place} ({count} pictures)" for place, count in pictures.items()),
        "scale, degradation": f"×{suite.scale}, {suite.degradation}",
        "methods": f"{len(default_runs(runs))}",
        "ablation variants": f"{variants}",
        "trained on": _distinct(runs[~runs["iterations"].isin(("", "0"))]["train_set"]),
        "iterations": _iterations(scores),
        "seeds": _distinct(runs["seed"]),
        "device": _distinct((record[costs.columns.index("train_device")] for record in costs.records), "; "),
        "perceptual network": _distinct(runs["perceptual"], "; "),
    }
    return Section("", ("", ""), tuple((Cell(name), Cell(text)) for name, text in rows.items()), labels=2)


def _distinct(values: Iterable[object], join: str = ", ") -> str:
    """The values that occur, in order, numbers with digit groups; a dash for none."""
    found = list(dict.fromkeys(str(value) for value in values if str(value)))
    if all(value.isdigit() for value in found):
        found = [f"{number:,}" for number in sorted(map(int, found))]
    return join.join(found) or "–"


def _iterations(scores: Scores) -> str:
    """How long the trained runs are: '2,000', '300 to 2,000', or a dash where none is."""
    found = sorted({int(text) for text in scores.runs["iterations"] if text.isdigit() and int(text) > 0})
    return " to ".join(dict.fromkeys(f"{number:,}" for number in (found[:1] + found[-1:]))) or "–"


def disclaimer(scores: Scores) -> str:
    """How long these runs are, against the papers' own schedules, for the methods whose schedule is known."""
    told = [name for name in default_runs(scores.runs) if name in scores.suite.paper_training]
    if not told:
        return ""
    return (
        f"Trained here for {_iterations(scores)} iterations; what the papers did is under "
        "[Training](#training-here-and-in-the-papers). Where a run is shorter than its paper's, its numbers compare "
        "methods under this budget: they do not reproduce the paper's, and a method that needs long training is at a "
        "disadvantage."
    )


def training(scores: Scores) -> Section:
    """Every method's schedule here and in its paper."""
    header = ("method", "iterations", "batch", "patch", "trained on", "in the paper", "paper")
    rows = []
    for name, runs in default_runs(scores.runs).items():
        here = [cell_of(scores.runs, runs[0], column) for column in ("iterations", "batch", "patch", "train_set")]
        here = [f"{int(text):,}" if text.isdigit() else text for text in here] if here[0] not in ("", "0") else [""] * 4
        texts = (name, *here, scores.suite.paper_training.get(name, ""), cell_of(scores.runs, runs[0], "paper"))
        rows.append(tuple(Cell(text or "–") for text in texts))
    return Section("", header, tuple(rows), labels=len(header))


def _deviations(scores: Scores) -> str:
    """What differs from the papers by intent, a list a method."""
    found = [(name, scores.suite.deviations.get(name, ())) for name in default_runs(scores.runs)]
    lines = [f"**{name}**: {line}" for name, deviations in found for line in deviations]
    return f"Deviations from the papers:\n\n{_bullets(lines)}" if lines else ""


def _figure(drawn: Drawn) -> str:
    """A picture with its caption, or why it is not there."""
    if drawn.missing:
        return f"### {drawn.title}\n\nNot drawn: {drawn.missing}."
    link = f"[![{drawn.title}](figures/{drawn.name}.png)](figures/{drawn.name}.svg)"
    return f"### {drawn.title}\n\n{link}\n\n{drawn.caption}"


def _ablation(table: Table, told: Sequence[str]) -> str:
    """A method's ablations with their questions; footnotes that the main table has are not repeated."""
    method = table.name.removeprefix("ablation-")
    parts = [f"### {method}", *(_bullets(section.lead) for section in table.sections)]
    parts += [part for section in table.sections for part in (f"#### {method} on {section.title}", to_grid(section))]
    parts.append(_bullets([line for line in table.footnotes[1:] if line not in told]))
    return "\n\n".join([*(part for part in parts if part), f"With every digit: [CSV](tables/{table.name}.csv)."])


def _cost(scores: Scores, costs: Table) -> str:
    """Seconds and memory of the defaults."""
    defaults = {run for runs in default_runs(scores.runs).values() for run in runs}
    section = costs.sections[0]
    rows = tuple(row for row in section.rows if row[0].text in defaults)
    if not rows:
        return "No costs were recorded."
    text = (
        "Measured on the machine of each run: these numbers differ from run to run. Every run: [CSV](tables/cost.csv)."
    )
    return f"{text}\n\n{to_grid(Section('', section.header, rows, labels=section.labels))}"


def tracing(scores: Scores) -> str:
    """From a number in a table back to the code and data that made it."""
    suite = scores.suite
    place = f"methods {methods_of(scores.runs)[-1]} {suite.datasets[0]}/{suite.metrics[0]}"
    return (
        "The column `runs` of `tables/*.csv` names the runs behind a row. Each run's scores, picture by picture, are "
        "in `scores/`; its settings are a row of `runs.csv`; commit, code, data, environment and device are "
        "`provenance/<run>.json`. The chain behind one number, and a check of all of them:\n\n"
        f"```\npython -m bench why results/{suite.name} {place}\npython -m bench verify results/{suite.name}\n```"
    )


def _bullets(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)
