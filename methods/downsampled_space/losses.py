"""The loss between what SR shrinks to and the LR, for several ways to shrink.

L_ds = distance(shrink(SR), LR), pictures in [0, 1], neither clamped nor rounded.
"""

import functools
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from bench.data.blur_kernels import bd_kernel, read_kernel
from bench.data.images import F64
from bench.data.resize import cubic, resize_tensor
from bench.errors import BadInput
from bench.runtime.devices import lasting_tensors
from methods.common.pixel import PIXEL_LOSSES, ImageLoss

Shrink = Callable[[Tensor], Tensor]
"""(N, 3, s*h, s*w) of any range -> (N, 3, h, w), differentiable."""
KERNELGAN = Path(__file__).with_name("kernelgan_x4.npy")


def charbonnier(x: Tensor, y: Tensor, epsilon: float = 1e-3) -> Tensor:
    """mean(sqrt((x - y)^2 + epsilon^2))."""
    return torch.sqrt((x - y).square() + epsilon**2).mean()


DISTANCES: dict[str, ImageLoss] = {**PIXEL_LOSSES, "charbonnier": charbonnier}
KERNELS = {
    "bicubic": "MATLAB's, antialiased: what made the LR",
    "no-antialias": "bicubic of 4 taps (a = -0.75) at every scale, as torch and OpenCV have it",
    "area": "the mean of each block",
    "nearest": "one pixel of each block",
    "gaussian": "sigma 1.6, the blur of the BD test sets",
    "kernelgan": "what KernelGAN estimates from a bicubic LR picture, x4 only",
    "learned": "DRN's dual networks, trained along",
}
"""How SR is shrunk in the loss."""


def shrinking(name: str, scale: int) -> Shrink:
    """One of KERNELS but `learned`; beyond the border are MATLAB's repeated pixels, or zeros with a kernel of ours."""
    if name in ("bicubic", "nearest"):
        return functools.partial(resize_tensor, scale=Fraction(1, scale), kernel=name)
    kernel = torch.from_numpy(kernel_of(name, scale)).float()
    weight = kernel.expand(3, 1, *kernel.shape).contiguous()

    def shrink(x: Tensor) -> Tensor:
        half = (kernel.shape[0] // 2, kernel.shape[1] // 2)
        return functional.conv2d(x, _on(weight, x.device), stride=scale, padding=half, groups=3)

    return shrink


@functools.lru_cache(maxsize=8)
def _on(weight: Tensor, device: torch.device) -> Tensor:
    with lasting_tensors():
        return weight.to(device)


def kernel_of(name: str, scale: int) -> F64:
    """Odd, aligned as `bench.data.blur_kernels` has it. Raises BadInput for a scale without that kernel."""
    if name == "gaussian":
        return bd_kernel(scale)
    if name == "kernelgan":
        if scale != 4:
            raise BadInput(f"the kernel in the loss that KernelGAN estimated is of x4, not x{scale}; take another one")
        return read_kernel(KERNELGAN)
    taps = np.zeros(2 * scale + 3)  # at HR pixels -(s + 1) to s + 1 of the block that begins at 0
    if name == "area":
        taps[scale + 1 : 2 * scale + 1] = 1 / scale
    else:
        near, beside = divmod(scale - 1, 2)
        taps[scale + near : scale + near + 4] = cubic(np.arange(-1, 3, dtype=np.float64) - beside / 2, a=-0.75)
    return np.outer(taps, taps)


class SpaceLoss:
    """distance(shrink(sr), target) without `border` LR pixels, for which the shrinking would look beyond the patch.

    own_lr: the target is the HR shrunk in the same way, in float, instead of the LR that is given.
    """

    def __init__(self, shrink: Shrink, distance: str, border: int, own_lr: bool) -> None:
        self.shrink, self.distance = shrink, DISTANCES[distance]
        self.border, self.own_lr = border, own_lr

    def __call__(self, sr: Tensor, lr: Tensor, hr: Tensor) -> Tensor:
        """0-d, in float32 whatever the autocast: bf16 would round grey levels away."""
        with torch.autocast(sr.device.type, enabled=False):
            if self.own_lr:
                with torch.no_grad():
                    lr = self.shrink(hr)
            return self.distance(*(self._inside(picture) for picture in (self.shrink(sr), lr)))

    def _inside(self, lr: Tensor) -> Tensor:
        height, width = (length - self.border for length in lr.shape[-2:])
        return lr[..., self.border : height, self.border : width]


def cosine(first: Tensor, second: Tensor) -> Tensor:
    """Of the angle between two gradients, 0-d; 0 where one of them is 0."""
    return functional.cosine_similarity(first.flatten(), second.flatten(), dim=0, eps=1e-20)
