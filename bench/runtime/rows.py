"""CSV files: a header and rows of text, read and written in one way."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.errors import BadInput
from bench.runtime.files import replacing

Row = dict[str, str]


def read_rows(path: Path, columns: Sequence[str] = (), remedy: str = "make it again") -> list[Row]:
    """Every row by column. columns: those that it must have; others may follow.

    Raises BadInput with the remedy for a file that is missing, torn or no CSV, or that lacks a column.
    """
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            reader = csv.DictReader(stream, strict=True)
            names, rows = reader.fieldnames or (), list(reader)
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file; {remedy}") from None
    except (csv.Error, OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: cannot be read ({error}); {remedy}") from None
    for column in columns:
        if column not in names:
            raise BadInput(f"{path}: lacks the column {column}; {remedy}")
    if any(None in row or None in row.values() for row in rows):
        raise BadInput(f"{path}: has rows of different lengths; {remedy}")
    return rows


def format_rows(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """The text of a CSV: RFC 4180 with \\n line ends."""
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows((columns, *rows))
    return stream.getvalue()


def write_rows(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV whole or not at all. Raises BadInput where it cannot be written."""
    text = format_rows(columns, rows)
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")
