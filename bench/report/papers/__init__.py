"""The papers' tables beside what was measured: printed, measured, difference with interval, verdict of every cell.

`build` makes every table of TABLES from the scores of all settings, `overview` counts their verdicts. A number is
called reproduced only where training data, length, size, perceptual network, scale, degradation and test pictures are
the paper's; elsewhere the cell says what differs. Nothing is compared with a figure that no source at hand prints.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby, islice

from bench.metrics import METRICS
from bench.report.aggregate import Scores
from bench.report.papers.compare import ONLY_SHOWN, VERDICTS, Comparison, Measurements, compare, gather
from bench.report.papers.declared import TABLES, Column, PaperTable
from bench.report.papers.reported import Figures, Place, read_reported
from bench.report.render import Cell, Section, Table
from bench.report.tables import full, heading, section_of, show_difference, show_effect, show_value, table_of

COLUMNS = (
    *("cell", "row", "ours", "runs", "dataset", "scale", "degradation", "metric", "reported", "measured"),
    *("difference", "low", "high", "interval", "seeds", "pictures", "verdict", "conditions"),
    *("printed_in", "source", "confidence", "note"),
)
_MAX_REASONS = 4
_READING = (
    "Difference: measured − printed. In brackets: its 95 % interval over pictures and, with three seeds or more, over "
    "seeds, the printed figure taken as exact; it is wide because pictures differ among themselves, and decides "
    "nothing. Reproduced: all conditions are the paper's, and over three seeds or more the mean is within the metric's "
    "margin (0.1 dB of PSNR) of the printed figure, by two one-sided tests at 5 % over seeds. Matches: a deterministic "
    "method gives the printed digits."
)


def build(
    every: Sequence[Scores], figures: Figures | None = None, tables: Mapping[str, PaperTable] = TABLES
) -> list[Table]:
    """One Table, named paper-<id>, for each of `tables`; the same scores give the same bytes.

    every: the scores of all settings, as bench.report.aggregate.read gives them; of two settings with the same scale
    and degradation the first that has a value counts. figures: what the papers print, default reported.csv.
    """
    printed = read_reported() if figures is None else figures
    measurements = gather(every)
    return [_table(table, _comparisons(table, measurements, printed)) for table in tables.values()]


def _comparisons(table: PaperTable, measurements: Measurements, printed: Figures) -> list[Comparison]:
    """Every cell, row by row."""
    found = []
    for row in table.rows:
        for column in table.columns:
            where = (column.dataset, column.scale, column.degradation, column.metric)
            figure = printed.get(Place(table.source, row.method, row.variant, *where))
            found.append(compare(measurements, row, column, figure, table.only_shown))
    return found


def _table(table: PaperTable, cells: Sequence[Comparison]) -> Table:
    records, notes = tuple(map(_record, cells)), (table.note, _READING, *_conditions(cells), *_reasons(cells))
    return Table(f"paper-{table.id}", table.title, COLUMNS, records, tuple(_sections(table, cells)), notes)


def _record(cell: Comparison) -> tuple[str, ...]:
    """One line of the CSV: printed digits as they are, everything else with six decimals."""
    column, reported, measured, effect = cell.column, cell.reported, cell.measured, cell.effect
    name = f"{cell.row.label}/{column.dataset}/x{column.scale}.{column.degradation}/{column.metric}"
    where = (measured.dataset if measured else column.dataset, str(column.scale), column.degradation, column.metric)
    value = measured.mean.value if measured else None
    numbers = (
        reported.text if reported else "",
        full(value) if measured else "",
        full(value - reported.value) if reported and value is not None else "",
        *((full(effect.low), full(effect.high), effect.kind) if effect else ("", "", "")),
        *((str(len(measured.runs)), str(measured.values.shape[1])) if measured else ("", "")),
    )
    origin = (reported.paper, reported.source, reported.confidence, reported.note) if reported else ("", "", "", "")
    runs = " ".join(measured.runs) if measured else ""
    clauses = "; ".join(mismatch.clause for mismatch in cell.mismatches)
    return (name, cell.row.label, cell.row.ours, runs, *where, *numbers, cell.verdict, clauses, *origin)


def _sections(table: PaperTable, cells: Sequence[Comparison]) -> Iterable[Section]:
    """A grid for each data set and setting: rows of methods, four columns a metric."""
    settings = {(column.scale, column.degradation) for column in table.columns}
    found = {(cell.row, cell.column): cell for cell in cells}
    for where, group in groupby(table.columns, key=_where):
        columns = tuple(group)
        header = ["method", "here"]
        for column in columns:
            header += [f"{heading(METRICS[column.metric])} printed", "measured", "difference", "verdict"]
        grid = []
        for row in table.rows:
            mine = [found[row, column] for column in columns]
            texts = [row.label, row.ours or "–", *(text for cell in mine for text in _shown(cell, table.only_shown))]
            grid.append(tuple(map(Cell, texts)))
        title = where[0] if len(settings) == 1 else f"{where[0]}, ×{where[1]} {where[2]}"
        yield Section(title, tuple(header), tuple(grid), labels=2)


def _where(column: Column) -> tuple[str, int, str]:
    return (column.dataset, column.scale, column.degradation)


def _shown(cell: Comparison, only_shown: bool) -> tuple[str, str, str, str]:
    """printed, measured, difference, verdict, for a reader."""
    info = METRICS[cell.column.metric]
    printed = cell.reported.text if cell.reported else ONLY_SHOWN if only_shown else "–"
    value = cell.measured.mean.value if cell.measured else None
    if value is None:
        return (printed, "–", "–", cell.verdict)
    if cell.effect:
        difference = show_effect(cell.effect, info)
    else:
        difference = show_difference(value - cell.reported.value, info) if cell.reported else "–"
    return (printed, show_value(value, info), difference, cell.verdict)


def _conditions(cells: Sequence[Comparison]) -> Iterable[str]:
    """What differs from the paper, a line a row."""
    clauses: dict[str, dict[str, None]] = {}
    for cell in cells:
        name = f"{cell.row.label} (`{cell.row.ours}`)"
        for mismatch in cell.mismatches:
            clauses.setdefault(name, {})[mismatch.clause] = None
    return (f"{name}: {'; '.join(found)}." for name, found in clauses.items())


def _reasons(cells: Sequence[Comparison]) -> Iterable[str]:
    """Why measured values are n/a, each reason once."""
    found = {
        f"`{cell.column.metric}` is n/a on {cell.measured.dataset}: {reason.rstrip('.')}.": None
        for cell in cells
        if cell.measured is not None
        for reason in cell.measured.mean.reasons
    }
    return islice(found, _MAX_REASONS)


def has_measurement(table: Table) -> bool:
    """Whether anything in a built table was run; the others are the papers' own, waiting."""
    return any(record[COLUMNS.index("runs")] for record in table.records)


def overview(tables: Sequence[Table]) -> Table:
    """How many cells of each built table have which verdict. Named papers."""
    records, rows = [], []
    for table in tables:
        words = [record[COLUMNS.index("verdict")].partition(":")[0] for record in table.records]
        counts = {"cells": len(words), **{verdict: words.count(verdict) for verdict in VERDICTS}}
        records.append({"table": table.name.removeprefix("paper-"), "title": table.title, **counts})
        rows.append({"table": table.title, **{name: str(count or "–") for name, count in counts.items()}})
    title = "The papers' tables, beside what was measured"
    return table_of("papers", title, records, [section_of("", rows, labels=1)], [_READING])
