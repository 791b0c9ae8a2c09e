"""One cell of a committed table: where it is, the runs behind it, and the figure that the score files give for it."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from bench.errors import BadInput, unknown
from bench.metrics import METRICS
from bench.metrics.means import set_mean
from bench.runtime.results import add_counts, read_runs, read_table
from bench.runtime.rows import Row

NA = "n/a"
DIFFERENCE = " difference"
Scores = dict[tuple[str, str, str], float | None]
"""(dataset, image, metric) -> value, None where it is n/a"""


@dataclass(frozen=True)
class Cell:
    """One figure. kind: 'mean', 'difference', 'picture', 'setting', or 'other' for what is not recomputed here.

    runs: the runs behind it, one a seed; base: those of the default that a difference is taken to.
    """

    table: str
    row: str
    column: str
    text: str
    kind: str
    runs: tuple[str, ...]
    base: tuple[str, ...] = ()
    dataset: str = ""
    metric: str = ""
    image: str = ""


def locate(results: Path, table: str, row: str, column: str) -> Cell:
    """The cell that three words name. Raises BadInput, naming the nearest, where there is none or more than one."""
    table = table.removesuffix(".csv").removeprefix("tables/")
    rows, runs = read_table(results, table), read_runs(results)
    if not rows:
        raise BadInput(f"{table}: has no rows; choose another table")
    names = {_plain(name): name for name in rows[0]}
    if _plain(column) not in names:
        raise unknown(f"column of {table}", column, rows[0])
    chosen = _choose(rows, runs, table, row)
    column = names[_plain(column)]
    cell = describe((table, rows), chosen, column, runs)
    if cell is None:
        setting = chosen.get("setting") or table.partition(".")[2] or _main_setting(results, runs)
        behind = _compared(chosen, setting, runs)
        cell = Cell(table, _labels(chosen, runs)[0], column, chosen[column], "other", behind)
    if not cell.runs:
        raise BadInput(f"{table}: {cell.row!r} names no run: nothing was measured for it; choose another row")
    return cell


def describe(table: tuple[str, Sequence[Row]], row: Row, column: str, runs: Mapping[str, Row]) -> Cell | None:
    """What a cell of (name, rows) is, by its column; None where its row names no run of runs.csv."""
    behind = _behind(row, runs)
    if not behind:
        return None
    label = _labels(row, runs)[0]
    about = runs[behind[0]]
    text, plain = row[column], column.removesuffix(DIFFERENCE)
    if "image" in row and column not in ("run", "dataset", "image"):
        return Cell(table[0], label, column, text, "picture", behind, (), row["dataset"], column, row["image"])
    if column == "measured" and {"dataset", "metric"} <= set(row) and "/" not in row["dataset"]:  # else one picture's
        return Cell(table[0], label, column, text, "mean", behind, (), row["dataset"], row["metric"])
    dataset, _, metric = plain.partition("/")
    if metric and " " not in metric:
        base = _default(table[1], about["method"], runs) if plain != column else ()
        return Cell(table[0], label, column, text, "difference" if base else "mean", behind, base, dataset, metric)
    kind = "setting" if (column in about and column != "method") or column == "seeds" else "other"
    return Cell(table[0], label, column, text, kind, behind)


def recompute(cell: Cell, scores: Mapping[str, Scores], runs: Mapping[str, Row]) -> str | None:
    """The text the table should hold, from scores/, runs.csv and cost.csv; None for what is not recomputed."""
    if cell.column == "seeds":
        return str(len(cell.runs))
    if cell.column == "dead_generators":
        return add_counts([runs[run].get(cell.column, "") for run in cell.runs])
    if cell.kind == "setting":
        values = {runs[run][cell.column] for run in cell.runs}
        at_test_time = cell.column == "parameters" and values == {"0"}  # the report counts what is trained on a picture
        return values.pop() if len(values) == 1 and not at_test_time else None
    if cell.kind == "picture":
        return show(scores[cell.runs[0]].get((cell.dataset, cell.image, cell.metric)))
    if cell.kind not in ("mean", "difference"):
        return None
    mean, pictures = mean_of([scores[run] for run in cell.runs], cell.dataset, cell.metric)
    if cell.kind == "mean":
        return show(mean)
    if cell.runs == cell.base:
        return ""
    base, shared = mean_of([scores[run] for run in cell.base], cell.dataset, cell.metric)
    if mean is None or base is None or pictures != shared:
        return NA
    return show(mean - base)


def mean_of(scores: Sequence[Scores], dataset: str, metric: str) -> tuple[float | None, tuple[str, ...]]:
    """(mean over seeds of a set's figure, the pictures in it): those that have a value for every seed."""
    seeds = [{i: v for (d, i, m), v in values.items() if (d, m) == (dataset, metric)} for values in scores]
    images = sorted({image for seed in seeds for image in seed})
    known = tuple(image for image in images if all(seed.get(image) is not None for seed in seeds))
    if not known:
        return None, known
    complete = ([value for image in known if (value := seed[image]) is not None] for seed in seeds)
    return fmean(set_mean(values, METRICS[metric]) for values in complete), known


def show(value: float | None) -> str:
    """Six decimals, as the tables have them."""
    return NA if value is None or math.isnan(value) else f"{round(value, 6) + 0.0:.6f}"


def _default(rows: Sequence[Row], method: str, runs: Mapping[str, Row]) -> tuple[str, ...]:
    """The runs of the row of a table that holds a method's default."""
    for names in (_behind(row, runs) for row in rows):
        if names and (runs[names[0]]["method"], runs[names[0]]["variant"]) == (method, "default"):
            return names
    return ()


def _behind(row: Row, runs: Mapping[str, Row]) -> tuple[str, ...]:
    """The runs that a row names."""
    return tuple(name for name in (row.get("runs") or row.get("run") or "").split() if name in runs)


def _compared(row: Row, setting: str, runs: Mapping[str, Row]) -> tuple[str, ...]:
    """The runs of the two variants, '<method>.<variant>' or '<method>', that a row of effects or claims sets side by
    side in a setting, 'x4.bicubic' and what else its name says."""
    labels = [row.get("better", ""), row.get("worse", ""), *filter(None, [row.get("ceiling")])]
    if "better" not in row:
        labels = [f"{row.get('method')}.{row.get('variant')}", f"{row.get('method')}.default"]
    wanted = [(method, variant or "default") for method, _, variant in (label.partition(".") for label in labels)]
    here = {
        name: (about["method"], about["variant"])
        for name, about in runs.items()
        if f"{setting}.".startswith(f"x{about.get('scale')}.{about.get('degradation')}.")
    }
    return tuple(dict.fromkeys(name for variant in wanted for name in here if here[name] == variant))


def _main_setting(results: Path, runs: Mapping[str, Row]) -> str:
    """Scale and degradation of tables/methods.csv."""
    behind = _behind(read_table(results, "methods")[0], runs)
    return f"x{runs[behind[0]].get('scale')}.{runs[behind[0]].get('degradation')}" if behind else ""


def _choose(rows: Sequence[Row], runs: Mapping[str, Row], table: str, wanted: str) -> Row:
    """The one row that answers to a name."""
    named = [(labels, row) for row in rows for labels in [[_plain(text) for text in _labels(row, runs)]]]
    found = [row for labels, row in named if _plain(wanted) in labels]
    if not found:
        raise unknown(f"row of {table}", wanted, dict.fromkeys(label for labels, _ in named for label in labels[:1]))
    if len(found) > 1:
        some = ", ".join(repr(_labels(row, runs)[0]) for row in found[:3])
        raise BadInput(f"{table}: {wanted!r} names {len(found)} rows; say which: {some}, …")
    return found[0]


def _labels(row: Row, runs: Mapping[str, Row]) -> list[str]:
    """Every name a row answers to, the fullest first."""
    cells = list(row.values())
    if "image" in row:
        about = runs.get(row["run"], {})
        short = f"{about.get('method')} {about.get('variant')}"
        return [" ".join(cells[:3]), f"{row['run']} {row['image']}", f"{short} {row['image']}", row["run"]]
    behind = _behind(row, runs)
    words = [cells[0], " ".join(cells[:2]), *behind]
    if "method" in row and "metric" in row:
        words.insert(0, f"{row['method']} {row.get('variant', '')} {row['metric']}")
    for about in (runs[name] for name in behind[:1]):
        words += [f"{about['method']} {about['variant']}", f"{about['method']}.{about['variant']}"]
        words += [about["method"]] if about["variant"] == "default" else []
    return list(dict.fromkeys(words))


def _plain(text: str) -> str:
    """A name as one compares it: '/' and runs of blanks are one blank."""
    return " ".join(text.replace("/", " ").split())


def values_of(rows: Iterable[Row]) -> Scores:
    """Score rows as values."""
    return {
        (row["dataset"], row["image"], row["metric"]): float(row["value"]) if row["value"] else None for row in rows
    }
