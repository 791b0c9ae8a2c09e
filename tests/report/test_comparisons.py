"""How much of a gap is closed."""

from __future__ import annotations

import numpy as np
import pytest

from bench.report import Setting, gaps


def test_a_third_of_the_gap_is_a_third_with_an_interval_around_it() -> None:
    rng = np.random.default_rng(0)
    whole = 3 + 0.1 * rng.standard_normal((3, 40))
    closed, low, high = gaps.ratio(whole / 3 + 0.05 * rng.standard_normal((3, 40)), whole)
    assert closed == pytest.approx(1 / 3, abs=0.01)
    assert low < closed < high and high - low < 0.05


def test_without_a_gap_there_is_nothing_to_close() -> None:
    assert np.isnan(gaps.ratio(np.ones((3, 5)), -np.ones((3, 5)))).all()
    noise = np.random.default_rng(0).standard_normal((3, 8))
    closed, low, high = gaps.ratio(noise, noise - noise.mean() + 0.01)
    assert np.isfinite(closed) and np.isnan(low) and np.isnan(high)


def test_an_estimate_worse_than_the_floor_closes_less_than_nothing() -> None:
    record, cells = gaps._row(
        Setting("x2.blur", 2, "blur", (), (), ()), "psnr_y", np.full((3, 4), -0.5), np.full((3, 4), 2.0)
    )
    assert dict(zip(gaps.COLUMNS, record, strict=True))["closed"] == "-0.250000"
    assert [cell.text for cell in cells][2:] == ["−0.500", "+2.000", "−25 %", "−25 % to −25 %", "3 × 4"]
