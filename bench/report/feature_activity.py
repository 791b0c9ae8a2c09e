"""What perceptual losses can see: the share of active features before and after activation, network by network."""

from pathlib import Path

from bench.report.render import Cell, Section, Table
from bench.report.tables import table_of
from bench.runtime.results import TAPS
from bench.runtime.rows import read_rows
from bench.stages.feature_activity import COLUMNS, SHARES, SHOWN

HEADER = (
    "network", "layer", "data set", "pictures", "active before", "active after", "mean before", "mean after",
)  # fmt: skip
NOTE = (
    "Means over HR pictures. Active: the share of features that are not zero. A loss on features before activation "
    "uses all of them, one after activation only the active ones, which the ESRGAN paper finds too sparse (11.17 % "
    "after VGG19's conv5_4 on one picture). How a layer changes brightness is `luma_error` in the tables of methods."
)


def read_feature_activity(results: Path) -> Table | None:
    """taps.csv as a table, None without one. Raises BadInput for a torn file."""
    path = results / TAPS
    if not path.is_file():
        return None
    rows = read_rows(path, COLUMNS, "remove it and make the report again")
    grid = tuple(tuple(_cell(column, row[column]) for column in SHOWN) for row in rows)
    sections = [Section("", HEADER, grid, labels=3)]
    return table_of("taps", "What a perceptual loss can see", rows, sections, legend=NOTE) if rows else None


def _cell(column: str, text: str) -> Cell:
    if column in SHARES:
        return Cell(f"{100 * float(text):.2f} %", value=text)
    return Cell(f"{float(text):.4g}", value=text) if column.startswith("mean") else Cell(text)
