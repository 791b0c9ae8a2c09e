"""EnhanceNet: the residual to bicubic, trained with pixel, perceptual, adversarial and texture losses.

Sajjadi et al., "EnhanceNet: Single Image Super-Resolution Through Automated Texture Synthesis", ICCV 2017.
E: the MSE of pixels. P: the MSE of VGG19's pool2 and pool5. PA: and a standard GAN. PAT: and the squared distance
between the Gram matrices of conv1_1, conv2_1 and conv3_1 on 16x16 patches of the HR picture.

Deviations: see ENTRY.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.api import Axis, Claim, Entry, Learner, Method, Training, claimed_at
from bench.errors import BadInput, choice
from methods.common.adversarial import StridedDiscriminator, standard_discriminator, standard_generator
from methods.common.blocks import ResidualBlock, bicubic, conv
from methods.common.gan import GanLearner
from methods.common.optimise import Optimisation, autocast, to_device
from methods.common.perceptual import PERCEPTUAL, MultiFeatures
from methods.common.pixel import ImageLoss, PixelLearner

PERCEPTUAL_LAYERS = {"pool2": 2e-1, "pool5": 2e-2}  # layer -> weight
TEXTURE_LAYERS = {"conv1_1": 3e-7, "conv2_1": 1e-6, "conv3_1": 1e-6}
TEXTURE_PATCH = 16  # HR pixels


class EnhanceNet(nn.Module):
    """(N, 3, h, w) RGB in [0, 1] -> (N, 3, s*h, s*w), a residual added to bicubic. 852,867 parameters at x4."""

    def __init__(self, scale: int, width: int, blocks: int) -> None:
        super().__init__()
        self.scale = scale
        self.head = conv(3, width)
        self.body = nn.Sequential(*(ResidualBlock(width, nn.ReLU()) for _ in range(blocks)))
        self.upconvs = nn.ModuleList(conv(width, width) for _ in range(scale.bit_length() - 1))
        self.conv_hr = conv(width, width)
        self.tail = conv(width, 3)

    def forward(self, lr: Tensor) -> Tensor:
        x = self.body(self.head(lr).relu())  # (N, width, h, w)
        for upconv in self.upconvs:
            x = upconv(functional.interpolate(x, scale_factor=2, mode="nearest")).relu()
        residual: Tensor = self.tail(self.conv_hr(x).relu())  # (N, 3, s*h, s*w)
        return residual + bicubic(lr, self.scale)


class EnhanceNetLosses:
    """The perceptual loss, where its weight is not 0 the texture loss, and a standard GAN. (sr, hr) RGB in [0, 1] ->
    0-d terms."""

    def __init__(self, recipe: EnhanceNetRecipe, training: Training) -> None:
        self.texture_weight = recipe.texture_weight if recipe.losses == "PAT" else 0.0
        self.adversarial_weight = recipe.adversarial_weight
        layers = (*PERCEPTUAL_LAYERS, *(TEXTURE_LAYERS if self.texture_weight else ()))
        self.features = to_device(MultiFeatures(recipe.perceptual, layers), training).eval()
        self.training = training

    def terms(self, sr: Tensor, hr: Tensor) -> dict[str, Tensor]:
        with autocast(self.training):
            of_sr = self.features(sr)
            with torch.no_grad():
                of_hr = self.features(hr)
        for layer, features in of_hr.items():
            scale = features.float().mean()
            of_sr[layer], of_hr[layer] = of_sr[layer].float() / scale, features.float() / scale

        def total(layers: Mapping[str, float], distance: ImageLoss) -> Tensor:
            return _total([weight * distance(of_sr[layer], of_hr[layer]) for layer, weight in layers.items()])

        with torch.autocast(sr.device.type, enabled=False):
            terms = {"perceptual": total(PERCEPTUAL_LAYERS, functional.mse_loss)}
            if self.texture_weight:
                texture = functools.partial(texture_distance, side=sr.shape[-1])
                terms["texture"] = self.texture_weight * total(TEXTURE_LAYERS, texture)
        return terms

    def perceptual(self, sr: Tensor, hr: Tensor) -> Tensor:
        """The perceptual loss alone."""
        return self.terms(sr, hr)["perceptual"]

    def generator(self, sr: Tensor, hr: Tensor, discriminator: nn.Module) -> dict[str, Tensor]:
        terms = self.terms(sr, hr)
        gan = standard_generator(discriminator(sr).float())
        return {"loss": _total(list(terms.values())) + self.adversarial_weight * gan, **terms, "adversarial": gan}

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return standard_discriminator(real, fake)


def _total(values: list[Tensor]) -> Tensor:
    return torch.stack(values).sum()


def texture_distance(of_sr: Tensor, of_hr: Tensor, side: int) -> Tensor:
    """The squared Frobenius distance between Gram matrices over C, averaged over patches and pictures.

    (N, C, h, w) features of pictures `side` pixels wide, cut into patches of TEXTURE_PATCH pixels. Over C, the three
    layers weigh alike: 0.7, 0.7 and 0.6 between bicubic and HR, with the authors' VGG19.
    """
    patch = max(1, TEXTURE_PATCH * of_sr.shape[-1] // side)
    return (grams(of_sr, patch) - grams(of_hr, patch)).square().sum(-1).mean()


def grams(features: Tensor, patch: int) -> Tensor:
    """(N, C, h, w) -> (N, patches, C, C): F F^T over the positions of each patch; an incomplete patch is left out."""
    count, channels = features.shape[:2]
    columns = functional.unfold(features, patch, stride=patch)  # (N, C * patch^2, patches)
    columns = columns.view(count, channels, patch**2, -1).permute(0, 3, 1, 2)
    return columns @ columns.mT


@dataclass(frozen=True)
class EnhanceNetRecipe(Optimisation):
    """poor_below: the discriminator learns only from batches whose mean probability of the
    right answer, on the real or on the fake pictures, is below this; None: from all."""

    losses: str = choice("PAT", ("E", "P", "PA", "PAT"), "set of losses")
    perceptual: str = choice("vgg19", PERCEPTUAL, "perceptual network")
    texture_weight: float = 1.0
    adversarial_weight: float = 2.0
    poor_below: float | None = 0.8
    discriminator_width: int = 32

    @property
    def needs_weights(self) -> tuple[str, ...]:
        return () if self.losses == "E" else (PERCEPTUAL[self.perceptual].weights,)

    def learner(self, build: Callable[[], nn.Module], scale: int, training: Training) -> Learner:
        network = build()
        if self.losses == "E":
            return PixelLearner(network, self, training, functional.mse_loss)
        if self.losses == "P":
            return PixelLearner(network, self, training, EnhanceNetLosses(self, training).perceptual)
        widths = [self.discriminator_width * 2**stage for stage in range(5)]
        discriminator = StridedDiscriminator(self.batch(scale)[1], widths, batch_norm=False)
        losses = EnhanceNetLosses(self, training)
        return GanLearner(network, discriminator, losses, self, training, self.poor_below)


@dataclass(frozen=True)
class EnhanceNetMethod(Method):
    """Knobs of EnhanceNet. Raises BadInput for a scale that is no power of 2."""

    width: int = 64
    blocks: int = 10
    recipe: EnhanceNetRecipe = EnhanceNetRecipe(1e-4, batch_size=32, patch=128)

    def __post_init__(self) -> None:
        if self.scale < 2 or self.scale & (self.scale - 1):
            raise BadInput(f"EnhanceNet upscales by a power of 2, not {self.scale}; choose such a scale")

    def network(self) -> nn.Module:
        return EnhanceNet(self.scale, self.width, self.blocks)


ENTRY = Entry(
    "enhancenet",
    EnhanceNetMethod,
    "Sajjadi et al., ICCV 2017",
    iterations=500_000,
    axes=(
        Axis(
            "losses",
            "What do the perceptual, the adversarial and the texture loss each add?",
            {"E": {"losses": "E"}, "P": {"losses": "P"}, "PA": {"losses": "PA", "adversarial_weight": 1.0}},
            "section 4.2, table 2",
        ),
    ),
    claims=(
        Claim("psnr-P", "A perceptual loss costs PSNR against one on pixels.", "E > P"),
        Claim("psnr-PA", "An adversarial loss costs more PSNR.", "P > PA"),
        Claim("psnr-PAT", "A texture loss costs more PSNR still.", "PA > default"),
        *claimed_at(
            4,
            "bicubic",
            Claim("look-P", "A perceptual loss looks better than one on pixels.", "P > E", "lpips_alex"),
            Claim("look-PA", "An adversarial loss makes it look better.", "PA > P", "lpips_alex"),
            Claim("look-PAT", "A texture loss makes it look better still.", "default > PA", "lpips_alex"),
            source="comparison of the losses",
        ),
    ),
    deviations=(
        "the suite's pictures and perceptual network where they differ from MSCOCO and VGG19",
        "features are divided by their mean over each batch's HR pictures; the paper scales the network once",
        "texture patches are cut from the feature maps; a layer's texture distance is divided by its channels",
        "the discriminator learns from the batches that it judges poorly, not after them; the measure of poor is ours",
        "the batch size and the length of training are ours",
    ),
)
