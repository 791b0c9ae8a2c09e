"""ZSSR: a network trained at test time, on the picture it enlarges, to restore crops of it from their shrunk selves.

Shocher et al., "'Zero-Shot' Super-Resolution using Deep Internal Learning", CVPR 2018; the defaults are the variant
that Bell-Kligler et al., NeurIPS 2019 (KernelGAN) train with an estimated kernel, with bicubic shrinking until a
kernel is given. Training happens inside the upscaler, so its cost is upscaling time.

The network: eight convolutions whose output is added to the bicubic enlargement.

Deviations: see ENTRY.
"""

import functools
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.api import Method, Picture, Precision, Upscaler
from bench.data.back_projection import Shrink, back_project
from bench.data.blur_kernels import check_kernel
from bench.data.degradations import generator
from bench.data.images import F64
from bench.data.orientations import in_every_orientation
from bench.data.resize import resize_tensor
from bench.errors import BadInput, check_choices, choice
from bench.runtime.graph import RECORDERS, Recordings
from bench.runtime.turns import PictureTrainer, Steps
from methods.common.blocks import count_parameters
from methods.common.optimise import make_moments, tensor_adam
from methods.zssr.fathers import LOSS_MAPS, Fathers
from methods.zssr.shrink import shrinker, stage_kernel, stages

INITIAL_VARIANCE = 0.1  # of a weight, times its fan-in


class ZssrNetwork(nn.Module):
    """(N, 3, h, w), an enlarged LR picture -> (N, 3, h, w). 3x3 convolutions without biases, ReLU between them.

    224,640 parameters at width 64, depth 8. Weights are N(0, 0.1 / (9 * channels in)), drawn from `generator`.
    """

    def __init__(self, width: int, depth: int, generator: torch.Generator) -> None:
        super().__init__()
        channels = [3, *[width] * (depth - 1), 3]
        self.weights = nn.ParameterList()
        for before, after in itertools.pairwise(channels):
            weight = torch.randn(after, before, 3, 3, generator=generator) * (INITIAL_VARIANCE / (9 * before)) ** 0.5
            self.weights.append(weight.contiguous(memory_format=torch.channels_last))

    def forward(self, x: Tensor) -> Tensor:
        y = x.contiguous(memory_format=torch.channels_last)
        *inner, last = self.weights
        for weight in inner:
            y = functional.conv2d(y, weight, padding=1).relu_()  # (N, width, h, w)
        return x + functional.conv2d(y, last, padding=1)


@dataclass(frozen=True)
class Zssr(Method):
    """Knobs of ZSSR. kernel: how sons are shrunk, "given" by the picture's own kernel. augment: the chances of a plain
    crop, a flip or turn, an affine view. iterations: at most, for each scale trained. The learning rate falls to a
    tenth where `stalls` says so of the last window // test_every tests, asked every check_every iterations and not
    within a window of the last fall; training ends below least_learning_rate."""

    kernel: Literal["bicubic", "given"] = choice("bicubic", ("bicubic", "given"), "kernel of zssr")
    width: int = 64
    depth: int = 8
    iterations: int = 3000
    learning_rate: float = 1e-3
    least_learning_rate: float = 9e-6
    test_every: int = 50
    check_every: int = 60
    window: int = 256
    slope_ratio: float = 1.5
    crop: int = 128
    augment: tuple[float, float, float] = (1.0, 0.0, 0.0)
    loss_map: Literal["gradient", "none"] = choice("gradient", LOSS_MAPS, "loss_map of zssr")
    son_noise: float = 0.0
    self_ensemble: bool = False
    back_projection: int = 2
    gradual: bool = True
    precision: Precision = choice("float32", ("float32", "bf16"), "precision of zssr")

    def __post_init__(self) -> None:
        check_choices(self)
        if min(self.augment) < 0 or abs(sum(self.augment) - 1) > 1e-9:
            raise BadInput(f"zssr: augment {self.augment} holds no three chances; give three that sum to 1")
        if self.window // self.test_every < 3:
            raise BadInput(f"zssr: a window of {self.window} holds too few tests for a slope; give at least 3 of them")
        if self.crop < self.scale or self.depth < 2:
            raise BadInput("zssr: crop must be at least the scale and depth at least 2; enlarge them")

    @property
    def at_test(self) -> tuple[int, int]:
        network = ZssrNetwork(self.width, self.depth, torch.Generator())
        return count_parameters(network), self.iterations * len(stages(self.scale, self.gradual))

    def upscaler(self, network: nn.Module | None) -> Upscaler:
        return PictureTrainer(functools.partial(super_resolve, self))


@dataclass(frozen=True)
class Stage:
    """What is trained on: the LR picture (3, h, w), how it is shrunk, and the fathers cut from it."""

    scale: int
    lr: Tensor
    shrink: Shrink
    fathers: Fathers
    noise: torch.Generator


@torch.inference_mode(False)
@torch.enable_grad()
def super_resolve(method: Zssr, picture: Picture) -> Steps[Tensor]:
    """Train on the picture, then enlarge it: (3, s*h, s*w) RGB in [0, 1], on the picture's device.

    A function of the method, the picture, its name and its seed. Raises BadInput for a picture without the kernel that
    `kernel="given"` needs, and for one smaller than the scale.
    """
    kernel = known_kernel(method, picture)
    if min(picture.lr.shape[1:]) < method.scale:
        height, width = picture.lr.shape[1:]
        raise BadInput(f"{picture.name}: {width}x{height} pixels cannot be shrunk by {method.scale}; use a larger LR")
    random = generator("zssr", picture.seed, picture.name)
    weights, noise = (torch.Generator().manual_seed(int(seed)) for seed in random.integers(2**62, size=2))
    lr = picture.lr.float()
    network = ZssrNetwork(method.width, method.depth, weights).to(lr.device)
    adam = tensor_adam(network.parameters(), lr.device, (0.9, 0.999))
    make_moments(adam)
    for scale in stages(method.scale, method.gradual):
        shrink = shrinker(stage_kernel(kernel, method.scale, scale), scale, lr.device)
        size = (min(method.crop, lr.shape[1]) // scale * scale, min(method.crop, lr.shape[2]) // scale * scale)
        fathers = Fathers(torch.cat([lr, LOSS_MAPS[method.loss_map](lr)]), size, method.augment, random)
        yield from train(network, adam, Stage(scale, lr, shrink, fathers, noise), method)
    with torch.no_grad():
        return enlarge(network, lr, shrinker(kernel, method.scale, lr.device), method)


def known_kernel(method: Zssr, picture: Picture) -> F64 | None:
    """The picture's kernel, checked, or None for bicubic. Raises BadInput where it is needed and not there."""
    if method.kernel == "bicubic":
        return None
    if picture.kernel is None:
        raise BadInput(
            f"{picture.name}: no blur kernel is given; estimate one (python -m bench kernel) and give --kernels DIR"
        )
    return check_kernel(picture.kernel.detach().cpu().double().numpy(), picture.name)


def train(network: ZssrNetwork, adam: torch.optim.Adam, stage: Stage, method: Zssr) -> Steps[int]:
    """Train until the learning rate has fallen far enough or `iterations` are made; returns how many were."""
    learning_rate, changed = method.learning_rate, 0
    recorder = RECORDERS.get(network.weights[0].device.type)
    recordings = Recordings("zssr", recorder, lambda: [list(network.weights), adam.state_dict()["state"]])
    tests: list[tuple[int, Tensor]] = []
    for iteration in range(1, method.iterations + 1):
        for group in adam.param_groups:
            group["lr"].fill_(learning_rate)
        step(network, adam, stage, method, recordings)
        if iteration % method.test_every == 0:
            tests.append((iteration, restoration_error(network, stage, method.precision)))
        yield
        if iteration % method.check_every == 0 and iteration - changed > method.window:
            recent = [(tested, float(error)) for tested, error in tests[-(method.window // method.test_every) :]]
            if stalls(recent, method.slope_ratio):
                learning_rate, changed = learning_rate / 10, iteration
        if learning_rate < method.least_learning_rate:
            return iteration
    return method.iterations


def step(network: ZssrNetwork, adam: torch.optim.Adam, stage: Stage, method: Zssr, recordings: Recordings) -> Tensor:
    """Draw a father, shrink it to its son, restore it, learn from the weighted L1 distance; returns that, detached. On
    a GPU all but the drawing is one CUDA graph."""
    drawn = stage.fathers.draw()
    inputs = [drawn]
    if method.son_noise:
        size = [side // stage.scale for side in drawn.shape[1:]]
        inputs.append(torch.randn(3, *size, generator=stage.noise).to(drawn.device))

    def learn(given: Sequence[Tensor]) -> dict[str, Tensor]:
        father, weight = given[0][:3], given[0][3:]
        son = stage.shrink(father)
        if method.son_noise:
            son = son + method.son_noise * given[1]
        restored = restore(network, son.clamp(0, 1), stage.scale, method.precision)
        loss = ((restored - father).abs() * weight).mean()
        adam.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        adam.step()
        return {"loss": loss.detach()}

    return recordings.do("step", inputs, learn)["loss"]


def restore(network: ZssrNetwork, lr: Tensor, scale: int, precision: Precision) -> Tensor:
    """(3, h, w) -> (3, s*h, s*w) float32: the network on the bicubic enlargement."""
    enlarged = resize_tensor(lr, scale)[None]
    with torch.autocast(lr.device.type, torch.bfloat16, enabled=precision == "bf16"):
        restored: Tensor = network(enlarged)
    return restored[0].float()


@torch.no_grad()
def restoration_error(network: ZssrNetwork, stage: Stage, precision: Precision) -> Tensor:
    """The mean squared error, 0-d, of the whole LR picture restored from its own son."""
    height, width = (side // stage.scale * stage.scale for side in stage.lr.shape[1:])
    father = stage.lr[:, :height, :width]
    restored = restore(network, stage.shrink(father).clamp(0, 1), stage.scale, precision)
    return (restored - father).square().mean()


def stalls(tests: Sequence[tuple[int, float]], ratio: float) -> bool:
    """Whether the errors of (iteration, error) tests fall too slowly to tell from noise: -ratio * slope of the fitted
    line < the slope's standard error."""
    steps, errors = np.array(tests, dtype=np.float64).T
    steps, errors = steps - steps.mean(), errors - errors.mean()
    slope = float(steps @ errors / (steps @ steps))
    rest = errors - slope * steps
    deviation = float(np.sqrt(rest @ rest / (len(rest) - 2) / (steps @ steps)))
    return -ratio * slope < deviation


def enlarge(network: ZssrNetwork, lr: Tensor, shrink: Shrink, method: Zssr) -> Tensor:
    """The trained network on the picture, or the median over its eight orientations; back-projected before the median
    and after it."""

    def restored(oriented: Tensor) -> Tensor:
        return restore(network, oriented, method.scale, method.precision)

    def projected(sr: Tensor) -> Tensor:
        return back_project(sr, lr, method.scale, method.back_projection, shrink)

    if not method.self_ensemble:
        return projected(projected(restored(lr)))
    members = torch.stack([projected(sr) for sr in in_every_orientation(restored, lr)])
    return projected(members.sort(dim=0).values[3:5].mean(0))
