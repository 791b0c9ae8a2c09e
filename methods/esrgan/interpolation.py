"""Between RRDB trained for PSNR and ESRGAN fine-tuned from it, without retraining: weights or pictures interpolated.

Wang et al., "ESRGAN: Enhanced Super-Resolution Generative Adversarial Networks", ECCV Workshops 2018, section 3.4:
theta = (1 - alpha) * theta_PSNR + alpha * theta_GAN over every key, against the same mean of the two SR pictures.

Deviations: none.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bench.api import Axis, Claim, Entry, Method, Picture, Upscaler, feed_forward
from bench.errors import BadInput, check_choices, choice
from methods.common.rrdb import GeneratorKnobs, RRDBNet, check_scale

Weights = Mapping[str, Tensor]


def check_alpha(alpha: float) -> None:
    """Raises BadInput for an alpha outside 0...1."""
    if not 0 <= alpha <= 1:
        raise BadInput(f"alpha {alpha:g} does not lie between the two networks; choose one in 0...1")


def interpolate_weights(psnr: Weights, gan: Weights, alpha: float) -> dict[str, Tensor]:
    """(1 - alpha) * psnr + alpha * gan for every key; integer buffers, mere counters, are the GAN's.

    Raises BadInput naming a key that only one of them has, or whose shape or type differs.
    """
    check_alpha(alpha)
    lonely = sorted(psnr.keys() ^ gan.keys())
    if lonely:
        owner = "PSNR" if lonely[0] in psnr else "GAN"
        raise BadInput(f"only the {owner} weights have {lonely[0]}; give two checkpoints of one network")
    mixed = {}
    for key, start in psnr.items():
        end = gan[key]
        if (start.shape, start.dtype) != (end.shape, end.dtype):
            kinds = [f"{str(value.dtype).removeprefix('torch.')} {tuple(value.shape)}" for value in (start, end)]
            raise BadInput(f"{key} is {kinds[0]} for PSNR, {kinds[1]} for GAN; give two checkpoints of one network")
        mixed[key] = torch.lerp(start, end, alpha) if start.is_floating_point() else end.clone()
    return mixed


def interpolate_pictures(psnr: Tensor, gan: Tensor, alpha: float) -> Tensor:
    """(1 - alpha) * psnr + alpha * gan of two SR pictures (c, h, w), each clipped to [0, 1], not rounded."""
    check_alpha(alpha)
    return torch.lerp(psnr.clamp(0, 1), gan.clamp(0, 1), alpha)


@dataclass(frozen=True)
class EsrganInterpolation(Method):
    """alpha: 0 is the PSNR-oriented network, 1 the GAN's. between: what is interpolated."""

    generator: GeneratorKnobs = GeneratorKnobs()
    alpha: float = 0.8
    between: str = choice("network", ("network", "image"), "kind of interpolation")

    def __post_init__(self) -> None:
        check_scale(self.scale)
        check_alpha(self.alpha)
        check_choices(self)

    def network(self) -> nn.ModuleList:
        """The PSNR-oriented network and the GAN's."""
        return nn.ModuleList([RRDBNet(self.scale, self.generator), RRDBNet(self.scale, self.generator)])

    def upscaler(self, network: nn.Module | None) -> Upscaler:
        assert isinstance(network, nn.ModuleList)
        psnr, gan = network
        if self.between == "network":
            return feed_forward(self._mixed(psnr, gan))
        first, second = feed_forward(psnr), feed_forward(gan)

        def upscale(picture: Picture) -> Tensor:
            return interpolate_pictures(first(picture), second(picture), self.alpha)

        return upscale

    def _mixed(self, psnr: nn.Module, gan: nn.Module) -> nn.Module:
        """A third network, of interpolated weights."""
        mixed = copy.deepcopy(gan)
        mixed.load_state_dict(interpolate_weights(psnr.state_dict(), gan.state_dict(), self.alpha))
        return mixed.eval()


_LOOKS_BETTER = "interpolating the weights looks better than interpolating the pictures"
ENTRY = Entry(
    "esrgan-interpolation",
    EsrganInterpolation,
    "Wang et al., ECCV Workshops 2018",
    networks=("rrdb", "esrgan"),
    axes=(
        Axis(
            "network-interpolation",
            "Does interpolating the weights trade perception for distortion without artefacts?",
            {f"network-{alpha / 10:.1f}": {"alpha": alpha / 10} for alpha in (0, 2, 4, 6, 10)},
            "section 3.4, figure 10; the default is alpha 0.8",
        ),
        Axis(
            "image-interpolation",
            "Is interpolating the weights better than interpolating the pictures?",
            {f"image-{alpha / 10:.1f}": {"alpha": alpha / 10, "between": "image"} for alpha in (2, 4, 6, 8)},
            "section 4.5, figure 10",
        ),
    ),
    metric="lpips_alex",
    claims=(
        Claim(
            "perception",
            "More of the GAN's weights, 0.8 against 0.4, improve the perceptual index.",
            "default > network-0.4",
            "pi",
            "section 3.4, figure 10",
        ),
        Claim(
            "distortion",
            "Fewer of the GAN's weights, 0.4 against 0.8, are nearer to the truth, pixel by pixel.",
            "network-0.4 > default",
            "psnr_y",
            "section 3.4, figure 10",
        ),
        *(
            Claim(f"image-{alpha}", f"At {alpha} {_LOOKS_BETTER}.", f"{network} > image-{alpha}")
            for alpha, network in (("0.8", "default"), ("0.4", "network-0.4"))
        ),
    ),
)
