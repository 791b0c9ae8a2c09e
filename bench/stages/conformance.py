"""Whether a method keeps to what every method must keep to: each check names one fault, and what to do about it. The
method is built at sizes that a check can afford, trained for a few steps of noise, and given pictures of noise."""

from __future__ import annotations

import functools
import io
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from bench.api import Batch, Entry, Knobs, Learner, Method, Picture, Training, Upscaler
from bench.data.blur_kernels import bd_kernel
from bench.errors import BadInput, MissingWeights
from bench.runtime.devices import be_deterministic
from bench.stages.cost import count
from bench.stages.decoys import hidden, watching
from bench.suites.suite import Suite
from methods import GUESTS, find_entry

STEPS = 2  # before and after a training is saved
SIZES = ((7, 9), (12, 8), (12, 8))  # LR height and width of the pictures; the last two may share a batch
_LARGEST = 10.0  # of an SR value: an untrained network may leave [0, 1], but not by so much
_ALIKE = 1e-4  # of the largest value: convolutions sum in another order in another batch


class Fault(BadInput):
    """What a check found, with the remedy."""


@dataclass(frozen=True)
class Finding:
    """One check: what it found to be wrong; what it saw, or why it was left out, where nothing is."""

    check: str
    fault: str = ""
    note: str = ""


@dataclass(frozen=True)
class Subject:
    """A method at a size that a check can afford. others: scales at which its shapes are looked at, too."""

    entry: Entry
    knobs: Knobs
    scale: int
    others: tuple[int, ...] = (2, 3, 4, 8)

    def build(self, variant: str = "default", scale: int | None = None) -> Method:
        return self.entry.build(scale or self.scale, {**self.knobs, **self.entry.variants[variant]})

    @functools.cached_property
    def method(self) -> Method:
        return self.build()

    @functools.cached_property
    def pictures(self) -> list[Picture]:
        generator = torch.Generator().manual_seed(1)
        kernel = torch.from_numpy(bd_kernel(self.scale))
        larger = 14 if self.entry.estimates else 4 if any(self.method.at_test) else 1  # what trains on a picture
        drawn = [torch.rand(3, larger * h, larger * w, generator=generator) for h, w in SIZES]
        return [Picture(f"check-{number}", lr, kernel, seed=3) for number, lr in enumerate(drawn)]


def upscaler_of(method: Method) -> tuple[Upscaler, nn.Module | None]:
    """A fresh one, and its untrained network, always the same."""
    be_deterministic(1)
    network = method.network()
    return method.upscaler(network.eval() if network is not None else None), network


def learner_of(method: Method) -> Learner | None:
    be_deterministic(1)
    return method.learner(Training(2 * STEPS, seed=1))


def batch_of(method: Method, step: int) -> Batch:
    """Noise, as large as the method asks for."""
    (number, patch), scale = method.batch, method.scale
    if patch % scale:
        raise Fault(f"its patches of {patch} HR pixels do not divide by the scale {scale}; make patch a multiple of it")
    hr = torch.rand(number, 3, patch, patch, generator=torch.Generator().manual_seed(step))
    shrunk = [nn.functional.avg_pool2d(hr, factor) for factor in (scale, *method.levels)]
    lr, levels = shrunk[0], tuple(level[: number - method.unpaired] for level in shrunk[1:])
    pairs = number - method.unpaired
    return Batch(lr[:pairs], hr[:pairs], step, levels, lr[pairs:] if method.unpaired else None)


def train_step(learner: Learner, method: Method, step: int) -> dict[str, float]:
    """Its losses. Raises Fault for what the training loop cannot work with."""
    losses = learner.step(batch_of(method, step))
    if not isinstance(losses, dict) or "loss" not in losses:
        raise Fault("step() must return a dictionary of losses, 'loss' among them")
    for name, value in losses.items():
        if not isinstance(value, Tensor) or value.ndim or value.requires_grad:
            raise Fault(f"step() returns {name} as no detached tensor without dimensions; return loss.detach()")
    return {name: float(value) for name, value in losses.items()}


def check_shape(subject: Subject) -> str:
    """(3, scale*h, scale*w) float32 at odd sizes, at every scale that it serves."""
    served = []
    for scale in dict.fromkeys((subject.scale, *subject.others)):
        try:
            upscale, _ = upscaler_of(subject.build(scale=scale))
        except BadInput:
            if scale == subject.scale:
                raise
            continue
        for picture in subject.pictures[: 2 if scale == subject.scale else 1]:
            height, width = picture.lr.shape[1:]
            sr, expected = upscale(picture), (3, scale * height, scale * width)
            if not isinstance(sr, Tensor) or tuple(sr.shape) != expected:
                shape = tuple(sr.shape) if isinstance(sr, Tensor) else type(sr).__name__
                wrong = f"at x{scale} an LR of {width}x{height} becomes {shape} instead of {expected}"
                raise Fault(f"{wrong}; use self.scale, and raise BadInput for scales it does not serve")
            if sr.dtype != torch.float32:
                raise Fault(f"its SR is {sr.dtype}; return float32")
        served.append(f"x{scale}")
    return f"serves {', '.join(sorted(served))}"


def check_range(subject: Subject) -> str:
    """Finite, after some steps too, and RGB in [0, 1] rather than in [0, 255]."""
    sr = upscaler_of(subject.method)[0](subject.pictures[0])
    found, learner = [sr], learner_of(subject.method)
    if learner is not None:
        _ = [train_step(learner, subject.method, step) for step in range(STEPS)]
        found.append(subject.method.upscaler(learner.network.eval())(subject.pictures[0]))
    if not all(bool(torch.isfinite(each).all()) for each in found):
        raise Fault(f"its SR holds NaN or infinity, as drawn or after {STEPS} steps; look at its first values and rate")
    if float(sr.abs().max()) > _LARGEST:
        raise Fault(f"its SR reaches {float(sr.abs().max()):.0f}; pictures are RGB in [0, 1], not in [0, 255]")
    return f"{float(sr.min()):.2f} to {float(sr.max()):.2f}, clipped to 0...1 when written"


def check_determinism(subject: Subject) -> str:
    """The same picture, the same SR, whatever was drawn at random before."""
    found = []
    for seed in (1, 2):
        upscale, _ = upscaler_of(subject.method)
        be_deterministic(seed)
        found.append(upscale(subject.pictures[0]))
    if not torch.equal(*found):
        raise Fault("one picture gives two different SR; draw from torch.Generator().manual_seed(picture.seed) alone")
    return ""


def check_state(subject: Subject) -> str:
    """What it makes of a picture does not depend on those before, and the picture stays as it was."""
    upscale, _ = upscaler_of(subject.method)
    first, second = subject.pictures[:2]
    kept = first.lr.clone()
    before = upscale(first).clone()
    if not torch.equal(first.lr, kept):
        raise Fault("it changes the LR that it is given; work on picture.lr.clone()")
    upscale(second)
    if not torch.equal(before, upscale(first)):
        raise Fault("the SR of a picture depends on the pictures before it; keep nothing between two pictures")
    return ""


def check_neighbours(subject: Subject) -> str:
    """What its network makes of a picture does not depend on what else is in the batch."""
    upscale, network = upscaler_of(subject.method)
    calls: list[tuple[Any, ...]] = []
    if network is None:
        return "no network"
    hook = network.register_forward_pre_hook(lambda _, entered: calls.append(entered))
    upscale(subject.pictures[1])
    hook.remove()
    if not calls or len(calls[0]) != 1 or not isinstance(calls[0][0], Tensor):
        return "its network is not called on a picture alone"
    own = calls[0][0][:1].clone()
    for other in (torch.rand_like(own), torch.zeros_like(own)):
        with torch.inference_mode():
            alone, beside = (tree_leaves(network(batch)) for batch in (own, torch.cat([own, other])))
        for a, b in zip(alone, beside, strict=True):
            gap = float((a[0] - b[0]).abs().max()) if a.shape[1:] == b.shape[1:] else 0.0
            if gap > _ALIKE * max(1.0, float(a.abs().max())):
                raise Fault("the SR of a picture depends on its neighbours in the batch; normalise each for itself")
    return ""


def check_training(subject: Subject) -> str:
    """Steps run, the same way twice."""
    method, traces = subject.method, []
    for _ in range(2):
        learner = learner_of(method)
        if learner is None:
            if type(method).__module__.startswith("guest_") and method.network() is not None:
                raise Fault("nothing trains its network; give it a field recipe, or define learner(self, training)")
            return "nothing to train"
        be_deterministic(1)  # the loop seeds once, before the learner is built
        traces.append([train_step(learner, method, step) for step in range(STEPS)])
    if str(traces[0]) != str(traces[1]):  # NaN is as NaN
        raise Fault("two trainings from one seed differ; draw at random from torch alone, never from the clock")
    return f"losses {', '.join(traces[0][0])}"


def check_resume(subject: Subject) -> str:
    """Saved and loaded in the middle, it is the same training, whatever the state of the random numbers."""
    method = subject.method
    whole, first, resumed = learner_of(method), learner_of(method), learner_of(method)
    if whole is None or first is None or resumed is None:
        return "nothing to train"
    for step in range(STEPS):
        train_step(whole, method, step)
        train_step(first, method, step)
    buffer = io.BytesIO()
    torch.save(first.state_dict(), buffer)
    buffer.seek(0)
    resumed.load_state_dict(torch.load(buffer, weights_only=True))
    for learner, seed in ((whole, 1), (resumed, 2)):
        be_deterministic(seed)
        for step in range(STEPS, 2 * STEPS):
            train_step(learner, method, step)
    for key, value in whole.network.state_dict().items():
        if not torch.equal(value, resumed.network.state_dict()[key]):
            remedy = "state_dict() must hold all that a step reads, and chance follow from (seed, batch.step) alone"
            raise Fault(f"a resumed training is another one ({key} differs); {remedy}")
    return ""


def check_files(subject: Subject) -> str:
    """An upscaler sees its Picture alone: with HR where the harness keeps it, and watched; then without."""
    upscale, _ = upscaler_of(subject.method)
    picture = replace(subject.pictures[0], name="baby")
    with hidden(picture, subject.scale) as hr:
        with watching() as opened:
            beside = upscale(picture)
        for path in hr:
            path.unlink()
        alone = upscale(picture)
    if opened:
        raise Fault(f"it looks at {opened[0]} while it upscales; a method may see its Picture alone, never HR or files")
    if not torch.equal(alone, beside):
        raise Fault("its SR differs where the HR is on this machine; a method may see its Picture alone")
    return ""


def check_knobs(subject: Subject) -> str:
    """Every variant builds and changes something."""
    entry, skipped = subject.entry, []
    if "__dataclass_fields__" not in vars(entry.method):
        raise Fault("its fields are no knobs; write @dataclass(frozen=True) above its class")
    default = _trace(subject, "default")
    for variant in entry.variants:
        if variant == "default":
            continue
        changed = {k for k, value in subject.build(variant).knobs.items() if value != subject.method.knobs[k]}
        if changed <= {"pretrained"}:
            skipped.append(variant)  # it is of other data, or starts elsewhere
            continue
        try:
            if _trace(subject, variant) == default:
                raise Fault(f"its variant {variant} changes neither a loss nor a picture; use its knobs in the network")
        except MissingWeights:
            skipped.append(variant)
    left_out = f", not compared: {', '.join(skipped)}" if skipped else ""
    return f"{len(entry.knobs)} knobs, {len(entry.variants) - 1} variants{left_out}"


def check_cost(subject: Subject) -> str:
    """Its parameters and multiply-accumulates can be counted."""
    network = subject.method.network()
    if network is None:
        return "no network to count"
    try:
        counted = count(subject.method)
    except Exception as error:
        raise Fault(f"its cost cannot be counted ({type(error).__name__}): no .item() or numpy in it") from error
    if counted is None or (counted.parameters == 0 and list(network.parameters())):
        raise Fault("its upscaler does not use its network; run the network that upscaler() is given")
    return f"{counted.parameters:,} parameters, {counted.macs / 1e6:,.1f} M multiply-accumulates of a 64x64 LR"


def check_estimate(subject: Subject) -> str:
    """Kernels that sum to 1, the same every time, whatever stands beside a picture."""
    estimate = subject.method.estimator()
    assert estimate is not None
    alone, together = ([found.kernel for found in estimate(subject.pictures[n:], lambda _: None)] for n in (2, 1))
    for kernel in (*alone, *together):
        if kernel.ndim != 2 or kernel.shape[0] != kernel.shape[1]:
            raise Fault(f"a kernel has the shape {tuple(kernel.shape)}; return (k, k)")
        if abs(float(kernel.sum()) - 1) > 1e-6:
            raise Fault(f"a kernel sums to {float(kernel.sum()):.4f}; divide it by its sum")
    if not torch.allclose(alone[0], together[1], atol=1e-6):
        raise Fault("the kernel of a picture depends on what stands beside it; estimate each for itself")
    return f"{alone[0].shape[0]}x{alone[0].shape[1]}"


CHECKS: tuple[Callable[[Subject], str], ...] = (
    *(check_shape, check_training, check_range, check_determinism, check_state, check_neighbours),
    *(check_files, check_resume, check_knobs, check_cost),
)


def check_method(subject: Subject, checks: Sequence[Callable[[Subject], str]] = CHECKS) -> Iterator[Finding]:
    """These checks in their order; the one of estimators where it is one."""
    for check in (check_estimate,) if subject.entry.estimates else checks:
        name = check.__name__.removeprefix("check_")
        try:
            yield Finding(name, note=check(subject))
        except MissingWeights as error:
            yield Finding(name, note=f"left out: {error}")
        except BadInput as error:
            yield Finding(name, str(error))
        except Exception as error:
            last, text = traceback.extract_tb(error.__traceback__)[-1], " ".join(str(error).split())
            yield Finding(name, f"{type(error).__name__}: {text} ({Path(last.filename).name}, line {last.lineno})")


def try_out(suite: Suite, method: str) -> None:
    """Raise BadInput where a method of one's own does not survive one tiny batch at the suite's size, before anything
    else is done with it."""
    if method not in GUESTS or "sha256" in find_entry(method).default:  # others have trained it
        return
    run = suite.experiment(method, "default", 1)
    subject = Subject(run.entry, run.knobs, run.scale, others=())
    for finding in check_method(subject, (check_shape, check_training)):
        if finding.fault:
            raise BadInput(f"{GUESTS[method]}: {finding.fault} (python -m bench check says more)")


def _trace(subject: Subject, variant: str) -> Any:
    """The losses of some steps, and what the network then makes of a picture, as plain values."""
    method = subject.build(variant)
    learner = learner_of(method)
    if learner is None:
        return upscaler_of(method)[0](subject.pictures[1]).tolist()
    losses = [train_step(learner, method, step) for step in range(STEPS)]
    return losses, method.upscaler(learner.network.eval())(subject.pictures[1]).tolist()
