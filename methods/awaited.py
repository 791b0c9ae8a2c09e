"""Claims of two sources whose methods are not here yet: told as *not run*, so that a reader sees what is open.

When a method lands, its claims move into its own file.
"""

from __future__ import annotations

from bench.api import Claim

_PSEUDO = "Maeda, CVPR 2020"
_SPACE = "article on a loss in the downsampled space"


def _pseudo(id: str, text: str, better: str, worse: str, metric: str = "psnr_y") -> Claim:
    return Claim(f"pseudo_sr.{id}", text, better, worse, metric, _PSEUDO, degradation="wild")


def _space(id: str, text: str, better: str, worse: str, metric: str) -> Claim:
    sides = f"downsampled_space.{better}", f"downsampled_space.{worse}"
    return Claim(f"downsampled_space.{id}", text, *sides, metric, _SPACE)


AWAITED: tuple[Claim, ...] = (
    _pseudo("cycle", "Without the cycle loss pseudo-pairs are not aligned.", "pseudo_sr.default", "pseudo_sr.no-cycle"),
    _pseudo("ensemble", "The geometric ensemble loss raises PSNR.", "pseudo_sr.default", "pseudo_sr.no-ensemble"),
    _pseudo(
        "identity",
        "Without the identity loss colours shift.",
        "pseudo_sr.default",
        "pseudo_sr.no-identity",
        "luma_error",
    ),
    _pseudo(
        "upscaled-discriminator",
        "The discriminator on upscaled pictures closes the gap between training and test.",
        "pseudo_sr.default",
        "pseudo_sr.no-upscaled-discriminator",
        "lpips_alex",
    ),
    _pseudo(
        "joint",
        "Training all networks jointly is better than in two stages.",
        "pseudo_sr.default",
        "pseudo_sr.two-stage",
    ),
    _pseudo(
        "pseudo-pair",
        "On degraded LR, pseudo-pairs are worth more than clean pairs.",
        "pseudo_sr.default",
        "pseudo_sr.clean-pair",
    ),
    _pseudo(
        "bicubic", "On degraded LR the method is above bicubic interpolation.", "pseudo_sr.default", "bicubic.default"
    ),
    _space(
        "freedom",
        "The loss alone leaves HR free: PSNR is far below that of an HR loss.",
        "hr-loss",
        "default",
        "psnr_y",
    ),
    _space("consistency", "The loss alone is nearer to the LR than an HR loss.", "default", "hr-loss", "lr_psnr"),
    _space("adversarial", "With an adversarial loss most artifacts vanish.", "adversarial", "default", "lpips_alex"),
    _space("mixture", "Beside an HR loss it raises consistency with the LR.", "with-hr-loss", "hr-loss", "lr_psnr"),
    _space(
        "sub-pixel",
        "Sub-pixel upsampling shows most artifacts: nearest and a convolution fewer.",
        "nearest",
        "default",
        "psnr_y",
    ),
    _space(
        "transposed",
        "Transposed convolutions show fewer artifacts than sub-pixel upsampling.",
        "transposed",
        "default",
        "psnr_y",
    ),
    _space("residual", "A residual on the bicubic picture makes artifacts milder.", "residual", "default", "psnr_y"),
)
