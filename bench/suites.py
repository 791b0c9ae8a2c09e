"""SUITES: named lists of experiments with their data, sizes, lengths and seeds.

A suite scales a method by naming its knobs (width, blocks, iterations), never by leaving parts out.
"""

from __future__ import annotations

from collections.abc import Mapping

from bench.api import Knobs
from bench.errors import BadInput, unknown
from bench.plans import Plan, Suite
from bench.score import DEFAULT_METRICS
from bench.spec import Experiment
from methods import entry

_QUICK: Knobs = {"batch_size": 4, "patch": 48, "learning_rate": 2e-3, "schedule": "cosine"}
_SMALL_RRDB: Knobs = {"width": 16, "growth": 8, "blocks": 1}
_SMALL_BLOCKS: Mapping[str, Knobs] = {
    "residual-blocks": {"blocks": 3},
    "residual-bn": {"blocks": 3},
    "ladder-1": {"blocks": 3},
    "ladder-2": {"blocks": 3},
    "ladder-3": {"blocks": 3},
}
_PACKAGED: Knobs = {"perceptual": "stlpips-vgg16", "batch_size": 2, "patch": 64, "discriminator_width": 16}

DEMO = Suite(
    name="demo",
    title="every part of the harness on embedded photographs, minutes long",
    train_sets=("Embedded-train",),
    test_sets=("Embedded-test",),
    plans=(
        Plan("bicubic"),
        Plan("srcnn", 4000, {"widths": (32, 16), "batch_size": 4, "patch": 36, "learning_rate": 2e-3}),
        Plan("espcn", 4000, {"patch": 68, "learning_rate": 2e-3}),
        Plan(
            "srresnet",
            3000,
            {**_QUICK, "width": 16, "blocks": 2, "patch": 40, "learning_rate": 4e-3},
            ("default", "no-bn"),
        ),
        Plan("msrresnet", 1500, {**_QUICK, "width": 16, "blocks": 4, "ema": 0.99}),
        Plan("edsr", 1500, {**_QUICK, "width": 16, "blocks": 4, "residual_scaling": 1.0}),
        Plan("rcan", 1200, {**_QUICK, "width": 16, "groups": 2, "blocks": 2, "reduction": 4}),
        Plan("ddbpn", 800, {**_QUICK, "features": 32, "width": 12, "stages": 2}),
        Plan("srgan", 100, {**_PACKAGED, "width": 16, "blocks": 2, "feature_scale": 1 / 640, "learning_rate": 1e-5}),
        Plan(
            "msrgan",
            100,
            {**_PACKAGED, "width": 16, "blocks": 4, "perceptual_weight": 0.02, "learning_rate": 3e-5, "ema": 0.9},
        ),
        Plan(
            "enhancenet",
            100,
            {**_PACKAGED, "width": 16, "blocks": 4, "texture_weight": 0.05, "learning_rate": 5e-4},
        ),
        Plan(
            "rrdb",
            1500,
            {**_QUICK, **_SMALL_RRDB, "learning_rate": 4e-3},
            ("default", "bn", "residual-blocks"),
            resized=_SMALL_BLOCKS,
            shard="esrgan",
        ),
        Plan(
            "esrgan",
            100,
            {**_PACKAGED, **_SMALL_RRDB, "perceptual_weight": 0.02, "learning_rate": 3e-5},
            ("default", "bn", "tap-after", "standard-gan", "residual-blocks", "ladder-1", "ladder-2", "ladder-3"),
            resized=_SMALL_BLOCKS,
            shard="esrgan",
        ),
    ),
    metrics=(*DEFAULT_METRICS, "luma_error"),
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
        Plan("bicubic"),
        Plan("rrdb", iterations=20, knobs={**_SMALL_RRDB, "batch_size": 4, "patch": 48}, shard="esrgan"),
        Plan(
            "esrgan",
            iterations=4,
            knobs={
                **_SMALL_RRDB,
                "blocks": 1,
                "batch_size": 1,
                "perceptual": "stlpips-vgg16",
                "discriminator_width": 8,
            },
            shard="esrgan",
        ),
    ),
    metrics=("psnr_y", "ssim_y", "stlpips_alex", "niqe"),
    notes=("Nothing here is trained; the numbers mean nothing.",),
)

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

SUITES: dict[str, Suite] = {suite.name: suite for suite in (DEMO, CPU, SMOKE)}


def suite(name: str) -> Suite:
    """The suite of that name. Raises BadInput, naming the nearest, where there is none."""
    if name not in SUITES:
        raise unknown("suite", name, SUITES)
    return SUITES[name]


def find_run(suite_name: str, run: str) -> Experiment:
    """A run of a suite by name. Raises BadInput, naming the nearest, where there is none."""
    runs = suite(suite_name).experiments()
    if run not in runs:
        raise unknown(f"run in suite {suite_name}", run, runs)
    return runs[run]


def check_trainable(run: Experiment) -> None:
    """Raise BadInput where a run has nothing to train."""
    if run.iterations == 0:
        raise BadInput(f"{run.name} has nothing to train; upscale with it directly")
