"""The linear generator and the patch discriminator, for many pictures side by side.

Every parameter is stacked over pictures, so that a layer is one batched matrix product and no number of one picture
enters another's. B pictures; the generator's filters are (B, out, in, k, k), without bias. No activation stands
between them: their product is one kernel per picture, built from the output side, which is what is applied.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import conv2d, fold, normalize, unfold

from methods.kernelgan.knobs import KernelGanKnobs

BN_EPSILON = 1e-5


@dataclass
class Discriminator:
    """Stacked parameters: conv k x k 3 -> width, `middle` 1x1 width -> width, 1x1 width -> 1; 30,977 at 7, 64, 5.

    The two `direction`s are the left singular vectors that spectral normalisation keeps between passes.
    """

    first: Tensor  # (B, width, 3*k*k)
    first_bias: Tensor  # (B, width, 1)
    middle: Tensor  # (B, 5, width, width)
    middle_bias: Tensor  # (B, 5, width, 1)
    gain: Tensor  # (B, 5, width, 1), of the batch normalisations
    offset: Tensor  # (B, 5, width, 1)
    last: Tensor  # (B, 1, width)
    last_bias: Tensor  # (B, 1, 1)
    first_direction: Tensor  # (B, width)
    middle_direction: Tensor  # (B, 5, width)

    @property
    def parameters(self) -> list[Tensor]:
        weights = [self.first, self.first_bias, self.middle, self.middle_bias]
        return [*weights, self.gain, self.offset, self.last, self.last_bias]


MIDDLE = 5


def draw_filters(knobs: KernelGanKnobs, random: np.random.Generator) -> list[Tensor]:
    """One picture's generator, Xavier normal with gain 0.1: float32 (out, in, k, k) each."""
    filters = []
    for index, size in enumerate(knobs.layers):
        inputs = 1 if index == 0 else knobs.width
        outputs = 1 if index == len(knobs.layers) - 1 else knobs.width
        deviation = 0.1 * (2 / (size**2 * (inputs + outputs))) ** 0.5
        values = random.standard_normal((outputs, inputs, size, size), dtype=np.float32)
        filters.append(torch.from_numpy(values * np.float32(deviation)))
    return filters


def draw_discriminator(knobs: KernelGanKnobs, random: np.random.Generator, size: int) -> list[Tensor]:
    """A discriminator of `size` x `size` patches, fields in order: uniform weights, zero biases, gains N(1, 0.02)."""
    width, inputs = knobs.discriminator_width, 3 * size**2

    def uniform(*shape: int) -> Tensor:
        return torch.from_numpy(random.uniform(-1, 1, shape).astype(np.float32) / np.float32(shape[-1] ** 0.5))

    def normal(*shape: int) -> Tensor:
        return torch.from_numpy(random.standard_normal(shape, dtype=np.float32))

    first, middle, last = uniform(width, inputs), uniform(MIDDLE, width, width), uniform(1, width)
    gain = 1 + 0.02 * normal(MIDDLE, width, 1)
    directions = normalize(normal(width), dim=-1), normalize(normal(MIDDLE, width), dim=-1)
    biases = torch.zeros(width, 1), torch.zeros(MIDDLE, width, 1), torch.zeros(1, 1)
    return [first, biases[0], middle, biases[1], gain, torch.zeros(MIDDLE, width, 1), last, biases[2], *directions]


def equivalent_kernel(filters: Sequence[Tensor]) -> Tensor:
    """(B, k, k): the one cross-correlation kernel that the chain of filters amounts to; differentiable."""
    kernel = filters[-1][:, 0]  # (B, width, k, k)
    for weight in reversed(filters[:-1]):
        batch, outputs, _, size, _ = weight.shape
        side = kernel.shape[-1]
        if side == 1:  # a vector times a matrix, which as a matrix product rounds differently with B
            kernel = (weight * kernel.unsqueeze(2)).sum(1)  # (B, inputs, size, size)
            continue
        taps = torch.bmm(weight.reshape(batch, outputs, -1).transpose(1, 2), kernel.reshape(batch, outputs, -1))
        kernel = fold(taps, (side + size - 1,) * 2, size)  # (B, inputs, side + size - 1, side + size - 1)
    return kernel[:, 0]


def row_strips(images: Tensor, support: int, factor: int) -> Tensor:
    """(B, 3, c, c) -> (B, 3*n, support*c): the rows that each output row looks at, for `downscale`."""
    batch, colours, side, _ = images.shape
    count = (side - support) // factor + 1
    images = images.contiguous()
    strides = (colours * side * side, side * side, factor * side, 1)
    return images.as_strided((batch, colours, count, support * side), strides).reshape(batch, colours * count, -1)


class Downscale(torch.autograd.Function):
    """Row strips times the banded matrix of the kernel: cross-correlation with stride `factor`, (B, 3, n, n)."""

    @staticmethod
    def forward(ctx: Any, strips: Tensor, kernel: Tensor, factor: int) -> Tensor:
        batch, rows, length = strips.shape
        support = kernel.shape[-1]
        count = rows // 3
        matrix = strips.new_zeros(batch, length, count)
        _bands(matrix, support, factor).copy_(kernel.unsqueeze(-1).expand(-1, -1, -1, count))
        ctx.save_for_backward(strips)
        ctx.support, ctx.factor = support, factor
        return torch.bmm(strips, matrix).view(batch, 3, count, count)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, Tensor, None]:
        (strips,) = ctx.saved_tensors
        batch, rows, _ = strips.shape
        matrix = torch.bmm(strips.transpose(1, 2), gradients[0].reshape(batch, rows, rows // 3))
        return None, _bands(matrix, ctx.support, ctx.factor).sum(-1), None


def _bands(matrix: Tensor, support: int, factor: int) -> Tensor:
    """A view (B, u, v, o) of the entries of a (B, support*c, n) matrix that hold kernel value (u, v) for output o."""
    batch, length, count = matrix.shape
    side = length // support
    strides = (length * count, side * count, count, factor * count + 1)
    return matrix.as_strided((batch, support, support, count), strides)


def downscale(strips: Tensor, kernel: Tensor, factor: int) -> Tensor:
    """The generator's output (B, 3, n, n) for `row_strips` and its kernel (B, k, k); gradients for the kernel only."""
    shrunk: Tensor = Downscale.apply(strips, kernel, factor)  # type: ignore[no-untyped-call]
    return shrunk


def through_layers(images: Tensor, filters: Sequence[Tensor], factor: int) -> Tensor:
    """The generator with ReLU between its filters, (B, 3, c, c) -> (B, 3, n, n): no kernel stands for it."""
    batch = images.shape[0]
    x = images.transpose(0, 1)  # (3, B, c, c)
    for index, weight in enumerate(filters):
        final = index == len(filters) - 1
        x = conv2d(x, weight.flatten(0, 1), stride=factor if final else 1, groups=batch)  # (3, B*out, h, w)
        x = x if final else x.relu()
    return x.transpose(0, 1)


class NormRelu(torch.autograd.Function):
    """relu(gain * (x - mean) / sqrt(variance + 1e-5) + offset), statistics over the positions of one map.

    x: (B, c, positions), gain and offset: (B, c, 1). Batch normalisation of one picture is this; fused, it takes
    half the time.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, gain: Tensor, offset: Tensor) -> Tensor:
        normed, _, scale = torch.native_layer_norm(x, (x.shape[-1],), None, None, BN_EPSILON)
        y = torch.addcmul(offset, normed, gain).relu_()
        ctx.save_for_backward(normed, gain, scale, y)
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        normed, gain, scale, y = ctx.saved_tensors
        inner = torch.ops.aten.threshold_backward(gradients[0], y, 0)
        to_offset = inner.sum(-1, keepdim=True)
        to_gain = (inner * normed).sum(-1, keepdim=True)
        count = normed.shape[-1]
        to_x = torch.addcmul(inner, normed, to_gain, value=-1 / count).sub_(to_offset / count).mul_(gain * scale)
        return to_x, to_gain, to_offset


def discriminate(weights: Sequence[Tensor], images: Tensor, knobs: KernelGanKnobs) -> Tensor:
    """(B, 3, n, n) -> logits (B, 1, positions), given the eight `effective` parameters of each.

    A bias in front of a batch normalisation has no effect, and is left out of the sum.
    """
    first, first_bias, middle, middle_bias, gain, offset, last, last_bias = weights
    size = round((first.shape[-1] / 3) ** 0.5)
    x = torch.bmm(first, unfold(images, size))  # (B, width, positions)
    if knobs.first_activation or not knobs.batch_norm:
        x = x + first_bias
    x = x.relu() if knobs.first_activation else x
    layers = zip(middle.unbind(1), middle_bias.unbind(1), gain.unbind(1), offset.unbind(1), strict=True)
    for weight, bias, scale, shift in layers:
        if knobs.batch_norm:
            x = NormRelu.apply(torch.bmm(weight, x), scale, shift)  # type: ignore[no-untyped-call]
        else:
            x = torch.baddbmm(bias, weight, x).relu()
    return torch.baddbmm(last_bias, last, x)


def effective(network: Discriminator, knobs: KernelGanKnobs) -> list[Tensor]:
    """The parameters for one pass; with spectral normalisation after one more power iteration (Miyato et al. 2018)."""
    weights = network.parameters
    if knobs.spectral_norm:
        weights[0] = _normalised(weights[0], network.first_direction)
        weights[2] = _normalised(weights[2], network.middle_direction)
        weights[6] = weights[6] / torch.linalg.vector_norm(weights[6], dim=-1, keepdim=True)
    return weights


def _normalised(weight: Tensor, direction: Tensor) -> Tensor:
    """(..., out, in) over its largest singular value; `direction` (..., out) is moved on in place.

    Sums of products, not matrix products: those of a vector round differently with its place in memory.
    """
    with torch.no_grad():
        right = normalize((weight * direction.unsqueeze(-1)).sum(-2), dim=-1)  # (..., in)
        direction.copy_(normalize((weight * right.unsqueeze(-2)).sum(-1), dim=-1))
        outer = direction.unsqueeze(-1) * right.unsqueeze(-2)
    return weight / (weight * outer).sum((-2, -1), keepdim=True)
