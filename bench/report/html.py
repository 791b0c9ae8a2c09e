"""index.html: the whole report as one file that opens anywhere, offline, on paper and without a mouse."""

from collections.abc import Sequence
from html import escape
from importlib.resources import files as package_files
from pathlib import Path
from string import Template

from bench.report.contents import Chapter, Report
from bench.report.html_charts import difference_charts, loss_charts, path_charts, sweep_charts, tradeoff_charts
from bench.report.html_headline import cards, claim_list
from bench.report.html_pictures import kernel_table, uri, viewer
from bench.report.html_tables import bullets, files, folded, grid, notes, trimmed, whole
from bench.report.losses import TOTAL
from bench.report.render import Table, html_of
from bench.report.rivals import best_rival, label_of_mine
from bench.report.summary import MEASURED_COST, compared, deviations, disclaimer, tracing, training

ASSETS = ("page.html", "page.css", "page.js")
Part = tuple[str, str, str, str]
"""(anchor, short title, title, HTML)"""


def write_page(report: Report, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(report), encoding="utf-8", newline="\n")


def page(report: Report) -> str:
    """Everything inline: no address in it is fetched when it opens."""
    suite = report.chapters[0].scores.suite
    shell, style, script = (package_files("bench.report").joinpath(name).read_text("utf-8") for name in ASSETS)
    title = report.lead.title if report.lead else f"Suite {suite.name}"
    head = [*map(_part, [report.lead] if report.lead else []), _claims(report)]
    parts = [part for part in (*head, *_chapters(report), *_ending(report)) if part[3]]
    nav = "".join(f'<a href="#{anchor}">{escape(short)}</a>' for anchor, short, _, _ in parts if short)
    main = "\n".join(
        f'<section id="{anchor}" class="part"><h2>{escape(title)}</h2>{content}</section>'
        for anchor, _, title, content in parts
    )
    return Template(shell).substitute(
        title=escape(f"{title}: super-resolution report"),
        heading=html_of(f"Suite `{suite.name}`" if report.lead is None else title),
        name=escape(suite.name),
        lead=html_of(suite.notes[0]) if suite.notes else "",
        style=style,
        script=script,
        cards=cards(report),
        nav=nav,
        main=main,
    )


def _claims(report: Report) -> Part:
    """The papers' sentences, each with what was found; those without a result folded away."""
    if report.claims is None:
        return "claims", "", "", ""
    content = claim_list(report) + folded("How to read this", notes(report.claims.footnotes)) + files(report.claims)
    return "claims", "Claims", "What the papers claim, and what was found here", content


def _chapters(report: Report) -> list[Part]:
    """The parts of every setting; the contents name those of the main one, and the others by their first part."""
    parts = []
    known: list[str] = []
    for number, chapter in enumerate(report.chapters):
        setting = chapter.scores.setting.title
        whose = "" if len(report.chapters) == 1 else f" · {setting}"
        suffix = "" if number == 0 else f"-{number + 1}"
        own = [part for part in _chapter(chapter, known) if part[3]]
        for position, (anchor, short, title, content) in enumerate(own):
            named = short if number == 0 else setting if position == 0 else ""
            parts.append((f"{anchor}{suffix}", named, f"{title}{whose}", content))
        known += chapter.methods.footnotes
    return parts


def _chapter(chapter: Chapter, known: Sequence[str]) -> list[Part]:
    """One setting. known: footnotes that an earlier one has."""
    scores = chapter.scores
    pointing = f"{chapter.caption('perception-distortion')} Point at a mark for its numbers."
    tradeoff = _charts(tradeoff_charts(scores), pointing, "wide")
    between = _charts(path_charts(scores), chapter.caption("interpolation"), "wide")
    sweeps = _charts(sweep_charts(scores), f"{chapter.caption('sweeps')} Here the values are set at equal steps.")
    return [
        ("pictures", "Pictures", "Visual comparison", _pictures(chapter)),
        ("plane", "Perception–distortion", "Perception and distortion", tradeoff),
        ("between", "Interpolation", "From one network to another", between),
        ("methods", "Methods", "All methods", _methods(chapter, known)),
        ("ablations", "Ablations", "What each change does", _ablations(chapter, known)),
        ("artefacts", "Artefacts", "Artefacts of upsampling", _inline(chapter)),
        ("sweeps", "Sweeps", "One knob, several values", sweeps),
        ("kernels", "Kernels", "Blur kernels", _kernels(chapter)),
        ("training", "Curves", "Training curves", _losses(chapter)),
    ]


CROPS_NOTE = (
    "Pictures and windows are chosen by rule: where the methods' scores, then their detail, differ most. The numbers "
    "are of the whole picture; of several seeds the first is shown, pixel for pixel."
)


def _pictures(chapter: Chapter) -> str:
    scores, gallery = chapter.scores, chapter.material.gallery
    mine = label_of_mine(scores)
    sides = (mine, best_rival(scores, scores.first_metrics[0])) if mine and scores.first_metrics else ()
    return viewer(gallery, *sides) + _note(CROPS_NOTE) if gallery.pictures else ""


def _losses(chapter: Chapter) -> str:
    """Each method's total loss; its terms are folded away."""
    if not chapter.material.panels:
        return ""
    caption = chapter.caption("curves")
    totals = {key: curves for key, curves in chapter.material.panels.items() if key[1] == TOTAL}
    terms = {key: curves for key, curves in chapter.material.panels.items() if key[1] != TOTAL}
    parts = _charts(loss_charts(chapter.scores, totals), caption, "small")
    return parts + folded("Terms of the losses", _charts(loss_charts(chapter.scores, terms), "", "small"), True)


def _note(text: str) -> str:
    return f'<p class="note">{html_of(text)}</p>' if text else ""


def _charts(charts: Sequence[str], note: str, role: str = "") -> str:
    found = "".join(f"<figure>{chart}</figure>" for chart in charts if chart)
    return f'{_note(note)}<div class="charts {role}">{found}</div>' if found else ""


def _methods(chapter: Chapter, known: Sequence[str]) -> str:
    """A table a data set, then how the metrics were measured."""
    table = chapter.methods
    protocol = [line for line in table.footnotes if line not in known]
    return (
        _note(table.legend)
        + "".join(grid(table, *trimmed(section)) for section in table.sections)
        + files(table)
        + (folded("How the metrics were measured, and why values are n/a", notes(protocol)) if protocol else "")
    )


def _ablations(chapter: Chapter, known: Sequence[str]) -> str:
    """The differences drawn, then a folded table a method."""
    if not chapter.ablations:
        return ""
    skip = (*chapter.methods.footnotes, *known)
    caption = f"{chapter.caption('differences')} Blue: better than the default; orange: worse."
    parts = [_charts(difference_charts(chapter.scores, chapter.variant_effects), caption, "wide")]
    for table in chapter.ablations:
        parts.append(folded(table.title, whole(table, skip) + files(table)))
    if chapter.effects is not None:
        parts.append(folded("Every difference with its interval and test", whole(chapter.effects), True))
        parts.append(files(chapter.effects))
    return "".join(parts)


def _inline(chapter: Chapter) -> str:
    """The figures that the page has no drawing of its own of."""
    return "".join(
        _charts([f'<img src="{uri("png", drawn.png)}" alt="{escape(drawn.title)}">'], drawn.caption, "wide")
        for drawn in chapter.figures
        if drawn.inline
    )


def _kernels(chapter: Chapter) -> str:
    found = chapter.material.kernels
    return _note(chapter.caption("kernels")) + kernel_table(found) if found else ""


def _ending(report: Report) -> list[Part]:
    """What concerns the whole suite."""
    every = report.every
    suite = every[0].suite
    words, commands = tracing(every[0])
    listed = "".join(
        f"<div><dt>{escape(row[0].text)}</dt><dd>{escape(row[1].text)}</dd></div>"
        for row in compared(every, report.spent).rows
    )
    schedule = Table("training", "Training, here and in the papers", (), (), (training(every),))
    return [
        ("papers", "Papers’ tables", report.papers[0].title if report.papers else "", _papers(report)),
        *map(_part, report.small),
        ("compared", "Suite", "What was compared", f'<dl class="facts">{listed}</dl>{bullets(suite.notes)}'),
        (
            "schedule",
            "Training",
            "Training, here and in the papers",
            _note(disclaimer(every).replace("[Training](#training-here-and-in-the-papers)", "this heading"))
            + grid(schedule, schedule.sections[0])
            + folded("Deviations from the papers", bullets(deviations(every))),
        ),
        ("cost", "Cost", "Cost", _cost(report)),
        ("tracing", "Provenance", "Where a number comes from", f"<p>{html_of(words)}</p><pre>{escape(commands)}</pre>"),
    ]


def _papers(report: Report) -> str:
    if not report.papers:
        return ""
    first, *rest = report.papers
    tables = (folded(table.title, whole(table) + files(table)) for table in rest)
    return whole(first) + "".join(tables)


SHORT = {"adaptation": "Adaptation", "gaps": "Gap closed", "taps": "Taps", "reported": "Reported", "rivals": "Mine"}


def _part(table: Table) -> Part:
    return table.name, SHORT[table.name], table.title, whole(table) + files(table)


def _cost(report: Report) -> str:
    """Seconds and memory of the entrants; of every run folded away."""
    section, main = report.costs.sections[0], report.entrant_costs
    if not main.rows:
        return ""
    every = grid(report.costs, section, "Every run") if len(main.rows) < len(section.rows) else ""
    return _note(MEASURED_COST) + grid(report.costs, main) + folded("Every run", every, True) + files(report.costs)
