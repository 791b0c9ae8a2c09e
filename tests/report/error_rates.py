"""How often the verdicts err, simulated on the designs that are run: family-wise error and coverage, all nulls true.

    python -m tests.report.error_rates components   measures tests/report/error_components.csv in results/cpu
    python -m tests.report.error_rates              simulates tests/report/error_rates.csv from it

Components: for each claim of suite cpu that was tested over seeds and pictures when the test was chosen, the standard
deviations of seeds, pictures and rest, by the analysis of variance, and the shape of the pictures' and the rest's
effects as 21 quantiles.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.report.statistics import TWO_WAY, distance, half_width, interval, mean_squares

F64 = NDArray[np.float64]
HERE = Path(__file__).parent
COMPONENTS, RATES = HERE / "error_components.csv", HERE / "error_rates.csv"
SEEDS, PICTURES = (3, 5, 10), (0, 5, 14, 100)  # 0: the pictures that each claim has
TAILS = ("normal", "measured", "heavy", "skewed")
REPLICATES, STEP = 10000, 500
ALPHA = 0.05


@dataclass(frozen=True)
class Component:
    """A claim's design and spread. picture_shape, rest_shape: 21 quantiles of mean 0 and standard deviation 1."""

    claim: str
    paper: str
    metric: str
    seeds: int
    pictures: int
    sd_seed: float
    sd_picture: float
    sd_rest: float
    picture_shape: str
    rest_shape: str


@dataclass(frozen=True)
class Rates:
    """Of one design, in per cent. familywise: any false alarm among all claims; familywise_paper: among the claims of
    the paper where it is highest; coverage of the claims' 95 % intervals: their mean, and the lowest and highest of a
    single claim, with its name."""

    seeds: int
    pictures: str
    tails: str
    replicates: int
    familywise: float
    familywise_paper: float
    paper: str
    coverage: float
    lowest: float
    lowest_claim: str
    highest: float
    highest_claim: str


def measure_components(results: Path = Path("results/cpu")) -> list[Component]:
    """Of every claim of a published suite that has an effect over seeds and pictures."""
    from bench.metrics import METRICS
    from bench.report.aggregate import read
    from bench.report.described import describe
    from bench.report.verdicts import judge, paired_scores
    from bench.suites import find_suite
    from methods import METHODS

    order = list(pd.read_csv(results / "runs.csv", dtype=str)["run"])
    suite = describe(find_suite(results.name), order, results)
    every = {scores.setting.name: scores for scores in read(results, suite, METRICS)}
    found = []
    for verdict in judge(suite.claims, list(every.values())):
        if verdict.effect is None or verdict.effect.kind != TWO_WAY:
            continue
        scores = every[verdict.setting]
        table = paired_scores(scores, verdict.better, verdict.worse, verdict.metric)
        paper = METHODS[verdict.claim_id.partition(".")[0]].paper
        found.append(_component(verdict.claim_id, paper, verdict.metric, table[:, ~np.isnan(table).any(axis=0)]))
    return found


def _component(claim: str, paper: str, metric: str, table: F64) -> Component:
    """table: (seeds, pictures)."""
    seeds, pictures = table.shape
    squares = mean_squares(table)
    by_picture = table.mean(axis=0)
    rest = table - by_picture - table.mean(axis=1, keepdims=True)
    spread = (squares.seed - squares.rest) / pictures, (squares.picture - squares.rest) / seeds, squares.rest
    deviations = (round(float(np.sqrt(max(0, one))), 6) for one in spread)
    return Component(claim, paper, metric, seeds, pictures, *deviations, _shape(by_picture), _shape(rest))


def _shape(values: F64) -> str:
    """21 quantiles of the values, scaled to mean 0 and standard deviation 1."""
    quantiles = np.quantile((values - values.mean()) / values.std(), np.linspace(0, 1, 21))
    return " ".join(f"{one:.2f}" for one in quantiles)


def read_components() -> list[Component]:
    """The committed ones."""
    return [Component(*row) for row in pd.read_csv(COMPONENTS).itertuples(index=False)]


def draw(rng: np.random.Generator, tails: str, size: tuple[int, ...], shape: str = "") -> F64:
    """Mean 0, standard deviation 1. measured: of that shape; heavy: Student's t with 5 degrees of freedom, whose
    excess kurtosis of 6 is about that of the measured rest; skewed: exponential."""
    if tails == "heavy":
        return rng.standard_t(5, size) / np.sqrt(5 / 3)
    if tails == "skewed":
        return rng.standard_exponential(size) - 1
    if tails == "measured":
        levels = np.linspace(0, 1, 10001)
        values = np.interp(levels, np.linspace(0, 1, 21), [float(one) for one in shape.split()])
        values = (values - values.mean()) / values.std()
        return values[rng.integers(0, len(levels), size)]
    return rng.standard_normal(size)


def simulate(rng: np.random.Generator, one: Component, tails: str, size: tuple[int, int, int]) -> F64:
    """Differences of mean 0, (replicates, seeds, pictures); seeds normal: three of them tell nothing of tails."""
    n, seeds, pictures = size
    by_seed = one.sd_seed * rng.standard_normal((n, seeds, 1))
    by_picture = one.sd_picture * draw(rng, tails, (n, 1, pictures), one.picture_shape)
    return by_seed + by_picture + one.sd_rest * draw(rng, tails, size, one.rest_shape)


def rates(components: list[Component], seeds: int, pictures: int, tails: str, replicates: int, seed: int = 0) -> Rates:
    """One line of the table. Holm's first step decides whether there is any false alarm."""
    rng = np.random.default_rng(seed)
    sizes = {paper: sum(one.paper == paper for one in components) for paper in {one.paper for one in components}}
    alarms = dict.fromkeys(("", *sorted(sizes)), np.zeros(replicates, dtype=bool))
    covered = np.zeros(len(components))
    for place, one in enumerate(components):
        for start in range(0, replicates, STEP):
            part = slice(start, min(start + STEP, replicates))
            table = simulate(rng, one, tails, (part.stop - start, seeds, pictures or one.pictures))
            squares = mean_squares(table)
            size = distance(table, squares)
            low, high = interval(table, squares, ALPHA)
            covered[place] += ((low <= 0) & (high >= 0)).sum()
            for family, count in (("", len(components)), (one.paper, sizes[one.paper])):
                new = np.zeros(replicates, dtype=bool)
                new[part] = size > half_width(squares, ALPHA / count)
                alarms[family] = alarms[family] | new
    percent = {family: 100 * float(hits.mean()) for family, hits in alarms.items()}
    worst = max(sizes, key=lambda paper: (percent[paper], paper))
    covered *= 100 / replicates
    ends = [part for end in (covered.argmin(), covered.argmax()) for part in (covered[end], components[end].claim)]
    summary = (percent[""], percent[worst], worst, covered.mean(), *ends)
    shown = (one if isinstance(one, str) else round(float(one), 2) for one in summary)
    return Rates(seeds, str(pictures or "as run"), tails, replicates, *shown)  # type: ignore[arg-type]


def simulate_all(replicates: int = REPLICATES) -> Iterator[Rates]:
    """Every line of the table."""
    components = read_components()
    for tails in TAILS:
        for seeds in SEEDS:
            for pictures in PICTURES:
                yield rates(components, seeds, pictures, tails, replicates)


def _write(path: Path, rows: list[Component] | list[Rates]) -> None:
    columns = [field.name for field in fields(rows[0])]
    pd.DataFrame([astuple(row) for row in rows], columns=columns).to_csv(path, index=False, lineterminator="\n")


if __name__ == "__main__":
    if sys.argv[1:] == ["components"]:
        _write(COMPONENTS, measure_components())
    else:
        _write(RATES, list(simulate_all()))
