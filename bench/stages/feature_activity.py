"""One row per (network, layer), measured on the first run's first test set: what perceptual losses can see."""

import functools
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

from bench.errors import MissingWeights
from bench.runtime.results import TAPS
from bench.runtime.rows import Row, read_rows, write_rows
from bench.runtime.weights import is_rounded
from bench.suites.experiment import Experiment

SHARES = ("active_before", "active_after")
SHOWN = ("network", "layer", "dataset", "pictures", *SHARES, "mean_before", "mean_after")
COLUMNS = (*SHOWN, "runs")  # those whose loss it is


def measure_taps(run: Experiment, hr: Path) -> Row | None:
    """What the perceptual loss of a run can see of the pictures of a folder, by SHOWN; None for a run without one, and
    where its network is not here, or rounded. hr: those of the run's first test set."""
    from methods.common.perceptual import PERCEPTUAL

    method = run.build()
    knobs = method.knobs
    if not method.needs_weights or "tap" not in knobs or is_rounded(PERCEPTUAL[knobs["perceptual"]].weights):
        return None
    network = knobs["perceptual"]
    layer = knobs.get("layer") or PERCEPTUAL[network].deepest
    try:
        count, *means = _mean_statistics(network, layer, hr)
    except MissingWeights:
        return None
    return dict(zip(SHOWN, (network, layer, run.test_sets[0], count, *means), strict=True))


@functools.cache
def _mean_statistics(network: str, layer: str, hr: Path) -> tuple[str, ...]:
    """The number of pictures, and the means over them."""
    from bench.data.images import image_files, read_image, to_tensor
    from methods.common.perceptual import tap_statistics

    found = [tap_statistics(network, layer, to_tensor(read_image(path))[None]) for path in image_files(hr)]
    return (str(len(found)), *(f"{fmean(each[name] for each in found):.6g}" for name in SHOWN[4:]))


def write_taps(records: Mapping[str, Mapping[str, Any]], results: Path) -> None:
    """taps.csv: a row for each (network, layer) of the runs, as the first of them measured it. Runs without
    measurements of their own keep the rows that are there already. Nothing is written where no run has a perceptual
    loss. records: by run, in the order of the tables."""
    path = results / TAPS
    measured = {run: record["taps"] for run, record in records.items() if record.get("taps")}
    for row in read_rows(path, COLUMNS) if path.is_file() else ():
        measured |= {run: row for run in row["runs"].split() if run in records and run not in measured}
    rows: dict[tuple[str, str], Row] = {}
    for run in (run for run in records if run in measured):
        taps = measured[run]
        row = rows.setdefault((taps["network"], taps["layer"]), {**taps, "runs": ""})
        row["runs"] = f"{row['runs']} {run}".strip()
    if rows:
        write_rows(path, COLUMNS, [[rows[key][column] for column in COLUMNS] for key in sorted(rows)])
