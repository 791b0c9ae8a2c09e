"""The page holds the numbers of the CSV, fetches nothing, sorts, slides, and is the same bytes for the same scores."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from browser import Page, find_browser, opened
from report_folder import (
    INFOS,
    KERNELS,
    setting,
    suite_info,
    write_curves,
    write_kernel_run,
    write_kernels,
    write_pictures,
    write_results,
)

from bench.report import html_headline
from bench.report.document import build
from bench.report.html_tables import _cell
from bench.report.render import Cell, html_of
from bench.report.rules import Status
from bench.report.svg import Scale
from bench.report.verdicts import Verdict
from bench.runtime.rows import read_rows


class Tables(HTMLParser):
    """Every sortable table: name, section, heading texts, rows of (text, data-value)."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str, list[str], list[list[tuple[str, str]]]]] = []
        self._value: str | None = None
        self._text = ""
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "table":
            self._inside = "data-table" in given
            if self._inside:
                self.found.append((given["data-table"], given["data-section"], [], []))
        elif self._inside and tag == "tr":
            self.found[-1][3].append([])
        elif self._inside and tag in ("td", "th"):
            self._value, self._text = given.get("data-value", ""), ""

    def handle_data(self, data: str) -> None:
        self._text += data

    def handle_endtag(self, tag: str) -> None:
        if self._inside and tag in ("td", "th") and self._value is not None:
            self.found[-1][3][-1].append((self._text, self._value))
            self._value = None
        if self._inside and tag == "thead":
            self.found[-1][2].extend(text for text, _ in self.found[-1][3].pop())


def make(work: Path) -> Path:
    """The whole report of the tiny suite, two settings; returns the page."""
    results = write_results(work / "results")
    write_kernel_run(results)
    write_kernels(work)
    write_pictures(work, side=120)
    write_curves(work)
    build(results, work, suite_info(setting(), KERNELS), INFOS, work / "page")
    return work / "page" / "index.html"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("tiny"))


def test_the_numbers_of_the_page_are_those_of_the_csv(page: Path) -> None:
    tables = Tables()
    tables.feed(page.read_text())
    compared = 0
    for name, section, header, rows in tables.found:
        if not name.startswith(("methods", "ablation-")):
            continue
        with (page.parent / "tables" / f"{name}.csv").open() as stream:
            lines = list(csv.DictReader(stream))
        assert len(rows) == len(lines)
        for row, line in zip(rows, lines, strict=True):
            for title, (_, value) in zip(header, row, strict=True):
                if f"{section}/{title.split()[0]}" in line:
                    assert value == line[f"{section}/{title.split()[0]}"]
                    compared += 1
    assert compared == 3 * 2 * 2 + (2 + 2) * 2 * 2 + 1 * 2 * 1  # a metric that is n/a throughout has no column


def test_what_is_shown_is_the_number_behind_it_rounded(page: Path) -> None:
    tables = Tables()
    tables.feed(page.read_text())
    cells = [cell for name, _, _, rows in tables.found if name.startswith("methods") for row in rows for cell in row]
    numbers = [(text, value) for text, value in cells if value not in ("", "n/a")]
    assert len(numbers) > 10
    for text, value in numbers:
        assert abs(float(text.replace("−", "-")) - float(value)) <= 0.5 * 10.0 ** -len(text.partition(".")[2]) + 1e-9


def test_the_page_needs_nothing_from_elsewhere(page: Path) -> None:
    text = page.read_text()
    sources = re.findall(r'(?:src|href)="([^"]*)"', text)
    assert sources
    assert not [source for source in sources if not source.startswith(("#", "data:image/", "tables/"))]
    assert not re.search(r"@import|url\(|https?://(?!www\.w3\.org)", text)
    links = [source for source in sources if source.startswith("tables/")]
    assert links and all((page.parent / link).is_file() for link in links)


def test_every_contents_link_leads_to_a_part(page: Path) -> None:
    text = page.read_text()
    anchors = set(re.findall(r' id="([^"]+)"', text))
    wanted = set(re.findall(r'href="#([^"]+)"', text))
    assert len(wanted) >= 8
    assert wanted <= anchors


def test_the_same_scores_give_the_same_page(page: Path, tmp_path: Path) -> None:
    assert make(tmp_path).read_bytes() == page.read_bytes()


def test_a_page_can_be_made_from_scores_alone(tmp_path: Path) -> None:
    build(write_results(tmp_path / "results"), tmp_path, suite_info(), INFOS, tmp_path / "page")
    text = (tmp_path / "page" / "index.html").read_text()
    assert "Visual comparison" not in text and "Training curves" not in text
    assert "All methods" in text


def test_a_leader_that_awaits_retraining_leads_under_its_own_name(tmp_path: Path) -> None:
    digests = {row["run"]: row["digest"] for row in read_rows(write_results(tmp_path / "results") / "runs.csv")}
    awaiting = {run: (digest, "seen in training") for run, digest in digests.items()}
    build(tmp_path / "results", tmp_path, replace(suite_info(), awaiting=awaiting), INFOS, tmp_path / "page")
    text = (tmp_path / "page" / "index.html").read_text()
    assert '<p class="big">edsr</p>' in text and "edsr, awaits retraining</th>" in text


def test_a_claim_without_a_relevant_difference_is_decided_and_does_not_hold() -> None:
    found: tuple[Status, ...] = ("holds", "no relevant difference", "undecided", "not tested")
    verdicts = [Verdict("a.b", "text", "source", "a.x", "a.y", "psnr_y", "paper", status) for status in found]
    assert "1 of 2 hold" in html_headline._claims(verdicts)


def test_kernels_are_shown_beside_the_truth(page: Path) -> None:
    text = page.read_text()
    assert text.count('<table class="kernels">') == 1
    assert "true kernel" in text and "kernelgan" in text


def test_marks_of_the_text_become_elements_and_nothing_else_does() -> None:
    text = html_of("**a** `b<c` <u>d</u> *e* <script>")
    assert text == "<b>a</b> <code>b&lt;c</code> <u>d</u> <i>e</i> &lt;script&gt;"


@pytest.mark.parametrize(
    ("low", "high", "expected"), [(0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]), (26.61, 27.9, [26.8, 27, 27.2, 27.4, 27.6, 27.8])]
)
def test_ticks_are_round_numbers_inside(low: float, high: float, expected: list[float]) -> None:
    assert Scale(low, high, 0, 100).ticks() == pytest.approx(expected)


def test_ticks_of_a_logarithmic_scale_are_inside() -> None:
    assert Scale(0.03, 2, 0, 100, log=True).ticks() == pytest.approx([0.05, 0.1, 0.2, 0.5, 1, 2])


@pytest.fixture(scope="module")
def browser_page(page: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    if find_browser() is None:
        pytest.skip("no Chromium on this machine")
    with opened(page, tmp_path_factory.mktemp("profile")) as found:
        yield found


COLUMN = """(() => {
  const table = document.querySelector('table[data-table="methods"]');
  const heading = [...table.tHead.rows[0].cells].find((cell) => cell.textContent.startsWith('psnr_y'));
  const shown = () => [...table.tBodies[0].rows].map((row) => row.cells[heading.cellIndex].dataset.value);
  %s
})()"""


@pytest.mark.slow
def test_a_click_on_a_heading_sorts_and_a_second_one_turns_it_round(browser_page: Page) -> None:
    click = "heading.querySelector('button').click(); return [shown(), heading.getAttribute('aria-sort')]"
    up, said = browser_page.run(COLUMN % click)
    assert said == "ascending" and [float(value) for value in up] == sorted(map(float, up))
    down, said = browser_page.run(COLUMN % click)
    assert said == "descending" and down == up[::-1]


@pytest.mark.slow
def test_a_heading_sorts_by_the_keyboard(browser_page: Page) -> None:
    browser_page.run(COLUMN % "heading.setAttribute('aria-sort', 'none'); heading.querySelector('button').focus()")
    browser_page.press("Enter", 13)
    browser_page.run("new Promise((done) => setTimeout(done, 50))")
    if browser_page.run(COLUMN % "return heading.getAttribute('aria-sort')") == "none":
        browser_page.press(" ", 32)
    assert browser_page.run(COLUMN % "return heading.getAttribute('aria-sort')") == "ascending"


@pytest.mark.slow
def test_the_slider_moves_by_arrow_keys_and_cuts_the_picture_there(browser_page: Page) -> None:
    browser_page.run("document.querySelector('.view:not([hidden]) .stage input').focus()")
    for _ in range(10):
        browser_page.press("ArrowRight", 39)
    state = """(() => { const stage = document.querySelector('.view:not([hidden]) .stage');
      return [stage.querySelector('input').value, stage.style.getPropertyValue('--cut'),
              getComputedStyle(stage.querySelector('.over')).clipPath]; })()"""
    assert browser_page.run(state) == ["60", "60%", "inset(0px 40% 0px 0px)"]


@pytest.mark.slow
def test_a_click_on_a_crop_puts_it_on_the_right(browser_page: Page) -> None:
    script = """(() => { const view = document.querySelector('.view:not([hidden])');
      const tile = view.querySelector('.tile[data-name="edsr"]'); tile.click();
      return [view.querySelector('.under').src === tile.querySelector('img').src,
              view.querySelector('.tag.right').textContent, tile.getAttribute('aria-pressed'),
              view.querySelector('.under').naturalWidth]; })()"""
    assert browser_page.run(script)[:3] == [True, "edsr", "true"]


@pytest.mark.slow
@pytest.mark.parametrize(("renamed", "left"), [("bicubic", "bicubic"), ("other", "other")])
def test_the_slider_starts_on_two_different_pictures_even_without_bicubic(
    renamed: str, left: str, page: Path, tmp_path: Path
) -> None:
    if find_browser() is None:
        pytest.skip("no Chromium on this machine")
    text = page.read_text(encoding="utf-8")
    assert 'data-name="bicubic"' in text
    text = text.replace('data-name="bicubic"', f'data-name="{renamed}"')
    (tmp_path / "page.html").write_text(text.replace("<option>bicubic<", f"<option>{renamed}<"), encoding="utf-8")
    script = """[...document.querySelectorAll('.view')].map((view) =>
      [view.querySelector('.tag.left').textContent, view.querySelector('.tag.right').textContent])"""
    with opened(tmp_path / "page.html", tmp_path / "profile") as found:
        sides = found.run(script)
    assert sides and all(pair == [left, "HR"] for pair in sides)


@pytest.mark.slow
def test_only_the_chosen_picture_is_shown(browser_page: Page) -> None:
    script = """(() => { document.querySelectorAll('.tabs button')[1].click();
      return [...document.querySelectorAll('.view')].map((view) => view.hidden); })()"""
    assert browser_page.run(script).count(False) == 1
    assert browser_page.run(script)[1] is False


@pytest.mark.slow
def test_the_page_asks_for_no_address_and_does_not_scroll_sideways(browser_page: Page) -> None:
    assert [url for url in browser_page.requested if not url.startswith(("file:", "data:", "about:"))] == []
    assert browser_page.run("document.documentElement.scrollWidth <= innerWidth")
    assert browser_page.run("[...document.images].every((image) => image.complete && image.naturalWidth > 0)")


@pytest.mark.slow
def test_it_prints_on_paper_of_a4(browser_page: Page) -> None:
    browser_page.call("Emulation.setEmulatedMedia", media="print")
    assert browser_page.run("getComputedStyle(document.querySelector('.contents')).display") == "none"
    assert browser_page.call("Page.printToPDF", preferCSSPageSize=True)["data"].startswith("JVBERi")
    browser_page.call("Emulation.setEmulatedMedia", media="")


def test_what_a_cell_stresses_is_stressed_on_the_page() -> None:
    cell = _cell(Cell("**exact** <b>"), "**exact** <b>", 1, 0)
    assert "exact</" in cell and "**" not in cell and "&lt;b&gt;" in cell
