"""Plain text, and our Markdown's bold and code, as LaTeX."""

from __future__ import annotations

import re

SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "[": "{[}",
    "]": "{]}",
    "−": "$-$",
    "×": r"$\times$",
    "±": r"$\pm$",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "→": r"$\rightarrow$",
    "≥": r"$\geq$",
    "≤": r"$\leq$",
    "≈": r"$\approx$",
    "λ": r"$\lambda$",
    "α": r"$\alpha$",
    "σ": r"$\sigma$",
    "–": "--",
    "…": r"\ldots{}",
    "\n": " ",
}
PIECES = re.compile(r"\*\*(?P<bold>.+?)\*\*|`(?P<code>[^`]+)`|<u>(?P<under>.+?)</u>|\*(?P<italic>[^*\s][^*]*)\*")
COMMANDS = {"bold": "textbf", "code": "texttt", "under": "underline", "italic": "textit"}


def escape_latex(text: str) -> str:
    """Every character that LaTeX would read as a command, and the signs that its default fonts lack."""
    return "".join(SPECIAL.get(letter, letter) for letter in text)


def prose(text: str) -> str:
    """A sentence of the report with its marks: **bold**, `code`, <u>underlined</u> and *italic*."""
    parts, done = [], 0
    for found in PIECES.finditer(text):
        kind = str(found.lastgroup)
        parts += [escape_latex(text[done : found.start()]), rf"\{COMMANDS[kind]}{{{escape_latex(found.group(kind))}}}"]
        done = found.end()
    return "".join([*parts, escape_latex(text[done:])])
