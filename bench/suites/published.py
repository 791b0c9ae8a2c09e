"""Suite published: what authors published, scored under their papers' protocol, beside what they report.

A row of published.csv is what lies under BENCH_PUBLISHED, by name and sha256; what is not there is left out.
"""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from bench.runtime.paths import published_folder
from bench.runtime.rows import Row, read_rows
from bench.suites.experiment import Experiment
from bench.suites.suite import MethodPlan, Suite
from methods import PUBLISHED
from methods.elsewhere import Pictures, any_picture, pictures_entry

SETS = ("Set5", "Set14", "BSD100")


def _join(row: Row) -> MethodPlan:
    """Let a row's entry be found by name, and plan its run."""
    place = published_folder() / row["place"]
    entry = pictures_entry(row["name"], place, row["sha256"], row["paper"])
    PUBLISHED[entry.name] = replace(entry, headlines={"default": row["label"]})
    sets = tuple(row["sets"].split())
    return MethodPlan(entry.name, scale=int(row["scale"]), test_sets=sets, shard="pictures")


def is_here(run: Experiment) -> bool:
    """Whether what a run is made of is here; runs that are made here are."""
    method = run.build()
    return run.method not in PUBLISHED or not isinstance(method, Pictures) or any_picture(method.sha256)


def _plans(rows: Iterable[Row]) -> tuple[MethodPlan, ...]:
    """Bicubic on every set at every scale that ships with it, then what authors published."""
    bicubic = {2: SETS, 3: SETS[:2], 4: SETS}
    return (
        *(MethodPlan("bicubic", scale=scale, test_sets=sets, shard="bicubic") for scale, sets in bicubic.items()),
        *map(_join, rows),
    )


_ROWS = read_rows(Path(__file__).with_name("published.csv"))
PUBLISHED_SUITE = Suite(
    name="published",
    title="authors' own pictures and bicubic interpolation, as reported and as measured here",
    train_sets=(),
    test_sets=SETS,
    plans=_plans(_ROWS),
    metrics=("psnr_y", "ssim_y"),
    reported={"Bicubic": "bicubic.default", **{row["label"]: f"{row['name']}.default" for row in _ROWS}},
)
