"""Adversarial losses on logits, and the VGG-style discriminator.

r = C(HR), f = C(SR) are logits, r_mean and f_mean their means over the batch (Wang et al. 2018, equations 1-3).
"""

import itertools

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


class VggDiscriminator(nn.Module):
    """ESRGAN's discriminator: (conv3 s1, conv4 s2) pairs until 4x4 (for 128: five), linear 100, linear 1, no sigmoid.

    (N, 3, patch, patch) -> (N, 1) logits. 14,499,401 parameters at patch 128, width 64. BN works on the batch it is
    given, so real and fake pictures must go through it separately. Smaller patches keep five pairs and end smaller.
    """

    def __init__(self, patch: int, width: int = 64) -> None:
        super().__init__()
        if patch % 32:
            raise BadInput(f"the discriminator needs a patch divisible by 32, not {patch}; set the patch knob")
        pairs = 6 if patch >= 256 else 5
        widths = [width * min(2**stage, 8) for stage in range(pairs)]
        layers: list[nn.Module] = [nn.Conv2d(3, width, 3, 1, 1), nn.LeakyReLU(0.2)]
        layers += self._layer(width, width, 4, 2)
        for before, after in itertools.pairwise(widths):
            layers += self._layer(before, after, 3, 1) + self._layer(after, after, 4, 2)
        side = patch // 2**pairs
        self.features = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.Linear(widths[-1] * side**2, 100), nn.LeakyReLU(0.2), nn.Linear(100, 1))
        self.patch = patch

    @staticmethod
    def _layer(inputs: int, outputs: int, kernel: int, stride: int) -> list[nn.Module]:
        convolution = nn.Conv2d(inputs, outputs, kernel, stride, 1, bias=False)
        return [convolution, nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2)]

    def forward(self, image: Tensor) -> Tensor:
        if image.shape[-2:] != (self.patch, self.patch):
            raise BadInput(f"the discriminator takes {self.patch}x{self.patch} patches, not {tuple(image.shape[-2:])}")
        logits: Tensor = self.head(self.features(image).flatten(1))
        return logits


class StridedDiscriminator(nn.Module):
    """Stages of a conv3 at stride 1 and one at stride 2, doubling in width, then linear 1024, linear 1, no sigmoid.

    (N, 3, patch, patch) -> (N, 1) logits; LeakyReLU 0.2 between layers. SRGAN's has 4 stages from width 64 and BN
    after all but the first convolution; EnhanceNet's 5 from width 32 without BN.
    """

    def __init__(self, patch: int, width: int, stages: int, batch_norm: bool) -> None:
        super().__init__()
        if patch % 2**stages:
            raise BadInput(f"the discriminator needs a patch divisible by {2**stages}, not {patch}; set the patch knob")
        layers: list[nn.Module] = []
        channels = 3
        for outputs in (width * 2**stage for stage in range(stages)):
            for inputs, stride in ((channels, 1), (outputs, 2)):
                norm = [nn.BatchNorm2d(outputs)] if batch_norm and layers else []
                layers += [nn.Conv2d(inputs, outputs, 3, stride, 1, bias=not norm), *norm, nn.LeakyReLU(0.2)]
            channels = outputs
        self.features = nn.Sequential(*layers)
        inside = channels * (patch // 2**stages) ** 2
        self.head = nn.Sequential(nn.Linear(inside, 1024), nn.LeakyReLU(0.2), nn.Linear(1024, 1))

    def forward(self, image: Tensor) -> Tensor:
        logits: Tensor = self.head(self.features(image).flatten(1))
        return logits
