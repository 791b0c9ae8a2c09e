"""taps.csv of a suite: what each perceptual loss of its runs can see of the test pictures."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from statistics import fmean

from bench.errors import MissingWeights
from bench.runtime.rows import read_rows, write_rows
from bench.suites.experiment import Experiment
from bench.suites.workdir import Workdir

FILE = "taps.csv"
SHARES = ("active_before", "active_after")
SHOWN = ("network", "layer", "dataset", "pictures", *SHARES, "mean_before", "mean_after")
COLUMNS = (*SHOWN, "runs")  # those whose loss it is


def write_taps(runs: Iterable[Experiment], layout: Workdir, results: Path) -> None:
    """A row for each (network, layer) of the runs, on the first test set of the first of them, beside the rows that
    are there already. Nothing is written where no run has a perceptual loss."""
    from bench.data.images import image_files, read_image, to_tensor
    from methods.common.perceptual import PERCEPTUAL, tap_statistics

    path = results / FILE
    rows = _there(path)
    for run in runs:
        method = run.build()
        network = getattr(method, "perceptual", "")
        if not network or not hasattr(method, "tap"):
            continue
        layer = getattr(method, "layer", "") or PERCEPTUAL[network].deepest
        if (network, layer) in rows:
            named = rows[network, layer]["runs"].split()
            rows[network, layer]["runs"] = " ".join(dict.fromkeys((*named, run.name)))
            continue
        dataset = run.test_sets[0]
        pictures = image_files(layout.test_data(dataset, run.scale, run.degradation) / "hr")
        try:
            found = [tap_statistics(network, layer, to_tensor(read_image(picture))[None]) for picture in pictures]
        except MissingWeights:
            continue  # a run taken over from another machine
        means = [f"{fmean(one[name] for one in found):.6g}" for name in (*SHARES, "mean_before", "mean_after")]
        rows[network, layer] = dict(
            zip(COLUMNS, (network, layer, dataset, str(len(found)), *means, run.name), strict=True)
        )
    if rows:
        write_rows(path, COLUMNS, [[rows[key][column] for column in COLUMNS] for key in sorted(rows)])


def _there(path: Path) -> dict[tuple[str, str], dict[str, str]]:
    if not path.is_file():
        return {}
    return {(row["network"], row["layer"]): row for row in read_rows(path, COLUMNS)}
