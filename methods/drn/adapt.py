"""DRN adapted to unpaired LR pictures of an unknown degradation: the dual terms need no HR.

Guo et al., CVPR 2020, algorithm for the adaptation to unpaired data (never released):
L = sum_i 1[x_i has an HR] L_P(P(x_i), y_i) + lambda * L_D(D(P(x_i)), x_i), over pairs and unpaired pictures alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import torch
from torch import Tensor
from torch.nn.functional import l1_loss

from bench.api import Axis, Batch, Claim, Entry, Method, Pretrain, Training, claimed_at, varied
from bench.errors import BadInput, choice
from methods.common.blocks import PEAK
from methods.common.dual import chain_down, train_duals
from methods.common.optimise import NetworkLearner, Optimisation, autocast, compiled, to_memory_format
from methods.drn.dual import CHAINS, SUPERVISION, dual_loss, primal_loss, targets_of
from methods.drn.network import DRN, PrimalKnobs, levels_between

# kind of an unpaired picture's dual term -> what is taken down to the LR
ADAPT_DUALS = {
    "level1": "the SR picture one level above the LR",
    "cascade": "the top SR picture, through every dual network",
}


@dataclass(frozen=True)
class AdaptRecipe(Optimisation):
    """The objective and its training. dual_weight: lambda, above 0. unpaired_share: the paper's rho = m / (m + n), of a
    batch."""

    dual_weight: float = 0.1
    dual_chain: str = choice("level", CHAINS, "chain of dual networks")
    supervision: str = choice("all", SUPERVISION, "supervision")
    unpaired_share: float = 0.3
    adapt_dual: str = choice("cascade", ADAPT_DUALS, "dual term of unpaired pictures")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.unpaired_share <= 1:
            raise BadInput(f"unpaired_share is {self.unpaired_share}; give a share from 0 to 1")
        if self.dual_weight <= 0:
            raise BadInput("drn-adapt learns by its dual networks; give dual_weight above 0")

    def learner(self, build: Callable[[], DRN], scale: int, training: Training) -> AdaptLearner:
        return AdaptLearner(build(), scale, self, training)


@dataclass(frozen=True)
class DrnAdapt(Method):
    """DRN adapted to unpaired pictures; `pretrained` false begins from no other run."""

    primal: PrimalKnobs = PrimalKnobs()
    recipe: AdaptRecipe = AdaptRecipe(1e-4, schedule="cosine", cosine_end=1e-7, batch_size=32, patch=384)
    pretrained: bool = True

    def __post_init__(self) -> None:
        self.primal.sizes(self.scale)

    @property
    def levels(self) -> tuple[int, ...]:
        return levels_between(self.scale)

    @property
    def unpaired(self) -> int:
        return round(self.recipe.unpaired_share * self.recipe.batch_size)

    def network(self) -> DRN:
        return DRN(self.scale, self.primal)


class AdaptLearner(NetworkLearner):
    """Alternates: the network on the whole objective with the duals fixed; then the duals on the dual terms, with the
    network's new outputs as constants."""

    def __init__(self, network: DRN, scale: int, recipe: AdaptRecipe, training: Training) -> None:
        super().__init__(network, recipe, training)
        self.scale, self.recipe = scale, recipe
        self.pyramid = compiled(network.pyramid, training)
        self.duals, self.dual_adam = train_duals(scale, network.head.out_channels, recipe, training)
        self.parts |= {"duals": self.duals, "dual_adam": self.dual_adam}
        self.companions = {"duals": self.duals}

    def learn(self, batch: Batch) -> dict[str, Tensor]:
        targets = targets_of(batch, self.scale, self.training)
        self.duals.requires_grad_(False)
        outputs = self._outputs(batch)
        primal, dual = self._primal(outputs, targets), self._dual(outputs, targets, batch)
        loss = primal + self.recipe.dual_weight * dual
        self.adam.minimise(loss)
        with torch.no_grad():
            outputs = self._outputs(batch)
        self.duals.requires_grad_(True)
        self.dual_adam.minimise(self.recipe.dual_weight * self._dual(outputs, targets, batch))
        self.average()
        return {"loss": loss.detach(), "primal": primal.detach(), "dual": dual.detach()}

    def _outputs(self, batch: Batch) -> list[Tensor]:
        """The pyramids of the pairs, then of the unpaired pictures."""
        lr = batch.lr if batch.unpaired is None else torch.cat([batch.lr, batch.unpaired])
        with autocast(self.training):
            return self.pyramid(to_memory_format(lr, self.training))

    def _primal(self, outputs: list[Tensor], targets: list[Tensor]) -> Tensor:
        """The mean over all pictures of a term that the unpaired ones lack."""
        pairs, count = len(targets[0]), len(outputs[0])
        if not pairs:
            return outputs[0].new_zeros((), dtype=torch.float32)
        return pairs / count * primal_loss([image[:pairs] for image in outputs], targets, self.recipe.supervision)

    def _dual(self, outputs: list[Tensor], targets: list[Tensor], batch: Batch) -> Tensor:
        """The mean over all pictures: every level of a pair, the LR alone of an unpaired picture."""
        recipe, pairs, count = self.recipe, len(targets[0]), len(outputs[0])
        total = outputs[0].new_zeros((), dtype=torch.float32)
        if pairs:
            paired = [image[:pairs] for image in outputs]
            term = dual_loss(paired, targets, self.duals, recipe.dual_chain, recipe.supervision)
            total = total + pairs / count * term
        if batch.unpaired is not None and pairs < count:
            level = 1 if recipe.adapt_dual == "level1" else len(outputs) - 1
            lower = chain_down(outputs[level][pairs:], self.duals, level)
            total = total + (1 - pairs / count) * l1_loss(lower, to_memory_format(PEAK * batch.unpaired, self.training))
        return total


def _above(id: str, text: str, other: str, *kinds: str) -> tuple[Claim, ...]:
    """That the adapted network is above another one on LR of these kinds."""
    text, sides, source = f"Adapted to unpaired pictures, {text}", f"default > {other}", "experiments on unpaired data"
    return tuple(Claim(f"{id}-{kind}", f"{text} ({kind}).", sides, "psnr_y", source, 0, kind) for kind in kinds)


_KINDS = ("nearest", "bilinear", "bd")

ENTRY = Entry(
    "drn-adapt",
    DrnAdapt,
    "Guo et al., CVPR 2020, adaptation to unpaired data",
    pretrain=Pretrain("drn", tuple(f.name for f in fields(PrimalKnobs))),
    baselines=("bicubic.default", "srresnet.default", "drn.default", "drn.without-t91", "drn.without-unpaired"),
    axes=(
        Axis(
            "rho",
            "Which share of a batch should be unpaired?",
            varied("unpaired_share", {"rho-0": 0.0, "rho-10": 0.1, "rho-50": 0.5, "rho-70": 0.7, "rho-100": 1.0}),
            "ablation of the ratio of unpaired data",
        ),
        Axis(
            "adapt",
            "Which SR picture of an unpaired LR should lead back to it?",
            {"level1": {"adapt_dual": "level1"}},
            "this project: the paper leaves it open",
        ),
        Axis(
            "start",
            "Does the adaptation need a network trained on pairs?",
            {"scratch": {"pretrained": False}},
            "the paper's algorithm",
        ),
    ),
    claims=(
        *_above("adapted", "the network is above the one trained on bicubic pairs alone", "drn.default", *_KINDS),
        *_above("gain", "the network is above one trained as long on the pairs alone", "rho-0", *_KINDS),
        *_above("rcan", "it is above RCAN trained on bicubic pairs", "rcan.default", "nearest", "bd"),
        *claimed_at(
            0,
            "nearest",
            Claim(
                "start",
                "Adapting a network trained on pairs is better than starting from nothing.",
                "default > scratch",
                source="the paper's algorithm",
            ),
            Claim("rho-10", "30 % of unpaired pictures are better than 10 %.", "default > rho-10"),
            Claim("rho-50", "30 % of unpaired pictures are better than 50 %.", "default > rho-50"),
            Claim("rho-70", "50 % of unpaired pictures are better than 70 %.", "rho-50 > rho-70"),
            Claim(
                "rho-100",
                "Pairs are needed: 70 % of unpaired pictures are better than nothing else.",
                "rho-70 > rho-100",
            ),
            source="ablation on rho",
        ),
    ),
    deviations=(
        "an unpaired picture's dual term takes its top SR picture through every dual network; the paper does not say",
        "length, schedule and batch are not published: those of the paired training",
        "trained on the suite's pictures; one seeded choice of pairs and of unpaired pictures a batch",
    ),
)
