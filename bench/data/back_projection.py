"""Back-projection: drive an SR picture towards what shrinks to its LR picture.

Irani & Peleg, CVGIP 1991, enlarging with MATLAB's bicubic. Shrinking by the same, it is the reverse filter of ESRGAN's
entry to the PIRM 2018 challenge (20 iterations); ZSSR shrinks with the kernel that made the LR.
"""

from collections.abc import Callable
from fractions import Fraction

import torch
from torch import Tensor

from bench.api import Picture, Upscaler
from bench.data.resize import resize_tensor
from bench.errors import BadInput

Shrink = Callable[[Tensor], Tensor]
"""(c, h, w) of any range -> (c, ceil(h/s), ceil(w/s)), not clipped."""


@torch.no_grad()
def back_project(sr: Tensor, lr: Tensor, scale: int, iterations: int, shrink: Shrink | None = None) -> Tensor:
    """`iterations` times SR += up(LR - shrink(SR)), clipped to [0, 1] before the first and after each.

    sr: (3, s*h, s*w), lr: (3, h, w), RGB in [0, 1]. shrink: how the LR was made, MATLAB's bicubic where not given: the
    clipped iteration is then projected gradient descent on |LR - shrink(SR)|^2, for but at the border up is s^2 times
    the transpose of shrink, and the eigenvalues of shrink(up(.)) lie in 0.2...1: the difference falls every time.
    """
    sr = sr.float().clamp(0, 1)
    lr = lr.to(sr.device)
    for _ in range(iterations):
        shrunk = shrink(sr) if shrink else resize_tensor(sr, Fraction(1, scale))
        sr = (sr + resize_tensor(lr - shrunk, scale)).clamp(0, 1)
    return sr


def back_projected(upscaler: Upscaler, scale: int, iterations: int) -> Upscaler:
    """The upscaler followed by back-projection. Raises BadInput for a negative number of iterations."""
    if iterations < 0:
        raise BadInput(f"{iterations} iterations of back-projection cannot be made; use 0 or more")

    def upscale(picture: Picture) -> Tensor:
        return back_project(upscaler(picture), picture.lr, scale, iterations)

    return upscale
