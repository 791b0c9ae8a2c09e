"""The report's sentences, with **bold**, `code`, <u>underlined</u> and *italic*, as LaTeX and as HTML."""

import re
from collections.abc import Callable
from html import escape as escape_html

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
