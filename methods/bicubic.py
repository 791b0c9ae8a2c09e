"""Bicubic interpolation as MATLAB's imresize does it: the floor that every table stands on.

The LR is the 8-bit picture; enlargement is in float and rounded once on saving.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from bench.api import Entry, Method, Picture, Upscaler
from bench.data.resize import resize_tensor


@dataclass(frozen=True)
class Bicubic(Method):
    """`kernel` names the interpolation: bicubic, bilinear or nearest."""

    kernel: str = "bicubic"

    def upscaler(self, network: nn.Module | None) -> Upscaler:
        def upscale(picture: Picture) -> Tensor:
            return resize_tensor(picture.lr.double(), self.scale, self.kernel).float()

        return upscale


ENTRY = Entry(name="bicubic", method=Bicubic, paper="Keys, IEEE TASSP 1981")
