"""The control of blind estimation: one blur kernel for every picture, chosen without looking at any.

`bicubic` is what a network trained on bicubic pairs assumes; `gaussian` is a round Gaussian of the mean variance of the
kernels that the benchmark draws, U(0.6, 5): what a reader of the benchmark's recipe knows. An estimator that is no
nearer to the true kernels than the second has learnt nothing from the pictures.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from bench.api import Axis, Entry, Estimate, Estimator, Method, Picture, Progress, Upscaler
from bench.data.blur_kernels import disturbed_gaussian
from bench.errors import BadInput, check_choices, choice
from methods.common.downscaling import bicubic_kernel


@dataclass(frozen=True)
class FixedKernel(Method):
    """variance: of the Gaussian, HR pixels squared."""

    kind: str = choice("bicubic", ("bicubic", "gaussian"), "fixed kernel")
    variance: float = 2.8

    def __post_init__(self) -> None:
        check_choices(self)
        if self.scale % 2:
            raise BadInput(f"fixed-kernel has kernels of even scales, not x{self.scale}; choose 2 or 4")

    def upscaler(self, network: nn.Module | None) -> Upscaler:
        raise BadInput("fixed-kernel has kernels and upscales nothing; give its kernels to zssr")

    def estimator(self) -> Estimator:
        size = 5 * self.scale + 1
        covariance = np.eye(2) * self.variance
        kernel = (
            bicubic_kernel(self.scale)
            if self.kind == "bicubic"
            else disturbed_gaussian(size, covariance, self.scale, np.ones((size, size)))
        )

        def estimate(pictures: Sequence[Picture], progress: Progress) -> list[Estimate]:
            return [Estimate(torch.from_numpy(kernel.copy())) for _ in pictures]

        return estimate


ENTRY = Entry(
    "fixed-kernel",
    FixedKernel,
    "control of this project",
    deterministic=True,
    headlines={"gaussian": "fixed-kernel.gaussian"},
    axes=(
        Axis(
            "kind",
            "Is one Gaussian of the mean variance nearer than the bicubic kernel?",
            {"gaussian": {"kind": "gaussian"}},
            "control of this project",
        ),
    ),
)
