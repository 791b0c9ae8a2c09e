"""SUITES: named lists of experiments with their data, sizes, lengths and seeds.

A suite scales a method by naming its knobs (width, blocks, iterations), never by leaving parts out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from bench.api import Knobs, Precision
from bench.errors import BadInput, unknown
from bench.score import DEFAULT_METRICS
from bench.spec import Experiment, pretrain_variant
from methods import METHODS, entry


@dataclass(frozen=True)
class Plan:
    """What a suite runs of one method: scaled sizes, length, variants. `resized` scales a variant's own knobs."""

    method: str
    iterations: int = 0
    knobs: Knobs = field(default_factory=dict)
    variants: tuple[str, ...] = ("default",)
    seeds: tuple[int, ...] = (1,)
    resized: Mapping[str, Knobs] = field(default_factory=dict)
    shard: str = "baselines"


@dataclass(frozen=True)
class Suite:
    """A benchmark that one command runs."""

    name: str
    title: str
    train_sets: tuple[str, ...]
    test_sets: tuple[str, ...]
    plans: tuple[Plan, ...]
    scale: int = 4
    degradation: str = "bicubic"
    metrics: tuple[str, ...] = DEFAULT_METRICS
    precision: Precision = "float32"
    channels_last: bool = False
    compile: bool = False
    threads: int = 1
    guest_iterations: int = 500
    notes: tuple[str, ...] = ()

    def plan(self, method: str) -> Plan:
        """The plan of a method; a guest trains for `guest_iterations`. Raises BadInput where the suite has none."""
        plans = {plan.method: plan for plan in self.all_plans}
        if method not in plans:
            raise unknown(f"method in suite {self.name}", method, plans)
        return plans[method]

    @property
    def all_plans(self) -> tuple[Plan, ...]:
        """The suite's plans, and one for each guest method of this process."""
        guests = [name for name, dossier in METHODS.items() if dossier.method.__module__.startswith("guest_")]
        return self.plans + tuple(self._guest_plan(name) for name in guests)

    def _guest_plan(self, name: str) -> Plan:
        trains = entry(name).build(self.scale, {}).network() is not None
        return Plan(name, self.guest_iterations if trains else 0, shard="guests")

    def experiment(self, method: str, variant: str, seed: int) -> Experiment:
        """One run of this suite."""
        plan, dossier = self.plan(method), entry(method)
        if variant not in dossier.variants:
            raise unknown(f"variant of {method}", variant, dossier.variants)
        trains = plan.iterations > 0
        run = Experiment(
            method=method,
            variant=variant,
            knobs={**plan.knobs, **dossier.variants[variant], **plan.resized.get(variant, {})},
            scale=self.scale,
            degradation=self.degradation,
            seed=seed,
            iterations=plan.iterations,
            train_sets=self.train_sets if trains else (),
            precision=self.precision,
            channels_last=self.channels_last,
            compile=self.compile,
            threads=self.threads,
        )
        if dossier.pretrain is None:
            return run
        earlier = pretrain_variant(dossier, dossier.pretrain, variant)
        return replace(run, warm_start=self.experiment(dossier.pretrain.method, earlier, seed).name)

    def experiments(self, shard: str | None = None) -> dict[str, Experiment]:
        """Every run by name, the runs that others start from included, in the order of the plans."""
        shards = sorted({plan.shard for plan in self.all_plans})
        if shard is not None and shard not in shards:
            raise unknown(f"shard of suite {self.name}", shard, shards)
        plans = [plan for plan in self.all_plans if shard in (None, plan.shard)]
        wanted = [self.experiment(p.method, v, s) for p in plans for v in p.variants for s in p.seeds]
        found: dict[str, Experiment] = {}
        for run in wanted:
            for one in (*self._earlier(run), run):
                found.setdefault(one.name, one)
        order = [plan.method for plan in self.all_plans]
        return dict(sorted(found.items(), key=lambda item: order.index(item[1].method)))

    def _earlier(self, run: Experiment) -> list[Experiment]:
        """The run that this one starts from."""
        if run.warm_start is None:
            return []
        dossier = run.entry
        assert dossier.pretrain is not None
        earlier = pretrain_variant(dossier, dossier.pretrain, run.variant)
        return [self.experiment(dossier.pretrain.method, earlier, run.seed)]


_QUICK: Knobs = {"batch_size": 4, "patch": 48, "learning_rate": 2e-3, "schedule": "cosine"}
_SMALL_RRDB: Knobs = {"width": 16, "growth": 8, "blocks": 1}
_SMALL_BLOCKS: Mapping[str, Knobs] = {
    "residual-blocks": {"blocks": 3},
    "residual-bn": {"blocks": 3},
    "ladder-1": {"blocks": 3},
    "ladder-2": {"blocks": 3},
    "ladder-3": {"blocks": 3},
}
_PACKAGED: Knobs = {"perceptual": "stlpips-vgg16", "batch_size": 2, "patch": 64, "discriminator_width": 16}

DEMO = Suite(
    name="demo",
    title="every part of the harness on embedded photographs, minutes long",
    train_sets=("Embedded-train",),
    test_sets=("Embedded-test",),
    plans=(
        Plan("bicubic"),
        Plan("srcnn", 4000, {"widths": (32, 16), "batch_size": 4, "patch": 36, "learning_rate": 2e-3}),
        Plan("espcn", 4000, {"patch": 68, "learning_rate": 2e-3}),
        Plan(
            "srresnet",
            3000,
            {**_QUICK, "width": 16, "blocks": 2, "patch": 40, "learning_rate": 4e-3},
            ("default", "no-bn"),
        ),
        Plan("msrresnet", 1500, {**_QUICK, "width": 16, "blocks": 4, "ema": 0.99}),
        Plan("edsr", 1500, {**_QUICK, "width": 16, "blocks": 4, "residual_scaling": 1.0}),
        Plan("rcan", 1200, {**_QUICK, "width": 16, "groups": 2, "blocks": 2, "reduction": 4}),
        Plan("ddbpn", 800, {**_QUICK, "features": 32, "width": 12, "stages": 2}),
        Plan("srgan", 100, {**_PACKAGED, "width": 16, "blocks": 2, "feature_scale": 1 / 640, "learning_rate": 1e-5}),
        Plan(
            "msrgan",
            100,
            {**_PACKAGED, "width": 16, "blocks": 4, "perceptual_weight": 0.02, "learning_rate": 3e-5, "ema": 0.9},
        ),
        Plan(
            "enhancenet",
            100,
            {**_PACKAGED, "width": 16, "blocks": 4, "texture_weight": 0.05, "learning_rate": 5e-4},
        ),
        Plan(
            "rrdb",
            1500,
            {**_QUICK, **_SMALL_RRDB, "learning_rate": 4e-3},
            ("default", "bn", "residual-blocks"),
            resized=_SMALL_BLOCKS,
            shard="esrgan",
        ),
        Plan(
            "esrgan",
            100,
            {**_PACKAGED, **_SMALL_RRDB, "perceptual_weight": 0.02, "learning_rate": 3e-5},
            ("default", "bn", "tap-after", "standard-gan", "residual-blocks", "ladder-1", "ladder-2", "ladder-3"),
            resized=_SMALL_BLOCKS,
            shard="esrgan",
        ),
    ),
    metrics=(*DEFAULT_METRICS, "luma_error"),
    notes=(
        "Networks and runs are far smaller than the papers': this suite shows that every part works, not who is best.",
        "The perceptual network is the ST-LPIPS VGG16 (conv5_3), which a package ships. Before activation its features "
        "of an embedded photograph and of that photograph enlarged bicubically differ by 41 on average, so the weights "
        "of the perceptual terms are scaled down to bring them near 1.",
    ),
)

SMOKE = Suite(
    name="smoke",
    title="a few steps of the longest chain: does the workflow run at all?",
    train_sets=("Embedded-train",),
    test_sets=("Embedded-test",),
    plans=(
        Plan("bicubic"),
        Plan("rrdb", iterations=20, knobs={**_SMALL_RRDB, "batch_size": 4, "patch": 48}, shard="esrgan"),
        Plan(
            "esrgan",
            iterations=4,
            knobs={
                **_SMALL_RRDB,
                "blocks": 1,
                "batch_size": 1,
                "perceptual": "stlpips-vgg16",
                "discriminator_width": 8,
            },
            shard="esrgan",
        ),
    ),
    metrics=("psnr_y", "ssim_y", "stlpips_alex", "niqe"),
    notes=("Nothing here is trained; the numbers mean nothing.",),
)

SUITES: dict[str, Suite] = {suite.name: suite for suite in (DEMO, SMOKE)}


def suite(name: str) -> Suite:
    """The suite of that name. Raises BadInput, naming the nearest, where there is none."""
    if name not in SUITES:
        raise unknown("suite", name, SUITES)
    return SUITES[name]


def find_run(suite_name: str, run: str) -> Experiment:
    """A run of a suite by name. Raises BadInput, naming the nearest, where there is none."""
    runs = suite(suite_name).experiments()
    if run not in runs:
        raise unknown(f"run in suite {suite_name}", run, runs)
    return runs[run]


def check_trainable(run: Experiment) -> None:
    """Raise BadInput where a run has nothing to train."""
    if run.iterations == 0:
        raise BadInput(f"{run.name} has nothing to train; upscale with it directly")
