"""How sure one may be that two variants differ, from their differences on the same seeds and pictures.

Model: d[s, p] = mean + seed[s] + picture[p] + rest[s, p], seeds and pictures both drawn at random (two-way crossed
random effects, one observation a cell). With the mean squares S, P and E of seeds, pictures and rest, the variance of
the mean is E[S + P - E] / (seeds * pictures) (Burdick & Graybill, Confidence Intervals on Variance Components, 1992).
Here (P + max(0, S - E)) / (seeds * pictures) is taken, with the degrees of freedom of Satterthwaite (Biometrics 1946)
for the mean squares that are in it, and Student's t.

Why not S + P - E: where seeds and pictures hardly matter the difference of mean squares may come out near 0, and the
95 % interval then covers too seldom: 91.4 % at 5 x 14 and 84.8 % at 3 x 14 with nothing but noise. Measured for the
rule above over 21 ratios of the standard deviations seed : picture : rest, each from 0 to 1, normal: between 94.2 and
97.0 % at 5 x 14, 5 x 100, 10 x 14 and 10 x 100 (its complement is the type I error), the highest with nothing but
noise. Three seeds: between 92.3 and 96.9 % at 3 x 14 and 3 x 119, the lowest where the seeds' and the pictures' shares
of the variance are alike. With exponential instead of normal pictures and rest, 5 or 10 seeds: down to 92.1 % with 14
pictures, between 93.9 and 96.9 % with 100. The crossed bootstrap beside it knows no degrees of freedom: 74 to 91 % at
3 x 119 and 84 to 93 % at 5 x 100 where seeds matter, 99 % and more with nothing but noise; it decides no verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from bench.errors import BadInput, unknown

if TYPE_CHECKING:
    import pandas as pd

F64 = NDArray[np.float64]
MIN_SEEDS = 3
RESAMPLES = 2000
POWER = 0.8
TWO_WAY, PICTURES_ONLY, ONE_PAIR = "two-way", "pictures only", "one pair, Wilcoxon"


@dataclass(frozen=True)
class Effect:
    """A mean difference in the metric's unit, with its interval.

    low, high: the confidence interval; boot_low, boot_high: the crossed bootstrap's. p: two-sided, of no difference;
    NaN where nothing is tested. detectable: the smallest true difference that a design of this size and spread finds
    with probability 0.8 at a two-sided level of 5 %, before any correction for many tests. kind: 'two-way', over seeds
    and pictures; 'pictures only', which says nothing of other seeds; 'one pair, Wilcoxon', the same of one seed, where
    the p is that of the signed-rank test and the interval Student's.
    """

    mean: float
    low: float
    high: float
    p: float
    seeds: int
    pictures: int
    df: float
    detectable: float
    kind: str
    boot_low: float
    boot_high: float
    note: str = ""


def effect(differences: F64, level: float = 0.95) -> Effect:
    """The mean of differences (seeds, pictures), NaN where one has no value: such a picture is left out and counted.

    Raises BadInput for an infinite difference, for another shape, or where fewer than two pictures are left.
    """
    table, note = _complete(np.asarray(differences, dtype=np.float64))
    seeds, pictures = table.shape
    kind = TWO_WAY if seeds >= MIN_SEEDS else PICTURES_ONLY if seeds > 1 else ONE_PAIR
    mean, variance, df = map(float, two_way(table) if kind == TWO_WAY else over_pictures(table))
    error = float(np.sqrt(variance))
    if error <= 1e-12 * float(np.abs(table).max()):
        error = 0.0
    half = float(stats.t.ppf((1 + level) / 2, df)) * error
    low, high = crossed_bootstrap(table, level)
    notes = [note, "" if kind == TWO_WAY else f"fewer than {MIN_SEEDS} seeds: the interval is over pictures only"]
    return Effect(
        mean=mean,
        low=mean - half,
        high=mean + half,
        p=_p_value(table, mean, error, df, kind),
        seeds=seeds,
        pictures=pictures,
        df=df,
        detectable=detectable(error, df),
        kind=kind,
        boot_low=low,
        boot_high=high,
        note="; ".join(filter(None, notes)),
    )


def _complete(table: F64) -> tuple[F64, str]:
    """The pictures that have a value for every seed, and a note on the others."""
    if table.ndim != 2 or table.shape[0] == 0:
        raise BadInput(f"differences of shape {table.shape}; give one row a seed and one column a picture")
    if np.isinf(table).any():
        raise BadInput("an infinite difference has no mean; leave that picture or metric out")
    known = ~np.isnan(table).any(axis=0)
    if known.sum() < 2:
        raise BadInput(f"{int(known.sum())} of {known.size} pictures have a value for every seed; score two or more")
    lacking = int(known.size - known.sum())
    return table[:, known], f"{lacking} of {known.size} pictures left out, without a value" if lacking else ""


def two_way(table: F64) -> tuple[F64, F64, F64]:
    """Mean, variance of the mean and degrees of freedom of tables (..., seeds, pictures), as the module says."""
    seeds, pictures = table.shape[-2:]
    mean = table.mean(axis=(-2, -1), keepdims=True)
    by_seed = table.mean(axis=-1, keepdims=True) - mean  # (..., seeds, 1)
    by_picture = table.mean(axis=-2, keepdims=True) - mean  # (..., 1, pictures)
    rest = table - mean - by_seed - by_picture
    ms_seed = pictures * np.square(by_seed).sum(axis=(-2, -1)) / (seeds - 1)
    ms_picture = seeds * np.square(by_picture).sum(axis=(-2, -1)) / (pictures - 1)
    ms_rest = np.square(rest).sum(axis=(-2, -1)) / ((seeds - 1) * (pictures - 1))
    excess = np.maximum(0, ms_seed - ms_rest)
    of_seed = ms_seed**2 / (seeds - 1) + ms_rest**2 / ((seeds - 1) * (pictures - 1))
    spread = np.where(excess > 0, of_seed, 0) + ms_picture**2 / (pictures - 1)
    total = ms_picture + excess
    df = np.divide(total**2, spread, out=np.ones_like(total), where=spread > 0)
    return mean[..., 0, 0], total / (seeds * pictures), np.maximum(df, min(seeds, pictures) - 1)


def over_pictures(table: F64) -> tuple[F64, F64, F64]:
    """The same of the means over seeds, the seeds taken as the only ones there are."""
    means = table.mean(axis=-2)
    pictures = means.shape[-1]
    return means.mean(axis=-1), means.var(axis=-1, ddof=1) / pictures, np.full(means.shape[:-1], pictures - 1.0)


def _p_value(table: F64, mean: float, error: float, df: float, kind: str) -> float:
    """Two-sided, of no difference; NaN for two seeds, where neither test applies."""
    if kind == ONE_PAIR:
        return float(stats.wilcoxon(table[0], zero_method="pratt").pvalue) if table.any() else 1.0
    if kind == PICTURES_ONLY:
        return float("nan")
    if error == 0:
        return 0.0 if mean else 1.0
    return float(2 * stats.t.sf(abs(mean) / error, df))


def detectable(error: float, df: float) -> float:
    """The true difference whose t statistic exceeds the two-sided 5 % point with probability 0.8: from noncentral t.

    error: the standard error. The other tail, where the sign would be wrong, is left out: below 1e-4 of probability.
    """
    return error * float(special.nctdtrinc(df, 1 - POWER, stats.t.ppf(0.975, df)))


def crossed_bootstrap(table: F64, level: float = 0.95, seed: int = 0) -> tuple[float, float]:
    """Percentile interval of the mean, seeds and pictures redrawn independently: the pigeonhole bootstrap.

    Owen, Annals of Applied Statistics 2007. Errs to the wide side where the rest dominates and to the narrow side
    where few seeds do.
    """
    low, high = np.quantile(redraw_means(seed, table)[0], ((1 - level) / 2, (1 + level) / 2))
    return float(low), float(high)


def redraw_means(seed: int, *tables: F64) -> list[F64]:
    """The means of tables of one shape (seeds, pictures), each (RESAMPLES,), over the same redrawn rows and columns."""
    rng = np.random.default_rng(seed)
    rows, columns = (rng.multinomial(n, np.full(n, 1 / n), RESAMPLES) / n for n in tables[0].shape)
    return [((rows @ table) * columns).sum(axis=1) for table in tables]


def holm(p: Sequence[float]) -> list[float]:
    """Holm's step-down adjusted p values, in the order given (Scandinavian Journal of Statistics 1979)."""
    adjusted = [0.0] * len(p)
    highest = 0.0
    for rank, place in enumerate(sorted(range(len(p)), key=lambda place: p[place])):
        highest = max(highest, min(1.0, (len(p) - rank) * p[place]))
        adjusted[place] = highest
    return adjusted


def paired(
    frame: pd.DataFrame, better: str, worse: str, metric: str, datasets: Sequence[str], fixed: Sequence[str] = ()
) -> F64:
    """better - worse, (seeds, pictures of all the data sets), over the seeds that both have; NaN where one is n/a.

    frame: of bench.report.aggregate. better, worse: '<method>.<variant>'. fixed: the deterministic methods, whose
    single run is compared with every seed of the other. Raises BadInput for a name without scores, without a seed in
    common, or with an infinite value.
    """
    chosen = frame[(frame["metric"] == metric) & frame["dataset"].isin(datasets)]
    first, second = (_values(chosen, name) for name in (better, worse))
    if len(first) == 1 and better.startswith(tuple(f"{method}." for method in fixed)):
        first = _repeated(first, second)
    if len(second) == 1 and worse.startswith(tuple(f"{method}." for method in fixed)):
        second = _repeated(second, first)
    common = first.index.intersection(second.index, sort=False)
    if common.empty:
        raise BadInput(f"{better} and {worse} have no seed in common; run both with the same seeds")
    columns = first.columns.union(second.columns, sort=False)
    tables = [values.reindex(index=common, columns=columns).to_numpy(np.float64) for values in (first, second)]
    if any(np.isinf(table).any() for table in tables):
        raise BadInput(f"{metric} of {better} or {worse} is infinite on a picture; compare them on another metric")
    return np.asarray(tables[0] - tables[1], dtype=np.float64)


def _values(chosen: pd.DataFrame, name: str) -> pd.DataFrame:
    """Index seed, columns (dataset, image), of one variant; names are compared, never taken apart."""
    names = chosen["method"] + "." + chosen["variant"]
    mine = chosen[names == name]
    if mine.empty:
        raise unknown("variant with scores", name, names.unique())
    return mine.pivot(index="seed", columns=["dataset", "image"], values="value")


def _repeated(single: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """A single run, once for each seed of the other."""
    return single.loc[single.index.repeat(len(other))].set_axis(other.index, axis=0)
