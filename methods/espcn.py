"""ESPCN: three convolutions on the luma at LR size, then one sub-pixel rearrangement.

Shi et al., "Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel Convolutional Neural
Network", CVPR 2016.

Deviations: see ENTRY.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from bench.api import Axis, Claim, Entry, Method, Upscaler
from bench.errors import check_choice
from methods.common.blocks import conv
from methods.common.luma import LAST_LAYER_AXIS, LumaRecipe, luma_upscaler

ACTIVATIONS: dict[str, type[nn.Module]] = {"tanh": nn.Tanh, "relu": nn.ReLU}


class ESPCN(nn.Module):
    """(N, 1, h, w) Y -> (N, 1, s*h, s*w) Y; no activation after the last convolution. 24,752 parameters at x4."""

    def __init__(self, scale: int, widths: tuple[int, int], activation: str) -> None:
        super().__init__()
        self.conv1 = conv(1, widths[0], 5)
        self.conv2 = conv(*widths)
        self.conv3 = conv(widths[1], scale**2)
        self.activation = ACTIVATIONS[activation]()
        self.shuffle = nn.PixelShuffle(scale)

    def forward(self, lr: Tensor) -> Tensor:
        x = self.activation(self.conv2(self.activation(self.conv1(lr))))  # (N, 32, h, w)
        y: Tensor = self.shuffle(self.conv3(x))
        return y


@dataclass(frozen=True)
class EspcnMethod(Method):
    """activation: a name in ACTIVATIONS."""

    widths: tuple[int, int] = (64, 32)
    activation: str = "tanh"
    recipe: LumaRecipe = LumaRecipe(1e-2, schedule="geometric", lr_patch=17)

    def __post_init__(self) -> None:
        check_choice("activation", self.activation, ACTIVATIONS)

    def network(self) -> nn.Module:
        return ESPCN(self.scale, self.widths, self.activation)

    def upscaler(self, network: nn.Module | None) -> Upscaler:
        return luma_upscaler(network, self.scale)


ENTRY = Entry(
    "espcn",
    EspcnMethod,
    "Shi et al., CVPR 2016",
    iterations=1_000_000,
    axes=(
        Axis("activation", "Is tanh better than ReLU?", {"relu": {"activation": "relu"}}, "activation experiment"),
        LAST_LAYER_AXIS,
    ),
    claims=(
        Claim("activation", "tanh is better than ReLU in this network.", "default > relu"),
        Claim(
            "upsampling",
            "Convolving at LR size and upsampling last gives a higher PSNR than convolving the enlarged picture.",
            "default > srcnn.default",
            source="comparison with SRCNN",
        ),
    ),
    deviations=(
        "bicubic LR instead of Gaussian blur and decimation",
        "the learning rate falls from 1e-2 to 1e-4 by a fixed geometric schedule instead of when the loss stalls",
        "1,000,000 steps of batch 16 instead of stopping when nothing improves",
        "the suite's pictures instead of ImageNet",
    ),
)
