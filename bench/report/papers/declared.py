"""TABLES: the papers' tables, each as rows of methods and columns of (data set, scale, degradation, metric).

What a paper prints is in reported.csv; paper_tables.csv and paper_rows.csv say which of our runs belongs beside it.
CONDITIONS: how the papers trained, against how a run here was trained: a number is a reproduction only where the two
agree. What no source at hand states is None, and what is None is never taken to agree.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product

import pandas as pd

from bench.report.aggregate import cell_of
from bench.report.papers.reported import FOLDER
from bench.runtime.rows import Row, read_rows


@dataclass(frozen=True)
class PaperRow:
    """label: the method as the paper names it, with its variant. ours: '<method>.<variant>', '' where there is none
    here. conditions: a key of CONDITIONS, '' where the paper prints no figure to compare with."""

    method: str
    variant: str = ""
    ours: str = ""
    conditions: str = ""

    @property
    def label(self) -> str:
        """The name in the first column."""
        return f"{self.method} ({self.variant})" if self.variant else self.method


@dataclass(frozen=True)
class Column:
    """One figure of every row. measured_on: data sets that stand in, the first that is scored here, where the
    paper's own is not to be had."""

    dataset: str
    metric: str
    scale: int = 4
    degradation: str = "bicubic"
    measured_on: tuple[str, ...] = ()


@dataclass(frozen=True)
class PaperTable:
    """One table of a paper. source: its name in reported.csv. only_shown: the paper shows pictures, no figures."""

    id: str
    title: str
    source: str
    rows: tuple[PaperRow, ...]
    columns: tuple[Column, ...]
    note: str
    only_shown: bool = False


PICTURES: dict[str, tuple[str, ...]] = {  # data set/picture: its stems in the layouts of the data set
    "Set14/baboon": ("baboon", "img_001"),
    "Set14/face": ("face", "img_006"),
    "BSD100/102061": ("102061", "img_003"),
    "BSD100/43074": ("43074", "img_080"),
    "BSD100/126007": ("126007", "img_014"),
    "BSD100/16077": ("16077", "img_027"),
    "BSD100/302008": ("302008", "img_063"),
    "BSD100/105025": ("105025", "img_005"),
}
_LUMA = (
    "Luma only, a border of `scale` pixels dropped. The bicubic row of the literature was made on luma alone: 8-bit Y "
    "of the HR, shrunk and enlarged in float, rounded once at the end. On Set5 that gives the printed digits at ×2, ×3 "
    "and ×4 (`python -m bench diagnose` lists it among the pipelines); here bicubic enlarges the 8-bit RGB LR that "
    "the networks are given, which gives a hundredth of a decibel more: 28.43 for 28.42 at ×4."
)


def _read_tables() -> dict[str, PaperTable]:
    """Every table by its id, in the order of paper_tables.csv, its rows in the order of paper_rows.csv."""
    rows: dict[str, list[PaperRow]] = {}
    for row in read_rows(FOLDER / "paper_rows.csv"):
        rows.setdefault(row.pop("table"), []).append(PaperRow(**row))
    return {row["id"]: _table(row, rows[row["id"]]) for row in read_rows(FOLDER / "paper_tables.csv")}


def _table(row: Row, rows: list[PaperRow]) -> PaperTable:
    """Its columns are data set by data set, in each scale, degradation and metric in turn."""
    axes = (row[name].split() for name in ("datasets", "scales", "degradations", "metrics"))
    columns = tuple(
        Column(dataset, metric, int(scale), degradation, tuple(row["measured_on"].split()))
        for dataset, scale, degradation, metric in product(*axes)
    )
    note = row["note"].format(luma=_LUMA)
    return PaperTable(row["id"], row["title"], row["source"], tuple(rows), columns, note, row["only_shown"] == "yes")


TABLES = _read_tables()


LENGTH = 0.02  # training lengths that differ by less are alike
SIZE = 0.001  # networks whose numbers of parameters differ by less are alike: a mean colour, a few biases
SCALES = (2, 3, 4, 8)
UNKNOWN = "?"


@dataclass(frozen=True)
class PaperConditions:
    """How a paper trained what we call `method`, '<method>.<variant>'.

    train_set: names of bench.data.datasets joined by +, '' where nothing is trained. iterations: 0 where nothing is
    trained. parameters: by scale. perceptual: a name in WEIGHTS, '' for none. start: the training that it goes on
    from, as '<method>.<variant>', or 'x2' for its own network of another scale.
    """

    method: str
    train_set: str | None
    iterations: int | None
    parameters: Mapping[int, int] = field(default_factory=dict)
    perceptual: str = ""
    start: str = ""

    @property
    def trained(self) -> bool:
        """Whether the paper trained anything."""
        return self.iterations != 0 or self.train_set != ""


@dataclass(frozen=True)
class Mismatch:
    """One thing that is not as in the paper: a word for the cell, a clause for the footnote."""

    word: str
    clause: str


CONDITIONS = {
    row["key"]: PaperConditions(
        row["method"],
        None if row["train_set"] == UNKNOWN else row["train_set"],
        None if row["iterations"] == UNKNOWN else int(row["iterations"]),
        {scale: int(count) for scale in SCALES if (count := row[f"parameters_x{scale}"])},
        row["perceptual"],
        row["start"],
    )
    for row in read_rows(FOLDER / "paper_conditions.csv")
}
"""paper_conditions.csv by key; a ? is what no source at hand states."""


def mismatches(runs: pd.DataFrame, run: str, paper: PaperConditions, scale: int) -> list[Mismatch]:
    """What of a run's training is not as in the paper. runs: runs.csv, index run, all text."""
    if not paper.trained:
        return []
    columns = ("train_set", "iterations", "parameters", "perceptual", "warm_start")
    train_set, iterations, parameters, perceptual, earlier = (cell_of(runs, run, column) for column in columns)
    networks = f"perceptual network {perceptual or 'none'}, not {paper.perceptual or 'none'}"
    clauses = {
        "data": _data(train_set, paper.train_set),
        "length": _count("iterations", iterations, paper.iterations, LENGTH),
        "size": _count("parameters", parameters, paper.parameters.get(scale), SIZE),
        "perceptual network": "" if perceptual == paper.perceptual else networks,
    }
    found = [Mismatch(word, clause) for word, clause in clauses.items() if clause]
    return found + [Mismatch("start", clause) for clause in _start(runs, earlier, paper, scale)]


def _data(here: str, there: str | None) -> str:
    """A clause; empty where the two are one."""
    trained = f"trained on {here}" if here else "no training of its own"
    if there is None:
        return f"{trained}; no source at hand says on what the paper did"
    return "" if set(here.split("+")) == set(there.split("+")) else f"{trained}, not {there}"


def _count(unit: str, text: str, there: int | None, tolerance: float) -> str:
    """A clause on numbers of iterations or parameters; empty where they are alike."""
    here = f"{int(text):,}" if text.isdigit() else "an unknown number of"
    if there is None:
        return f"{here} {unit}; no source at hand gives the paper's number"
    alike = text.isdigit() and abs(int(text) - there) <= tolerance * there
    return "" if alike else f"{here} {unit}, not {there:,}"


def _start(runs: pd.DataFrame, earlier: str, paper: PaperConditions, scale: int) -> list[str]:
    """What of the training that a run goes on from is not as in the paper, a clause each."""
    if paper.start in ("", f"x{scale}"):
        return [f"goes on from {earlier}, not from scratch"] if earlier else []
    if paper.start.startswith("x"):
        return [] if earlier else [f"from scratch, not from its {paper.start} network"]
    before = CONDITIONS[paper.start]
    if not earlier:
        return [f"from scratch, not from {before.method}"]
    if earlier not in runs.index:
        return [f"goes on from {earlier}, of which nothing is known here"]
    if f"{cell_of(runs, earlier, 'method')}.{cell_of(runs, earlier, 'variant')}" != before.method:
        return [f"goes on from {earlier}, not from {before.method}"]
    return [f"its start: {mismatch.clause}" for mismatch in mismatches(runs, earlier, before, scale)]
