"""What is committed under results/ is what its records say: every link is recomputed, every table built anew."""

from __future__ import annotations

import pytest

from bench.provenance.verify import render, verify
from bench.report.described import rebuild_tables
from bench.runtime.code_digest import ROOT

SUITES = sorted(path.parent.name for path in (ROOT / "results").glob("*/runs.csv"))


@pytest.mark.parametrize("suite", SUITES)
def test_no_link_of_the_published_results_is_broken(suite: str) -> None:
    links = verify(ROOT / "results" / suite, None, rebuild_tables)
    assert not [link for link in links if link.state == "broken"], render(links)
    assert {"file", "digest", "cell follows from scores", "table rebuilt"} <= {link.kind for link in links}


def test_suites_are_published() -> None:
    assert {"cpu", "demo"} <= set(SUITES)
