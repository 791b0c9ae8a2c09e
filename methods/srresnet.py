"""SRResNet: the PSNR-oriented generator of the SRGAN paper.

Ledig et al., "Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial Network", CVPR 2017.

Deviations: trained on the suite's pictures instead of 350,000 of ImageNet; HR in [0, 1] instead of [-1, 1]
(the network has no output activation, so the range is one affine map of its last layer).
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from bench.api import Axis, Claim, Entry, Method, Training, Upscaler
from methods.common.pixel import PixelLearner, Recipe, feed_forward
from methods.common.resnets import SRResNet


@dataclass(frozen=True)
class SRResNetMethod(Method):
    """Knobs of SRResNet. `patch` is the HR side in pixels; milestones are fractions of the run's length."""

    width: int = 64
    blocks: int = 16
    batch_norm: bool = True
    loss: str = "l2"
    learning_rate: float = 1e-4
    schedule: str = "constant"
    milestones: tuple[float, ...] = ()
    ema: float = 0.0
    dual_weight: float = 0.0
    batch_size: int = 16
    patch: int = 96

    @property
    def batch(self) -> tuple[int, int]:
        return self.batch_size, self.patch

    def network(self) -> nn.Module:
        return SRResNet(self.scale, self.width, self.blocks, self.batch_norm)

    def learner(self, training: Training) -> PixelLearner:
        dual = (self.scale, self.dual_weight)
        recipe = Recipe(
            self.loss, self.learning_rate, (0.9, 0.999), self.schedule, self.milestones, self.ema, dual=dual
        )
        return PixelLearner(self.network(), recipe, training)

    def upscaler(self, network: nn.Module | None) -> Upscaler:
        return feed_forward(network)


ENTRY = Entry(
    name="srresnet",
    method=SRResNetMethod,
    paper="Ledig et al., CVPR 2017",
    iterations=1_000_000,
    axes=(
        Axis(
            "batch-norm",
            "Does batch normalisation help a PSNR-oriented generator?",
            {"no-bn": {"batch_norm": False}},
            "Lim et al. 2017; Wang et al. 2018",
        ),
        Axis("loss", "Does L1 train to a higher PSNR than L2?", {"l1": {"loss": "l1"}}, "Lim et al. 2017"),
        Axis(
            "dual-regression",
            "Does a learned way back to LR, as DRN trains it, raise PSNR?",
            {"dual": {"dual_weight": 0.1}},
            "Guo et al., CVPR 2020, dual regression",
        ),
    ),
    claims=(
        Claim(
            "srresnet.bn",
            "Without batch normalisation the PSNR is higher.",
            "srresnet.no-bn",
            "srresnet.default",
            "psnr_y",
            "Lim et al. 2017, section 3.1; Wang et al. 2018, section 3.1",
        ),
        Claim(
            "srresnet.loss",
            "L1 trains to a higher PSNR than L2.",
            "srresnet.l1",
            "srresnet.default",
            "psnr_y",
            "Lim et al. 2017, section 4.2",
        ),
        Claim(
            "srresnet.dual",
            "A dual regression loss raises the PSNR of a network that was not made for it.",
            "srresnet.dual",
            "srresnet.default",
            "psnr_y",
            "Guo et al. 2020",
        ),
    ),
    deviations=(
        "trained on the suite's pictures instead of 350,000 of ImageNet",
        "HR in [0, 1] instead of [-1, 1]: one affine map of the last layer",
    ),
)
