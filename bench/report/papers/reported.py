"""Numbers that papers print, from reported.csv: the one data file of published figures in the project.

A row is one figure with where it stands, who quotes it and how many sources print it; `note` holds what other sources
print instead. The table 'benchmark' is the common one: of several printed values the one that most sources print, ties
to the method's own paper. Papers quote one another, so sources are not independent measurements.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from bench.errors import BadInput
from bench.runtime.rows import Row, read_rows

FOLDER = Path(__file__).parent.parent
PATH = FOLDER / "reported.csv"
COLUMNS = (
    *("paper", "table", "method", "variant", "dataset", "scale", "degradation", "metric"),
    *("value", "source", "confidence", "note"),
)
TRUNCATED = "truncated"  # in a note: the printed digits were cut, not rounded
_CONFIDENCE = re.compile(r"1 source|[2-9]\d* sources|1\d+ sources")
_NUMBER = re.compile(r"\d+(\.\d+)?")


class Place(NamedTuple):
    """Where a figure stands. dataset: a set, or 'Set14/baboon' for one of its pictures."""

    table: str
    method: str
    variant: str
    dataset: str
    scale: int
    degradation: str
    metric: str


@dataclass(frozen=True)
class Reported:
    """One printed figure; `text` keeps the digits as they are printed."""

    text: str
    paper: str
    source: str
    confidence: str
    note: str

    @property
    def value(self) -> float:
        """The figure as a number."""
        return float(self.text)

    @property
    def unit(self) -> float:
        """One in the last printed digit: 0.01 for 28.42."""
        return math.pow(10.0, -len(self.text.partition(".")[2]))

    def covers(self, value: float) -> bool:
        """Whether `value`, printed in as many digits, would be this figure: within half a unit, or cut to it."""
        gap, slack = value - self.value, 1e-9
        if TRUNCATED in self.note:
            return -slack <= gap < self.unit
        return abs(gap) <= self.unit / 2 + slack


Figures = Mapping[Place, Reported]


def read_reported(path: Path = PATH) -> dict[Place, Reported]:
    """Every figure by its place. Raises BadInput naming the line that is torn, repeated or without a source."""
    figures: dict[Place, Reported] = {}
    for number, row in enumerate(read_rows(path, COLUMNS, "it belongs to the project, restore it"), start=2):
        place = _place(row, f"{path}:{number}")
        if place in figures:
            raise BadInput(f"{path}:{number}: {'/'.join(map(str, place))} is there twice; keep one")
        figures[place] = Reported(row["value"], row["paper"], row["source"], row["confidence"], row["note"])
    return figures


def _place(cells: Row, where: str) -> Place:
    """The key of a row. Raises BadInput where it is no figure or has no source."""
    if not (_NUMBER.fullmatch(cells["value"]) and cells["scale"].isdigit() and cells["table"] and cells["metric"]):
        raise BadInput(f"{where}: not a figure; give a value, scale, table and metric")
    if not (cells["source"] and _CONFIDENCE.fullmatch(cells["confidence"])):
        raise BadInput(f"{where}: no source; a figure that nobody can look up is left out")
    scale = int(cells["scale"])
    names = (cells["table"], cells["method"], cells["variant"], cells["dataset"])
    return Place(*names, scale, cells["degradation"], cells["metric"])
