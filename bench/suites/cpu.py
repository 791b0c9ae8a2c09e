"""Suite cpu: the evidence that two cores can give, in shards of at most 100 minutes."""

from collections.abc import Mapping
from typing import Any

from bench.api import Knobs
from bench.suites.downsampled import ARMS, STARTS, UPSAMPLERS, space_plans
from bench.suites.suite import BLURRED, KERNELGAN_TERMS, RESIDUAL, ZSSR_KERNELS, MethodPlan, Suite
from bench.suites.unpaired import pseudo_plans
from methods import find_entry

_SEEDS = (1, 2, 3)
_SHORT: Knobs = {"batch_size": 4, "patch": 64, "learning_rate": 1e-3, "schedule": "cosine", "ema": 0.99}
_FAST: Knobs = {"learning_rate": 2e-3}
_SKIP: Knobs = {"image_skip": True}  # trained shortly, a network without it starts far behind
_BLOCKS: Knobs = {"width": 32, "blocks": 4}
_GAN: Knobs = {"batch_size": 4, "patch": 64, "discriminator_width": 16, "ema": 0.99}
_CAFFE: Knobs = {**_GAN, "perceptual": "vgg19-caffe-conv3_4"}
_RRDB: Knobs = {**_SKIP, "width": 24, "growth": 12, "blocks": 2}
_RRDB_SIZES: Mapping[str, Knobs] = {
    **{name: {"blocks": 19} for name in RESIDUAL},  # as many parameters as two RRDB have, within 5 %
    "depth-16": {"blocks": 1, "width": 32, "growth": 16},  # likewise
    "patch-half": {"patch": 32, "batch_size": 16},  # as many pixels a batch
}
_LESS: Mapping[str, tuple[str, ...]] = {"less-data": ("BSD400-first", "T91-first")}  # half of each, so one domain

_SRRESNET: Knobs = {**_SHORT, **_SKIP, **_BLOCKS}
_RCAN: Knobs = {**_SHORT, **_SKIP, "width": 32, "groups": 2, "blocks": 2, "reduction": 8}
_EDSR: Knobs = {**_SRRESNET, "residual_scaling": 1.0, "batch_size": 8, "learning_rate": 2e-3}
_ENHANCENET: Knobs = {
    **{**_GAN, **_BLOCKS, "perceptual": "stlpips-vgg16", "batch_size": 2},
    **{"texture_weight": 0.05, "learning_rate": 5e-4},
}
_ESTIMATE: Knobs = {"side_by_side": 10}
_LAYERED: Knobs = {"iterations": 250, "averaged": 50, "estimates": 1}  # layer by layer: twenty times as long
_ZSSR: Knobs = {"iterations": 120, "precision": "bf16"}
_X2: Mapping[str, Any] = {**BLURRED, "scale": 2, "test_sets": ("Set14-5", "BSD100-5")}
_X4: Mapping[str, Any] = {**BLURRED, "scale": 4, "test_sets": ("Set14-5",)}
_GIVEN: Mapping[str, str] = {**ZSSR_KERNELS, "to-its-end": "kernelgan.default"}
_INTERPOLATION = find_entry("esrgan-interpolation")
_RELEASED = tuple(name for name in find_entry("kernelgan").variants if name.startswith("released"))
_KERNELGAN = (
    MethodPlan("bicubic", **_X2),
    MethodPlan("bicubic", **_X4),
    MethodPlan("edsr", 2500, {**_EDSR, "patch": 48}, scale=2, test_sets=("Set14-5", "BSD100-5"), shard="kernelgan"),
    MethodPlan("edsr", 2500, {**_EDSR, "patch": 48}, pairs="bicubic", evaluates=True, **_X2),
    MethodPlan("edsr", 11000, _EDSR, pairs="bicubic", evaluates=True, **_X4),
    MethodPlan("fixed-kernel", variants=("default", "gaussian"), **_X2),
    MethodPlan("fixed-kernel", variants=("default", "gaussian"), **_X4),
    MethodPlan("kernelgan", 0, _ESTIMATE, seeds=(1, 2, 3, 4, 5), **_X2),
    MethodPlan(
        "kernelgan",
        0,
        _ESTIMATE,
        (*KERNELGAN_TERMS, "l1", "one-generator"),
        seeds=_SEEDS,
        once=(
            *("single-layer", "relu", "depth-3", "width-1", "rf-7", "rf-mixed", "rf-15", "uniform", "no-post"),
            *("averaged-200", "paper"),
        ),
        resized={"relu": _LAYERED},
        **_X2,
    ),
    MethodPlan(
        "kernelgan", 0, _ESTIMATE, _RELEASED, _SEEDS, {"released-relu": _LAYERED}, **{**_X2, "shard": "released"}
    ),
    MethodPlan("kernelgan", 0, _ESTIMATE, **_X4),
    MethodPlan(
        "zssr",
        0,
        _ZSSR,
        ("default", *ZSSR_KERNELS),
        _SEEDS,
        once=("to-its-end",),
        kernels=_GIVEN,
        **_X2,
    ),
    MethodPlan("zssr", 0, _ZSSR, ("default", *ZSSR_KERNELS), kernels=_GIVEN, **_X4),
)
_PAIRED: Knobs = {"features": 8, "blocks": 3, "batch_size": 4, "patch": 64, "learning_rate": 1e-3}
_LAMBDAS = ("lambda-0", "lambda-0.001", "lambda-0.01", "lambda-1", "lambda-10")


def _adapted(kind: str) -> tuple[MethodPlan, ...]:
    """Networks trained on bicubic pairs, on LR of another kind, and DRN adapted to it."""
    shown: Mapping[str, Any] = {"degradation": kind, "test_sets": ("Set5", "Set14"), "shard": "adaptation"}
    told: Mapping[str, Any] = {**shown, "pairs": "bicubic"}
    rhos = ("rho-50", "rho-100", "level1") if kind == "nearest" else ()
    adapted = ("default", "rho-0", *rhos)
    return (
        MethodPlan("bicubic", **shown),
        MethodPlan("srresnet", 6000, _SRRESNET, seeds=_SEEDS, evaluates=True, **told),
        MethodPlan("drn", 2000, _PAIRED, ("default", "without-t91"), _SEEDS, evaluates=True, **told),
        MethodPlan(
            "drn-adapt",
            1000,
            {**_PAIRED, "batch_size": 10, "patch": 48},
            ("default", "rho-0"),
            seeds=_SEEDS,
            once=rhos,
            starts=dict.fromkeys(adapted, "without-t91"),
            train_sets=dict.fromkeys(adapted, ("BSD400",)),
            unpaired=("T91",),
            **told,
        ),
    )


_WITHOUT: Mapping[str, tuple[str, ...]] = {"without-t91": ("BSD400",)}
_DRN = (
    MethodPlan(
        "drn",
        2000,
        _PAIRED,
        ("default", *_LAMBDAS),
        seeds=_SEEDS,
        train_sets=_WITHOUT,
        once=("dual-bicubic", "dual-frozen", "cascade", "top-only", "dual-hr", "mean-shift-fixed"),
        shard="drn",
    ),
    MethodPlan("drn", 2000, _PAIRED, ("without-t91",), _SEEDS, train_sets=_WITHOUT, shard="adaptation"),
    MethodPlan("srresnet", 6000, _SRRESNET, seeds=_SEEDS, once=("dual",), shard="adaptation"),
    *(plan for kind in ("nearest", "bd") for plan in _adapted(kind)),
)

_PSEUDO: Knobs = {
    **{"width": 32, "groups": 2, "blocks": 2, "correction_blocks": 2, "reduction": 8, "degrader_width": 32},
    **{"growth": 12, "degrader_blocks": 2, "discriminator_width": 16, "batch_size": 8, "patch": 64, "ema": 0.995},
    **{"discriminator_sharpening": 8.0, "learning_rate": 5e-4, "upscaler_rate": 1e-3, "schedule": "cosine", **_SKIP},
}
_PSEUDO_VARIANTS: Mapping[tuple[str, tuple[int, ...]], tuple[str, ...]] = {
    ("pseudo_sr", _SEEDS): ("clean-pair", "degraded-pair"),
    ("pseudo_sr-cycle", _SEEDS): ("no-cycle", "cycle-10", "no-ensemble", "ensemble-one-sided"),
    ("pseudo_sr-identity", _SEEDS): ("no-identity", "identity-1", "identity-corrupted", "no-noise"),
    ("pseudo_sr-adversarial", _SEEDS): (
        *("no-upscaled-discriminator", "upscaled-discriminator-1", "standard-gan", "direct"),
    ),
    ("pseudo_sr-parts", _SEEDS): ("two-stage", "off-the-shelf", "reaching", "rrdb"),
}
PSEUDO_STEPS = 3500
"""At 230 ms a step of the default (two trainings at once on the slower of the processors tried; 142 on the faster),
40 of the upscaler alone, each shard takes 72 to 80 minutes on two cores."""
HALVES = ("BSD400-first", "BSD400-second")
_PSEUDO_SR = pseudo_plans(PSEUDO_STEPS, _PSEUDO, HALVES, ("Set5", "Set14"), _PSEUDO_VARIANTS, (1, 2, 3, 4, 5))
_SPACE: Knobs = {**_CAFFE, "width": 24, "growth": 12, "blocks": 2, "learning_rate": 1e-3}
_SPACE_STEPS = 2500
_SPACE_ONCE = tuple(v for v in find_entry("downsampled_space").variants if v not in (*ARMS, *UPSAMPLERS))
_SPACE_SETS = ("Set5", "Set14")
_DOWNSAMPLED = (
    *space_plans(_SPACE_STEPS, _SPACE, (*ARMS, *UPSAMPLERS), (1, 2, 3, 4, 5), _SPACE_ONCE, _SPACE_SETS),
    *(
        plan
        for scale in (2, 3)
        for plan in space_plans(
            _SPACE_STEPS,
            {**_SPACE, "patch": 64 // scale * scale},
            ("default", "hr-loss"),
            test_sets=_SPACE_SETS,
            scale=scale,
        )
    ),
)
PILOT = Suite(
    name="pilot",
    title="what is tried before it is measured: one seed, on pictures held out of training",
    train_sets=("BSD400",),
    test_sets=("BSD-valid",),
    plans=(
        *pseudo_plans(6000, _PSEUDO, HALVES),
        *space_plans(1500, _SPACE, (*ARMS, "adversarial-x10", "adversarial-x100", *UPSAMPLERS, *STARTS)),
    ),
    precision="bf16",
    channels_last=True,
    notes=("No result of this suite is published.",),
)

CPU = Suite(
    name="cpu",
    title="the evidence that two cores can give: small networks, real pictures, seeds and intervals",
    train_sets=("BSD400", "T91"),
    test_sets=("Set5", "Set14", "BSD100"),
    plans=(
        MethodPlan("bicubic"),
        MethodPlan("srcnn", 20000, {**_SHORT, **_FAST, "batch_size": 8, "patch": 36, "init_std": 1e-2}, seeds=_SEEDS),
        MethodPlan("espcn", 30000, {**_SHORT, **_FAST, "batch_size": 8, "patch": 68, "ema": 0.0}, seeds=_SEEDS),
        MethodPlan("srresnet", 6000, _SRRESNET, seeds=_SEEDS),
        MethodPlan("msrresnet", 6000, {**_SHORT, **_FAST, **_BLOCKS}, seeds=_SEEDS),
        MethodPlan("edsr", 11000, _EDSR, seeds=_SEEDS),
        MethodPlan("rcan", 6000, _RCAN, seeds=_SEEDS),
        MethodPlan("ddbpn", 2000, {**_SHORT, **_SKIP, "features": 32, "width": 16, "stages": 3}, seeds=_SEEDS),
        MethodPlan(
            "rrdb",
            4000,
            {**_SHORT, **_RRDB, "learning_rate": 2e-3},
            ("default", "bn", "residual-blocks", "depth-16"),
            seeds=_SEEDS,
            once=("residual-bn", "less-data", "scaling-1", "init-1"),
            resized={**_RRDB_SIZES, "scaling-1": {"learning_rate": 5e-4}},  # at 2e-3 it diverges
            train_sets=_LESS,
            shard="esrgan",
        ),
        MethodPlan(
            "srgan",
            300,
            {**_CAFFE, **_SKIP, **_BLOCKS, "feature_scale": 1 / 640, "learning_rate": 1e-4},
            seeds=_SEEDS,
        ),
        MethodPlan(
            "msrgan", 600, {**_CAFFE, **_BLOCKS, "perceptual_weight": 2.5e-3, "learning_rate": 1e-4}, seeds=_SEEDS
        ),
        MethodPlan("enhancenet", 300, _ENHANCENET, seeds=_SEEDS, once=("E", "P", "PA")),
        MethodPlan(
            "esrgan",
            600,
            {**_CAFFE, **_RRDB, "perceptual_weight": 2.5e-3, "learning_rate": 2e-4},
            ("default", "bn", "tap-after", "standard-gan", "residual-blocks", "depth-16"),
            seeds=_SEEDS,
            once=(
                *("ladder-1", "ladder-2", "ladder-3", "less-data", "from-scratch", "patch-half", "layer-2-2"),
                *("no-adversarial", "adversarial-x4", "no-pixel", "pixel-1", "scaling-1", "init-1"),
            ),
            resized=_RRDB_SIZES,
            train_sets=_LESS,
            shard="esrgan",
        ),
        MethodPlan("esrgan-interpolation", 0, _RRDB, tuple(_INTERPOLATION.variants), shard="esrgan"),
        *_KERNELGAN,
        *_DRN,
        *_PSEUDO_SR,
        *_DOWNSAMPLED,
    ),
    metrics=("psnr_y", "ssim_y", "lr_psnr", "luma_error", "lpips_alex", "niqe"),
    precision="bf16",
    channels_last=True,
    notes=(
        "BSD400 is trained on without its 20 validation pictures and without 302003, of which Set5's woman is a crop; "
        "rows that await retraining saw all 400.",
        "RRDB with a residual scaling of 1 diverges at the learning rate of the others, 2e-3: at step 570 of 4,000 its "
        "loss was over 1,000 times its median. It was trained at 5e-4, so its difference is not of the scaling alone.",
        "Every PSNR-oriented network that is deeper than ESPCN adds the bilinear enlargement of its input to its "
        "output (image_skip), which only MSRResNet's authors do: in so short a training a network without it starts "
        "behind.",
        "Residual blocks, every step of the ladder and the shallower RRDB have as many parameters as the default, "
        "within 5 %; not as many convolutions. Variant patch-half has four times as many patches of a quarter of the "
        "pixels, and the smaller discriminator that goes with them.",
        "KernelGAN's preset paper is the paper read literally: on these pictures that reading fails. KernelGAN's "
        "variant relu, which takes twenty times as long, is one generator of 250 iterations; the default "
        "is four of 800, the presets are one of 3,000. ZSSR stops after 120 iterations.",
        "Pseudo-supervision's discriminators see details nine times as large as in the paper: without that they "
        "stay near chance for thousands of steps.",
        "At x4 the blur kernels are drawn as KernelGAN's released generator draws them (variances U(0.7, 10) at 21x21, "
        "taps disturbed by up to 40 %); the paper describes those of x2 alone, and how DIV2KRK's x4 kernels were drawn "
        "is not known.",
    ),
)
