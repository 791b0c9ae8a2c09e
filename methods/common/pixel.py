"""The recipe and the learner of every PSNR-oriented network: one network, one pixel loss, one Adam."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional

from bench.api import Batch, Learner, Training
from bench.errors import choice
from methods.common.dual import DUAL_FEATURES, DualTerm, train_duals
from methods.common.optimise import NetworkLearner, Optimisation, autocast, compiled, to_memory_format

ImageLoss = Callable[[Tensor, Tensor], Tensor]
"""(sr, hr) -> a 0-d loss."""

PIXEL_LOSSES: dict[str, ImageLoss] = {"l1": functional.l1_loss, "l2": functional.mse_loss}


@dataclass(frozen=True)
class Recipe(Optimisation):
    """How a PSNR-oriented network is trained. dual_weight: of a `DualTerm` that measures with the same loss."""

    loss: str = choice("l1", PIXEL_LOSSES, "pixel loss")
    dual_weight: float = 0.0

    def learner(self, build: Callable[[], nn.Module], scale: int, training: Training) -> Learner:
        network, dual = build(), None
        if self.dual_weight:
            dual = DualTerm(self.dual_weight, *train_duals(scale, DUAL_FEATURES, self, training))
        return PixelLearner(network, self, training, PIXEL_LOSSES[self.loss], dual)


class PixelLearner(NetworkLearner):
    """Minimises loss(network(lr), hr), pictures in [0, 1], and where there is one the dual term.

    see: what becomes of both pictures before anything else.
    """

    def __init__(
        self,
        network: nn.Module,
        recipe: Optimisation,
        training: Training,
        loss: ImageLoss,
        dual: DualTerm | None = None,
        see: Callable[[Tensor], Tensor] = lambda image: image,
    ) -> None:
        super().__init__(network, recipe, training)
        self.forward = compiled(self.trained, training)
        self.loss = loss
        self.dual = dual
        self.see = see
        if dual:
            self.parts |= {"duals": dual.duals, "dual_adam": dual.adam}

    def learn(self, batch: Batch) -> dict[str, Tensor]:
        lr, hr = to_memory_format(self.see(batch.lr), self.training), self.see(batch.hr)
        with autocast(self.training):
            sr = self.forward(lr)
        sr = sr.float()
        loss = self.loss(sr, hr)
        losses = {}
        if self.dual:
            losses["dual"] = self.dual.loss(sr, lr, self.loss)
            loss = loss + losses["dual"]
        self.adam.minimise(loss)
        if self.dual:
            self.dual.update()
        self.average()
        return {"loss": loss.detach(), **{name: term.detach() for name, term in losses.items()}}
