"""Suite cpu: the evidence that two cores can give, in shards of at most 100 minutes."""

from __future__ import annotations

from collections.abc import Mapping

from bench.api import Knobs
from bench.plans import Plan, Suite
from methods import entry

_SHORT: Knobs = {"batch_size": 4, "patch": 64, "learning_rate": 1e-3, "schedule": "cosine", "ema": 0.99}
_CAFFE: Knobs = {
    "perceptual": "vgg19-caffe-conv3_4",
    "batch_size": 4,
    "patch": 64,
    "discriminator_width": 16,
    "ema": 0.99,
}
_RRDB: Knobs = {"width": 24, "growth": 12, "blocks": 2}
_RRDB_SIZES: Mapping[str, Knobs] = {
    "residual-blocks": {"blocks": 8},
    "residual-bn": {"blocks": 8},
    "ladder-1": {"blocks": 8},
    "ladder-2": {"blocks": 8},
    "ladder-3": {"blocks": 8},
    "depth-16": {"blocks": 1},
    "patch-half": {"patch": 32, "batch_size": 16},
}
_LESS: Mapping[str, tuple[str, ...]] = {"less-data": ("T91",)}

CPU = Suite(
    name="cpu",
    title="the evidence that two cores can give: small networks, real pictures, seeds and intervals",
    train_sets=("BSD400", "T91"),
    test_sets=("Set5", "Set14", "BSD100"),
    plans=(
        Plan("bicubic"),
        Plan(
            "srcnn",
            10000,
            {"batch_size": 8, "patch": 36, "learning_rate": 5e-3, "schedule": "cosine", "init_std": 1e-2, "ema": 0.99},
        ),
        Plan("espcn", 20000, {"batch_size": 8, "patch": 68, "learning_rate": 2e-3, "schedule": "cosine"}),
        Plan("srresnet", 1500, {**_SHORT, "width": 32, "blocks": 4}),
        Plan("msrresnet", 4000, {**_SHORT, "learning_rate": 2e-3, "width": 32, "blocks": 4}),
        Plan(
            "edsr",
            11000,
            {**_SHORT, "width": 32, "blocks": 4, "residual_scaling": 1.0, "batch_size": 8, "learning_rate": 2e-3},
        ),
        Plan("rcan", 2000, {**_SHORT, "width": 32, "groups": 2, "blocks": 2, "reduction": 8}),
        Plan("ddbpn", 2000, {**_SHORT, "features": 32, "width": 16, "stages": 3}),
        Plan(
            "rrdb",
            1800,
            {**_SHORT, **_RRDB, "learning_rate": 2e-3},
            ("default", "bn", "residual-blocks", "depth-16"),
            seeds=(1, 2, 3),
            once=("residual-bn", "less-data", "scaling-1", "init-1"),
            resized=_RRDB_SIZES,
            train_sets=_LESS,
            shard="esrgan",
        ),
        Plan("srgan", 300, {**_CAFFE, "width": 32, "blocks": 4, "feature_scale": 1 / 640, "learning_rate": 1e-4}),
        Plan("msrgan", 600, {**_CAFFE, "width": 32, "blocks": 4, "perceptual_weight": 2.5e-3, "learning_rate": 1e-4}),
        Plan(
            "enhancenet",
            300,
            {
                **_CAFFE,
                "perceptual": "stlpips-vgg16",
                "batch_size": 2,
                "width": 32,
                "blocks": 4,
                "texture_weight": 0.05,
                "learning_rate": 5e-4,
            },
            once=("E", "P", "PA"),
        ),
        Plan(
            "esrgan",
            300,
            {**_CAFFE, **_RRDB, "perceptual_weight": 2.5e-3, "learning_rate": 2e-4},
            ("default", "bn", "tap-after", "standard-gan", "residual-blocks", "depth-16"),
            seeds=(1, 2, 3),
            once=(
                *("ladder-1", "ladder-2", "ladder-3", "less-data", "from-scratch", "patch-half", "layer-2-2"),
                *("no-adversarial", "adversarial-x4", "no-pixel", "pixel-1", "scaling-1", "init-1"),
            ),
            resized=_RRDB_SIZES,
            train_sets=_LESS,
            shard="esrgan",
        ),
        Plan(
            "esrgan-interpolation",
            0,
            _RRDB,
            variants=tuple(entry("esrgan-interpolation").variants),
            shard="esrgan",
        ),
    ),
    metrics=("psnr_y", "ssim_y", "lr_psnr", "luma_error", "lpips_alex", "niqe"),
    precision="bf16",
    channels_last=True,
)
