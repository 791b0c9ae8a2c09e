"""What a verdict is, fixed before any claim was judged: the five words, the margins, the families.

A margin is the largest difference that nobody would call one: below it two methods are alike, whatever the p value.
"""

from typing import Literal

LEVEL = 0.05
"""Of every test: family-wise among the claims of a family, false-discovery rate among the variants of the axes."""
SANITY = "sanity controls"
"""The family of the claims against a method that has nothing random: whether anything was learnt at all."""

Status = Literal["holds", "contradicted", "no relevant difference", "undecided", "not tested"]
WORDS: dict[Status, tuple[str, str, str]] = {
    "holds": ("holds", "hold", "the claimed side is better, significantly within the claim's family"),
    "contradicted": ("is contradicted", "are contradicted", "the other side is, as significantly"),
    "no relevant difference": (
        "shows no relevant difference",
        "show no relevant difference",
        "the difference is significantly smaller than the margin, either way: two one-sided tests",
    ),
    "undecided": ("is undecided", "are undecided", "tested, and neither a difference nor its absence is significant"),
    "not tested": ("was not tested", "were not tested", "not run, too few seeds, an unequal budget, or another size"),
}
"""Of one claim, of several, and what it means."""

MARGINS: dict[str, tuple[float, str]] = {
    "psnr_y": (0.1, "dB; papers report gains from 0.1 dB on"),
    "psnr_y_rounded": (0.1, "as psnr_y"),
    "psnr_rgb": (0.1, "as psnr_y"),
    "lr_psnr": (0.5, "dB; at 45 to 60 dB half a decibel is a tenth of a grey level or less"),
    "corrected_psnr": (0.1, "as psnr_y, of the LR that is upscaled"),
    "kernel_psnr": (0.5, "dB; estimates of one kernel differ by as much from seed to seed"),
    "ssim_y": (0.003, "what 0.1 dB comes to at SSIMs from 0.7 to 0.9"),
    "ssim_y_rounded": (0.003, "as ssim_y"),
    "ssim_rgb": (0.003, "as ssim_y"),
    "lpips_alex": (0.01, "papers give two to three decimals"),
    "lpips_squeeze": (0.01, "as lpips_alex"),
    "lpips_vgg": (0.01, "as lpips_alex"),
    "stlpips_alex": (0.01, "as lpips_alex"),
    "dists": (0.01, "of the same range as LPIPS"),
    "kernel_ncc": (0.02, "two kernels of this correlation restore alike"),
    "luma_error": (0.25, "grey levels; less than the rounding to 8 bits can make"),
    "phase_deviation": (0.1, "grey levels; photographs themselves have as much"),
    "lattice_excess": (1.0, "dB; photographs differ by as much"),
    "diversity": (0.25, "grey levels; less than the rounding to 8 bits can make"),
    "seed_deviation": (0.25, "as diversity"),
    "gradient_cosine": (0.02, "gradients of pictures are nearly orthogonal by chance"),
    "rmse_pirm": (0.1, "grey levels; what 0.1 dB comes to at 30 dB"),
    "niqe": (0.1, "papers give one to two decimals"),
    "niqe_pirm": (0.1, "as niqe"),
    "ma": (0.1, "as niqe"),
    "pi": (0.1, "as niqe"),
}
"""Metric to margin, and why so."""
