"""SRResNet: the PSNR-oriented generator of the SRGAN paper.

Ledig et al., "Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial Network", CVPR 2017.

Deviations: see ENTRY.
"""

from dataclasses import dataclass

from torch import nn

from bench.api import Axis, Claim, Entry, Method
from methods.common.blocks import add_image_skip
from methods.common.dual import DUAL_AXIS, DUAL_CLAIM
from methods.common.pixel import Recipe
from methods.common.resnets import SRResNet


@dataclass(frozen=True)
class SRResNetMethod(Method):
    """Knobs of SRResNet."""

    width: int = 64
    blocks: int = 16
    batch_norm: bool = True
    image_skip: bool = False
    recipe: Recipe = Recipe(1e-4, loss="l2", patch=96)

    def network(self) -> nn.Module:
        network = SRResNet(self.scale, self.width, self.blocks, self.batch_norm)
        return add_image_skip(network, self.scale) if self.image_skip else network


ENTRY = Entry(
    "srresnet",
    SRResNetMethod,
    "Ledig et al., CVPR 2017",
    iterations=1_000_000,
    axes=(
        Axis(
            "batch-norm",
            "Does batch normalisation help a PSNR-oriented generator?",
            {"no-bn": {"batch_norm": False}},
            "Lim et al. 2017; Wang et al. 2018",
        ),
        Axis("loss", "Does L1 train to a higher PSNR than L2?", {"l1": {"loss": "l1"}}, "Lim et al. 2017"),
        DUAL_AXIS,
    ),
    claims=(
        Claim(
            "bn",
            "Without batch normalisation the PSNR is higher.",
            "no-bn > default",
            source="Lim et al. 2017, section 3.1; Wang et al. 2018, section 3.1",
        ),
        Claim("loss", "L1 trains to a higher PSNR than L2.", "l1 > default", source="Lim et al. 2017, section 4.2"),
        DUAL_CLAIM,
    ),
    deviations=(
        "trained on the suite's pictures instead of 350,000 of ImageNet",
        "HR in [0, 1] instead of [-1, 1]: one affine map of the last layer",
    ),
)
