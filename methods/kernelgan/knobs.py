"""The knobs of KernelGAN, what they may be, and the sizes that follow from them."""

import math
from dataclasses import dataclass

from bench.api import Knobs
from bench.errors import BadInput, check_choices, choice

AT_LEAST_ONE = (
    *("iterations", "schedule_length", "averaged", "estimates", "side_by_side"),
    *("width", "discriminator_width", "crop"),
)
NOT_NEGATIVE = (
    *("sum_weight", "boundary_weight", "sparse_weight", "centre_weight", "bicubic_weight", "boundary_ring"),
    *("sparse_exponent", "learning_rate", "shave", "noise", "n_filter"),
)
_PUBLISHED: Knobs = {  # one generator, trained as long as the release trains it
    "gan_loss": "l1",
    "n_filter": 40,
    "iterations": 3000,
    "estimates": 1,
    "discriminator_sizes": (7,),
    "averaged": 1,
    "decays": True,
}
_DIFFERENCES = {  # as the paper words it, as the released code does it
    "bicubic_target": ("grouped", "released"),
    "accumulate_noise": (False, True),
    "sparse_exponent": (0.5, 0.2),
    "reduction": ("sum", "mean"),
    "centre_loss": ("norm", "mse"),
    "boundary_ring": (0, 2),
}
PRESETS: dict[str, Knobs] = {
    name: {**_PUBLISHED, **{knob: values[which] for knob, values in _DIFFERENCES.items()}}
    for which, name in enumerate(("paper", "released"))
}


@dataclass(frozen=True)
class KernelGanKnobs:
    """Sizes are pixels of the LR picture or of a filter, noise is in units of a picture in [0, 1].

    schedule_length: the iterations that the schedule is laid out for: a run of fewer stops in the midst of it, and so
    keeps the early part, which matters. kernel_sizes: the generator's filters, first to last; `single` is one filter
    of their joint support. boundary_ring: how many outer pixels are penalised, 0 all. reduction: of the boundary and
    the sparsity loss over the kernel. decays: the learning rate falls at each quarter of the schedule. averaged: the
    generator's kernel is the mean over that many last iterations. estimates: generators a picture, each with its own
    crops and weights; the picture's kernel is the mean of theirs. discriminator_sizes: sides of the patches that
    discriminators judge, which a picture's generators take in turn. side_by_side: how many generators train in one
    batch. accumulate_noise: the noise of the real crops stays in the picture, as in the released code. n_filter: the
    largest values that survive post-processing, 0 keeps all.
    """

    scale: int = 2
    iterations: int = 800
    schedule_length: int = 3000
    decays: bool = False
    averaged: int = 400
    estimates: int = 4
    side_by_side: int = 16
    generator: str = choice("deep-linear", ("deep-linear", "single", "relu"))
    kernel_sizes: tuple[int, ...] = (7, 5, 3, 1, 1, 1)
    width: int = 64
    discriminator_sizes: tuple[int, ...] = (3,)
    discriminator_width: int = 64
    first_activation: bool = False
    batch_norm: bool = True
    spectral_norm: bool = True
    gan_loss: str = choice("bce", ("l1", "l2", "bce"))
    sum_weight: float = 0.5
    boundary_weight: float = 0.5
    boundary_ring: int = 2
    sparse_weight: float = 5.0
    sparse_exponent: float = 0.2
    centre_weight: float = 1.0
    centre_loss: str = choice("mse", ("mse", "norm"))
    reduction: str = choice("mean", ("mean", "sum"))
    bicubic_weight: float = 5.0
    bicubic_target: str = choice("grouped", ("grouped", "released"))
    bicubic_schedule: str = choice("until-similar", ("until-similar", "always", "none"))
    learning_rate: float = 2e-4
    sampling: str = choice("gradient", ("gradient", "uniform"))
    crop: int = 64
    shave: int = 10
    noise: float = 1 / 255
    accumulate_noise: bool = False
    n_filter: int = 60
    filter_factor: float = 0.75
    centring: bool = True
    x4_kernel: str = choice("analytic", ("analytic", "direct"))

    def __post_init__(self) -> None:
        """Raises BadInput for a value that no estimation can start from."""
        if self.scale not in (2, 4):
            raise BadInput(f"kernelgan estimates kernels of x2 and x4, not x{self.scale}; choose one of these")
        check_choices(self)
        for name in (*AT_LEAST_ONE, *NOT_NEGATIVE):
            value, least = getattr(self, name), int(name in AT_LEAST_ONE)
            if not least <= value < math.inf:
                raise BadInput(f"knob {name} is {value!r}; it must {'be at least 1' if least else 'not be negative'}")
        if not self.discriminator_sizes or min(self.discriminator_sizes) < 1:
            raise BadInput(f"discriminator_sizes {self.discriminator_sizes} must be at least 1; the released one is 7")
        if not self.kernel_sizes or any(size < 1 or size % 2 == 0 for size in self.kernel_sizes):
            raise BadInput(
                f"kernel_sizes {self.kernel_sizes} must be odd numbers; the released ones are 7, 5, 3, 1, 1, 1"
            )
        bicubic_end = (self.fake_side - 1) * self.factor + self.support // 2 + 5 * self.factor // 2
        if self.support <= 3 * self.factor or max(self.support, bicubic_end) > self.crop:
            least = 3 * self.factor + 1
            raise BadInput(f"a kernel {self.support} wide must be {least}...{self.crop} wide; change kernel_sizes")
        if self.crop % self.factor or self.fake_side <= max(self.discriminator_sizes):
            raise BadInput(f"a crop of {self.crop} leaves the discriminator no patch; take a larger, even crop")

    def judged_by(self, estimate: int) -> int:
        """The side of the patches that the discriminator of a picture's generator of this number, from 0, looks at."""
        return self.discriminator_sizes[estimate % len(self.discriminator_sizes)]

    @property
    def factor(self) -> int:
        """By how much the generator shrinks: 2, but 4 for a x4 kernel learned directly."""
        return 4 if self.scale == 4 and self.x4_kernel == "direct" else 2

    @property
    def support(self) -> int:
        """Side of the kernel that the generator amounts to."""
        return 1 + sum(size - 1 for size in self.kernel_sizes)

    @property
    def layers(self) -> tuple[int, ...]:
        """The sizes of the filters that are trained."""
        return (self.support,) if self.generator == "single" else self.kernel_sizes

    @property
    def fake_side(self) -> int:
        """Side of the generator's output, and of the crops the discriminator takes for real."""
        return (self.crop - self.support) // self.factor + 1

    @property
    def least_side(self) -> int:
        """The smallest side of an LR picture that a crop fits in."""
        return self.crop + 2 * self.shave
