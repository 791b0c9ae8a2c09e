"""Aggregate image scores into the score of a data set."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean


def set_mean(values: Sequence[float], how: str) -> float:
    """Arithmetic, or 'quadratic' (the root of the mean square), summed exactly: the same bits on every machine.

    Raises statistics.StatisticsError for no values.
    """
    return math.sqrt(fmean([value * value for value in values])) if how == "quadratic" else fmean(values)
