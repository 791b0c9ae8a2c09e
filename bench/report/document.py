"""REPORT.md, the page, and everything they show: tables, figures and sentences, made from the files of one suite."""

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from bench.metrics import METRICS, Metric
from bench.report import SuiteInfo
from bench.report.aggregate import read
from bench.report.contents import Chapter, Report, gather
from bench.report.html import write_page
from bench.report.render import Table, bullets, lay_out, to_grid, write
from bench.report.style import Drawn
from bench.report.summary import MEASURED_COST, compared, deviations, disclaimer, headline, tally, tracing, training
from bench.report.tables import IN_BRACKETS
from bench.runtime.files import making_folder, replacing
from bench.runtime.results import FIGURES, REPORT, TABLES, pack_material

PAGE = (
    "The same as a page, with pictures to compare, tables that sort, every picture's scores, tables as LaTeX and "
    "figures as SVG: `python -m bench page results/{name} --out DIR`, then open DIR/index.html."
)
DIGITS = "With every digit: [CSV](tables/{name}.csv)."


def build(
    results: Path,
    work: Path,
    suite: SuiteInfo,
    metrics: Mapping[str, Metric] = METRICS,
    page: Path | None = None,
) -> Path:
    """Write tables/, figures/, REPORT.md and what figures are drawn from under `results`; return REPORT.md's path.

    results: holds scores/, runs.csv and, where there is one, cost.csv. work: the suite's folder with data/, sr/ and
    runs/. metrics: how each metric is named and measured. page: the folder to put
    index.html into, with every table as CSV, Markdown and LaTeX and every figure as SVG. Everything is made in a
    temporary folder first: an error leaves the old report as it was. Raises BadInput for scores missing or torn.
    """
    every = read(results, suite, metrics)
    draft = results / f".report.{os.getpid()}"
    shutil.rmtree(draft, ignore_errors=True)
    try:
        report = gather(every, results, work, draft)
        for table in report.tables:
            write(table, draft / "tables")
        write_page(report, draft / "index.html")
        if page is not None:
            with making_folder(page) as folder:
                for name in (TABLES, FIGURES):
                    shutil.copytree(draft / name, folder / name)
                shutil.copy(draft / "index.html", folder)
        for name, suffix in ((TABLES, ".csv"), (FIGURES, ".png")):
            with making_folder(results / name) as folder:
                shutil.copytree(draft / name, folder, ignore=_all_but(suffix), dirs_exist_ok=True)
        pack_material(draft / "material", results)
        with replacing(results / REPORT) as file:
            file.write_text(compose(report), encoding="utf-8", newline="\n")
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return results / REPORT


def _all_but(suffix: str) -> Callable[[str, list[str]], list[str]]:
    """What is not copied: other kinds of files, and tables of single pictures, which scores/ holds already."""
    return lambda _, names: [name for name in names if not name.endswith(suffix) or name.startswith("per-image")]


def compose(report: Report) -> str:
    """The report's Markdown; its links are relative to the folder that holds it."""
    chapters, every, lead = report.chapters, report.every, report.lead
    suite, alone = every[0].suite, len(chapters) == 1
    parts = [f"# Suite `{suite.name}`" + (f": {every[0].setting.title}" if alone else "")]
    parts.append(PAGE.format(name=suite.name))
    parts += [tally(report.verdicts)] if report.verdicts else []
    parts += [*lay_out(lead, 2), DIGITS.format(name=lead.name)] if lead else []
    for scores in every:
        parts += ["" if alone else f"**{scores.setting.title}**", bullets(headline(scores))]
    parts += ["## What was compared", to_grid(compared(every, report.spent)), bullets(suite.notes), disclaimer(every)]
    known: set[str] = set()
    for chapter in chapters:
        parts += _compose_chapter(chapter, "" if alone else f", {chapter.scores.setting.title}", known)
        known |= set(chapter.methods.footnotes)
    if report.claims:
        parts += [*lay_out(report.claims, 2), bullets(report.claims.footnotes), DIGITS.format(name=report.claims.name)]
    parts += [part for table in report.small for part in lay_out(table, 2)]
    if report.papers:  # the tables are files of their own
        links = [f"{table.title}: [tables/{table.name}.csv](tables/{table.name}.csv)" for table in report.papers[1:]]
        parts += [*lay_out(report.papers[0], 2), bullets(report.papers[0].footnotes), bullets(links)]
    lines = deviations(every)
    parts += ["## Training, here and in the papers", to_grid(training(every))]
    parts += ["Deviations from the papers:", bullets(lines)] if lines else []
    words, commands = tracing(every[0])
    parts += ["## Cost", _cost(report), "## Where a number comes from", words, f"```\n{commands}\n```"]
    return "\n\n".join(part for part in parts if part) + "\n"


def _compose_chapter(chapter: Chapter, whose: str, known: set[str]) -> list[str]:
    """One setting: methods, figures, ablations; known: footnotes of an earlier setting, not to be repeated."""
    methods = chapter.methods
    footnotes = [line for line in methods.footnotes if line not in known]
    title, legend, *grids = lay_out(methods, 2)
    parts = [title, f"{legend} {DIGITS.format(name=methods.name)}", *grids]
    parts += ["How the metrics were measured, and why values are n/a:", bullets(footnotes)] if footnotes else []
    parts += [f"## Figures{whose}", *(_figure(drawn) for drawn in chapter.figures)]
    parts += [f"## Ablations{whose}", f"One change at a time. {IN_BRACKETS}"] if chapter.ablations else []
    parts += [_ablation(table, {*methods.footnotes, *known}) for table in chapter.ablations]
    if chapter.effects is not None:
        parts.append(f"Every difference with its interval and test: [CSV](tables/{chapter.effects.name}.csv).")
    return parts


def _figure(drawn: Drawn) -> str:
    """A picture with its caption, or why it is not there."""
    if drawn.missing:
        return f"### {drawn.title}\n\nNot drawn: {drawn.missing}."
    return f"### {drawn.title}\n\n![{drawn.title}](figures/{drawn.name}.png)\n\n{drawn.caption}"


def _ablation(table: Table, known: set[str]) -> str:
    """A method's ablations with their questions; known: footnotes not to be repeated."""
    method = table.title.removeprefix("Ablations of ").partition(",")[0]
    parts = [f"### {method}", *(bullets(section.lead) for section in table.sections)]
    parts += [part for section in table.sections for part in (f"#### {method} on {section.title}", to_grid(section))]
    parts.append(bullets([line for line in table.footnotes[1:] if line not in known]))
    return "\n\n".join([*(part for part in parts if part), DIGITS.format(name=table.name)])


def _cost(report: Report) -> str:
    """Seconds and memory of the entrants."""
    section = report.entrant_costs
    if not section.rows:
        return "No costs were recorded."
    steps = f"\n\n### {report.step_costs.title}\n\n{to_grid(report.step_costs)}" if report.step_costs.rows else ""
    return f"{MEASURED_COST} Every run: [CSV](tables/cost.csv).\n\n{to_grid(section)}{steps}"
