"""DRN on pairs: primal terms at every level, and dual networks that take each SR picture one level down.

Guo et al., "Closed-loop Matters: Dual Regression Networks for Single Image Super-Resolution", CVPR 2020;
L = sum_k L1(sr_k, y_k) + lambda * sum_k L1(D_{k-1}(sr_k), y_{k-1}), as the released code has it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import l1_loss

from bench.api import Axis, Batch, Claim, Entry, Method, Training, claimed_at, varied
from bench.errors import choice
from methods.common.blocks import PEAK
from methods.common.dual import Duals, Halve, chain_down, halvings, train_duals
from methods.common.optimise import NetworkLearner, Optimisation, autocast, compiled, to_memory_format
from methods.drn.dual import CHAINS, SUPERVISION, bicubic_half, dual_loss, primal_loss, targets_of
from methods.drn.network import DRN, PrimalKnobs, levels_between

DUALS = {
    "learned": "trained along with the network",
    "bicubic": "MATLAB's bicubic by 1/2, nothing to train",
    "frozen": "trained on HR pictures and their levels for the first part of the run, fixed from then on",
}


@dataclass(frozen=True)
class DrnRecipe(Optimisation):
    """The objective and its training. dual_weight: lambda. dual_warmup: the first part of a run, in which frozen duals
    are trained. dual_hr: add lambda * L1(P(D(hr)), hr)."""

    dual_weight: float = 0.1
    dual_chain: str = choice("level", CHAINS, "chain of dual networks")
    supervision: str = choice("all", SUPERVISION, "supervision")
    dual: str = choice("learned", DUALS, "kind of dual")
    dual_warmup: float = 0.1
    dual_hr: bool = False

    def learner(self, build: Callable[[], DRN], scale: int, training: Training) -> PairedLearner:
        return PairedLearner(build(), scale, self, training)


@dataclass(frozen=True)
class Drn(Method):
    """DRN trained on pairs. Raises BadInput for a scale that is no power of 2."""

    primal: PrimalKnobs = PrimalKnobs()
    recipe: DrnRecipe = DrnRecipe(1e-4, schedule="cosine", cosine_end=1e-7, batch_size=32, patch=384)

    def __post_init__(self) -> None:
        self.primal.sizes(self.scale)

    @property
    def levels(self) -> tuple[int, ...]:
        return levels_between(self.scale)

    def network(self) -> DRN:
        return DRN(self.scale, self.primal)


class PairedLearner(NetworkLearner):
    """One backward pass for the network and its duals; without a dual weight there are no dual networks."""

    def __init__(self, network: DRN, scale: int, recipe: DrnRecipe, training: Training) -> None:
        super().__init__(network, recipe, training)
        self.scale, self.recipe = scale, recipe
        self.pyramid = compiled(network.pyramid, training)
        self.duals: Duals | None = None
        if recipe.dual_weight and recipe.dual != "bicubic":
            self.duals, self.dual_adam = train_duals(scale, network.head.out_channels, recipe, training)
            self.parts |= {"duals": self.duals, "dual_adam": self.dual_adam}
            self.companions = {"duals": self.duals}
        self.halve: Halve = self.duals or bicubic_half

    def begin(self, batch: Batch) -> Hashable:
        """Learned duals always learn, frozen ones during the warm-up."""
        super().begin(batch)
        warms_up = batch.step < self.recipe.dual_warmup * self.training.iterations
        self.learns = self.recipe.dual != "frozen" or warms_up
        return self.learns

    def learn(self, batch: Batch) -> dict[str, Tensor]:
        recipe, learns = self.recipe, self.learns
        targets = targets_of(batch, self.scale, self.training)
        with autocast(self.training):
            outputs = self.pyramid(to_memory_format(batch.lr, self.training))
        terms = {"primal": primal_loss(outputs, targets, recipe.supervision)}
        if recipe.dual_weight:
            if self.duals:
                self.duals.requires_grad_(learns)
            seen = targets if learns and recipe.dual == "frozen" else outputs
            terms["dual"] = dual_loss(seen, targets, self.halve, recipe.dual_chain, recipe.supervision)
            if recipe.dual_hr:
                terms["dual_hr"] = self._cycle(targets[-1])
        loss = terms["primal"] + recipe.dual_weight * sum(term for name, term in terms.items() if name != "primal")
        self.adam.minimise(loss)
        if self.duals and learns:
            self.dual_adam.update()
            self.duals.zero_grad(set_to_none=True)
        self.average()
        return {"loss": loss.detach(), **{name: term.detach() for name, term in terms.items()}}

    def _cycle(self, hr: Tensor) -> Tensor:
        """L1(P(D(hr)), hr) of (N, 3, H, W) in [0, 255]."""
        lr = chain_down(hr, self.halve, halvings(self.scale))
        with autocast(self.training):
            sr = self.pyramid(lr / PEAK)[-1]
        return l1_loss(sr, hr)


ENTRY = Entry(
    "drn",
    Drn,
    "Guo et al., CVPR 2020",
    iterations=1_000_000,
    axes=(
        Axis(
            "lambda",
            "Does the dual regression loss help, and how much should it weigh?",
            varied(
                "dual_weight",
                {"lambda-0": 0.0, "lambda-0.001": 0.001, "lambda-0.01": 0.01, "lambda-1": 1.0, "lambda-10": 10.0},
            ),
            "ablation of the dual regression scheme and of lambda",
        ),
        Axis(
            "dual-kind",
            "Is a dual network trained along better than a fixed way down?",
            varied("dual", {"dual-bicubic": "bicubic", "dual-frozen": "frozen"}),
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
            {"top-only": {"supervision": "top"}, "paper-equation": {"supervision": "top", "dual_chain": "cascade"}},
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
            "What do the pictures add that an adaptation takes for unpaired? The variants are what it starts from.",
            {"without-t91": {}, "without-unpaired": {}},
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
            "dual",
            "The dual regression loss raises the PSNR.",
            "default > lambda-0",
            source="ablation on the dual loss",
        ),
        Claim(
            "consistency",
            "With the dual regression loss the result shrinks back to a picture nearer to the input.",
            "default > lambda-0",
            "lr_psnr",
            "closed-loop scheme",
        ),
        *claimed_at(
            4,
            "bicubic",
            Claim(
                "lambda-up-0.01",
                "The PSNR rises with the dual weight up to 0.1: 0.01 is better than 0.001.",
                "lambda-0.01 > lambda-0.001",
            ),
            Claim(
                "lambda-up-0.1",
                "The PSNR rises with the dual weight up to 0.1: 0.1 is better than 0.01.",
                "default > lambda-0.01",
            ),
            Claim("lambda-down-1", "Beyond 0.1 the dual weight costs PSNR: 1 is worse than 0.1.", "default > lambda-1"),
            Claim(
                "lambda-down-10", "Beyond 0.1 the dual weight costs PSNR: 10 is worse than 1.", "lambda-1 > lambda-10"
            ),
            source="ablation on lambda",
        ),
        *claimed_at(
            4,
            "bicubic",
            Claim(
                "learned",
                "A learned dual network is better than bicubic shrinking in its place.",
                "default > dual-bicubic",
            ),
            Claim(
                "frozen", "A dual network that goes on learning is better than a frozen one.", "default > dual-frozen"
            ),
            source="on learning the dual map",
        ),
        Claim(
            "levels",
            "Supervising every resolution is better than the last one alone.",
            "default > top-only",
            source="released code",
        ),
        Claim(
            "size",
            "The large model is above the small one.",
            "large > default",
            source="table in the released code's README",
            sized=True,
        ),
        Claim(
            "rcan",
            "The small model is above RCAN.",
            "default > rcan.default",
            source="tables in the released codes' READMEs",
        ),
    ),
    deviations=(
        "trained on the suite's pictures instead of DIV2K + Flickr2K",
        "a batch of exploding loss ends the run instead of being skipped",
        "the cosine falls at every step, not once in 1,000",
    ),
)
