"""What a report holds, gathered once for the Markdown and the page: scores, tables, figures, verdicts."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import fmean

import pandas as pd

from bench.report.aggregate import Scores, read_costs
from bench.report.comparisons import cost_table, gain_table, gap_table, read_feature_activity
from bench.report.figures import draw
from bench.report.material import Material, keep_material, read_material
from bench.report.papers import build as build_paper_tables
from bench.report.papers import has_measurement, overview
from bench.report.papers.published import reported_table
from bench.report.render import Cell, Section, Table
from bench.report.rivals import rivals_table
from bench.report.style import Drawn
from bench.report.tables import ablation_tables, image_table, method_table
from bench.report.verdict_tables import claims_table, effects_table
from bench.report.verdicts import VariantEffect, Verdict, ablation_effects, judge
from bench.runtime.results import unpack_material


@dataclass(frozen=True)
class Chapter:
    """One setting of a suite, with the tables and figures made of its scores."""

    scores: Scores
    methods: Table
    ablations: tuple[Table, ...]
    variant_effects: tuple[VariantEffect, ...]
    effects: Table | None
    images: Table
    figures: tuple[Drawn, ...]
    material: Material

    def caption(self, figure: str) -> str:
        """Of the figure of this name, without the setting's suffix; empty where it was not drawn."""
        name = f"{figure}{self.scores.suffix}"
        return next((drawn.caption for drawn in self.figures if drawn.name == name), "")

    @property
    def tables(self) -> tuple[Table, ...]:
        return (self.methods, *self.ablations, *((self.effects,) if self.effects else ()), self.images)


@dataclass(frozen=True)
class Report:
    """Everything that REPORT.md and the page are made of; claims and papers where there is anything to say.

    spent: cost.csv, see `read_costs`.
    papers: the overview, then every table of a paper of which something was measured; lead: what the
    report is about, where it is not a suite's methods. small: tables on one question.
    """

    chapters: tuple[Chapter, ...]
    spent: pd.DataFrame
    verdicts: tuple[Verdict, ...]
    claims: Table | None
    papers: tuple[Table, ...]
    lead: Table | None
    small: tuple[Table, ...]

    @property
    def every(self) -> list[Scores]:
        """The scores of all settings, the main one first."""
        return [chapter.scores for chapter in self.chapters]

    @cached_property
    def costs(self) -> Table:
        """Seconds and memory of every run."""
        return cost_table(self.spent)

    @property
    def tables(self) -> tuple[Table, ...]:
        own = [table for chapter in self.chapters for table in chapter.tables]
        alone = (table for table in (self.claims, self.lead) if table)
        return (*own, *alone, *self.small, *self.papers, self.costs)

    @property
    def entrant_costs(self) -> Section:
        """The costs of the entrants alone."""
        shown = {run for scores in self.every for entrant in scores.entrants for run in entrant.runs}
        section = self.costs.sections[0]
        rows = tuple(row for row in section.rows if row[0].text in shown)
        return Section("Runs of the methods compared", section.header, rows, labels=section.labels)

    @property
    def step_costs(self) -> Section:
        """What a training step costs with every variant of a method, beside its default: so, what each term does."""
        seconds, rows = pd.to_numeric(self.spent["train_cpu_seconds"]), []
        for scores in self.every:
            steps = pd.to_numeric(scores.runs["iterations"]).where(lambda count: count > 0)
            timed = (1e3 * seconds / steps).dropna()
            known = {variant.key: timed[timed.index.isin(variant.runs)] for variant in scores.variants}
            times = {key: fmean(each) for key, each in known.items() if len(each)}
            beside = {method for method, variant in times if variant != "default"}
            rows += [
                (Cell(".".join(key)), Cell(f"{time:.1f}"), Cell(f"{time / default:.2f}"))
                for key, time in times.items()
                if (default := times.get((key[0], "default"))) and key[0] in beside
            ]
        header = ("variant", "CPU ms a step, start-up included", "of the default's")
        return Section("A training step", header, tuple(rows), labels=1)


def gather(every: Sequence[Scores], results: Path, work: Path, draft: Path) -> Report:
    """All tables and verdicts, and the figures, drawn under `draft`, with what they are drawn from."""
    suite = every[0].suite
    runs = pd.concat([scores.runs for scores in every])
    unpack_material(results, draft / "before")
    chapters = tuple(_chapter(scores, runs, work, draft) for scores in every)
    verdicts = tuple(judge(suite.claims, every)) if suite.claims else ()
    lead = reported_table(every, results) or rivals_table(every)
    papers = [] if lead else [table for table in build_paper_tables(every) if has_measurement(table)]
    small = (gain_table(every), gap_table(every), read_feature_activity(results))
    return Report(
        chapters,
        read_costs(results, suite),
        verdicts,
        claims_table(verdicts, every) if verdicts else None,
        (overview(papers), *papers) if papers else (),
        lead,
        tuple(table for table in small if table),
    )


def _chapter(scores: Scores, runs: pd.DataFrame, work: Path, draft: Path) -> Chapter:
    """The tables of a setting, and its figures and what they are drawn from, put under `draft`. runs: of all settings;
    work: the suite's work folder."""
    kept = draft / "before"
    material = read_material(scores, work, kept)
    keep_material(material, scores, work, kept, draft / "material")
    effects = ablation_effects(scores, runs)
    return Chapter(
        scores,
        method_table(scores),
        tuple(ablation_tables(scores)),
        tuple(effects),
        effects_table(scores, effects),
        image_table(scores),
        tuple(draw(scores, material, effects, draft / "figures")),
        material,
    )
