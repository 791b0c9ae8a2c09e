"""What a report holds, gathered once for the Markdown and the page: scores, tables, figures, verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from bench.report.adaptation import adaptation_table
from bench.report.aggregate import Scores, read_costs
from bench.report.feature_activity import read_taps
from bench.report.figures import draw
from bench.report.gaps import gap_table
from bench.report.material import Material, keep_material, read_material
from bench.report.papers import build as papers_tables
from bench.report.papers import has_measurement, overview
from bench.report.render import Table
from bench.report.style import Drawn
from bench.report.tables import ablation_tables, cost_table, image_table, method_table
from bench.report.verdict_tables import claims_table, effects_table
from bench.report.verdicts import Verdict, judge


@dataclass(frozen=True)
class Chapter:
    """One setting of a suite, with the tables and figures made of its scores."""

    scores: Scores
    methods: Table
    ablations: tuple[Table, ...]
    effects: Table | None
    images: Table
    figures: tuple[Drawn, ...]
    material: Material = field(default_factory=Material)

    @property
    def tables(self) -> tuple[Table, ...]:
        return (self.methods, *self.ablations, *((self.effects,) if self.effects else ()), self.images)


@dataclass(frozen=True)
class Report:
    """Everything that REPORT.md and the page are made of; claims and papers where there is anything to say.

    papers: the overview, then every table of a paper of which something was measured. small: tables on one question.
    """

    chapters: tuple[Chapter, ...]
    costs: Table
    verdicts: tuple[Verdict, ...]
    claims: Table | None
    papers: tuple[Table, ...]
    small: tuple[Table, ...] = ()

    @property
    def tables(self) -> tuple[Table, ...]:
        own = [table for chapter in self.chapters for table in chapter.tables]
        return (*own, *((self.claims,) if self.claims else ()), *self.small, *self.papers, self.costs)


def gather(every: Sequence[Scores], results: Path, work: Path, draft: Path) -> Report:
    """All tables and verdicts, and the figures, drawn under `draft`."""
    suite = every[0].suite
    runs = pd.concat([scores.runs for scores in every])
    chapters = tuple(_chapter(scores, runs, (results, work), draft) for scores in every)
    verdicts = tuple(judge(suite.claims, every)) if suite.claims else ()
    papers = [table for table in papers_tables(every) if has_measurement(table)]
    return Report(
        chapters,
        cost_table(read_costs(results, suite)),
        verdicts,
        claims_table(verdicts, every) if verdicts else None,
        (overview(papers), *papers) if papers else (),
        tuple(table for table in (adaptation_table(every), gap_table(every), read_taps(results)) if table),
    )


def _chapter(scores: Scores, runs: pd.DataFrame, places: tuple[Path, Path], draft: Path) -> Chapter:
    """The tables of a setting, and its figures and what they are drawn from, put under `draft`. runs: of all settings;
    places: the suite's results folder and its work folder."""
    results, work = places
    material = read_material(scores, work, results)
    keep_material(material, scores, work, results, draft)
    effects = effects_table(scores, runs)
    figures = draw(scores, material, draft / "figures", effects)
    ablations = tuple(ablation_tables(scores))
    return Chapter(scores, method_table(scores), ablations, effects, image_table(scores), tuple(figures), material)
