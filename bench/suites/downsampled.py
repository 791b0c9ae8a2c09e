"""The plans of the loss in the downsampled space: its arms and what mends it, on LR that are rounded once."""

from collections.abc import Mapping
from typing import Any

from bench.api import Knobs
from bench.suites.suite import MethodPlan

METRICS = (
    *("psnr_y", "ssim_y", "lr_psnr", "lpips_alex"),
    *("phase_deviation", "lattice_excess", "gradient_cosine", "diversity", "seed_deviation"),
)
ARMS = ("default", "hr-loss", "adversarial", "hr-adversarial", "with-hr-loss", "everything", "esrgan")
UPSAMPLERS = ("shuffle-stages", "transposed", "transposed-9", "nearest", "pre")
STARTS = ("residual", "zero", "icnr", "residual-zero", "from-hr-loss")


def space_plans(
    iterations: int,
    knobs: Knobs,
    variants: tuple[str, ...],
    seeds: tuple[int, ...] = (1,),
    once: tuple[str, ...] = (),
    test_sets: tuple[str, ...] | None = None,
    scale: int = 4,
) -> tuple[MethodPlan, ...]:
    """Bicubic and the variants, each for all seeds, or `once`; `bicubic_float` is one shrinking, as the loss has it."""
    shown: Mapping[str, Any] = {
        "degradation": "bicubic_float",
        "test_sets": test_sets,
        "metrics": METRICS,
        "shard": "downsampled_space",
        "scale": scale,
    }
    own: Mapping[str, Any] = {
        "starts": {"from-hr-loss": "hr-loss"},
        "resized": {v: {"perceptual_weight": 2.5e-3} for v in ("everything", "esrgan")},  # to bring its term near 1
        "once": once,
    }
    return (
        MethodPlan("bicubic", **shown),
        MethodPlan("downsampled_space", iterations, knobs, variants, seeds, **own, **shown),
    )
