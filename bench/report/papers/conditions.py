"""How the papers trained, against how a run here was trained: a number is a reproduction only where the two agree.

What no source at hand states is None, and what is None is never taken to agree.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from bench.report.aggregate import cell_of
from bench.report.papers.reported import FOLDER
from bench.runtime.rows import read_rows

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
    found = [
        _data(cell_of(runs, run, "train_set"), paper.train_set),
        _count("length", "iterations", cell_of(runs, run, "iterations"), paper.iterations, LENGTH),
        _count("size", "parameters", cell_of(runs, run, "parameters"), paper.parameters.get(scale), SIZE),
        _perceptual(cell_of(runs, run, "perceptual"), paper.perceptual),
    ]
    return [mismatch for mismatch in found if mismatch] + _start(runs, cell_of(runs, run, "warm_start"), paper, scale)


def _data(here: str, there: str | None) -> Mismatch | None:
    if there is None:
        return Mismatch("data", f"{_trained_on(here)}; no source at hand says on what the paper did")
    if set(here.split("+")) == set(there.split("+")):
        return None
    return Mismatch("data", f"{_trained_on(here)}, not {there}")


def _trained_on(here: str) -> str:
    return f"trained on {here}" if here else "no training of its own"


def _count(word: str, unit: str, text: str, there: int | None, tolerance: float) -> Mismatch | None:
    """Numbers of iterations or parameters."""
    here = f"{int(text):,}" if text.isdigit() else "an unknown number of"
    if there is None:
        return Mismatch(word, f"{here} {unit}; no source at hand gives the paper's number")
    if text.isdigit() and abs(int(text) - there) <= tolerance * there:
        return None
    return Mismatch(word, f"{here} {unit}, not {there:,}")


def _perceptual(here: str, there: str) -> Mismatch | None:
    if here == there:
        return None
    return Mismatch("perceptual network", f"perceptual network {here or 'none'}, not {there or 'none'}")


def _start(runs: pd.DataFrame, earlier: str, paper: PaperConditions, scale: int) -> list[Mismatch]:
    """What of the training that a run goes on from is not as in the paper."""
    if paper.start in ("", f"x{scale}"):
        return [Mismatch("start", f"goes on from {earlier}, not from scratch")] if earlier else []
    if paper.start.startswith("x"):
        return [] if earlier else [Mismatch("start", f"from scratch, not from its {paper.start} network")]
    before = CONDITIONS[paper.start]
    if not earlier:
        return [Mismatch("start", f"from scratch, not from {before.method}")]
    if earlier not in runs.index:
        return [Mismatch("start", f"goes on from {earlier}, of which nothing is known here")]
    if f"{cell_of(runs, earlier, 'method')}.{cell_of(runs, earlier, 'variant')}" != before.method:
        return [Mismatch("start", f"goes on from {earlier}, not from {before.method}")]
    found = mismatches(runs, earlier, before, scale)
    return [Mismatch("start", f"its start: {mismatch.clause}") for mismatch in found]
