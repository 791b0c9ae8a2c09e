"""What a table is, and how it is written: CSV for machines, Markdown for readers."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Mark = Literal["", "best", "second"]
MARKDOWN: dict[Mark, str] = {"": "{}", "best": "**{}**", "second": "<u>{}</u>"}


@dataclass(frozen=True)
class Cell:
    """What is shown, and whether it is the best or second best of its column."""

    text: str
    mark: Mark = ""


@dataclass(frozen=True)
class Section:
    """One grid to show. lead: a list above it. labels: how many columns, from the left, are text."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    labels: int = 1
    lead: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """columns and records: the CSV. sections and footnotes: what a reader sees."""

    name: str
    title: str
    columns: tuple[str, ...]
    records: tuple[tuple[str, ...], ...]
    sections: tuple[Section, ...]
    footnotes: tuple[str, ...] = ()


def to_csv(table: Table) -> str:
    """RFC 4180 with \\n line ends."""
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows((table.columns, *table.records))
    return stream.getvalue()


def to_markdown(table: Table) -> str:
    """Title, sections with their grids, footnotes as a list."""
    parts = [f"# {table.title}"]
    for section in table.sections:
        parts += [f"## {section.title}"] if section.title else []
        parts += ["\n".join(f"- {line}" for line in section.lead)] if section.lead else []
        parts.append(to_grid(section))
    parts += ["\n".join(f"- {line}" for line in table.footnotes)] if table.footnotes else []
    return "\n\n".join(parts) + "\n"


def to_grid(section: Section) -> str:
    """A section as a Markdown table: text columns to the left, numbers to the right."""
    lines = [[_escape(title) for title in section.header]]
    lines.append([":--" if place < section.labels else "--:" for place in range(len(section.header))])
    for row in section.rows:
        lines.append([MARKDOWN[cell.mark].format(_escape(cell.text)) for cell in row])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _escape(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


RENDERERS: dict[str, Callable[[Table], str]] = {"csv": to_csv, "md": to_markdown}


def write(table: Table, folder: Path) -> None:
    """<name>.<suffix> of every renderer."""
    folder.mkdir(parents=True, exist_ok=True)
    for suffix, render in RENDERERS.items():
        (folder / f"{table.name}.{suffix}").write_text(render(table), encoding="utf-8", newline="\n")
