"""ESPCN: three convolutions on the luma at LR size, then one sub-pixel rearrangement.

Shi et al., "Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel Convolutional Neural
Network", CVPR 2016.

Deviations: bicubic LR instead of Gaussian blur and decimation; the learning rate falls from 1e-2 to 1e-4 by a fixed
geometric schedule instead of when the loss stalls; a fixed 1,000,000 steps of batch 16 instead of stopping when
nothing improves; the suite's pictures instead of ImageNet.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from bench.api import Axis, Claim, Entry, Method, Training, Upscaler
from bench.errors import unknown
from methods.common.blocks import conv
from methods.common.luma import LumaLearner, luma_upscaler
from methods.common.pixel import Recipe

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
    """`patch` is the HR side, None 17 LR pixels; the last layer learns `last_layer_factor` times as fast; milestones
    are fractions of the run's length."""

    widths: tuple[int, int] = (64, 32)
    activation: str = "tanh"
    loss: str = "l2"
    learning_rate: float = 1e-2
    last_layer_factor: float = 0.1
    schedule: str = "geometric"
    milestones: tuple[float, ...] = ()
    ema: float = 0.0
    batch_size: int = 16
    patch: int | None = None

    def __post_init__(self) -> None:
        if self.activation not in ACTIVATIONS:
            raise unknown("activation", self.activation, ACTIVATIONS)

    @property
    def batch(self) -> tuple[int, int]:
        return self.batch_size, self.patch or 17 * self.scale

    def network(self) -> nn.Module:
        return ESPCN(self.scale, self.widths, self.activation)

    def learner(self, training: Training) -> LumaLearner:
        factors = (("conv3.", self.last_layer_factor),)
        betas = (0.9, 0.999)
        recipe = Recipe(self.loss, self.learning_rate, betas, self.schedule, self.milestones, self.ema, factors)
        return LumaLearner(self.network(), recipe, training)

    def upscaler(self, network: nn.Module | None) -> Upscaler:
        return luma_upscaler(network, self.scale)


ENTRY = Entry(
    name="espcn",
    method=EspcnMethod,
    paper="Shi et al., CVPR 2016",
    iterations=1_000_000,
    axes=(
        Axis("activation", "Is tanh better than ReLU?", {"relu": {"activation": "relu"}}, "activation experiment"),
        Axis(
            "last-layer",
            "Does the last layer need a smaller learning rate?",
            {"last-layer-same": {"last_layer_factor": 1.0}},
            "training section",
        ),
    ),
    claims=(
        Claim(
            "espcn.activation",
            "tanh is better than ReLU in this network.",
            "espcn.default",
            "espcn.relu",
            "psnr_y",
            "activation experiment",
        ),
        Claim(
            "espcn.upsampling",
            "Convolving at LR size and upsampling last gives a higher PSNR than convolving the enlarged picture.",
            "espcn.default",
            "srcnn.default",
            "psnr_y",
            "comparison with SRCNN",
        ),
    ),
    deviations=(
        "bicubic LR instead of Gaussian blur and decimation",
        "the learning rate falls by a fixed geometric schedule instead of when the loss stalls",
        "1,000,000 steps of batch 16 instead of stopping when nothing improves",
        "the suite's pictures instead of ImageNet",
    ),
)
