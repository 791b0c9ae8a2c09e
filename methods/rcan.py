"""RCAN: residual groups inside a residual, with channel attention in every block.

Zhang et al., "Image Super-Resolution Using Very Deep Residual Channel Attention Networks", ECCV 2018.

Deviations: see ENTRY.
"""

from dataclasses import dataclass

from torch import nn

from bench.api import Axis, Claim, Entry, Method
from methods.common.blocks import add_image_skip
from methods.common.dual import DUAL_AXIS, DUAL_CLAIM
from methods.common.pixel import Recipe
from methods.common.rcan import RCAN, RcanKnobs


@dataclass(frozen=True)
class RcanMethod(Method):
    """RCAN, in the paper's size."""

    body: RcanKnobs = RcanKnobs()
    image_skip: bool = False
    recipe: Recipe = Recipe(1e-4, schedule="halve", milestones=(0.2, 0.4, 0.6, 0.8))

    def network(self) -> nn.Module:
        network = RCAN(self.scale, self.body)
        return add_image_skip(network, self.scale) if self.image_skip else network


ENTRY = Entry(
    "rcan",
    RcanMethod,
    "Zhang et al., ECCV 2018",
    iterations=1_000_000,
    axes=(
        Axis(
            "channel-attention",
            "Does channel attention help?",
            {"no-attention": {"channel_attention": False}},
            "table 1",
        ),
        Axis(
            "residual-in-residual",
            "Do the long and the short skips help?",
            {
                "no-skips": {"long_skip": False, "short_skip": False},
                "no-long-skip": {"long_skip": False},
                "no-short-skip": {"short_skip": False},
            },
            "table 1",
        ),
        DUAL_AXIS,
    ),
    claims=(
        Claim("attention", "Channel attention raises the PSNR.", "default > no-attention"),
        Claim("skips", "Long and short skips together raise the PSNR.", "default > no-skips"),
        Claim("long-skip", "The long skip raises the PSNR.", "default > no-long-skip"),
        Claim("short-skip", "The short skips raise the PSNR.", "default > no-short-skip"),
        Claim("edsr", "RCAN is above EDSR.", "default > edsr.default", source="benchmark table"),
        DUAL_CLAIM,
    ),
    deviations=(
        "trained on the suite's pictures instead of DIV2K; x3, x4 and x8 from scratch instead of from the x2 network",
        "the mean colour is fixed; the released networks trained it (`mean_shift_trained`)",
        "the loss is taken in [0, 1] while the network works in [0, 255], the same to Adam but for its epsilon",
    ),
)
