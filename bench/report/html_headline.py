"""What is to be understood in ten seconds: who is ahead, how surely, which claims hold, what stands behind it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape

from bench.metrics import Metric
from bench.report.aggregate import DISTORTION, KERNEL, PERCEPTUAL, Scores, difference, methods_of
from bench.report.contents import Chapter, Report
from bench.report.html_charts import interval_bar, stack
from bench.report.html_tables import PILLS, folded, pill
from bench.report.render import Mark
from bench.report.rules import Status
from bench.report.statistics import MIN_SEEDS
from bench.report.summary import REFERENCE, estimates_only, iterations_of
from bench.report.tables import ARROWS, heading, show_difference, show_effect, show_mean, unit_of
from bench.report.verdict_tables import notes_of
from bench.report.verdicts import Verdict

ORDER: tuple[Status, ...] = ("contradicted", "holds", "no relevant difference", "undecided", "not tested")
FEW = 6  # claims shown even if undecided
KINDS: dict[str, tuple[str, ...]] = {"Closest to the original": DISTORTION, "Best perceptual score": PERCEPTUAL}


def cards(report: Report) -> str:
    """The cards at the head of the page: of the main setting, the claims, what stands behind the numbers; the other
    settings share one."""
    first, *rest = report.chapters
    leaders = [_ahead(first, title, wanted) for title, wanted in _kinds(first).items()]
    return "".join([*leaders, _claims(report.verdicts), _basis(report), _elsewhere(rest)])


def _kinds(chapter: Chapter) -> dict[str, tuple[str, ...]]:
    return {"Closest blur kernel": KERNEL} if estimates_only(chapter.scores) else KINDS


def _elsewhere(chapters: Sequence[Chapter]) -> str:
    """Who leads in every other setting, a line each, on its first data set."""
    rows = []
    for chapter in chapters:
        scores, cells = chapter.scores, []
        dataset = scores.setting.datasets[0]
        for wanted in _kinds(chapter).values():
            metric = scores.first_available(wanted)
            name = _leader(chapter, dataset, metric)[0] if metric else ""
            cells.append(_line(scores, dataset, name, metric, f"{escape(name)}:") if metric and name else "–")
        title = f"{escape(scores.setting.title)}<small>{escape(dataset)}</small>"
        texts = "".join(f"<td>{text}</td>" for text in (*cells, "")[:2])
        rows.append(f'<tr><th scope="row">{title}</th>{texts}</tr>')
    if not rows:
        return ""
    titles = "".join(f'<th scope="col">{title}</th>' for title in ("setting", "closest", "best perceptual score"))
    return (
        '<article class="card wide"><h2>Other settings</h2>'
        '<div class="scroll" role="region" tabindex="0" aria-label="Other settings">'
        f"<table><thead><tr>{titles}</tr></thead><tbody>{''.join(rows)}</tbody></table></div></article>"
    )


def _card(title: str, big: str, lines: Sequence[str], role: str = "") -> str:
    listed = "".join(f"<li>{line}</li>" for line in lines)
    return f'<article class="card {role}"><h2>{escape(title)}</h2><p class="big">{big}</p><ul>{listed}</ul></article>'


def _ahead(chapter: Chapter, title: str, wanted: Sequence[str]) -> str:
    """Who leads in the first of these metrics, data set by data set, and whether that is significant."""
    scores = chapter.scores
    metric = scores.first_available(wanted)
    if metric is None:
        lacking = ", ".join(wanted[:3])
        return _card(title, "not measured", [f"no metric of this kind has a value for every method ({lacking}, …)"])
    info = scores.metrics[metric]
    found = [(dataset, *_leader(chapter, dataset, metric)) for dataset in scores.setting.datasets]
    names = Counter(name for _, name, _, _ in found if name)
    if not names:
        return _card(title, "no difference", [f"in {escape(heading(info))}"])
    lines = [_line(scores, dataset, name, metric) for dataset, name, _, _ in found if name]
    sure = all(mark == "best" for _, name, mark, _ in found if name)
    runner = next(second for _, name, _, second in found if name)
    seeds = min(
        len(entrant.runs)
        for entrant in scores.entrants
        if entrant.label in (*names, runner) and entrant.method != REFERENCE
    )
    if seeds < MIN_SEEDS:
        lines.append(f"<em>{_seeds(seeds)}: not tested</em>")
    else:
        lines.append(f"<em>{'significantly' if sure else 'not significantly'} ahead of {escape(runner)}</em>")
    return _card(title, " / ".join(escape(name) for name in names), lines)


def _seeds(count: int) -> str:
    return f"{count} seed" + ("" if count == 1 else "s")


def _leader(chapter: Chapter, dataset: str, metric: str) -> tuple[str, Mark, str]:
    """(who leads, its mark, who is second) in the table of methods; empty where no two differ."""
    every = chapter.scores.entrants
    section = next(section for section in chapter.methods.sections if section.title == dataset)
    column = section.header.index(heading(chapter.scores.metrics[metric]))
    marks = [(entrant.label, row[column].mark) for entrant, row in zip(every, section.rows, strict=True)]
    leaders = [(label, mark) for label, mark in marks if mark in ("best", "leading")]
    seconds = [label for label, mark in marks if mark == "second"]
    return (*leaders[0], seconds[0]) if leaders and seconds else ("", "", "")


def _line(scores: Scores, dataset: str, name: str, metric: str, label: str = "") -> str:
    """'Set5 30.71 dB psnr_y, +2.28 to bicubic', with another label than the data set where one is given."""
    info = scores.metrics[metric]
    means = {entrant.label: scores.mean(entrant, dataset, metric) for entrant in scores.measured}
    text = f"<b>{label or escape(dataset)}</b> {show_mean(means[name], info)} {escape(unit_of(info))}".rstrip()
    control = scores.best_control(dataset, metric)
    lead = difference(means[name], means.get(control))
    more = f", {show_difference(lead, info)} to {escape(control)}" if lead and name != control else ""
    return f"{text}<small> {escape(info.key)} {ARROWS[info.better]}{more}</small>"


def _claims(verdicts: Sequence[Verdict]) -> str:
    """How many claims of the papers hold."""
    if not verdicts:
        return ""
    counts = Counter[str](verdict.status for verdict in verdicts)
    decided = counts["holds"] + counts["contradicted"] + counts["no relevant difference"]
    big = f"{counts['holds']} of {decided} hold" if decided else "none decided"
    rows = [(role, counts[status]) for status, (_, role) in PILLS.items()]
    listed = "".join(f"<li>{pill(status)} {counts[status]}</li>" for status in PILLS)
    return (
        f'<article class="card claims"><h2>The papers’ claims</h2><p class="big">{big}</p>{stack(rows)}'
        f'<ul class="pills">{listed}</ul><p><a href="#claims">Claim by claim</a></p></article>'
    )


def _basis(report: Report) -> str:
    """How much stands behind the numbers."""
    every = report.every
    counts = sorted({len(e.runs) for scores in every for e in scores.entrants if e.method != REFERENCE})
    methods = dict.fromkeys(name for scores in every for name in methods_of(scores.runs))
    pictures = {key for scores in every for key in zip(scores.frame["dataset"], scores.frame["image"], strict=True)}
    runs = sum(len(scores.runs) for scores in every)
    seeds = "–".join(dict.fromkeys((str(counts[0]), str(counts[-1])))) if counts else "1"
    lines = [
        f"{runs} runs, {seeds} {'seed' if seeds == '1' else 'seeds'} a method, {len(pictures)} test pictures",
        f"trained for {escape(iterations_of(every))} iterations",
    ]
    if every[0].suite.paper_training:
        lines.append('<a href="#schedule">compare with the papers’ training</a>')
    return _card("What stands behind it", f"{len(methods)} methods", lines)


def claim_list(report: Report) -> str:
    """Every claim with its verdict, the difference drawn and in numbers; those undecided or without one folded away."""
    infos = {metric: info for scores in report.every for metric, info in scores.metrics.items()}
    judged = sorted((v for v in report.verdicts if v.effect is not None), key=lambda v: ORDER.index(v.status))
    shown = [verdict for verdict in judged if verdict.status not in ("undecided", "not tested") or len(judged) <= FEW]
    folded_away = [verdict for verdict in judged if verdict not in shown]
    rest = [v for v in report.verdicts if v.effect is None]
    others = "".join(
        f"<li>{escape(v.text)} <small>{escape(v.source)}</small>: <em>{escape(v.status)}, {escape(v.note)}</em></li>"
        for v in rest
    )
    return (
        (_claim_table(shown, infos) if shown else _note(report))
        + folded(f"Measured: {_by_status(folded_away)}", _claim_table(folded_away, infos) if folded_away else "")
        + folded(f"Without a difference to show: {_by_status(rest)}", f"<ul>{others}</ul>" if rest else "")
    )


def _by_status(verdicts: Sequence[Verdict]) -> str:
    """'9 undecided, 105 not tested'."""
    counts = Counter(verdict.status for verdict in verdicts)
    return ", ".join(f"{counts[status]} {status}" for status in ORDER if counts[status])


def _note(report: Report) -> str:
    """Why nothing was decided."""
    tested = any(verdict.p_adjusted is not None for verdict in report.verdicts)
    why = "no difference is significant" if tested else f"a verdict takes {MIN_SEEDS} seeds, and no pair has them"
    return f'<p class="note">No claim is decided here: {why}.</p>'


def _claim_table(verdicts: Sequence[Verdict], infos: Mapping[str, Metric]) -> str:
    rows = "".join(_claim(verdict, infos[verdict.metric]) for verdict in verdicts)
    return (
        '<div class="scroll" role="region" tabindex="0" aria-label="Claims"><table class="claims"><thead><tr>'
        '<th scope="col">verdict</th><th scope="col">claim</th><th scope="col">claimed side on the right</th>'
        f'<th scope="col">difference, 95 % interval</th></tr></thead><tbody>{rows}</tbody></table></div>'
    )


def _claim(verdict: Verdict, info: Metric) -> str:
    effect = verdict.effect
    assert effect is not None
    low, high = sorted((info.sign * effect.low, info.sign * effect.high))
    size = f"{_seeds(effect.seeds)} × {effect.pictures} pictures"
    small = "; ".join(filter(None, (_p(verdict.p_adjusted), size, notes_of(verdict))))
    numbers = f"{escape(show_effect(effect, info))} {escape(unit_of(info))}"
    bar = interval_bar(info.sign * effect.mean, low, high, PILLS[verdict.status][1])
    return (
        f'<tr><td>{pill(verdict.status)}</td><th scope="row">{escape(verdict.text)}'
        f"<small>{escape(verdict.source)} · <code>{escape(verdict.better)}</code> against "
        f"<code>{escape(verdict.worse)}</code> on <code>{escape(verdict.metric)}</code></small></th>"
        f"<td>{bar}</td><td>{numbers}<small>{escape(small)}</small></td></tr>"
    )


def _p(p_adjusted: float | None) -> str:
    if p_adjusted is None:
        return ""
    return "p < 0.001" if p_adjusted < 0.001 else f"p = {p_adjusted:.3f}"
