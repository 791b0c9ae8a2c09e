"""DRN on pairs: primal terms at every level, and dual networks that take each SR picture one level down.

Guo et al., "Closed-loop Matters: Dual Regression Networks for Single Image Super-Resolution", CVPR 2020;
L = sum_k L1(sr_k, y_k) + lambda * sum_k L1(D_{k-1}(sr_k), y_{k-1}), as the released code has it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import l1_loss

from bench.api import Axis, Batch, Claim, Entry, Training
from bench.errors import unknown
from methods.common.dual import Duals, halvings
from methods.common.mean_shift import PEAK
from methods.common.optimise import autocast, to_device, to_memory_format
from methods.drn.dual import Halve, adam_of, bicubic_half, chain_down, dual_loss, primal_loss, targets_of
from methods.drn.network import DrnKnobs

DUALS = {
    "learned": "trained along with the network",
    "bicubic": "MATLAB's bicubic by 1/2, nothing to train",
    "frozen": "trained on HR pictures and their levels for the first part of the run, fixed from then on",
}


@dataclass(frozen=True)
class Drn(DrnKnobs):
    """Knobs of the paired training. `dual_warmup` is the first part of a run in which frozen duals are trained;
    `dual_hr` adds lambda * L1(P(D(hr)), hr)."""

    dual: str = "learned"
    dual_warmup: float = 0.1
    dual_hr: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.dual not in DUALS:
            raise unknown("kind of dual", self.dual, DUALS)

    def learner(self, training: Training) -> PairedLearner:
        return PairedLearner(self, training)


class PairedLearner:
    """One backward pass for the network and its duals; without a dual weight there are no dual networks."""

    def __init__(self, knobs: Drn, training: Training) -> None:
        self.knobs = knobs
        self.training = training
        self.network = knobs.network()
        to_device(self.network, training)
        self.pyramid: Callable[[Tensor], list[Tensor]] = self.network.pyramid
        if training.compile:
            self.pyramid = torch.compile(self.network.pyramid)
        self.adam = adam_of(self.network, knobs, training)
        self.duals: Duals | None = None
        if knobs.dual_weight and knobs.dual != "bicubic":
            self.duals = Duals(halvings(knobs.scale), knobs.sizes[1])
            to_device(self.duals, training)
            self.dual_adam = adam_of(self.duals, knobs, training)

    def step(self, batch: Batch) -> dict[str, Tensor]:
        knobs, learns = self.knobs, self._duals_learn(batch.step)
        targets = targets_of(batch, knobs, self.training)
        with autocast(self.training):
            outputs = self.pyramid(to_memory_format(batch.lr, self.training))
        terms = {"primal": primal_loss(outputs, targets, knobs.supervision)}
        if knobs.dual_weight:
            if self.duals:
                self.duals.requires_grad_(learns)
            seen = targets if learns and knobs.dual == "frozen" else outputs
            terms["dual"] = dual_loss(seen, targets, self._halve, knobs.dual_chain, knobs.supervision)
            if knobs.dual_hr:
                terms["dual_hr"] = self._cycle(targets[-1])
        loss = terms["primal"] + knobs.dual_weight * sum(term for name, term in terms.items() if name != "primal")
        self.adam.minimise(loss, batch.step)
        if self.duals and learns:
            self.dual_adam.update(batch.step)
            self.duals.zero_grad(set_to_none=True)
        return {"loss": loss.detach(), **{name: term.detach() for name, term in terms.items()}}

    @property
    def _halve(self) -> Halve:
        return self.duals or bicubic_half

    def _duals_learn(self, step: int) -> bool:
        """Learned duals always, frozen ones during the warm-up."""
        return self.knobs.dual != "frozen" or step < self.knobs.dual_warmup * self.training.iterations

    def _cycle(self, hr: Tensor) -> Tensor:
        """L1(P(D(hr)), hr) of (N, 3, H, W) in [0, 255]."""
        lr = chain_down(hr, self._halve, halvings(self.knobs.scale))
        with autocast(self.training):
            sr = self.pyramid(lr / PEAK)[-1]
        return l1_loss(sr, hr)

    def warm_start(self, state: dict[str, Tensor]) -> None:
        """Begin from another run's network, every key matching; the duals begin anew."""
        self.network.load_state_dict(state)

    def state_dict(self) -> dict[str, Any]:
        return {name: part.state_dict() for name, part in self._parts().items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for name, part in self._parts().items():
            part.load_state_dict(state[name])

    def _parts(self) -> dict[str, Any]:
        parts: dict[str, Any] = {"network": self.network, "adam": self.adam}
        return parts | ({"duals": self.duals, "dual_adam": self.dual_adam} if self.duals else {})


ENTRY = Entry(
    name="drn",
    method=Drn,
    paper="Guo et al., CVPR 2020",
    iterations=1_000_000,
    axes=(
        Axis(
            "lambda",
            "Does the dual regression loss help, and how much should it weigh?",
            {
                "lambda-0": {"dual_weight": 0.0},
                "lambda-0.001": {"dual_weight": 0.001},
                "lambda-0.01": {"dual_weight": 0.01},
                "lambda-1": {"dual_weight": 1.0},
                "lambda-10": {"dual_weight": 10.0},
            },
            "ablation of the dual regression scheme and of lambda",
        ),
        Axis(
            "dual-kind",
            "Is a dual network trained along better than a fixed way down?",
            {"dual-bicubic": {"dual": "bicubic"}, "dual-frozen": {"dual": "frozen"}},
            "this project",
        ),
        Axis(
            "chain",
            "Is each level taken down by itself, or the top one all the way?",
            {"cascade": {"dual_chain": "cascade"}},
            "the figure of the scheme against the released code",
        ),
        Axis(
            "supervision",
            "Do the terms of the lower levels help? paper-equation: one primal term, and one dual term at the LR.",
            {
                "top-only": {"supervision": "top"},
                "paper-equation": {"supervision": "top", "dual_chain": "cascade"},
            },
            "the paper's equation against the released code",
        ),
        Axis(
            "hr-side",
            "Does closing the loop on HR pictures too pay for its cost?",
            {"dual-hr": {"dual_hr": True}},
            "ablation of dual regression on HR data",
        ),
        Axis(
            "size",
            "What does DRN-L gain over DRN-S?",
            {"large": {"size": "large", "blocks": None, "features": None}},
            "comparison with the state of the art",
        ),
        Axis(
            "data",
            "What do the 91 small pictures add? The variant is what an adaptation to them starts from.",
            {"without-t91": {}},
            "this project; a suite says which sets the variant is trained on",
        ),
        Axis(
            "mean-shift",
            "Does training the mean colour, as the released code does by mistake, change anything?",
            {"mean-shift-fixed": {"mean_shift_trained": False}},
            "released code",
        ),
        Axis(
            "bicubic-input",
            "Does it matter which bicubic enlarges the input?",
            {"matlab-input": {"bicubic_input": "matlab"}},
            "released code",
        ),
        Axis(
            "parts",
            "What do the U-Net's copies and the channel attention bring?",
            {"no-copies": {"skip_copies": False}, "no-attention": {"channel_attention": False}},
            "this project",
        ),
    ),
    claims=(
        Claim(
            "drn.dual",
            "The dual regression loss raises the PSNR.",
            "drn.default",
            "drn.lambda-0",
            "psnr_y",
            "ablation on the dual loss",
        ),
        Claim(
            "drn.consistency",
            "With the dual regression loss the result shrinks back to a picture nearer to the input.",
            "drn.default",
            "drn.lambda-0",
            "lr_psnr",
            "closed-loop scheme",
        ),
        Claim(
            "drn.lambda-up-0.01",
            "The PSNR rises with the dual weight up to 0.1: 0.01 is better than 0.001.",
            "drn.lambda-0.01",
            "drn.lambda-0.001",
            "psnr_y",
            "ablation on lambda",
        ),
        Claim(
            "drn.lambda-up-0.1",
            "The PSNR rises with the dual weight up to 0.1: 0.1 is better than 0.01.",
            "drn.default",
            "drn.lambda-0.01",
            "psnr_y",
            "ablation on lambda",
        ),
        Claim(
            "drn.lambda-down-1",
            "Beyond 0.1 the dual weight costs PSNR: 1 is worse than 0.1.",
            "drn.default",
            "drn.lambda-1",
            "psnr_y",
            "ablation on lambda",
        ),
        Claim(
            "drn.lambda-down-10",
            "Beyond 0.1 the dual weight costs PSNR: 10 is worse than 1.",
            "drn.lambda-1",
            "drn.lambda-10",
            "psnr_y",
            "ablation on lambda",
        ),
        Claim(
            "drn.learned",
            "A learned dual network is better than bicubic shrinking in its place.",
            "drn.default",
            "drn.dual-bicubic",
            "psnr_y",
            "on learning the dual map",
        ),
        Claim(
            "drn.frozen",
            "A dual network that goes on learning is better than a frozen one.",
            "drn.default",
            "drn.dual-frozen",
            "psnr_y",
            "on learning the dual map",
        ),
        Claim(
            "drn.levels",
            "Supervising every resolution is better than the last one alone.",
            "drn.default",
            "drn.top-only",
            "psnr_y",
            "released code",
        ),
        Claim(
            "drn.size",
            "The large model is above the small one.",
            "drn.large",
            "drn.default",
            "psnr_y",
            "table in the released code's README",
        ),
        Claim(
            "drn.rcan",
            "The small model is above RCAN.",
            "drn.default",
            "rcan.default",
            "psnr_y",
            "tables in the released codes' READMEs",
        ),
    ),
    deviations=(
        "trained on the suite's pictures instead of DIV2K + Flickr2K",
        "a batch of exploding loss ends the run instead of being skipped",
        "the cosine falls at every step, not once in 1,000",
    ),
)
