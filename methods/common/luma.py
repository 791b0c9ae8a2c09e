"""Networks that see luma only: MATLAB's RGB <-> YCbCr in float, their recipe and their upscaler.

Y = 16 + 65.481 R + 128.553 G + 24.966 B, divided by 255 (BT.601, limited range): the values a PSNR on Y is taken of.
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from bench.api import Axis, Learner, Picture, Training, Upscaler
from bench.data.images import BT601
from bench.data.resize import resize_tensor
from bench.errors import choice
from bench.runtime.devices import lasting_tensors
from methods.common.optimise import Optimisation
from methods.common.pixel import PIXEL_LOSSES, PixelLearner

_FORWARD = np.array([BT601, [-37.797, -74.203, 112.0], [112.0, -93.786, -18.214]]) / 255
_MATRIX, _INVERSE = torch.from_numpy(_FORWARD), torch.from_numpy(np.linalg.inv(_FORWARD))
_OFFSET = torch.tensor([16.0, 128.0, 128.0], dtype=torch.float64).view(3, 1, 1) / 255


def to_ycbcr(rgb: Tensor) -> Tensor:
    """(..., 3, h, w) RGB in [0, 1] -> YCbCr: Y in [16, 235] / 255, Cb and Cr in [16, 240] / 255. Differentiable."""
    return _mix(_MATRIX, rgb) + _like(rgb.device, rgb.dtype, _OFFSET)


def to_rgb(ycbcr: Tensor) -> Tensor:
    """The inverse of `to_ycbcr`."""
    return _mix(_INVERSE, ycbcr - _like(ycbcr.device, ycbcr.dtype, _OFFSET))


def luma(rgb: Tensor) -> Tensor:
    """(..., 3, h, w) RGB in [0, 1] -> (..., 1, h, w), Y / 255."""
    return to_ycbcr(rgb)[..., :1, :, :]


def _mix(matrix: Tensor, image: Tensor) -> Tensor:
    """Each output channel as a weighted sum of the three."""
    return torch.einsum("oc,...chw->...ohw", _like(image.device, image.dtype, matrix), image)


@functools.lru_cache(maxsize=16)
def _like(device: torch.device, dtype: torch.dtype, constant: Tensor) -> Tensor:
    """A constant where pictures are; it travels there once."""
    with lasting_tensors():
        return constant.to(device, dtype)


@dataclass(frozen=True)
class LumaRecipe(Optimisation):
    """How a network of three convolutions that maps Y to Y is trained: the last learns `last_layer_factor` times as
    fast."""

    loss: str = choice("l2", PIXEL_LOSSES, "pixel loss")
    last_layer_factor: float = 0.1

    @property
    def factors(self) -> Mapping[str, float]:
        return {"conv3.": self.last_layer_factor}

    def learner(self, build: Callable[[], nn.Module], scale: int, training: Training) -> Learner:
        return PixelLearner(build(), self, training, PIXEL_LOSSES[self.loss], see=luma)


def luma_upscaler(network: nn.Module | None, scale: int) -> Upscaler:
    """Y through the network, Cb and Cr by bicubic interpolation."""
    assert network is not None

    def upscale(picture: Picture) -> Tensor:
        device = next(network.parameters()).device
        ycbcr = to_ycbcr(picture.lr.to(device))  # (3, h, w)
        with torch.inference_mode():
            y = network(ycbcr[None, :1])[0].float()
        return to_rgb(torch.cat([y, resize_tensor(ycbcr[1:], scale)]))

    return upscale


LAST_LAYER_AXIS = Axis(
    "last-layer",
    "Does the last layer need a smaller learning rate?",
    {"last-layer-same": {"last_layer_factor": 1.0}},
    "training section",
)
