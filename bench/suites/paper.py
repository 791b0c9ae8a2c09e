"""Suite paper: the papers' own networks and schedules, whole. Declared: no result of it has been measured here."""

from collections.abc import Mapping
from typing import Any

from bench.suites.suite import BLURRED, LADDER, ON_GPU, ZSSR_KERNELS, MethodPlan, Suite
from methods import find_entry

_BLURRED_X2: Mapping[str, Any] = {**BLURRED, "scale": 2, "test_sets": ("DIV2K-valid",)}


def _whole(method: str, shard: str = "baselines", *variants: str) -> MethodPlan:
    """A method with its defaults, for as long as its paper trains it."""
    return MethodPlan(method, find_entry(method).iterations, variants=variants or ("default",), shard=shard)


PAPER = Suite(
    name="paper",
    title="the papers' networks, batches and schedules, whole, on DIV2K and Flickr2K",
    train_sets=("DIV2K-train", "Flickr2K"),
    test_sets=("Set5", "Set14", "BSD100", "Urban100", "Manga109"),
    plans=(
        MethodPlan("bicubic"),
        *(_whole(name) for name in ("srcnn", "espcn", "srresnet", "msrresnet", "edsr", "rcan", "ddbpn")),
        _whole("rrdb", "esrgan", "default", "bn", "residual-blocks", "residual-bn", "depth-16"),
        *(_whole(name) for name in ("srgan", "msrgan", "enhancenet")),
        _whole("esrgan", "esrgan", *LADDER, "depth-16"),
        MethodPlan("esrgan-interpolation", variants=tuple(find_entry("esrgan-interpolation").variants), shard="esrgan"),
        _whole("drn", "drn", "default", "large", "lambda-0", "lambda-0.001", "lambda-0.01", "lambda-1", "lambda-10"),
        MethodPlan("bicubic", **_BLURRED_X2),
        MethodPlan("fixed-kernel", variants=("default", "gaussian"), **_BLURRED_X2),
        MethodPlan("kernelgan", **_BLURRED_X2),
        MethodPlan("zssr", variants=("default", *ZSSR_KERNELS), kernels=ZSSR_KERNELS, **_BLURRED_X2),
    ),
    metrics=("psnr_y", "ssim_y", "lr_psnr", "luma_error", "lpips_alex", "niqe", "pi"),
    precision="bf16",
    channels_last=True,
    threads=4,
    on_gpu=True,
    notes=(
        "Adaptation and pseudo-supervision are left out: their papers' unpaired pictures are none of the data sets.",
        "Networks are trained in bf16 where the papers' were in float32.",
        ON_GPU,
    ),
)
