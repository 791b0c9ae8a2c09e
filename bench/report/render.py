"""What a table is, and how it is written: CSV for machines, Markdown for readers, LaTeX for papers."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from html import escape as escape_html
from pathlib import Path
from typing import Literal

from bench.runtime.rows import format_rows

IN_MATHS = {
    **{"×": "times", "±": "pm", "↑": "uparrow", "↓": "downarrow", "→": "rightarrow", "≥": "geq", "≤": "leq"},
    **{"≈": "approx", "λ": "lambda", "α": "alpha", "σ": "sigma"},
}
AS_TEXT = {"\\": "backslash", "~": "asciitilde", "^": "asciicircum", "<": "less", ">": "greater", "|": "bar"}
SPECIAL = str.maketrans(
    {letter: f"\\{letter}" for letter in "{}&%$#_"}
    | {letter: rf"\text{name}{{}}" for letter, name in AS_TEXT.items()}
    | {letter: rf"$\{name}$" for letter, name in IN_MATHS.items()}
    | {"[": "{[}", "]": "{]}", "−": "$-$", "–": "--", "…": r"\ldots{}", "\n": " "}
)
MARKS = re.compile(r"\*\*(?P<b>.+?)\*\*|`(?P<code>[^`]+)`|<u>(?P<u>.+?)</u>|\*(?P<i>[^*\s][^*]*)\*")
COMMANDS = {"b": "textbf", "code": "texttt", "u": "underline", "i": "textit"}


def escape_latex(text: str) -> str:
    """Every character that LaTeX would read as a command, and the signs that its default fonts lack."""
    return text.translate(SPECIAL)


def latex_of(text: str) -> str:
    """A sentence as LaTeX."""
    return _convert(text, escape_latex, lambda kind, inner: rf"\{COMMANDS[kind]}{{{inner}}}")


def html_of(text: str) -> str:
    """A sentence as HTML."""
    return _convert(text, escape_html, lambda kind, inner: f"<{kind}>{inner}</{kind}>")


def _convert(text: str, escape: Callable[[str], str], wrap: Callable[[str, str], str]) -> str:
    parts, done = [], 0
    for found in MARKS.finditer(text):
        kind = str(found.lastgroup)
        parts += [escape(text[done : found.start()]), wrap(kind, escape(found.group(kind)))]
        done = found.end()
    return "".join([*parts, escape(text[done:])])


NA = "n/a"
Mark = Literal["", "best", "leading", "second"]
MARKDOWN: dict[Mark, str] = {"": "{}", "best": "**{}**", "leading": "<u>{}</u>", "second": "*{}*"}
LATEX: dict[Mark, str] = {
    "": "{}",
    "best": r"\textbf{{{}}}",
    "leading": r"\underline{{{}}}",
    "second": r"\textit{{{}}}",
}
WIDE = 36  # characters of text from which a LaTeX column breaks its lines


@dataclass(frozen=True)
class Cell:
    """What is shown. mark: 'best' (significantly), 'leading' (best, not shown to be), 'second' of its column.

    value: the same number as the CSV has it, with every digit; empty for what is no number.
    """

    text: str
    mark: Mark = ""
    value: str = ""


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
    """columns and records: the CSV. sections, legend (what the marks mean) and footnotes: what a reader sees."""

    name: str
    title: str
    columns: tuple[str, ...]
    records: tuple[tuple[str, ...], ...]
    sections: tuple[Section, ...]
    footnotes: tuple[str, ...] = ()
    legend: str = ""


def to_csv(table: Table) -> str:
    """Columns and records, without the marks and footnotes that a reader sees."""
    return format_rows(table.columns, table.records)


def to_markdown(table: Table) -> str:
    """Title, legend, sections with their grids, footnotes as a list."""
    return "\n\n".join(filter(None, (*lay_out(table, 1), bullets(table.footnotes)))) + "\n"


def lay_out(table: Table, level: int) -> list[str]:
    """Title, legend and sections as paragraphs of Markdown, some empty; level: of the title's heading."""
    parts = [f"{'#' * level} {table.title}", table.legend]
    for section in table.sections:
        heading = f"{'#' * (level + 1)} {section.title}" if section.title else ""
        parts += [heading, bullets(section.lead), to_grid(section)]
    return parts


def bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def to_grid(section: Section) -> str:
    """A section as a Markdown table: text columns to the left, numbers to the right."""
    lines = [[_escape(title) for title in section.header]]
    lines.append([":--" if column < section.labels else "--:" for column in range(len(section.header))])
    for row in section.rows:
        lines.append([MARKDOWN[cell.mark].format(_escape(cell.text)) for cell in row])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _escape(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def to_latex(table: Table) -> str:
    """A table environment a section, in booktabs style, to paste; what a reader must know is in caption and notes."""
    parts = [f"% {table.name}: needs \\usepackage{{booktabs}}"]
    for number, section in enumerate(table.sections, start=1):
        notes = table.footnotes if number == len(table.sections) else ()
        label = f"tab:{table.name}" + (f"-{number}" if len(table.sections) > 1 else "")
        parts.append(_environment(table, section, label, notes))
    return "\n\n".join(parts) + "\n"


def _environment(table: Table, section: Section, label: str, notes: tuple[str, ...]) -> str:
    """One section as a table environment."""
    caption = ". ".join(latex_of(text.rstrip(".")) for text in (table.title, section.title, table.legend) if text) + "."
    columns = "".join(_column(section, number) for number in range(len(section.header)))
    body = [" & ".join(escape_latex(title) for title in section.header)]
    body += [" & ".join(LATEX[cell.mark].format(escape_latex(cell.text)) for cell in row) for row in section.rows]
    lines = [r"\begin{table}[htbp]", r"  \centering\small", rf"  \caption{{{caption}}}", rf"  \label{{{label}}}"]
    lines += [rf"  \begin{{tabular}}{{{columns}}}", r"    \toprule", rf"    {body[0]} \\", r"    \midrule"]
    lines += [rf"    {line} \\" for line in body[1:]] + [r"    \bottomrule", r"  \end{tabular}"]
    lines += [r"  \par\smallskip\footnotesize\raggedright"] if section.lead or notes else []
    lines += [rf"  {latex_of(line)}\par" for line in (*section.lead, *notes)]
    return "\n".join([*lines, r"\end{table}"])


def _column(section: Section, number: int) -> str:
    """'l' for text, 'r' for numbers, a column that breaks lines for long text."""
    longest = max((len(row[number].text) for row in section.rows), default=0)
    return r"p{0.22\textwidth}" if longest > WIDE else "l" if number < section.labels else "r"


RENDERERS: dict[str, Callable[[Table], str]] = {"csv": to_csv, "md": to_markdown, "tex": to_latex}


def write(table: Table, folder: Path) -> None:
    """<name>.<suffix> of every renderer."""
    folder.mkdir(parents=True, exist_ok=True)
    for suffix, render in RENDERERS.items():
        (folder / f"{table.name}.{suffix}").write_text(render(table), encoding="utf-8", newline="\n")
