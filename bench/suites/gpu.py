"""Suite gpu: the ablation ladder at a width and a length that need a GPU."""

from collections.abc import Mapping

from bench.api import Knobs
from bench.suites.suite import MethodPlan, Suite

_RRDB: Knobs = {"width": 64, "growth": 32, "blocks": 8, "ema": 0.999}
_RESIDUAL: Knobs = {"blocks": 78}  # as many parameters as eight RRDB have, within 5 %
_SIZES: Mapping[str, Knobs] = dict.fromkeys(
    ("residual-blocks", "residual-bn", "ladder-1", "ladder-2", "ladder-3"), _RESIDUAL
)

GPU = Suite(
    name="gpu",
    title="the ablation ladder of ESRGAN at eight RRDB of the paper's width",
    train_sets=("BSD400",),
    test_sets=("Set5", "Set14", "BSD100"),
    plans=(
        MethodPlan("bicubic", shard="ladder"),
        MethodPlan(
            "rrdb",
            60_000,
            _RRDB,
            ("default", "bn", "residual-blocks", "residual-bn"),
            seeds=(1, 2, 3),
            resized=_SIZES,
            shard="ladder",
        ),
        MethodPlan(
            "esrgan",
            30_000,
            {**_RRDB, "perceptual": "vgg19"},
            (
                *("default", "bn", "tap-after", "standard-gan", "residual-blocks"),
                *("ladder-1", "ladder-2", "ladder-3"),
            ),
            seeds=(1, 2, 3),
            resized=_SIZES,
            shard="ladder",
        ),
    ),
    metrics=("psnr_y", "ssim_y", "lr_psnr", "luma_error", "lpips_alex", "niqe", "pi"),
    precision="bf16",
    channels_last=True,
    threads=4,
    notes=("Declared and tested at a small size; no results of this suite have been measured yet.",),
)
