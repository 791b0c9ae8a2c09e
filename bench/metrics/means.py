"""Aggregate image scores into the score of a data set."""

import math
from collections.abc import Sequence
from statistics import fmean

from bench.metrics import Metric

PSNR_CEILING = 100.0  # dB


def cap(value: float, metric: Metric) -> float:
    """The value as it enters means, differences and tests.

    Identical pictures have an infinite PSNR, with which nothing can be averaged: from PSNR_CEILING on, every value in
    decibels counts as PSNR_CEILING.
    """
    return min(value, PSNR_CEILING) if metric.unit == "dB" else value


def set_mean(values: Sequence[float], metric: Metric) -> float:
    """Arithmetic, or the root of the mean square where `metric.mean` is 'quadratic', of the capped values, summed
    exactly: the same bits on every machine.

    Raises statistics.StatisticsError for no values.
    """
    capped = [cap(value, metric) for value in values]
    return math.sqrt(fmean([value * value for value in capped])) if metric.mean == "quadratic" else fmean(capped)
