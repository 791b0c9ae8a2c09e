"""The plans of unpaired super-resolution: HR of one set, wild LR of another, and the yardsticks around it."""

from collections.abc import Mapping
from typing import Any

from bench.api import Knobs
from bench.suites.suite import MethodPlan

METRICS = ("psnr_y", "ssim_y", "corrected_psnr", "lr_psnr", "luma_error", "lpips_alex")

SHARD = "pseudo_sr"


def pseudo_plans(
    iterations: int,
    knobs: Knobs,
    halves: tuple[str, str],
    test_sets: tuple[str, ...] | None = None,
    variants: Mapping[tuple[str, tuple[int, ...]], tuple[str, ...]] | None = None,
    seeds: tuple[int, ...] = (1,),
) -> tuple[MethodPlan, ...]:
    """Bicubic; the upscaler alone, on clean pairs and on true wild ones; pseudo-supervision, and its variants by their
    shard and seeds.

    halves: (the set whose HR is seen, the set whose wild LR is seen). All upscalers see the same HR, as often.
    """
    shown: Mapping[str, Any] = {"degradation": "wild", "test_sets": test_sets, "metrics": METRICS}
    adversarial = (
        MethodPlan(
            *("pseudo_sr", iterations, knobs, names, own),
            train_sets=dict.fromkeys(names, halves[:1]),
            unpaired=halves[1:],
            pairs="bicubic",
            shard=shard,
            **shown,
        )
        for (shard, own), names in [((SHARD, seeds), ("default",)), *(variants or {}).items()]
    )
    alone = (
        MethodPlan(
            *("pseudo_sr", iterations, knobs, (name,), seeds),
            train_sets={name: halves[:1]},
            pairs=pairs,
            shard=SHARD,
            **shown,
        )
        for name, pairs in (("uncorrected", "bicubic"), ("supervised", "wild"))
    )
    return (MethodPlan("bicubic", shard=SHARD, **shown), *adversarial, *alone)
