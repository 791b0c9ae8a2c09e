"""Bicubic interpolation as MATLAB's imresize does it: the floor that every table stands on.

The LR is an 8-bit picture, and MATLAB rounds 8-bit data after each pass; `rounding` "once" rounds the result alone.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from bench.api import Entry, Method, Picture, Upscaler
from bench.data.images import to_tensor, to_uint8
from bench.data.resize import Rounding, resize


@dataclass(frozen=True)
class Bicubic(Method):
    """`kernel` names the interpolation: bicubic, bilinear or nearest."""

    kernel: str = "bicubic"
    rounding: Rounding = "each pass"

    def upscaler(self, network: nn.Module | None) -> Upscaler:
        def upscale(picture: Picture) -> Tensor:
            return to_tensor(resize(to_uint8(picture.lr), self.scale, self.kernel, rounding=self.rounding))

        return upscale


ENTRY = Entry(name="bicubic", method=Bicubic, paper="Keys, IEEE TASSP 1981", deterministic=True)
