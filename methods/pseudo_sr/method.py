"""How pseudo-supervision trains: the terms, where each one's gradient goes, and the order of a step.

Maeda, CVPR 2020. With y_down the HR shrunk, x unpaired LR, D the degrader, G the correction, U the upscaler:
fake_x = D(y_down, z), recovered = G(fake_x), clean = G(x). U learns from the pseudo-pairs (recovered, y).
"""

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss

from bench.api import Batch, Learner, Method, Training, Upscaler, feed_forward
from bench.data.orientations import ORIENTATIONS, orient, undo
from bench.errors import BadInput, check_choice
from methods.common.adversarial import squared_towards, towards
from methods.common.blocks import add_image_skip
from methods.common.dual import halvings
from methods.common.gan import PerceptualGan, Terms
from methods.common.noise import normal
from methods.common.optimise import (
    Adam,
    NetworkLearner,
    Optimisation,
    Schedule,
    autocast,
    compiled,
    to_device,
    to_memory_format,
)
from methods.common.perceptual import PERCEPTUAL, Features
from methods.common.pixel import PixelLearner
from methods.pseudo_sr.network import (
    NOISE_STEP,
    CorrectedUpscaler,
    Degrader,
    PairKnobs,
    PatchDiscriminator,
    check_patch,
)

GANS = {"lsgan": squared_towards, "standard": towards}
PAIRS = {
    "pseudo": "(recovered, y)",
    "clean": "(y_down, y)",
    "degraded": "(fake_x, y): at test time nothing is corrected",
    "given": "the pairs of the batch: no other network exists, at test time nothing is corrected",
}
"""What the upscaler's reconstruction loss sees."""
ORDERS: dict[str, tuple[tuple[float, float], tuple[float, float]]] = {
    "joint": ((0.0, 1.0), (0.0, 1.0)),
    "correction-first": ((0.0, 0.5), (0.5, 1.0)),
    "upscaler-first": ((0.5, 1.0), (0.0, 0.5)),
}
"""Which part of a run the generators and discriminators learn in, and which part the upscaler does."""
SIDES = ("both", "one")
UPSCALER_LOSSES = ("l1", "perceptual-gan")


def within(part: tuple[float, float], schedule: Schedule) -> Schedule:
    """The schedule squeezed into a part of the run, 0 outside it."""
    start, end = part
    return lambda progress: schedule((progress - start) / (end - start)) if start <= progress < end else 0.0


@dataclass(frozen=True)
class PseudoRecipe(Optimisation):
    """The objective and its training; batch_size counts HR pictures, and as many unpaired LR.

    Weights: of the discriminators on LR, of the cycle, identity and ensemble terms, and gamma (`upscaled_weight`) of
    the discriminator on SR.
    identity_input: y_down (clean) or x. ensemble_sides: whether the mean over orientations is a constant. pairs: a name
    in PAIRS; reconstruction_reaches: the generators too. order: a name in ORDERS. intermediate: False is a CycleGAN
    between LR and HR: its discriminator tells U(G(x)) from y, its cycle is U(G(fake_x)) to y, and nothing else.
    upscaler_loss: L1, or after `warmup` of the run L1, perceptual and relativistic terms. upscaler_rate: None for
    `learning_rate`. discriminator_sharpening: as PatchDiscriminator has it, of all but that of the perceptual GAN.
    """

    adversarial_weight: float = 1.0
    cycle_weight: float = 1.0
    identity_weight: float = 2.0
    identity_input: str = "clean"
    ensemble_weight: float = 1.0
    ensemble_sides: str = "both"
    upscaled_weight: float = 0.1
    gan: str = "lsgan"
    pairs: str = "pseudo"
    reconstruction_reaches: bool = False
    order: str = "joint"
    intermediate: bool = True
    noise: bool = True
    degrader_width: int = 64
    degrader_blocks: int = 6
    degrader_norm: bool = True
    discriminator_width: int = 64
    discriminator_sharpening: float = 0.0
    upscaler_rate: float | None = None
    upscaler_loss: str = "l1"
    perceptual: str = "vgg19"
    layer: str | None = None
    warmup: float = 1 / 60

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("GAN kind", self.gan, GANS)
        check_choice("kind of pairs", self.pairs, PAIRS)
        check_choice("order of training", self.order, ORDERS)
        check_choice("identity input", self.identity_input, ("clean", "corrupted"))
        check_choice("gradient of the ensemble", self.ensemble_sides, SIDES)
        check_choice("loss of the upscaler", self.upscaler_loss, UPSCALER_LOSSES)
        check_choice("perceptual network", self.perceptual, PERCEPTUAL)
        if not self.intermediate and self.upscaler_loss != "l1":
            raise BadInput("a CycleGAN from LR to HR has no perceptual loss; leave upscaler_loss as it is")
        if self.reaches and self.pairs != "pseudo":
            raise BadInput(f"generators stand behind pseudo-pairs, not behind {self.pairs} ones; leave pairs as it is")

    def weight(self, term: str) -> float:
        """Of a term of the generators' objective; 0 for one that has no place in it."""
        if not self.intermediate:
            return self.adversarial_weight if term.startswith("adversarial") else 0.0
        return {
            "adversarial_x": self.adversarial_weight,
            "adversarial_clean": self.adversarial_weight,
            "adversarial_upscaled": self.upscaled_weight,
            "cycle": self.cycle_weight,
            "identity": self.identity_weight,
            "ensemble": self.ensemble_weight,
        }[term]

    @property
    def reaches(self) -> bool:
        """Whether the reconstruction loss is part of the generators' objective."""
        return self.reconstruction_reaches or not self.intermediate

    @property
    def needs_weights(self) -> tuple[str, ...]:
        return (PERCEPTUAL[self.perceptual].weights,) if self.upscaler_loss == "perceptual-gan" else ()

    def adam(self, network: nn.Module, training: Training, factors: Mapping[str, float] | None = None) -> Adam:
        """That of the upscaler alone."""
        assert isinstance(network, CorrectedUpscaler)
        rate = self.learning_rate if self.upscaler_rate is None else self.upscaler_rate
        schedule = within(ORDERS[self.order][1], self.rates())
        return Adam(network.upscale.parameters(), training, rate, schedule, (0.9, self.beta2))

    def adversarial_adam(self, parameters: Iterable[nn.Parameter], training: Training) -> Adam:
        """That of the generators, or of the discriminators."""
        schedule = within(ORDERS[self.order][0], self.rates())
        return Adam(parameters, training, self.learning_rate, schedule, (0.5, self.beta2))

    def discriminators(self, scale: int) -> nn.ModuleDict:
        """Each by the pictures that it judges; without weight, it is not there."""
        width, sharpening = self.discriminator_width, self.discriminator_sharpening
        found = {"x": PatchDiscriminator(width, sharpening=sharpening)}
        if self.intermediate:
            found["clean"] = PatchDiscriminator(width, sharpening=sharpening)
        if self.weight("adversarial_upscaled"):
            found["upscaled"] = PatchDiscriminator(width, halvings(scale), sharpening=sharpening)
        if self.upscaler_loss == "perceptual-gan":
            found["texture"] = PatchDiscriminator(width, instance_norm=True)
        return nn.ModuleDict(found)

    def learner(self, build: Callable[[], nn.Module], scale: int, training: Training) -> Learner:
        network = build()
        assert isinstance(network, CorrectedUpscaler)
        if self.pairs == "given":
            return PixelLearner(network, self, training, l1_loss)
        check_patch(self.batch(scale)[1], scale)
        return PseudoLearner(network, scale, self, training)


@dataclass(frozen=True)
class PseudoSr(Method):
    """Raises BadInput for a scale that is no power of 2."""

    networks: PairKnobs = PairKnobs()
    recipe: PseudoRecipe = PseudoRecipe(schedule="halve", milestones=(1 / 3, 0.6, 0.8, 14 / 15), lr_patch=32)

    def __post_init__(self) -> None:
        halvings(self.scale)

    @property
    def batch(self) -> tuple[int, int]:
        count, patch = self.recipe.batch(self.scale)
        return count + self.unpaired, patch

    @property
    def unpaired(self) -> int:
        return 0 if self.recipe.pairs == "given" else self.recipe.batch_size

    def network(self) -> CorrectedUpscaler:
        pairs = self.recipe.pairs
        return CorrectedUpscaler(self.scale, self.networks, pairs == "given", pairs in ("pseudo", "clean"))

    def corrector(self, network: nn.Module | None) -> Upscaler | None:
        """How LR is corrected before it is upscaled, for a look at it; None where test time does not."""
        assert isinstance(network, CorrectedUpscaler)
        return feed_forward(network.correct) if network.corrects else None


class PseudoLearner(NetworkLearner):
    """A step: the discriminators; the generators, against the discriminators as they now are; the upscaler, on what the
    generators made before. No other network changes between two passes, so each picture is made once, and a loss is
    sent to the weights that it is for."""

    def __init__(self, network: CorrectedUpscaler, scale: int, recipe: PseudoRecipe, training: Training) -> None:
        super().__init__(network, recipe, training)
        self.recipe = recipe
        self.towards = GANS[recipe.gan]
        degrader = Degrader(recipe.degrader_width, recipe.degrader_blocks, recipe.degrader_norm, recipe.noise)
        self.degrader = to_device(add_image_skip(degrader, 1) if network.image_skip else degrader, training)
        self.discriminators = recipe.discriminators(scale)
        to_device(self.discriminators, training)
        self.correct = compiled(network.correct, training)
        self.upscale = compiled(network.upscale, training)
        self.upscaler = list(network.upscale.parameters())
        self.generators = [*network.correct.parameters(), *self.degrader.parameters()]
        self.judging = list(self.discriminators.parameters())
        self.generator_adam = recipe.adversarial_adam(self.generators, training)
        self.discriminator_adam = recipe.adversarial_adam(self.judging, training)
        self.parts |= {"degrader": self.degrader, "generator_adam": self.generator_adam}
        self.parts |= {"discriminators": self.discriminators, "discriminator_adam": self.discriminator_adam}
        self.noise, self.warm = (torch.zeros(size, device=training.device) for size in ((0,), ()))
        self.perceptual: PerceptualGan | None = None
        if recipe.upscaler_loss == "perceptual-gan":
            features = to_device(Features(recipe.perceptual, recipe.layer), training).eval()
            self.perceptual = PerceptualGan(Terms(1.0, 5e-3, 1e-2, gan="relativistic", half=True), features)

    def begin(self, batch: Batch) -> Hashable:
        """Draw the degrader's noise, and say whether the upscaler warms up."""
        super().begin(batch)
        noise = self.draw_noise(batch)
        if self.noise.shape != noise.shape:
            self.noise = torch.empty_like(noise, device=self.training.device)
        self.noise.copy_(noise)
        self.warm.fill_(batch.step < self.recipe.warmup * self.training.iterations)
        return None

    def learn(self, batch: Batch) -> dict[str, Tensor]:
        assert batch.unpaired is not None, "pseudo-supervision learns from unpaired LR"
        x, y_down, y = (to_memory_format(image, self.training) for image in (batch.unpaired, batch.lr, batch.hr))
        losses = self.learn_from(x, y_down, y, self.noise, self.warm)
        self.average()
        return losses

    def draw_noise(self, batch: Batch) -> Tensor:
        """z, (N, 1, p/4, p/4) of a normal distribution, by the run's seed and the step."""
        side = batch.lr.shape[-1] // NOISE_STEP
        return normal((len(batch.lr), 1, side, side), self.training.seed, batch.step)

    def learn_from(self, x: Tensor, y_down: Tensor, y: Tensor, z: Tensor, warm: Tensor) -> dict[str, Tensor]:
        """One step of every network. warm: 1 in the upscaler's warm-up, or 0."""
        recipe, discriminators = self.recipe, self.discriminators
        with autocast(self.training):
            fake_x = self.degrader(y_down, z).float()
            recovered, clean, terms = self._correct(fake_x, x, y_down)
            sr, upscaled, unpaired_sr = self._upscale(fake_x, recovered, clean, y_down)
            contests = {"x": (x, fake_x)}  # discriminator -> (real, fake)
            if recipe.intermediate:
                contests["clean"] = (y_down, clean)
            if unpaired_sr is not None and upscaled is not None:
                contests["upscaled"] = (unpaired_sr, upscaled) if recipe.intermediate else (y, unpaired_sr)
            judged = self._judge(contests)
            if self.perceptual is not None:
                judged = judged + (1 - warm) * self.perceptual.discriminator(*self._logits("texture", y, sr.detach()))
        self._descend([(self.discriminator_adam, judged, self.judging)])
        with autocast(self.training):
            for name, (_, fake) in contests.items():
                terms[f"adversarial_{name}"] = self.towards(discriminators[name](fake).float(), True)
            reconstruction = learnt = l1_loss(sr, y)
            if self.perceptual is not None:
                refined = self.perceptual.generator(sr, y, discriminators["texture"])["loss"]
                learnt = warm * reconstruction + (1 - warm) * refined
        loss = torch.stack([recipe.weight(name) * term for name, term in terms.items()]).sum()
        if not recipe.intermediate:
            loss = learnt = loss + recipe.cycle_weight * reconstruction
        elif recipe.reconstruction_reaches:
            loss = loss + learnt
        self._descend([(self.adam, learnt, self.upscaler), (self.generator_adam, loss, self.generators)])
        whole = loss if recipe.reaches else loss + learnt
        losses = {"loss": whole, **terms, "reconstruction": reconstruction, "discriminators": judged}
        return {name: value.detach() for name, value in losses.items()}

    def _correct(self, fake_x: Tensor, x: Tensor, y_down: Tensor) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """(recovered, clean, the L1 terms on LR): one pass of the correction over all of its inputs, the orientations
        of x among them; those that are constants have a pass of their own."""
        recipe, count = self.recipe, len(x)
        inputs, terms = [fake_x, x], dict[str, Tensor]()
        idle = recipe.identity_input == "corrupted" or not recipe.weight("identity")
        inputs += [] if idle else [y_down]
        views = [orient(x, *how) for how in ORIENTATIONS[1:]] if recipe.weight("ensemble") else []
        together = views if recipe.ensemble_sides == "both" else []
        recovered, clean, *others = self.correct(torch.cat([*inputs, *together])).float().split(count)
        if recipe.weight("cycle"):
            terms["cycle"] = l1_loss(recovered, y_down)
        if recipe.weight("identity"):
            terms["identity"] = l1_loss(clean, x) if idle else l1_loss(others.pop(0), y_down)
        if views:
            constant = not together
            if constant:
                with torch.no_grad():
                    others = list(self.correct(torch.cat(views)).float().split(count))
            turned = [undo(view, *how) for view, how in zip(others, ORIENTATIONS[1:], strict=True)]
            mean = torch.stack([clean.detach() if constant else clean, *turned]).mean(0)
            terms["ensemble"] = l1_loss(clean, mean)
        return recovered, clean, terms

    def _upscale(
        self, fake_x: Tensor, recovered: Tensor, clean: Tensor, y_down: Tensor
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """(the SR that is compared with y, U(recovered), U(clean)); the latter two None where nothing judges them."""
        recipe = self.recipe
        judged = "upscaled" in self.discriminators
        upscaled = self.upscale(recovered).float() if judged or recipe.pairs == "pseudo" else None
        with torch.set_grad_enabled(not recipe.intermediate):
            unpaired_sr = self.upscale(clean).float() if judged else None
        if recipe.pairs == "pseudo" and upscaled is not None:
            return upscaled, upscaled, unpaired_sr
        sr = self.upscale(y_down if recipe.pairs == "clean" else fake_x.detach()).float()
        return sr, upscaled, unpaired_sr

    def _logits(self, name: str, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
        """A discriminator's, of real and of fake pictures in one pass, which no norm of it notices."""
        first, second = self.discriminators[name](torch.cat([real, fake])).float().split(len(real))
        return first, second

    def _judge(self, contests: Mapping[str, tuple[Tensor, Tensor]]) -> Tensor:
        """Half of both distances, summed over the discriminators, whose weights share nothing."""
        halves = []
        for name, (real, fake) in contests.items():
            first, second = self._logits(name, real.detach(), fake.detach())
            halves.append((self.towards(first, True) + self.towards(second, False)) / 2)
        return torch.stack(halves).sum()

    @staticmethod
    def _descend(tasks: list[tuple[Adam, Tensor, list[nn.Parameter]]]) -> None:
        """A step of each optimiser, at the rate that is set, after every loss has sent its gradient to the weights that
        it is for, and to no others."""
        for adam, loss, weights in tasks:
            adam.adam.zero_grad(set_to_none=True)
            loss.backward(inputs=weights, retain_graph=adam is not tasks[-1][0])  # type: ignore[no-untyped-call]
        for adam, *_ in tasks:
            adam.adam.step()
