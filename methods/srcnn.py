"""SRCNN: three convolutions on the luma of the bicubic enlargement.

Dong et al., "Image Super-Resolution Using Deep Convolutional Networks", TPAMI 2016 (first at ECCV 2014).

Deviations: see ENTRY.
"""

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional

from bench.api import Axis, Claim, Entry, Method, Upscaler, varied
from methods.common.blocks import bicubic, conv
from methods.common.luma import LAST_LAYER_AXIS, LumaRecipe, luma_upscaler


class SRCNN(nn.Module):
    """(N, 1, h, w) Y -> (N, 1, s*h, s*w) Y. 57,281 parameters with filters 9-5-5, 8,129 with 9-1-5."""

    def __init__(self, scale: int, filters: tuple[int, int, int], widths: tuple[int, int], init_std: float) -> None:
        super().__init__()
        self.scale = scale
        self.conv1 = conv(1, widths[0], filters[0])
        self.conv2 = conv(widths[0], widths[1], filters[1])
        self.conv3 = conv(widths[1], 1, filters[2])
        for layer in (self.conv1, self.conv2, self.conv3):
            nn.init.normal_(layer.weight, std=init_std)
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)

    def forward(self, lr: Tensor) -> Tensor:
        x = functional.relu(self.conv1(bicubic(lr, self.scale)))  # (N, 64, s*h, s*w)
        y: Tensor = self.conv3(functional.relu(self.conv2(x)))
        return y


@dataclass(frozen=True)
class SrcnnMethod(Method):
    """`filters` are the three kernel sides; the HR patch is lowered to a multiple of the scale."""

    filters: tuple[int, int, int] = (9, 5, 5)
    widths: tuple[int, int] = (64, 32)
    init_std: float = 1e-3
    recipe: LumaRecipe = LumaRecipe(batch_size=128, patch=33)

    @property
    def batch(self) -> tuple[int, int]:
        count, patch = self.recipe.batch(self.scale)
        return count, patch - patch % self.scale

    def network(self) -> nn.Module:
        return SRCNN(self.scale, self.filters, self.widths, self.init_std)

    def upscaler(self, network: nn.Module | None) -> Upscaler:
        return luma_upscaler(network, self.scale)


ENTRY = Entry(
    "srcnn",
    SrcnnMethod,
    "Dong et al., TPAMI 2016",
    iterations=6_250_000,
    axes=(
        Axis(
            "filters",
            "Does a larger second kernel give a higher PSNR?",
            varied("filters", {"9-1-5": (9, 1, 5), "9-3-5": (9, 3, 5)}),
            "filter-size experiment",
        ),
        LAST_LAYER_AXIS,
    ),
    claims=(
        Claim("filters-3", "A 3x3 second layer reaches a higher PSNR than a 1x1 one.", "9-3-5 > 9-1-5"),
        Claim("filters-5", "A 5x5 second layer reaches a higher PSNR than a 3x3 one.", "default > 9-3-5"),
        Claim(
            "bicubic",
            "A trained three-layer network is above bicubic interpolation.",
            "default > bicubic.default",
            source="comparison with bicubic",
        ),
    ),
    deviations=(
        "Adam instead of SGD with momentum; zero padding in training instead of smaller outputs",
        "a step is a batch of 128: the paper's 8e8 back-propagated patches are 6,250,000 steps",
        "the suite's pictures instead of ImageNet",
    ),
)
