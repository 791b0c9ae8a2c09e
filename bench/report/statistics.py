"""How sure one may be that two variants differ, from their differences on the same seeds and pictures.

Model: d[s, p] = mean + seed[s] + picture[p] + rest[s, p], seeds and pictures both drawn at random (two-way crossed
random effects, one observation a cell). With the mean squares S, P and E of seeds, pictures and rest, the variance of
the mean is E[S + P - E] / (seeds * pictures) (Burdick & Graybill, Confidence Intervals on Variance Components, 1992).
A test weighs each mean square with the squared quantile of Student's t of its own degrees of freedom, as Cochran does
(Biometrics 20, 1964): half^2 = max(tS^2 S + tP^2 P - min(tS, tP)^2 E, tP^2 P) / (seeds * pictures). An interval takes
two parts of that half^2 and one of Satterthwaite's: with one part of each, single claims would be covered in 92.6 %,
with the first alone 97.4 % over the claims. Student's t bears skewed differences badly: Hall (JRSS B 54, 1992)
corrects the mean for the skewness of the pictures' means. An interval holds the means from which the mean is at most
half away, as it is or corrected. A p value is the level at which 0 is left out with no skewness, with the estimated
one, and with 1 + 6 / pictures times that, as few pictures show too little of it; so an interval may leave out a null
that is not rejected.

Why not Satterthwaite alone: its degrees of freedom are estimated, and at the small levels that a correction for many
claims asks for a lucky estimate of a few seeds rejects too often: a family-wise error of 26 % with three seeds. S + P
with seeds - 1 degrees of freedom keeps 5 %, but covers up to 100 % where seeds hardly matter. The error rates of the
rules above on the designs that are run are in tests/report/error_rates.csv, made by tests/report/error_rates.py:
within 5 % for every paper, 95 +- 2 % over its claims, and of single claims 93.5 to 99.0 %, most where three seeds and
the pictures matter alike, for which no exact rule exists. Five pictures, as a single set may have, are too few for the
most skewed shapes: 89 %, and false alarms among claims of ten seeds in 8 %. The crossed bootstrap beside it knows no
degrees of freedom; it decides no verdict.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special, stats

from bench.errors import BadInput, unknown

if TYPE_CHECKING:
    import pandas as pd

F64 = NDArray[np.float64]
MIN_SEEDS = 3
LEAST = 1e-12  # p values are not told apart below
RESAMPLES = 2000
POWER = 0.8
TWO_WAY, PICTURES_ONLY, ONE_PAIR = "two-way", "pictures only", "one pair, Wilcoxon"


@dataclass(frozen=True)
class Squares:
    """Means and mean squares of tables (..., seeds, pictures), each of shape (...)."""

    mean: F64
    seed: F64
    picture: F64
    rest: F64
    seeds: int
    pictures: int


@dataclass(frozen=True)
class Effect:
    """A mean difference in the metric's unit, with its interval.

    low, high: the confidence interval; boot_low, boot_high: the crossed bootstrap's. p: two-sided, of no difference;
    NaN where nothing is tested. df: Student's t with so many has the interval's quantile. kind:
    'two-way', over seeds and pictures; 'pictures only', which says nothing of other seeds; 'one pair, Wilcoxon', the
    same of one seed, where the p is that of the signed-rank test.
    """

    mean: float
    low: float
    high: float
    p: float
    seeds: int
    pictures: int
    df: float
    kind: str
    boot_low: float
    boot_high: float
    squares: Squares = field(repr=False, compare=False)
    note: str = ""

    def detectable(self, alpha: float) -> float:
        """The true difference that so large and spread a design finds at the level alpha with probability 0.8."""
        return 0.0 if self.low == self.high else detectable(self.squares, alpha)


def effect(differences: F64, level: float = 0.95) -> Effect:
    """The mean of differences (seeds, pictures), NaN where one has no value: such a picture is left out and counted.

    level: of the intervals. Raises BadInput for an infinite difference, for another shape, or where fewer than two
    pictures are left.
    """
    table, note = _complete(np.asarray(differences, dtype=np.float64))
    seeds, pictures = table.shape
    kind = TWO_WAY if seeds >= MIN_SEEDS else PICTURES_ONLY if seeds > 1 else ONE_PAIR
    squares = mean_squares(table if kind == TWO_WAY else table.mean(axis=0, keepdims=True))
    flat = float(half_width(squares, 1 - level)) <= 1e-12 * float(np.abs(table).max())
    ends = (squares.mean, squares.mean) if flat else interval(table, squares, 1 - level)
    low, high = crossed_bootstrap(table, level)
    notes = [note, "" if kind == TWO_WAY else f"fewer than {MIN_SEEDS} seeds: the interval is over pictures only"]
    return Effect(
        mean=float(squares.mean),
        low=float(ends[0]),
        high=float(ends[1]),
        p=_p_value(table, squares, kind, flat),
        seeds=seeds,
        pictures=pictures,
        df=equivalent_df(squares, float(interval_half(squares, 1 - level)), 1 - level),
        kind=kind,
        boot_low=low,
        boot_high=high,
        squares=squares,
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


def mean_squares(table: F64) -> Squares:
    """Of tables (..., seeds, pictures). A single seed has neither seeds' nor rest's share: those are 0."""
    seeds, pictures = table.shape[-2:]
    mean = table.mean(axis=(-2, -1), keepdims=True)
    by_seed = table.mean(axis=-1, keepdims=True) - mean  # (..., seeds, 1)
    by_picture = table.mean(axis=-2, keepdims=True) - mean  # (..., 1, pictures)
    rest = table - mean - by_seed - by_picture
    freedom = max(1, seeds - 1)
    return Squares(
        mean=mean[..., 0, 0],
        seed=pictures * np.square(by_seed).sum(axis=(-2, -1)) / freedom,
        picture=seeds * np.square(by_picture).sum(axis=(-2, -1)) / (pictures - 1),
        rest=np.square(rest).sum(axis=(-2, -1)) / (freedom * (pictures - 1)),
        seeds=seeds,
        pictures=pictures,
    )


def half_width(squares: Squares, alpha: float) -> F64:
    """How far off a mean without skewness has to be at level alpha, as the module says; of shape (...)."""
    of_picture = stats.t.isf(alpha / 2, squares.pictures - 1) ** 2
    of_seed = stats.t.isf(alpha / 2, squares.seeds - 1) ** 2 if squares.seeds > 1 else of_picture
    pictures = of_picture * squares.picture
    both = of_seed * squares.seed + pictures - min(of_seed, of_picture) * squares.rest
    return np.asarray(np.sqrt(np.maximum(both, pictures) / (squares.seeds * squares.pictures)), dtype=np.float64)


def equivalent_df(squares: Squares, half: float, alpha: float) -> float:
    """The degrees of freedom with which Student's t and the unbiased variance are as wide as `half` at level alpha."""
    variance = max(squares.seed + squares.picture - squares.rest, squares.picture)
    least, most = sorted((max(1, squares.seeds - 1), squares.pictures - 1))
    if squares.seeds == 1 or not variance:
        return float(squares.pictures - 1)
    ratio = half / math.sqrt(variance / (squares.seeds * squares.pictures))
    if least == most or ratio >= stats.t.isf(alpha / 2, least):
        return float(least)
    if ratio <= stats.t.isf(alpha / 2, most):
        return float(most)
    return float(optimize.brentq(lambda df: stats.t.isf(alpha / 2, df) - ratio, least, most))


def _p_value(table: F64, squares: Squares, kind: str, flat: bool) -> float:
    """Two-sided, of no difference; NaN for two seeds, where neither test applies."""
    if kind == ONE_PAIR:
        return float(stats.wilcoxon(table[0], zero_method="pratt").pvalue) if table.any() else 1.0
    if kind == PICTURES_ONLY:
        return math.nan
    size = float(distance(table, squares))
    if flat or not size:
        return 0.0 if size else 1.0
    if size >= half_width(squares, LEAST):
        return LEAST
    log = optimize.brentq(lambda x: float(half_width(squares, math.exp(x))) - size, math.log(LEAST), 0)
    return math.exp(log)


def equivalence(differences: F64, margin: float) -> float:
    """p of the two one-sided tests that the mean of differences (seeds, pictures) is not within +-margin.

    Schuirmann, Journal of Pharmacokinetics and Biopharmaceutics 15, 1987; as in `effect`, NaN for two seeds.
    """
    ends = effect(differences - margin), effect(differences + margin)
    inside = (ends[0].mean < 0, ends[1].mean > 0)
    return max(end.p / 2 if within else 1 - end.p / 2 for end, within in zip(ends, inside, strict=True))


def interval_half(squares: Squares, alpha: float) -> F64:
    """How far from a mean without skewness the ends of its interval of level 1 - alpha are, as the module says; of
    shape (...)."""
    excess = np.maximum(squares.seed - squares.rest, 0)
    variance = squares.picture + excess
    inverse_df = excess**2 / max(1, squares.seeds - 1) + squares.picture**2 / (squares.pictures - 1)
    df = np.divide(variance**2, inverse_df, out=np.ones_like(variance), where=inverse_df > 0)
    satterthwaite = stats.t.isf(alpha / 2, df) ** 2 * variance / (squares.seeds * squares.pictures)
    return np.asarray(np.sqrt((2 * half_width(squares, alpha) ** 2 + satterthwaite) / 3), dtype=np.float64)


def interval(table: F64, squares: Squares, alpha: float) -> tuple[F64, F64]:
    """The ends of the interval of level 1 - alpha of tables (..., seeds, pictures): the means m for which u = (mean -
    m) / s, or Hall's correction of it, u + g u^2 / 3 + g^2 u^3 / 27 + g / 6n, is within interval_half / s."""
    n, (s, g) = squares.pictures, _skewness(table, squares)
    half = np.divide(interval_half(squares, alpha), s, out=np.zeros_like(s), where=s > 0)
    straight = np.abs(g) < 1e-6
    g = np.where(straight, 1.0, g)
    low, high = (np.where(straight, end, 3 / g * (np.cbrt(1 + g * (end - g / (6 * n))) - 1)) for end in (half, -half))
    return squares.mean - s * np.maximum(low, half), squares.mean - s * np.minimum(high, -half)


def distance(table: F64, squares: Squares) -> F64:
    """How far from 0 the mean of tables (..., seeds, pictures) surely is: the nearest of itself, of Hall's correction,
    and of that for the larger skewness that the module speaks of; 0 where these have not the same sign."""
    n, size, (s, g) = squares.pictures, np.abs(squares.mean), _skewness(table, squares)
    u = np.divide(size, s, out=np.zeros_like(size), where=s > 0)
    both = (np.sign(squares.mean) * g * factor for factor in (1, 1 + 6 / n))
    shifts = [s * (g * u**2 / 3 + g**2 * u**3 / 27 + g / (6 * n)) for g in both]
    return np.asarray(np.clip(size + np.minimum(*shifts), 0, size), dtype=np.float64)


def _skewness(table: F64, squares: Squares) -> tuple[F64, F64]:
    """(s, the skewness g), of shape (...): n pictures of that spread and skewness, and nothing else, would have means
    as spread and skewed as these; 0 where nothing varies. What seeds add has no skewness that a few of them show."""
    n = squares.pictures
    third = ((table.mean(axis=-2) - squares.mean[..., np.newaxis]) ** 3).sum(axis=-1) * n / ((n - 1) * max(1, n - 2))
    s = np.sqrt(np.maximum(squares.seed + squares.picture - squares.rest, squares.picture) / squares.seeds)
    return s, np.divide(third, s**3, out=np.zeros_like(s), where=s > 0)


def detectable(squares: Squares, alpha: float) -> float:
    """The true difference that is found at the two-sided level alpha with probability 0.8, from noncentral t.

    The other tail, where the sign would be wrong, is left out: below 1e-4 of probability; so is the correction for
    skewness.
    """
    half = float(half_width(squares, alpha))
    df = equivalent_df(squares, half, alpha)
    quantile = float(stats.t.isf(alpha / 2, df))
    return half / quantile * float(special.nctdtrinc(df, 1 - POWER, quantile))


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
    values, order = np.asarray(p, dtype=np.float64), np.argsort(p, kind="stable")
    stepped = np.minimum(1.0, np.arange(len(p), 0, -1) * values[order])
    values[order] = np.maximum.accumulate(stepped) if len(p) else stepped
    adjusted: list[float] = values.tolist()
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
