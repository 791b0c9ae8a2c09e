"""Back-projection: drive an SR picture towards what shrinks to its LR picture.

Irani & Peleg, CVGIP 1991, with MATLAB's bicubic both ways, as the reverse filter of ESRGAN's entry to the PIRM 2018
challenge has it (20 iterations). It presumes that the LR picture was made by bicubic shrinking.
"""

from __future__ import annotations

from fractions import Fraction

import torch
from torch import Tensor

from bench.api import Picture, Upscaler
from bench.data.resize import resize_tensor
from bench.errors import BadInput


@torch.no_grad()
def back_project(sr: Tensor, lr: Tensor, scale: int, iterations: int) -> Tensor:
    """`iterations` times SR += up(LR - down(SR)), clipped to [0, 1] before the first and after each.

    sr: (3, s*h, s*w), lr: (3, h, w), RGB in [0, 1]. The clipped iteration is projected gradient descent on
    |LR - down(SR)|^2: but at the border, up is s^2 times the transpose of down, and the eigenvalues of down(up(.)) lie
    in 0.2...1, so the difference shrinks at every iteration.
    """
    sr = sr.float().clamp(0, 1)
    lr = lr.to(sr.device)
    for _ in range(iterations):
        missing = lr - resize_tensor(sr, Fraction(1, scale))  # (3, h, w)
        sr = (sr + resize_tensor(missing, scale)).clamp(0, 1)
    return sr


def back_projected(upscaler: Upscaler, scale: int, iterations: int) -> Upscaler:
    """The upscaler followed by back-projection. Raises BadInput for a negative number of iterations."""
    if iterations < 0:
        raise BadInput(f"{iterations} iterations of back-projection cannot be made; use 0 or more")

    def upscale(picture: Picture) -> Tensor:
        return back_project(upscaler(picture), picture.lr, scale, iterations)

    return upscale
