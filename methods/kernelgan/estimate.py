"""The training loop of KernelGAN: many pictures side by side, each with its own networks and random numbers."""

from collections.abc import Sequence
from contextlib import suppress
from itertools import chain

import numpy as np
import torch
from torch import Tensor

from bench.api import Estimate, Picture, Progress
from bench.data.degradations import generator as random_numbers
from bench.data.images import F64
from bench.errors import Diverged
from bench.runtime.graph import RECORDERS, Recordings
from bench.runtime.turns import Steps, side_by_side
from methods.common.optimise import make_moments, tensor_adam
from methods.kernelgan import losses, network
from methods.kernelgan.kernel import finish
from methods.kernelgan.knobs import KernelGanKnobs
from methods.kernelgan.losses import Schedule
from methods.kernelgan.network import Discriminator
from methods.kernelgan.sampling import Crops, Subject, draw_crops, trimmed

REPORT_EVERY = 10  # iterations
ON_GPU = 64  # generators side by side on a GPU, where launches are what takes the time, whatever `side_by_side` is
LEAST_GAIN, LEAST_AGE = 0.1, 200  # of a generator that is not dead, trained for so many iterations; others are at 1


def estimate(knobs: KernelGanKnobs, pictures: Sequence[Picture], progress: Progress) -> Steps[list[Estimate]]:
    """The kernel of each picture, in the order given; `progress` counts iterations, one per generator.

    Pictures of one seed and name get the same kernel whatever is beside them; one whose generators amount to no kernel
    gets NaN. Raises BadInput, before any work, for a picture that is constant or too small.
    """
    for picture in pictures:
        trimmed(picture.name, _values(picture), knobs)
    order = sorted(range(len(pictures)), key=lambda index: pictures[index].name)
    raw: dict[int, list[F64]] = {index: [] for index in order}
    device = next((picture.lr.device for picture in pictures), torch.device("cpu"))
    size = ON_GPU if device.type == "cuda" else knobs.side_by_side

    def trained(chosen: list[tuple[int, int]]) -> Steps[list[F64]]:
        # fewer at once may be added up in another order on a GPU: the last batch is filled up
        filled = chosen + chosen[-1:] * (ON_GPU - len(chosen) if device.type == "cuda" else 0)
        subjects = [prepare(knobs, pictures[index], estimate) for index, estimate in filled]
        return (yield from train(knobs, subjects, progress, len(chosen)))

    batches = _batches(knobs, order, size)
    kernels = yield from side_by_side(map(trained, batches), device)
    for (index, _), values in zip(chain(*batches), chain(*kernels), strict=True):
        raw[index].append(values)
    return [_finished(picture.name, raw[index], knobs) for index, picture in enumerate(pictures)]


def _batches(knobs: KernelGanKnobs, order: Sequence[int], step: int) -> list[list[tuple[int, int]]]:
    """(picture, number of its generator), `step` side by side, their discriminators being of one size."""
    batches = []
    for size in sorted(set(knobs.discriminator_sizes), reverse=True):
        numbers = [estimate for estimate in range(knobs.estimates) if knobs.judged_by(estimate) == size]
        work = [(index, estimate) for index in order for estimate in numbers]
        batches += [work[start : start + step] for start in range(0, len(work), step)]
    return batches


def _finished(name: str, raw: Sequence[F64], knobs: KernelGanKnobs) -> Estimate:
    """The mean of a picture's post-processed kernels, padded to the widest; NaN where there is none. Generators that
    are not in it are dead."""
    found: list[F64] = []
    for values in alive(raw, LEAST_GAIN if knobs.iterations >= LEAST_AGE else 0.0):
        with suppress(Diverged):
            found.append(finish(name, values, knobs))
    widest = max((len(kernel) for kernel in found), default=knobs.support)
    padded = [np.pad(kernel, (widest - len(kernel)) // 2) for kernel in found]
    mean = np.mean(padded, axis=0) if found else np.full((widest, widest), np.nan)
    return Estimate(torch.from_numpy(mean), len(raw), len(raw) - len(found))


def alive(raw: Sequence[F64], least: float = 0.0) -> list[F64]:
    """Those of a picture's kernels whose gain did not fall to 0: a sum of at least half their median sum, and of
    the least gain.

    All that are finite where that median is not positive and no gain is asked for: generators too young to have one.
    """
    finite = [values for values in raw if np.isfinite(values).all()]
    median = np.median([values.sum() for values in finite]) if finite else 0.0
    young = median <= 0 and not least
    return [values for values in finite if young or values.sum() >= max(median / 2, least)]


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


def train(knobs: KernelGanKnobs, subjects: Sequence[Subject], progress: Progress, wanted: int) -> Steps[list[F64]]:
    """The kernel that each of the first `wanted` generators amounts to in the last `averaged` iterations, not yet
    post-processed."""
    batch = Batch(knobs, subjects)
    averaged = min(knobs.averaged, knobs.iterations)
    total = torch.zeros_like(batch.kernel, dtype=torch.float64)
    for iteration in range(knobs.iterations):
        batch.step(iteration)
        if iteration >= knobs.iterations - averaged:
            total += batch.amount()
        if (iteration + 1) % REPORT_EVERY == 0:
            progress(REPORT_EVERY * wanted)
        yield
    batch.recordings.recorded.clear()  # let go later, a graph might take its stream's workspaces from the next one
    progress(knobs.iterations % REPORT_EVERY * wanted)
    return list((total / averaged).cpu().numpy()[:wanted])


class Batch:
    """The networks of several generators and one iteration of their training, on a GPU one CUDA graph.

    What an iteration needs is written before it into tensors that it reads, and that stay where they are.
    """

    def __init__(self, knobs: KernelGanKnobs, subjects: Sequence[Subject]) -> None:
        self.knobs = knobs
        like = subjects[0].image
        self.schedule = Schedule(knobs, len(subjects), like.device)
        each = zip(*(subject.filters for subject in subjects), strict=True)
        self.filters = [torch.stack(list(weights)).to(like).requires_grad_() for weights in each]
        each = zip(*(subject.discriminator for subject in subjects), strict=True)
        self.discriminator = Discriminator(*(torch.stack(list(weights)).to(like) for weights in each))
        for weight in self.discriminator.parameters:
            weight.requires_grad_()
        self.mask = torch.from_numpy(losses.boundary_mask(knobs.support, knobs.boundary_ring)).to(like)
        self.bicubic = losses.bicubic_matrix(knobs).to(like)
        both = self.filters, self.discriminator.parameters
        self.adams = [tensor_adam(weights, like.device, (0.5, 0.999)) for weights in both]
        self.kernel = network.equivalent_kernel(self.filters)
        self.crops = Crops(knobs, subjects)
        self.bicubic_weights = like.new_zeros(len(subjects))
        self.constrained = torch.zeros(len(subjects), dtype=torch.bool, device=like.device)
        self.take_schedule()
        recorder = RECORDERS.get(like.device.type)
        self.keeps_kernel = recorder is None  # of one iteration for the next, which a graph cannot
        self.recordings = Recordings("kernelgan", recorder, self._state)

    def _state(self) -> object:
        moments = [adam.state_dict()["state"] for adam in self.adams]
        return [self.filters, vars(self.discriminator), moments, self.schedule.streak, self.crops.pictures]

    def take_schedule(self) -> None:
        """Write the schedule into the tensors that an iteration reads."""
        self.bicubic_weights.copy_(torch.tensor(self.schedule.bicubic, dtype=torch.float64))
        self.constrained.copy_(torch.tensor(self.schedule.constrained))

    def step(self, iteration: int) -> None:
        """One iteration; they come in their order."""
        for adam in self.adams:
            make_moments(adam)
            adam.param_groups[0]["lr"].fill_(self.schedule.learning_rate(iteration))
        self.crops.begin(iteration)
        self.amounts = self.recordings.do(any(self.schedule.constrained), [], lambda _: self.learn())["kernel"]
        if self.schedule.after(iteration):
            self.take_schedule()

    def learn(self) -> dict[str, Tensor]:
        """The generator's step, then the discriminator's on the new generator's output; nothing is read back."""
        if not self.keeps_kernel:
            self.kernel = network.equivalent_kernel(self.filters)
        crops, real = self.crops.inputs(), self.crops.real()
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
        self.schedule.take_in(bicubic)
        return {"kernel": self.kernel.detach()}

    def amount(self) -> Tensor:
        """The kernels that the generators amount to, (B, k, k). With ReLU no kernel stands for one: the derivative of
        its middle pixel by the window that it sees, on this iteration's crop."""
        if self.knobs.generator != "relu":
            return self.amounts
        crops = self.crops.inputs()
        fake = self.shrink(crops.requires_grad_(), crops)
        middle = self.knobs.fake_side // 2
        (slopes,) = torch.autograd.grad(fake[..., middle, middle].sum(), crops)
        start = middle * self.knobs.factor
        return slopes[..., start : start + self.knobs.support, start : start + self.knobs.support].mean(1)

    def shrink(self, crops: Tensor, strips: Tensor) -> Tensor:
        """The generator's output, (B, 3, n, n)."""
        if self.knobs.generator == "relu":
            return network.through_layers(crops, self.filters, self.knobs.factor)
        return network.downscale(strips, self.kernel, self.knobs.factor)

    def generator_loss(self, crops: Tensor, strips: Tensor) -> tuple[Tensor, Tensor]:
        """The weighted loss and the raw bicubic one, (B,) each."""
        knobs, kernel = self.knobs, self.kernel
        fake = self.shrink(crops, strips)
        weights = [weight.detach() for weight in network.effective(self.discriminator, knobs)]
        loss = losses.gan_loss(network.discriminate(weights, fake, knobs), True, knobs.gan_loss)
        bicubic = losses.mean_square(fake, losses.bicubic_target(crops, self.bicubic, knobs.bicubic_target))
        loss = loss + self.bicubic_weights * bicubic + knobs.sum_weight * losses.sum_loss(kernel)
        loss = loss + knobs.boundary_weight * losses.boundary_loss(kernel, self.mask, knobs.reduction)
        if any(self.schedule.constrained):
            centre = knobs.centre_weight * losses.centre_loss(kernel, knobs.factor, knobs.centre_loss)
            sparse = knobs.sparse_weight * losses.sparse_loss(kernel, knobs.sparse_exponent, knobs.reduction)
            loss = loss + torch.where(self.constrained, centre + sparse, 0)
        return loss, bicubic.detach()

    def discriminator_loss(self, crops: Tensor, strips: Tensor, real: Tensor) -> Tensor:
        """Half the loss on real crops plus half that on the generator's noisy output, (B,)."""
        knobs = self.knobs
        with torch.no_grad():
            fake = self.shrink(crops, strips) + knobs.noise * self.crops.normal(1)
        passes = [network.effective(self.discriminator, knobs) for _ in range(2)]
        weights = [torch.cat(both) for both in zip(*passes, strict=True)]
        logits = network.discriminate(weights, torch.cat([real, fake]), knobs)
        on_real, on_fake = logits.chunk(2)
        return (losses.gan_loss(on_real, True, knobs.gan_loss) + losses.gan_loss(on_fake, False, knobs.gan_loss)) / 2
