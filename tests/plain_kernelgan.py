"""KernelGAN layer by layer, one picture at a time: what the batched form is held against, in value and in time."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, pad
from torch.nn.utils import spectral_norm

from methods.kernelgan.losses import boundary_mask
from methods.kernelgan.sampling import Subject

TAPS = (-0.01171875, -0.03515625, 0.11328125, 0.43359375)


class Generator(nn.Module):
    """(3, 1, 64, 64) -> (3, 1, 26, 26): each colour is a picture of its own."""

    def __init__(self, filters: Sequence[Tensor]) -> None:
        super().__init__()
        convolutions = []
        for index, weight in enumerate(filters):
            outputs, inputs, size, _ = weight.shape
            stride = 2 if index == len(filters) - 1 else 1
            convolutions.append(nn.Conv2d(inputs, outputs, size, stride, bias=False))
            convolutions[-1].weight = nn.Parameter(weight.clone())
        self.layers = nn.Sequential(*convolutions)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(x.transpose(0, 1)).transpose(0, 1)
        return y

    def kernel(self) -> Tensor:
        """A point sent through every filter, then turned round: (13, 13)."""
        x = pad(self.layers[0].weight.new_ones(1, 1, 1, 1), (12, 12, 12, 12))
        for layer in self.layers:
            x = conv2d(x, layer.weight)
        return x[0, 0].flip(0, 1)


def discriminator(parts: Sequence[Tensor]) -> nn.Sequential:
    """conv7, five of conv1 + BN + ReLU, conv1, sigmoid; spectral normalisation of every convolution."""
    first, first_bias, middle, middle_bias, gain, offset, last, last_bias, *directions = parts
    width = len(first)

    def layer(weight: Tensor, bias: Tensor, direction: Tensor | None) -> nn.Module:
        made = nn.Conv2d(weight.shape[1], weight.shape[0], weight.shape[2]).to(weight.dtype)
        made.weight, made.bias = nn.Parameter(weight.clone()), nn.Parameter(bias.flatten().clone())
        made = spectral_norm(made)
        if direction is not None:
            made.weight_u.copy_(direction)
        return made

    size = round((first.shape[1] // 3) ** 0.5)
    layers = [layer(first.view(width, 3, size, size), first_bias, directions[0])]
    for index, weight in enumerate(middle):
        norm = nn.BatchNorm2d(width).to(weight.dtype)
        norm.weight, norm.bias = nn.Parameter(gain[index].flatten()), nn.Parameter(offset[index].flatten())
        layers += [layer(weight.view(width, width, 1, 1), middle_bias[index], directions[1][index]), norm, nn.ReLU()]
    return nn.Sequential(*layers, layer(last.view(1, width, 1, 1), last_bias, None), nn.Sigmoid())


class Plain:
    """One picture's training with the default losses; the centre and sparsity losses where `constrained`."""

    def __init__(self, subject: Subject, dtype: torch.dtype = torch.float32) -> None:
        self.generator = Generator([weight.to(dtype) for weight in subject.filters])
        self.discriminator = discriminator([part.to(dtype) for part in subject.discriminator])
        taps = torch.tensor((*TAPS, *reversed(TAPS)), dtype=dtype)
        self.bicubic = torch.outer(taps, taps)[None, None]
        self.mask = torch.from_numpy(boundary_mask(13, 2)).to(dtype)
        self.constrained, self.bicubic_weight = False, 5.0
        networks = self.generator, self.discriminator
        self.adams = [torch.optim.Adam(n.parameters(), lr=2e-4, betas=(0.5, 0.999), foreach=False) for n in networks]

    def generator_loss(self, crop: Tensor) -> Tensor:
        """crop: (1, 3, 64, 64) in [-1, 1]."""
        fake = self.generator(crop)
        loss = (self.discriminator(fake) - 1).abs().mean()
        ideal = conv2d(crop.transpose(0, 1), self.bicubic, stride=2, padding=3).transpose(0, 1)[..., 3:-3, 3:-3]
        kernel = self.generator.kernel()
        loss = loss + self.bicubic_weight * (fake - ideal).square().mean() + 0.5 * (1 - kernel.sum()).abs()
        loss = loss + 0.5 * (kernel * self.mask).abs().mean()
        if self.constrained:
            place = torch.arange(13, dtype=kernel.dtype)
            rows, columns = (kernel.sum(axis) @ place / kernel.sum() - 6.5 for axis in (1, 0))
            loss = loss + (rows.square() + columns.square()) / 2 + 5 * kernel.abs().pow(0.2).mean()
        return loss

    def discriminator_loss(self, crop: Tensor, real: Tensor, noise: Tensor | float) -> Tensor:
        """real: (1, 3, 26, 26) with its noise; noise: that of the fake."""
        fake = (self.generator(crop) + noise).detach()
        return ((self.discriminator(real) - 1).abs().mean() + self.discriminator(fake).abs().mean()) / 2

    def step(self, crop: Tensor, real: Tensor) -> None:
        """One iteration as the released loop makes it."""
        self.adams[0].zero_grad()
        self.generator_loss(crop).backward()  # type: ignore[no-untyped-call]
        self.adams[0].step()
        self.adams[1].zero_grad()
        self.discriminator_loss(crop, real, torch.randn(1, 3, 26, 26) / 255).backward()  # type: ignore[no-untyped-call]
        self.adams[1].step()
