"""DRN adapted to unpaired LR pictures of an unknown degradation: the dual terms need no HR.

Guo et al., CVPR 2020, algorithm for the adaptation to unpaired data (never released):
L = sum_i 1[x_i has an HR] L_P(P(x_i), y_i) + lambda * L_D(D(P(x_i)), x_i), over pairs and unpaired pictures alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import l1_loss

from bench.api import Axis, Batch, Claim, Entry, Pretrain, Training
from bench.errors import BadInput, unknown
from methods.common.dual import Duals, halvings
from methods.common.mean_shift import PEAK
from methods.common.optimise import autocast, to_device, to_memory_format
from methods.drn.dual import adam_of, chain_down, dual_loss, primal_loss, targets_of
from methods.drn.network import NETWORK_KNOBS, DrnKnobs

# kind of an unpaired picture's dual term -> what is taken down to the LR
ADAPT_DUALS = {
    "level1": "the SR picture one level above the LR",
    "cascade": "the top SR picture, through every dual network",
}


@dataclass(frozen=True)
class DrnAdapt(DrnKnobs):
    """`unpaired_share` is the paper's rho = m / (m + n); `dual_warmup` the first part of a run, in which the duals
    alone learn; `pretrained` false begins from no other run. Raises BadInput without a dual weight."""

    unpaired_share: float = 0.3
    adapt_dual: str = "cascade"
    dual_warmup: float = 0.1
    pretrained: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.adapt_dual not in ADAPT_DUALS:
            raise unknown("dual term of unpaired pictures", self.adapt_dual, ADAPT_DUALS)
        if not 0 <= self.unpaired_share <= 1:
            raise BadInput(f"unpaired_share is {self.unpaired_share}; give a share from 0 to 1")
        if self.dual_weight <= 0:
            raise BadInput("drn-adapt learns by its dual networks; give dual_weight above 0")

    @property
    def unpaired(self) -> int:
        return round(self.unpaired_share * self.batch_size)

    def learner(self, training: Training) -> AdaptLearner:
        return AdaptLearner(self, training)


class AdaptLearner:
    """Alternates: the network on the whole objective with the duals fixed; then the duals on the dual terms, with the
    network's new outputs as constants."""

    def __init__(self, knobs: DrnAdapt, training: Training) -> None:
        self.knobs = knobs
        self.training = training
        self.network = knobs.network()
        to_device(self.network, training)
        self.pyramid = torch.compile(self.network.pyramid) if training.compile else self.network.pyramid
        self.duals = Duals(halvings(knobs.scale), knobs.sizes[1])
        to_device(self.duals, training)
        self.adam = adam_of(self.network, knobs, training)
        self.dual_adam = adam_of(self.duals, knobs, training)

    def step(self, batch: Batch) -> dict[str, Tensor]:
        warming = batch.step < self.knobs.dual_warmup * self.training.iterations
        targets = targets_of(batch, self.knobs, self.training)
        self.duals.requires_grad_(False)
        with torch.set_grad_enabled(not warming):
            outputs = self._outputs(batch)
            primal, dual = self._primal(outputs, targets), self._dual(outputs, targets, batch)
            loss = primal + self.knobs.dual_weight * dual
        if not warming:
            self.adam.minimise(loss, batch.step)
            with torch.no_grad():
                outputs = self._outputs(batch)
        self.duals.requires_grad_(True)
        self.dual_adam.minimise(self.knobs.dual_weight * self._dual(outputs, targets, batch), batch.step)
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
        return pairs / count * primal_loss([image[:pairs] for image in outputs], targets, self.knobs.supervision)

    def _dual(self, outputs: list[Tensor], targets: list[Tensor], batch: Batch) -> Tensor:
        """The mean over all pictures: every level of a pair, the LR alone of an unpaired picture."""
        knobs, pairs, count = self.knobs, len(targets[0]), len(outputs[0])
        total = outputs[0].new_zeros((), dtype=torch.float32)
        if pairs:
            paired = [image[:pairs] for image in outputs]
            term = dual_loss(paired, targets, self.duals, knobs.dual_chain, knobs.supervision)
            total = total + pairs / count * term
        if batch.unpaired is not None and pairs < count:
            level = 1 if knobs.adapt_dual == "level1" else len(outputs) - 1
            lower = chain_down(outputs[level][pairs:], self.duals, level)
            total = total + (1 - pairs / count) * l1_loss(lower, to_memory_format(PEAK * batch.unpaired, self.training))
        return total

    def warm_start(self, state: dict[str, Tensor]) -> None:
        """Begin from another run's network, every key matching."""
        self.network.load_state_dict(state)

    def state_dict(self) -> dict[str, Any]:
        return {name: part.state_dict() for name, part in self._parts().items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for name, part in self._parts().items():
            part.load_state_dict(state[name])

    def _parts(self) -> dict[str, Any]:
        return {"network": self.network, "adam": self.adam, "duals": self.duals, "dual_adam": self.dual_adam}


ENTRY = Entry(
    name="drn-adapt",
    method=DrnAdapt,
    paper="Guo et al., CVPR 2020, adaptation to unpaired data",
    baselines=("bicubic.default", "srresnet.default", "drn.default", "drn.without-t91"),
    pretrain=Pretrain("drn", NETWORK_KNOBS),
    axes=(
        Axis(
            "rho",
            "Which share of a batch should be unpaired?",
            {
                "rho-0": {"unpaired_share": 0.0},
                "rho-10": {"unpaired_share": 0.1},
                "rho-50": {"unpaired_share": 0.5},
                "rho-70": {"unpaired_share": 0.7},
                "rho-100": {"unpaired_share": 1.0},
            },
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
            {"scratch": {"pretrained": False, "dual_warmup": 0.0}},
            "the paper's algorithm",
        ),
    ),
    claims=(
        Claim(
            "drn-adapt.adapted-nearest",
            "Adapted to unpaired pictures, the network is above the one trained on bicubic pairs alone (nearest).",
            "drn-adapt.default",
            "drn.default",
            "psnr_y",
            "experiments on unpaired data",
            scale=0,
            degradation="nearest",
        ),
        Claim(
            "drn-adapt.adapted-bilinear",
            "Adapted to unpaired pictures, the network is above the one trained on bicubic pairs alone (bilinear).",
            "drn-adapt.default",
            "drn.default",
            "psnr_y",
            "experiments on unpaired data",
            scale=0,
            degradation="bilinear",
        ),
        Claim(
            "drn-adapt.adapted-bd",
            "Adapted to unpaired pictures, the network is above the one trained on bicubic pairs alone (bd).",
            "drn-adapt.default",
            "drn.default",
            "psnr_y",
            "experiments on unpaired data",
            scale=0,
            degradation="bd",
        ),
        Claim(
            "drn-adapt.rcan-nearest",
            "Adapted to unpaired pictures, it is above RCAN trained on bicubic pairs (nearest).",
            "drn-adapt.default",
            "rcan.default",
            "psnr_y",
            "experiments on unpaired data",
            scale=0,
            degradation="nearest",
        ),
        Claim(
            "drn-adapt.rcan-bd",
            "Adapted to unpaired pictures, it is above RCAN trained on bicubic pairs (bd).",
            "drn-adapt.default",
            "rcan.default",
            "psnr_y",
            "experiments on unpaired data",
            scale=0,
            degradation="bd",
        ),
        Claim(
            "drn-adapt.start",
            "Adapting a network trained on pairs is better than starting from nothing.",
            "drn-adapt.default",
            "drn-adapt.scratch",
            "psnr_y",
            "the paper's algorithm",
            scale=0,
            degradation="nearest",
        ),
        Claim(
            "drn-adapt.rho-0",
            "Some unpaired pictures are better than none.",
            "drn-adapt.default",
            "drn-adapt.rho-0",
            "psnr_y",
            "ablation on rho",
            scale=0,
            degradation="nearest",
        ),
        Claim(
            "drn-adapt.rho-10",
            "30 % of unpaired pictures are better than 10 %.",
            "drn-adapt.default",
            "drn-adapt.rho-10",
            "psnr_y",
            "ablation on rho",
            scale=0,
            degradation="nearest",
        ),
        Claim(
            "drn-adapt.rho-50",
            "30 % of unpaired pictures are better than 50 %.",
            "drn-adapt.default",
            "drn-adapt.rho-50",
            "psnr_y",
            "ablation on rho",
            scale=0,
            degradation="nearest",
        ),
        Claim(
            "drn-adapt.rho-70",
            "50 % of unpaired pictures are better than 70 %.",
            "drn-adapt.rho-50",
            "drn-adapt.rho-70",
            "psnr_y",
            "ablation on rho",
            scale=0,
            degradation="nearest",
        ),
        Claim(
            "drn-adapt.rho-100",
            "Pairs are needed: 70 % of unpaired pictures are better than nothing else.",
            "drn-adapt.rho-70",
            "drn-adapt.rho-100",
            "psnr_y",
            "ablation on rho",
            scale=0,
            degradation="nearest",
        ),
    ),
    deviations=(
        "the dual networks do not come from the paired run, whose checkpoint is the network alone: they are trained on "
        "its outputs for the first tenth of this run (`dual_warmup`), the network fixed",
        "an unpaired picture's dual term takes its top SR picture through every dual network; the paper does not say",
        "length, schedule and batch are not published: those of the paired training",
        "trained on the suite's pictures; one seeded choice of pairs and of unpaired pictures a batch",
    ),
)
