"""Adversarial losses on logits, and the VGG-style discriminator.

r = C(HR), f = C(SR) are logits, r_mean and f_mean their means over the batch (Wang et al. 2018, equations 1-3).
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, mse_loss

from bench.errors import BadInput


def towards(logits: Tensor, real: bool) -> Tensor:
    """Mean binary cross-entropy of logits against all-real or all-fake."""
    return binary_cross_entropy_with_logits(logits, torch.full_like(logits, float(real)))


def squared_towards(logits: Tensor, real: bool) -> Tensor:
    """Mean squared distance of logits to 1 for real, 0 for fake (Mao et al., LSGAN, ICCV 2017)."""
    return mse_loss(logits, torch.full_like(logits, float(real)))


def standard_generator(fake: Tensor) -> Tensor:
    """-E[log sigma(f)]: the non-saturating generator loss."""
    return towards(fake, True)


def standard_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """-E[log sigma(r)] - E[log(1 - sigma(f))]."""
    return towards(real, True) + towards(fake, False)


def relativistic_generator(real: Tensor, fake: Tensor) -> Tensor:
    """-E[log(1 - sigma(r - f_mean))] - E[log sigma(f - r_mean)]; gradients also flow through f_mean."""
    return towards(real - fake.mean(), False) + towards(fake - real.mean(), True)


def relativistic_discriminator(real: Tensor, fake: Tensor, detach_mean: bool) -> Tensor:
    """-E[log sigma(r - f_mean)] - E[log(1 - sigma(f - r_mean))]; `detach_mean` makes both means constants."""
    fake_mean = fake.mean().detach() if detach_mean else fake.mean()
    real_mean = real.mean().detach() if detach_mean else real.mean()
    return towards(real - fake_mean, True) + towards(fake - real_mean, False)


class StridedDiscriminator(nn.Module):
    """Stages of a conv3 at stride 1 and a convolution of `kernel` at stride 2, two linear layers, no sigmoid.

    (N, 3, patch, patch) -> (N, 1) logits. widths: of the stages; hidden: between the linear layers; LeakyReLU 0.2
    between all of them. batch_norm: after all but the first convolution; it works on the batch it is given, so real and
    fake pictures must go through it separately.
    """

    def __init__(
        self, patch: int, widths: Sequence[int], batch_norm: bool = True, kernel: int = 3, hidden: int = 1024
    ) -> None:
        super().__init__()
        multiple = 2 ** min(len(widths), 5)
        if patch % multiple:
            raise BadInput(f"the discriminator needs a patch divisible by {multiple}, not {patch}; set the patch knob")
        layers: list[nn.Module] = []
        channels = 3
        for width in widths:
            for inputs, side, stride in ((channels, 3, 1), (width, kernel, 2)):
                norm = [nn.BatchNorm2d(width)] if batch_norm and layers else []
                layers += [nn.Conv2d(inputs, width, side, stride, 1, bias=not norm), *norm, nn.LeakyReLU(0.2)]
            channels = width
        self.features = nn.Sequential(*layers)
        inside = channels * (patch // 2 ** len(widths)) ** 2
        self.head = nn.Sequential(nn.Linear(inside, hidden), nn.LeakyReLU(0.2), nn.Linear(hidden, 1))
        self.patch = patch

    def forward(self, image: Tensor) -> Tensor:
        if image.shape[-2:] != (self.patch, self.patch):
            raise BadInput(f"the discriminator takes {self.patch}x{self.patch} patches, not {tuple(image.shape[-2:])}")
        logits: Tensor = self.head(self.features(image).flatten(1))
        return logits


def vgg_discriminator(patch: int, width: int = 64) -> StridedDiscriminator:
    """ESRGAN's, (conv3, conv4) until 4x4: five pairs, six from patch 256 on; smaller patches end smaller. 14,499,401
    parameters at patch 128, width 64."""
    widths = [width * min(2**stage, 8) for stage in range(6 if patch >= 256 else 5)]
    return StridedDiscriminator(patch, widths, kernel=4, hidden=100)
