"""MSRResNet: SRResNet without batch normalisation, as the BasicSR toolbox defines and trains it.

Wang et al., BasicSR; after Ledig et al., CVPR 2017, and Lim et al., CVPR Workshops 2017.

Deviations: see ENTRY.
"""

from dataclasses import dataclass

from torch import nn

from bench.api import Axis, Claim, Entry, Method
from methods.common.pixel import Recipe
from methods.common.resnets import MSRResNet


@dataclass(frozen=True)
class MsrresnetMethod(Method):
    """`init_scale` multiplies Kaiming's initialisation of every convolution."""

    width: int = 64
    blocks: int = 16
    init_scale: float = 0.1
    image_skip: bool = True
    recipe: Recipe = Recipe(2e-4, beta2=0.99, schedule="cosine-restarts", ema=0.999, patch=128)

    def network(self) -> nn.Module:
        return MSRResNet(self.scale, self.width, self.blocks, self.init_scale, self.image_skip)


ENTRY = Entry(
    "msrresnet",
    MsrresnetMethod,
    "Wang et al., BasicSR",
    iterations=1_000_000,
    axes=(
        Axis("loss", "Does L1 train to a higher PSNR than L2?", {"l2": {"loss": "l2"}}, "Lim et al. 2017"),
        Axis(
            "initialisation", "Does a smaller initialisation help?", {"init-1": {"init_scale": 1.0}}, "Wang et al. 2018"
        ),
        Axis("average", "What does averaging the weights give?", {"no-ema": {"ema": 0.0}}, "BasicSR"),
    ),
    claims=(
        Claim("loss", "L1 trains to a higher PSNR than L2.", "default > l2", source="Lim et al. 2017, section 4.2"),
        Claim(
            "initialisation",
            "A smaller initialisation ends at a higher PSNR.",
            "default > init-1",
            source="Wang et al. 2018, supplementary",
        ),
    ),
    deviations=(
        "trained on the suite's pictures instead of DIV2K",
        "x2 and x3 from scratch instead of from the x4 weights",
    ),
)
