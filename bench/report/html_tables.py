"""The page's tables: every number with its CSV value beside it, columns that sort, marks that say what they mean."""

from collections.abc import Sequence
from html import escape

from bench.report.render import NA, RENDERERS, Cell, Section, Table, html_of

SHORT = 34  # characters from which a cell breaks its lines
PILLS: dict[str, tuple[str, str]] = {
    "holds": ("✓", "holds"),
    "contradicted": ("✗", "contradicted"),
    "no relevant difference": ("≈", "alike"),
    "undecided": ("?", "undecided"),
    "not tested": ("–", "not-tested"),
}


def bullets(lines: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{html_of(line)}</li>' for line in lines)}</ul>" if lines else ""


def pill(status: str) -> str:
    """A verdict as a sign and a word."""
    sign, role = PILLS[status]
    return f'<span class="pill {role}"><span aria-hidden="true">{sign}</span> {escape(status)}</span>'


def grid(table: Table, section: Section, caption: str = "") -> str:
    """A section as a sortable table. data-table and data-section say which CSV and what in it."""
    head = "".join(_heading(title, column < section.labels) for column, title in enumerate(section.header))
    body, before = [], ("",) * len(section.header)
    for row in section.rows:
        texts = tuple(cell.text or (above if n < section.labels else "") for n, (cell, above) in enumerate(
            zip(row, before, strict=True)))  # fmt: skip
        cells = [_cell(cell, text, n, section.labels) for n, (cell, text) in enumerate(zip(row, texts, strict=True))]
        body.append(f"<tr>{''.join(cells)}</tr>")
        before = texts
    name = caption or section.title or table.title
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(name.replace("`", ""))}">'
        f'<table class="data" data-table="{escape(table.name)}" data-section="{escape(section.title)}">'
        f"<caption>{html_of(name)}</caption><thead><tr>{head}</tr></thead>\n<tbody>{chr(10).join(body)}</tbody>"
        "</table></div>"
    )


def trimmed(section: Section) -> tuple[Section, str]:
    """The section without the columns in which nothing has a value, and a caption that names them."""
    empty = [
        column
        for column in range(section.labels, len(section.header))
        if section.rows and all(row[column].text == NA for row in section.rows)
    ]
    if not empty:
        return section, section.title
    kept = [column for column in range(len(section.header)) if column not in empty]
    header = tuple(section.header[column] for column in kept)
    rows = tuple(tuple(row[column] for column in kept) for row in section.rows)
    names = ", ".join(f"`{section.header[column].split()[0]}`" for column in empty)
    smaller = Section(section.title, header, rows, section.labels, section.lead)
    return smaller, f"{section.title} (without a value: {names})"


def _heading(title: str, label: bool) -> str:
    if not title:
        return '<th scope="col"></th>'
    role = "" if label else ' class="number"'
    return f'<th scope="col"{role} aria-sort="none"><button type="button">{escape(title)}</button></th>'


def _cell(cell: Cell, text: str, column: int, labels: int) -> str:
    """A th for the row's name, else a td; `value` goes into data-value."""
    value = f' data-value="{escape(cell.value)}"' if cell.value else ""
    roles = [role for role, wanted in (
        (cell.mark, bool(cell.mark)),
        ("number", column >= labels and len(text) <= SHORT),
        ("long", len(text) > SHORT),
        ("same", bool(text) and not cell.text),
    ) if wanted]  # fmt: skip
    attributes = (f' class="{" ".join(roles)}"' if roles else "") + value
    shown = pill(text) if text in PILLS else html_of(text)
    return f'<th scope="row"{attributes}>{shown}</th>' if column == 0 else f"<td{attributes}>{shown}</td>"


def folded(summary: str, content: str, minor: bool = False) -> str:
    """Content that opens on a click, and in print unless it is minor."""
    role = ' class="minor"' if minor else ""
    return f"<details{role}><summary>{html_of(summary)}</summary>{content}</details>" if content else ""


def whole(table: Table, skip: Sequence[str] = ()) -> str:
    """Every section of a table with what a reader must know; skip: footnotes given elsewhere."""
    parts = [f'<p class="note">{html_of(table.legend)}</p>'] if table.legend else []
    for section in table.sections:
        parts += [bullets(section.lead), grid(table, *trimmed(section))]
    parts.append(notes([line for line in table.footnotes if line not in skip]))
    return "".join(parts)


def notes(lines: Sequence[str]) -> str:
    return f'<div class="notes">{bullets(lines)}</div>' if lines else ""


def files(table: Table) -> str:
    """Links to the files of a table beside the page."""
    links = [f'<a href="tables/{table.name}.{suffix}">{suffix.upper()}</a>' for suffix in RENDERERS]
    return f'<p class="files">{" · ".join(links)}</p>'
