"""What papers report beside what was measured of what their authors published: the same digits, or what explains the
difference.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from bench.metrics import METRICS
from bench.report.aggregate import Scores
from bench.report.papers.compare import Measured, gather, measure
from bench.report.papers.declared import Column
from bench.report.papers.reported import Place, Reported, read_reported
from bench.report.render import Table
from bench.report.tables import heading, section_of, show_difference, show_value, table_of
from bench.runtime.paths import degraded_folder, sr_folder
from bench.runtime.results import EXPLAINED
from bench.runtime.rows import read_rows, write_rows
from bench.stages.diagnose import GIVEN, diagnose_pairs
from bench.stages.score import Pair

EXACT = "exact"
COLUMNS = ("cell", "reported", "explanation")
DIAGNOSED = {"psnr_y": "psnr", "psnr_rgb": "psnr", "ssim_y": "ssim", "ssim_rgb": "ssim"}
LEGEND = (
    "Measured under the papers' protocol: luma, a border of `scale` pixels dropped. **exact**: the printed digits; "
    "otherwise the difference, measured − reported, and the likeliest convention that gives the reported number, as "
    "`python -m bench diagnose` finds it."
)


@dataclass(frozen=True)
class Figure:
    """A figure that a paper prints, and what was measured for it."""

    place: Place
    reported: Reported
    measured: Measured
    value: float

    @property
    def cell(self) -> str:
        """Its name: the paper's table, method, data set, scale and metric."""
        place = self.place
        return f"{place.table}/{place.method}/{place.dataset}/x{place.scale}/{place.metric}"

    @property
    def exact(self) -> bool:
        return self.reported.covers(self.value)


def figures(every: Sequence[Scores]) -> Iterator[Figure]:
    """Every figure of which something was measured, table by table."""
    measurements, suite = gather(every), every[0].suite
    for place, reported in read_reported().items():
        ours = "" if place.variant else suite.reported.get(place.method, "")
        column = Column(place.dataset, place.metric, place.scale, place.degradation)
        measured = measure(measurements, ours, column)
        if measured is not None and measured.mean.value is not None:
            yield Figure(place, reported, measured, measured.mean.value)


def reported_table(every: Sequence[Scores], results: Path) -> Table | None:
    """A section a paper's table; None for a suite of which nothing is reported."""
    found = list(figures(every)) if every[0].suite.reported else []
    if not found:
        return None
    known = _read(results)
    sections = [
        section_of(table, [_shown(figure, known) for figure in group], labels=3)
        for table, group in groupby(found, key=lambda figure: figure.place.table)
    ]
    records = [_record(figure, known) for figure in found]
    exact = sum(figure.exact for figure in found)
    legend = f"{exact} of {len(found)} figures are exact. {LEGEND}"
    return table_of("reported", "Reported, and measured here", records, sections, legend=legend)


def _record(figure: Figure, known: Mapping[tuple[str, str], str]) -> dict[str, object]:
    place, reported = figure.place, figure.reported
    return {
        "cell": figure.cell,
        **{"table": place.table, "method": place.method, "runs": " ".join(figure.measured.runs)},
        **{"dataset": place.dataset, "scale": str(place.scale), "metric": place.metric},
        **{"reported": reported.text, "measured": figure.value, "difference": figure.value - reported.value},
        "verdict": EXACT if figure.exact else "differs",
        "explanation": known.get((figure.cell, reported.text), ""),
        **{"printed_in": reported.paper, "source": reported.source, "note": reported.note},
    }


def _shown(figure: Figure, known: Mapping[tuple[str, str], str]) -> dict[str, str]:
    place, info = figure.place, METRICS[figure.place.metric]
    difference = show_difference(figure.value - figure.reported.value, info)
    why = known.get((figure.cell, figure.reported.text), "not diagnosed: the pictures were not here")
    return {
        "method": place.method,
        "pictures": f"{place.dataset} ×{place.scale}",
        "metric": heading(info),
        "reported": figure.reported.text,
        "measured": show_value(figure.value, info),
        "": f"**{EXACT}**" if figure.exact else f"{difference}: {why}",
    }


def explain(every: Sequence[Scores], work: Path, results: Path) -> None:
    """Diagnose every figure that is not exact and whose pictures are in the work folder, into explained.csv, where the
    explanations of others stay."""
    known, differing = _read(results), [figure for figure in figures(every) if not figure.exact]
    for figure in differing:
        pairs = _pairs(figure, work) if figure.place.metric in DIAGNOSED else []
        if pairs:
            known[figure.cell, figure.reported.text] = _explanation(figure, pairs)
    wanted = {(figure.cell, figure.reported.text) for figure in differing}
    write_rows(results / EXPLAINED, COLUMNS, [(*key, text) for key, text in known.items() if key in wanted])


def _explanation(figure: Figure, pairs: Sequence[Pair]) -> str:
    """The likeliest convention, or the nearest one where none explains the figure."""
    best = diagnose_pairs(pairs, DIAGNOSED[figure.place.metric], figure.reported.text)[0]
    words = best.words.removeprefix(f"{GIVEN}; ")
    gives = f"{words} gives {best.value:.4f}"
    return gives if best.explains else f"no convention explains it; the nearest, {gives}"


def _pairs(figure: Figure, work: Path) -> list[Pair]:
    """The pictures behind a figure; none where one of them is not here."""
    place, run = figure.place, figure.measured.runs[0]
    dataset, method = figure.measured.dataset.partition("/")[0], run.partition(".")[0]
    hr = degraded_folder(work, dataset, place.scale, place.degradation) / "hr"
    sr = sr_folder(work, method, run) / dataset
    names = [f"{image}.png" for image in figure.measured.mean.pictures]
    here = all((folder / name).is_file() for folder in (hr, sr) for name in names)
    return [Pair(Path(name).stem, place.scale, sr / name, hr / name) for name in names] if here else []


def _read(results: Path) -> dict[tuple[str, str], str]:
    path = results / EXPLAINED
    rows = read_rows(path, COLUMNS) if path.is_file() else ()
    return {(row["cell"], row["reported"]): row["explanation"] for row in rows}
