"""Claims of a source whose method is not here yet: shown as *not run*, so that a reader sees what is open.

When the method lands, its claims move into its own file.
"""

from bench.api import Claim

_SPACE = "article on a loss in the downsampled space"
_CLAIMS = {
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
