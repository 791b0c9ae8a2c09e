"""The training loop of KernelGAN: many pictures side by side, each with its own networks and random numbers."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bench.api import Picture, Progress
from bench.data.degradations import generator as random_numbers
from bench.data.images import F64
from bench.errors import Diverged
from methods.kernelgan import losses, network
from methods.kernelgan.kernel import finish
from methods.kernelgan.knobs import KernelGanKnobs
from methods.kernelgan.losses import Schedule
from methods.kernelgan.network import Discriminator
from methods.kernelgan.sampling import Corners, draw_crops, trimmed

REPORT_EVERY = 10  # iterations
LEAST_GAIN, LEAST_AGE = 0.1, 200  # of a generator that is not dead, trained for so many iterations; others are at 1


@dataclass(frozen=True)
class Subject:
    """One generator's part in a batch: what its picture shows, where its crops lie, its noise, its first weights."""

    name: str
    image: Tensor  # (3, h, w) in [0, 1]; noise may accumulate in it
    corners: tuple[Corners, Corners]
    random: np.random.Generator
    filters: list[Tensor]
    discriminator: list[Tensor]


def estimate(knobs: KernelGanKnobs, pictures: Sequence[Picture], progress: Progress) -> list[Tensor]:
    """The kernel of each picture, in the order given; `progress` counts iterations, one per generator.

    Pictures of one seed and name get the same kernel whatever is beside them; one whose generators amount to no kernel
    gets NaN. Raises BadInput, before any work, for a picture that is constant or too small.
    """
    for picture in pictures:
        trimmed(picture.name, _values(picture), knobs)
    order = sorted(range(len(pictures)), key=lambda index: pictures[index].name)
    raw: dict[int, list[F64]] = {index: [] for index in order}
    for chosen in _batches(knobs, order):
        subjects = [prepare(knobs, pictures[index], estimate) for index, estimate in chosen]
        for (index, _), values in zip(chosen, train(knobs, subjects, progress), strict=True):
            raw[index].append(values)
    return [_finished(picture.name, raw[index], knobs) for index, picture in enumerate(pictures)]


def _batches(knobs: KernelGanKnobs, order: Sequence[int]) -> list[list[tuple[int, int]]]:
    """(picture, number of its generator) that train side by side, their discriminators being of one size."""
    batches = []
    for size in sorted(set(knobs.discriminator_sizes), reverse=True):
        numbers = [estimate for estimate in range(knobs.estimates) if knobs.judged_by(estimate) == size]
        work = [(index, estimate) for index in order for estimate in numbers]
        step = knobs.side_by_side
        batches += [work[start : start + step] for start in range(0, len(work), step)]
    return batches


def _finished(name: str, raw: Sequence[F64], knobs: KernelGanKnobs) -> Tensor:
    """The mean of a picture's post-processed kernels, padded to the widest; NaN where there is none."""
    found: list[F64] = []
    for values in alive(raw, LEAST_GAIN if knobs.iterations >= LEAST_AGE else 0.0):
        with suppress(Diverged):
            found.append(finish(name, values, knobs))
    if not found:
        return torch.full((knobs.support, knobs.support), float("nan"), dtype=torch.float64)
    widest = max(len(kernel) for kernel in found)
    padded = [np.pad(kernel, (widest - len(kernel)) // 2) for kernel in found]
    return torch.from_numpy(np.mean(padded, axis=0))


def alive(raw: Sequence[F64], least: float = 0.0) -> list[F64]:
    """Those of a picture's kernels whose gain did not fall to 0: a sum of at least half their median sum, and of
    the least gain.

    All that are finite where that median is not positive: generators too young to have a gain.
    """
    finite = [values for values in raw if np.isfinite(values).all()]
    median = np.median([values.sum() for values in finite]) if finite else 0.0
    return [values for values in finite if median <= 0 or values.sum() >= max(median / 2, least)]


def _values(picture: Picture) -> F64:
    """(h, w, 3) float64."""
    return picture.lr.detach().cpu().double().permute(1, 2, 0).numpy()


def prepare(knobs: KernelGanKnobs, picture: Picture, estimate: int = 0) -> Subject:
    """Everything that is drawn for one of a picture's generators, from its number and the picture's seed and name."""
    image = trimmed(picture.name, _values(picture), knobs)
    drawn = picture.name + (f"#{estimate}" if estimate else "")
    crops = random_numbers("kernelgan crops", picture.seed, drawn)
    weights = random_numbers("kernelgan weights", picture.seed, drawn)
    noise = random_numbers("kernelgan noise", picture.seed, drawn)
    return Subject(
        picture.name,
        torch.from_numpy(image.transpose(2, 0, 1).copy()).to(picture.lr.device, torch.float32),
        draw_crops(image, knobs, crops),
        noise,
        network.draw_filters(knobs, weights),
        network.draw_discriminator(knobs, weights, knobs.judged_by(estimate)),
    )


def train(knobs: KernelGanKnobs, subjects: Sequence[Subject], progress: Progress) -> list[F64]:
    """The kernel that each generator amounts to in the last `averaged` iterations, not yet post-processed."""
    batch = Batch(knobs, subjects)
    averaged = min(knobs.averaged, knobs.iterations)
    total = torch.zeros_like(batch.kernel, dtype=torch.float64)
    for iteration in range(knobs.iterations):
        batch.step(iteration)
        if iteration >= knobs.iterations - averaged:
            total += batch.amount(iteration)
        if (iteration + 1) % REPORT_EVERY == 0:
            progress(REPORT_EVERY * len(subjects))
    progress(knobs.iterations % REPORT_EVERY * len(subjects))
    return list((total / averaged).cpu().numpy())


class Batch:
    """The networks of several pictures and one iteration of their training."""

    def __init__(self, knobs: KernelGanKnobs, subjects: Sequence[Subject]) -> None:
        self.knobs, self.subjects = knobs, subjects
        self.schedule = Schedule(knobs, len(subjects))
        like = subjects[0].image
        each = zip(*(subject.filters for subject in subjects), strict=True)
        self.filters = [torch.stack(list(weights)).to(like).requires_grad_() for weights in each]
        each = zip(*(subject.discriminator for subject in subjects), strict=True)
        self.discriminator = Discriminator(*(torch.stack(list(weights)).to(like) for weights in each))
        for weight in self.discriminator.parameters:
            weight.requires_grad_()
        self.mask = torch.from_numpy(losses.boundary_mask(knobs.support, knobs.boundary_ring)).to(like)
        self.bicubic = losses.bicubic_matrix(knobs).to(like)
        both = self.filters, self.discriminator.parameters
        self.adams = [torch.optim.Adam(w, lr=knobs.learning_rate, betas=(0.5, 0.999), fused=True) for w in both]
        self.kernel = network.equivalent_kernel(self.filters)

    def step(self, iteration: int) -> None:
        """The generator's step, then the discriminator's on the new generator's output."""
        for adam in self.adams:
            adam.param_groups[0]["lr"] = self.schedule.learning_rate(iteration)
        crops, real = self.crops(iteration)
        strips = network.row_strips(crops, self.knobs.support, self.knobs.factor)
        loss, bicubic = self.generator_loss(crops, strips)
        self.adams[0].zero_grad()
        loss.sum().backward()  # type: ignore[no-untyped-call]
        self.adams[0].step()
        self.kernel = network.equivalent_kernel(self.filters)
        loss = self.discriminator_loss(crops, strips, real)
        self.adams[1].zero_grad()
        loss.sum().backward()  # type: ignore[no-untyped-call]
        self.adams[1].step()
        self.schedule.after(iteration, bicubic.tolist())

    def amount(self, iteration: int) -> Tensor:
        """The kernels that the generators amount to, (B, k, k). With ReLU no kernel stands for one: the derivative of
        its middle pixel by the window that it sees, on this iteration's crop."""
        if self.knobs.generator != "relu":
            return self.kernel.detach()
        crops = torch.stack([_cut(subject, 0, iteration, self.knobs.crop) for subject in self.subjects]) * 2 - 1
        fake = self.shrink(crops.requires_grad_(), crops)
        middle = self.knobs.fake_side // 2
        (slopes,) = torch.autograd.grad(fake[..., middle, middle].sum(), crops)
        start = middle * self.knobs.factor
        return slopes[..., start : start + self.knobs.support, start : start + self.knobs.support].mean(1)

    def crops(self, iteration: int) -> tuple[Tensor, Tensor]:
        """The generator's input and the real crops with their noise, in [-1, 1]: (B, 3, crop, crop), (B, 3, n, n)."""
        inputs, real = [], []
        for subject in self.subjects:
            inputs.append(_cut(subject, 0, iteration, self.knobs.crop).clone())
            crop = _cut(subject, 1, iteration, self.knobs.fake_side)
            noisy = crop + self.knobs.noise * _normal(subject, crop)
            if self.knobs.accumulate_noise:
                crop.copy_(noisy)
            real.append(noisy)
        return torch.stack(inputs) * 2 - 1, torch.stack(real) * 2 - 1

    def shrink(self, crops: Tensor, strips: Tensor) -> Tensor:
        """The generator's output, (B, 3, n, n)."""
        if self.knobs.generator == "relu":
            return network.through_layers(crops, self.filters, self.knobs.factor)
        return network.downscale(strips, self.kernel, self.knobs.factor)

    def generator_loss(self, crops: Tensor, strips: Tensor) -> tuple[Tensor, Tensor]:
        """The weighted loss and the raw bicubic one, (B,) each."""
        knobs, kernel, schedule = self.knobs, self.kernel, self.schedule
        fake = self.shrink(crops, strips)
        weights = [weight.detach() for weight in network.effective(self.discriminator, knobs)]
        loss = losses.gan_loss(network.discriminate(weights, fake, knobs), True, knobs.gan_loss)
        bicubic = losses.mean_square(fake, losses.bicubic_target(crops, self.bicubic, knobs.bicubic_target))
        loss = loss + loss.new_tensor(schedule.bicubic) * bicubic + knobs.sum_weight * losses.sum_loss(kernel)
        loss = loss + knobs.boundary_weight * losses.boundary_loss(kernel, self.mask, knobs.reduction)
        if any(schedule.constrained):
            centre = knobs.centre_weight * losses.centre_loss(kernel, knobs.factor, knobs.centre_loss)
            sparse = knobs.sparse_weight * losses.sparse_loss(kernel, knobs.sparse_exponent, knobs.reduction)
            on = torch.tensor(schedule.constrained, device=loss.device)
            loss = loss + torch.where(on, centre + sparse, 0)
        return loss, bicubic.detach()

    def discriminator_loss(self, crops: Tensor, strips: Tensor, real: Tensor) -> Tensor:
        """Half the loss on real crops plus half that on the generator's noisy output, (B,)."""
        knobs = self.knobs
        with torch.no_grad():
            fake = self.shrink(crops, strips)
            normal = torch.stack([_normal(subject, crop) for subject, crop in zip(self.subjects, fake, strict=True)])
            fake = fake + knobs.noise * normal
        passes = [network.effective(self.discriminator, knobs) for _ in range(2)]
        weights = [torch.cat(both) for both in zip(*passes, strict=True)]
        logits = network.discriminate(weights, torch.cat([real, fake]), knobs)
        on_real, on_fake = logits.chunk(2)
        return (losses.gan_loss(on_real, True, knobs.gan_loss) + losses.gan_loss(on_fake, False, knobs.gan_loss)) / 2


def _cut(subject: Subject, which: int, iteration: int, side: int) -> Tensor:
    """A view of the picture's crop in this iteration, (3, side, side)."""
    top, left = subject.corners[which][iteration].tolist()
    return subject.image[:, top : top + side, left : left + side]


def _normal(subject: Subject, like: Tensor) -> Tensor:
    """Standard normal numbers of the picture's own."""
    values = subject.random.standard_normal(tuple(like.shape), dtype=np.float32)
    return torch.from_numpy(values).to(like)
