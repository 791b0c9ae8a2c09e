"""TABLES: the papers' tables, each as rows of methods and columns of (data set, scale, degradation, metric).

What a paper prints is in reported.csv; paper_tables.csv and paper_rows.csv say which of our runs belongs beside it.
"""

from dataclasses import dataclass
from itertools import product

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
