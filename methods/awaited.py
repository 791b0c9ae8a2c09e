"""Claims of two sources whose methods are not here yet: shown as *not run*, so that a reader sees what is open.

When a method lands, its claims move into its own file.
"""

from __future__ import annotations

from bench.api import Claim, claimed_at

_PSEUDO = "Maeda, CVPR 2020"
_SPACE = "article on a loss in the downsampled space"
_CLAIMS = {
    "pseudo_sr": claimed_at(
        4,
        "wild",
        Claim("cycle", "Without the cycle loss pseudo-pairs are not aligned.", "default > no-cycle", "psnr_y", _PSEUDO),
        Claim("ensemble", "The geometric ensemble loss raises PSNR.", "default > no-ensemble", "psnr_y", _PSEUDO),
        Claim("identity", "Without the identity loss colours shift.", "default > no-identity", "luma_error", _PSEUDO),
        Claim(
            "upscaled-discriminator",
            "The discriminator on upscaled pictures closes the gap between training and test.",
            "default > no-upscaled-discriminator",
            "lpips_alex",
            _PSEUDO,
        ),
        Claim(
            "joint",
            "Training all networks jointly is better than in two stages.",
            "default > two-stage",
            "psnr_y",
            _PSEUDO,
        ),
        Claim(
            "pseudo-pair",
            "On degraded LR, pseudo-pairs are worth more than clean pairs.",
            "default > clean-pair",
            "psnr_y",
            _PSEUDO,
        ),
        Claim(
            "bicubic",
            "On degraded LR the method is above bicubic interpolation.",
            "default > bicubic.default",
            "psnr_y",
            _PSEUDO,
        ),
    ),
    "downsampled_space": (
        Claim(
            "freedom",
            "The loss alone leaves HR free: PSNR is far below that of an HR loss.",
            "hr-loss > default",
            "psnr_y",
            _SPACE,
        ),
        Claim(
            "consistency", "The loss alone is nearer to the LR than an HR loss.", "default > hr-loss", "lr_psnr", _SPACE
        ),
        Claim(
            "adversarial",
            "With an adversarial loss most artifacts vanish.",
            "adversarial > default",
            "lpips_alex",
            _SPACE,
        ),
        Claim(
            "mixture",
            "Beside an HR loss it raises consistency with the LR.",
            "with-hr-loss > hr-loss",
            "lr_psnr",
            _SPACE,
        ),
        Claim(
            "sub-pixel",
            "Sub-pixel upsampling shows most artifacts: nearest and a convolution fewer.",
            "nearest > default",
            "psnr_y",
            _SPACE,
        ),
        Claim(
            "transposed",
            "Transposed convolutions show fewer artifacts than sub-pixel upsampling.",
            "transposed > default",
            "psnr_y",
            _SPACE,
        ),
        Claim(
            "residual",
            "A residual on the bicubic picture makes artifacts milder.",
            "residual > default",
            "psnr_y",
            _SPACE,
        ),
    ),
}
AWAITED = tuple(claim.of(method) for method, claims in _CLAIMS.items() for claim in claims)
