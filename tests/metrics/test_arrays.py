"""Metrics as functions of arrays and tensors: the numbers of `score`, and refusals of what they cannot be taken of."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch

from bench import metrics
from bench.data.images import to_tensor
from bench.errors import BadInput
from bench.metrics import METRICS, Sample

GENERATOR = np.random.default_rng(0)
SR, HR = (GENERATOR.integers(0, 256, (3, 40, 36, 3), dtype=np.uint8) for _ in range(2))
LR = GENERATOR.integers(0, 256, (3, 10, 9, 3), dtype=np.uint8)
ARRAYS = ("psnr_y", "ssim_y", "psnr_y_rounded", "psnr_rgb", "ssim_rgb", "luma_error", "rmse_pirm")
KINDS = {
    "arrays": lambda a: a,
    "tensors of bytes": lambda a: torch.from_numpy(a).movedim(-1, -3),
    "tensors in 0...1": lambda a: torch.from_numpy(a).movedim(-1, -3).float() / 255,
    "half tensors that are bytes again": lambda a: torch.from_numpy(a).movedim(-1, -3).double() / 255,
    "arrays in 0...1": lambda a: a.astype(np.float64) / 255,
}


@pytest.mark.parametrize("key", ARRAYS)
def test_a_metric_of_arrays_is_that_of_files(key: str) -> None:
    function = getattr(metrics, key)
    single = [METRICS[key].function(Sample(sr, hr, None, 4)) for sr, hr in zip(SR, HR, strict=True)]
    for kind, convert in KINDS.items():
        assert function(convert(SR), convert(HR), scale=4).tolist() == single, kind
        assert function(convert(SR[1]), convert(HR[1]), scale=4) == single[1], kind
    assert function(SR[0], to_tensor(HR[0]), scale=4) == single[0]


def test_other_metrics_take_what_they_need_in_their_order() -> None:
    assert metrics.lr_psnr(SR, LR, scale=4).shape == (3,)
    assert metrics.kernel_ncc(np.eye(5), torch.eye(5)) == pytest.approx(1.0)
    grey = GENERATOR.integers(0, 256, (200, 200), dtype=np.uint8)
    assert np.isinf(metrics.psnr_y(grey, torch.from_numpy(grey)[None], scale=2))
    assert np.isinf(metrics.psnr_y(grey, grey, scale=2))


def test_every_metric_has_a_function_and_no_module_hides_it() -> None:
    from bench.stages import score  # noqa: F401  (imports what it can)

    for key in METRICS:
        with pytest.raises(BadInput, match=f"{key} takes"):
            getattr(metrics, key)()
    with pytest.raises(AttributeError, match="did you mean 'psnr_y'"):
        _ = metrics.psnr_yy


@pytest.mark.parametrize(
    ("sr", "hr", "words"),
    [
        (SR[0].astype(np.float64), HR[0], "sr is float64 from 0 to 255; give uint8, or floating point in [0, 1]"),
        (SR[0], to_tensor(HR[0]) * 255, "hr is float32 from 0 to 255"),
        (SR[0] / 255 - 0.1, HR[0], "clip what is a little outside"),
        (SR[0] / 255 * np.nan, HR[0], "sr is float64 from nan to nan"),
        (SR[0].astype(np.int64), HR[0], "sr is int64"),
        (SR[0] > 100, HR[0], "sr is bool"),
        (SR[0].transpose(2, 0, 1), HR[0], "sr has the shape (3, 40, 36); arrays are (h, w)"),
        (torch.from_numpy(SR[0]), HR[0], "sr has the shape (40, 36, 3)"),
        (SR[0].tolist(), HR[0], "sr is a list"),
        (SR, HR[:2], "do not belong together"),
        (SR[0], HR[:1], "do not belong together"),
        (SR[0], HR[0, :20], "SR is 36x40, HR 36x20"),
    ],
)
def test_what_no_metric_can_be_taken_of_is_refused(sr: Any, hr: Any, words: str) -> None:
    with pytest.raises(BadInput, match=re.escape(words)):
        metrics.psnr_y(sr, hr, scale=4)


def test_a_scale_that_is_not_said_is_refused() -> None:
    with pytest.raises(BadInput, match=re.escape("wants the scale: psnr_y(sr, hr, scale=4)")):
        metrics.psnr_y(SR, HR)
