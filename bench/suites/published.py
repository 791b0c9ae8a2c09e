"""Suite published: what authors published, scored under their papers' protocol, beside what they report.

Pictures are rows of published.csv, networks are named in WEIGHTS; both lie under BENCH_PUBLISHED and are known by
their sha256. What is not there is left out.
"""

from dataclasses import replace
from pathlib import Path

from bench.runtime.paths import published_folder
from bench.runtime.rows import Row, read_rows
from bench.runtime.weights import WEIGHTS
from bench.suites.experiment import Experiment
from bench.suites.suite import MethodPlan, Suite
from methods import PUBLISHED
from methods.elsewhere import Pictures, any_picture, pictures_entry

SETS = ("Set5", "Set14", "BSD100")


def _join(row: Row) -> MethodPlan:
    """Let a row's entry be found by name, and plan its run."""
    folder = published_folder() / row["place"]
    entry = pictures_entry(row["name"], folder, row["sha256"], row["paper"])
    PUBLISHED[entry.name] = replace(entry, headlines={"default": row["label"]})
    sets = tuple(row["sets"].split())
    return MethodPlan(entry.name, scale=int(row["scale"]), test_sets=sets, shard="pictures")


def is_here(run: Experiment) -> bool:
    """Whether what a run is made of is here; runs that are made here are."""
    if run.published:
        return WEIGHTS[run.published].found is not None
    method = run.build()
    return run.method not in PUBLISHED or not isinstance(method, Pictures) or any_picture(method.sha256)


_SHIPPED = {2: SETS, 3: SETS[:2], 4: SETS}  # scale to the sets that ship with it
_ROWS = read_rows(Path(__file__).with_name("published.csv"))
PUBLISHED_SUITE = Suite(
    name="published",
    title="authors' pictures and networks, and bicubic interpolation, as reported and as measured here",
    train_sets=(),
    test_sets=SETS,
    plans=(
        *(MethodPlan("bicubic", scale=scale, test_sets=sets, shard="bicubic") for scale, sets in _SHIPPED.items()),
        *map(_join, _ROWS),
        *(
            MethodPlan("edsr", scale=scale, test_sets=sets, shard="networks", published=f"edsr-x{scale}")
            for scale, sets in _SHIPPED.items()
        ),
    ),
    metrics=("psnr_y", "ssim_y"),
    reported={
        "Bicubic": "bicubic.default",
        "EDSR": "edsr.default",
        **{row["label"]: f"{row['name']}.default" for row in _ROWS},
    },
)
