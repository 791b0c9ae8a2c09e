"""Suites demo and smoke: every part of the harness on embedded photographs, in minutes and in seconds."""

from collections.abc import Mapping
from typing import Any

from bench.api import Knobs
from bench.metrics import DEFAULT_METRICS
from bench.suites.downsampled import space_plans
from bench.suites.suite import BLURRED, KERNELGAN_TERMS, LADDER, RESIDUAL, ZSSR_KERNELS, MethodPlan, Suite
from bench.suites.unpaired import pseudo_plans

_QUICK: Knobs = {"batch_size": 4, "patch": 48, "learning_rate": 2e-3, "schedule": "cosine"}
_SMALL_SRRESNET: Knobs = {"width": 16, "blocks": 2}
_SMALL_EDSR: Knobs = {"width": 16, "blocks": 4}
_SMALL_RRDB: Knobs = {"width": 16, "growth": 8, "blocks": 1}
_BLOCKS: Knobs = {"blocks": 10}  # as many parameters as one RRDB has, within 5 %
_GENTLE: Knobs = {"perceptual_weight": 0.02, "learning_rate": 3e-5}
_PACKAGED: Knobs = {"perceptual": "stlpips-vgg16", "batch_size": 2, "patch": 64, "discriminator_width": 16}

_SMALL_DRN: Knobs = {"features": 4, "blocks": 2, "batch_size": 4, "patch": 64, "learning_rate": 2e-3}
_ADAPTED = ("default", "rho-0")
_SMALL_PSEUDO: Knobs = {
    **{"width": 16, "groups": 1, "blocks": 2, "correction_blocks": 2, "reduction": 4, "degrader_width": 16},
    **{"degrader_blocks": 1, "discriminator_width": 8, "batch_size": 4, "patch": 64},
    **{"learning_rate": 1e-3, "upscaler_rate": 2e-3, "schedule": "cosine", "image_skip": True},
}
_PSEUDO_VARIANTS = (
    *("no-cycle", "cycle-10", "no-ensemble", "ensemble-one-sided"),
    *("no-upscaled-discriminator", "upscaled-discriminator-1"),
)
_BLURRED: Mapping[str, Any] = {**BLURRED, "scale": 2, "test_sets": ("Embedded-one",)}

DEMO = Suite(
    name="demo",
    title="every part of the harness on embedded photographs, minutes long",
    train_sets=("Embedded-train",),
    test_sets=("Embedded-test",),
    plans=(
        MethodPlan("bicubic"),
        MethodPlan(
            "srcnn", 4000, {"widths": (32, 16), "batch_size": 4, "patch": 36, "learning_rate": 2e-3, "init_std": 1e-2}
        ),
        MethodPlan("espcn", 4000, {"patch": 68, "learning_rate": 2e-3}),
        MethodPlan(
            "srresnet", 3000, {**_QUICK, **_SMALL_SRRESNET, "patch": 40, "learning_rate": 4e-3}, ("default", "no-bn")
        ),
        MethodPlan("msrresnet", 1500, {**_QUICK, **_SMALL_EDSR, "ema": 0.99}),
        MethodPlan("edsr", 1500, {**_QUICK, **_SMALL_EDSR, "residual_scaling": 1.0}),
        MethodPlan("rcan", 1200, {**_QUICK, "width": 16, "groups": 2, "blocks": 2, "reduction": 4}),
        MethodPlan("ddbpn", 800, {**_QUICK, "features": 32, "width": 12, "stages": 2}),
        MethodPlan("srgan", 100, {**_PACKAGED, **_SMALL_SRRESNET, "feature_scale": 1 / 640, "learning_rate": 1e-5}),
        MethodPlan("msrgan", 100, {**_PACKAGED, **_SMALL_EDSR, **_GENTLE, "ema": 0.9}),
        MethodPlan("enhancenet", 100, {**_PACKAGED, **_SMALL_EDSR, "texture_weight": 0.05, "learning_rate": 5e-4}),
        MethodPlan(
            "rrdb",
            1500,
            {**_QUICK, **_SMALL_RRDB, "learning_rate": 4e-3},
            ("default", "bn", "residual-blocks"),
            resized=dict.fromkeys(RESIDUAL, _BLOCKS),
            shard="esrgan",
        ),
        MethodPlan(
            "esrgan",
            100,
            {**_PACKAGED, **_SMALL_RRDB, **_GENTLE},
            LADDER,
            resized=dict.fromkeys(RESIDUAL, _BLOCKS),
            shard="esrgan",
        ),
        MethodPlan("esrgan-interpolation", 0, _SMALL_RRDB, shard="esrgan"),
        MethodPlan(
            "drn",
            600,
            _SMALL_DRN,
            ("default", "lambda-0", "without-unpaired"),
            train_sets={"without-unpaired": ("Embedded-train-first",)},
            shard="drn",
        ),
        MethodPlan("drn", 600, _SMALL_DRN, evaluates=True, degradation="nearest", pairs="bicubic", shard="drn"),
        MethodPlan(
            "drn-adapt",
            100,
            {**_SMALL_DRN, "batch_size": 10},
            _ADAPTED,
            starts=dict.fromkeys(_ADAPTED, "without-unpaired"),
            train_sets=dict.fromkeys(_ADAPTED, ("Embedded-train-first",)),
            unpaired=("Embedded-train-second",),
            degradation="nearest",
            pairs="bicubic",
            shard="drn",
        ),
        MethodPlan("bicubic", **_BLURRED),
        MethodPlan("fixed-kernel", variants=("default", "gaussian"), **_BLURRED),
        MethodPlan("kernelgan", 0, {"side_by_side": 2}, ("default", *KERNELGAN_TERMS), **_BLURRED),
        MethodPlan(
            "zssr", 0, {"iterations": 120, "crop": 64}, ("default", *ZSSR_KERNELS), kernels=ZSSR_KERNELS, **_BLURRED
        ),
        *pseudo_plans(
            280,
            _SMALL_PSEUDO,
            ("Embedded-train-first", "Embedded-train-second"),
            variants={("pseudo_sr", (1,)): _PSEUDO_VARIANTS},
        ),
        *space_plans(
            1200,
            {**_QUICK, **_SMALL_RRDB, "patch": 64, "discriminator_width": 16},
            ("default", "hr-loss", "adversarial"),
        ),
    ),
    metrics=(*DEFAULT_METRICS, "luma_error"),
    complete=True,
    notes=(
        "Networks and runs are far smaller than the papers': this suite shows that every part works, not who is best.",
        "The perceptual network is the ST-LPIPS VGG16 (conv5_3), which a package ships. Before activation its features "
        "of an embedded photograph and of that photograph enlarged bicubically differ by 41 on average, so the weights "
        "of the perceptual terms are scaled down to bring them near 1.",
    ),
)

SMOKE = Suite(
    name="smoke",
    title="a few steps of the longest chain: does the workflow run at all?",
    train_sets=("Embedded-train",),
    test_sets=("Embedded-test",),
    plans=(
        MethodPlan("bicubic"),
        MethodPlan("rrdb", iterations=20, knobs={**_SMALL_RRDB, "batch_size": 4, "patch": 48}, shard="esrgan"),
        MethodPlan(
            "esrgan",
            iterations=4,
            knobs={**_SMALL_RRDB, "batch_size": 1, "perceptual": "stlpips-vgg16", "discriminator_width": 8},
            shard="esrgan",
        ),
    ),
    metrics=("psnr_y", "ssim_y", "lpips_alex", "niqe"),
    notes=("Nothing here is trained; the numbers mean nothing.",),
)
