"""MethodPlan and Suite: what a benchmark runs of each method, and the experiments that follow from it."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from bench.api import Budget, Knobs, Method, Precision
from bench.data.datasets import pictures_of
from bench.errors import BadInput, check_choice, pick
from bench.metrics import DEFAULT_METRICS
from bench.runtime.files import read_json
from bench.suites.experiment import Experiment, digest_of, pretrain_variant
from bench.suites.workdir import Workdir
from methods import GUESTS, METHODS, find_entry, find_methods, rivals

KERNEL_METRICS = ("kernel_ncc", "kernel_psnr")
ELSEWHERE = "elsewhere"  # in place of training sets: trained by others
ON_GPU = (
    "On a GPU a training step is one CUDA graph, and ZSSR's networks and KernelGAN's generators train side by side; no "
    "result depends on either."
)
TRUTH = "truth"  # in place of an estimator's run: the kernel that made the LR
RATES = (5e-4, 1e-3, 2e-3, 4e-3)
"""The one grid that learning rates are chosen from, on held-out pictures."""
_TRAINING = ("batch_size", "patch", "schedule", "ema")  # knobs of a recipe in which a suite's baselines agree

# What several suites run: of KernelGAN, ZSSR by the kernels that it is given, RRDB and ESRGAN with residual blocks.
BLURRED: Mapping[str, Any] = {"degradation": "kernel_paper", "shard": "kernelgan"}
KERNELGAN_TERMS = ("no-sum", "no-boundary", "no-sparse", "no-centre", "no-bicubic")
ZSSR_KERNELS = {"estimated": "kernelgan.default", "gaussian": "fixed-kernel.gaussian", "true": TRUTH}
RESIDUAL = ("residual-blocks", "residual-bn", "ladder-1", "ladder-2", "ladder-3")
LADDER = ("default", "bn", "tap-after", "standard-gan", "residual-blocks", "ladder-1", "ladder-2", "ladder-3")


@dataclass(frozen=True)
class MethodPlan:
    """What a suite runs of one method: scaled sizes, length, variants, seeds. What is None is the suite's.

    once: variants run with the first seed only. resized: scales a variant's own knobs. train_sets: a variant's own
    training sets. degradation: of the pictures it is tested on; pairs: of those it is trained on, where they differ.
    evaluates: train nothing, take the network of the run tested on `pairs`. starts: variant to the earlier stage's,
    where several have its network; of a method without one, to that of its own which it starts from. kernels: variant
    to the estimator's "<method>.<variant>" whose kernels it is given, or "truth". unpaired: training sets of which it
    sees only LR, under the degradation that it is tested on. published: as an experiment has it.
    """

    method: str
    iterations: int = 0
    knobs: Knobs = field(default_factory=dict)
    variants: tuple[str, ...] = ("default",)
    seeds: tuple[int, ...] = (1,)
    resized: Mapping[str, Knobs] = field(default_factory=dict)
    shard: str = "baselines"
    once: tuple[str, ...] = ()
    scale: int | None = None
    degradation: str | None = None
    pairs: str | None = None
    evaluates: bool = False
    test_sets: tuple[str, ...] | None = None
    train_sets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    metrics: tuple[str, ...] | None = None
    starts: Mapping[str, str] = field(default_factory=dict)
    kernels: Mapping[str, str] = field(default_factory=dict)
    unpaired: tuple[str, ...] = ()
    published: str = ""

    def wanted(self) -> Iterator[tuple[str, int]]:
        """Every (variant, seed)."""
        for variant in self.variants + self.once:
            yield from ((variant, seed) for seed in (self.seeds[:1] if variant in self.once else self.seeds))


class Draft(NamedTuple):
    """The plan of a method that a suite has none of. rival: whose training it has, empty where it does not train.
    rates: that its own is chosen from, none where it says its own. asked: its own word. digest: of all that decides
    what is chosen."""

    plan: MethodPlan
    rival: str = ""
    rates: tuple[float, ...] = ()
    asked: Budget = Budget()
    digest: str = ""


Dependency = tuple[MethodPlan, str, int]
"""A run, by the plan that describes it, its variant and its seed."""


@dataclass(frozen=True)
class Suite:
    """A benchmark that one command runs. reported: a paper's name of a method to the '<method>.<variant>' that stands
    for it; what papers print of these is set beside what was measured."""

    name: str
    title: str
    train_sets: tuple[str, ...]
    test_sets: tuple[str, ...]
    plans: tuple[MethodPlan, ...]
    scale: int = 4
    degradation: str = "bicubic"
    metrics: tuple[str, ...] = DEFAULT_METRICS
    precision: Precision = "float32"
    channels_last: bool = False
    compile: bool = False
    threads: int = 1
    complete: bool = False  # runs every method there is
    drafted: bool = False  # methods without a plan are as their drafts say, before anything is chosen
    on_gpu: bool = False  # meant for one: the workflow says how long it takes
    notes: tuple[str, ...] = ()
    reported: Mapping[str, str] = field(default_factory=dict)

    def plan(self, method: str, scale: int | None = None, degradation: str | None = None) -> MethodPlan:
        """The first plan of a method, at that scale and degradation where they are said. Raises BadInput where there is
        none."""
        plans = [plan for plan in self.all_plans if plan.method == method]
        check_choice(f"method in suite {self.name}", method, [plan.method for plan in self.all_plans])
        for plan in plans:
            at = (plan.scale or self.scale, plan.degradation or self.degradation)
            if at == (scale or at[0], degradation or at[1]):
                return plan
        raise BadInput(f"suite {self.name} has no plan of {method} at x{scale} {degradation}; add one to the suite")

    @property
    def all_plans(self) -> tuple[MethodPlan, ...]:
        """The suite's plans, and one for each guest method of this process; where it is complete, for every method that
        has none."""
        planned = {plan.method for plan in self.plans}
        others = [name for name in METHODS if name not in planned and (self.complete or name in GUESTS)]
        return self.plans + tuple(self._guest_plan(name) for name in others)

    @property
    def shards(self) -> tuple[str, ...]:
        """The names of its parts, sorted."""
        return tuple(sorted({plan.shard for plan in self.all_plans}))

    def _guest_plan(self, name: str) -> MethodPlan:
        draft = self.draft(name)
        chosen = {} if self.drafted else self.settled(draft) or {}
        knobs = {**draft.plan.knobs, **chosen.get("knobs", {})}
        return replace(draft.plan, knobs=knobs, iterations=chosen.get("iterations", draft.plan.iterations))

    def draft(self, name: str) -> Draft:
        """The plan of a method that the suite has none of: default and axes, trained as it asks, in all else as its
        rivals are: as many HR pixels, of patches as large. Raises BadInput for knobs that it refuses."""
        entry, rival = find_entry(name), self._rival()
        asked = entry.budgets.get(self.name) or entry.budgets.get("") or Budget()
        axes = tuple(variant for variant in entry.variants if variant != "default")
        seeds = rival.seeds if rival and not entry.deterministic else (1,)
        plan = MethodPlan(name, 0, asked.knobs, once=axes, seeds=seeds, shard="guests")
        method = entry.build(self.scale, asked.knobs)
        if method.recipe is None and type(method).learner is Method.learner:
            return Draft(plan)
        if rival is None:
            raise BadInput(f"suite {self.name} trains nothing, and {name} has to be trained; name another suite")
        taken = {knob: rival.knobs[knob] for knob in _TRAINING if knob in rival.knobs and knob in entry.knobs}
        knobs = {**taken, **entry.flatten(asked.knobs)}
        count, side = entry.build(self.scale, knobs).batch
        if not count * side:
            raise BadInput(f"{name}: trains, and says no batch; define the property batch: (pictures, HR patch side)")
        as_rival = round(self._pixels(rival) / (count * side**2))
        plan = replace(plan, knobs=knobs, iterations=asked.iterations or round(asked.seconds) or as_rival)
        own = "learning_rate" in knobs or "learning_rate" not in entry.knobs or entry.pretrain is not None
        rates = () if own else RATES
        digest = digest_of([self.resolve(plan, "default", plan.seeds[0]).digest(), rates, asked.seconds])
        return Draft(plan, rival.method, rates, asked, digest)

    def _rival(self) -> MethodPlan | None:
        """The plan whose training most of the rivals have: those that are compared, or the stage that they start from;
        all of the suite's where none of these trains. Of equally many, the one that sees the most pixels."""
        trained = {
            plan.method: plan
            for plan in reversed(self.plans)
            if plan.iterations and not (plan.evaluates or plan.unpaired or plan.scale or plan.degradation)
            if find_entry(plan.method).pretrain is None
        }
        stages = (find_entry(name).pretrain for name in rivals())
        named = {*rivals(), *(stage.method for stage in stages if stage)} & trained.keys()
        found = [plan for name, plan in trained.items() if not named or name in named]
        kinds = Counter(self._pixels(plan) for plan in found)
        return max(found, key=lambda plan: (kinds[self._pixels(plan)], self._pixels(plan)), default=None)

    def _pixels(self, plan: MethodPlan) -> int:
        """HR pixels that a run of a plan sees."""
        count, side = find_entry(plan.method).build(self.scale, plan.knobs).batch
        return plan.iterations * count * side**2

    def settled(self, draft: Draft) -> dict[str, Any] | None:
        """The budget.json of a drafted plan, empty where nothing trains; None where it has yet to be written."""
        if not draft.rival:
            return {}
        path = Workdir(self.name).budget(draft.plan.method) / "budget.json"
        found: dict[str, Any] = read_json(path) if path.is_file() else {}
        return found if found.get("digest") == draft.digest else None

    def experiment(self, method: str, variant: str, seed: int) -> Experiment:
        """One run of this suite, after the method's first plan."""
        return self.resolve(self.plan(method), variant, seed)

    def resolve(self, plan: MethodPlan, variant: str, seed: int) -> Experiment:
        """One run of a plan. Raises BadInput for a variant that the method does not have."""
        return self._linked(plan, variant, seed)[0]

    def _linked(self, plan: MethodPlan, variant: str, seed: int) -> tuple[Experiment, list[Dependency]]:
        """One run, and those that it takes something from."""
        entry = find_entry(plan.method)
        own = pick(f"variant of {plan.method}", variant, entry.variants)
        trains = plan.iterations > 0 and not plan.evaluates
        others = (ELSEWHERE,) if plan.published or "sha256" in entry.default else ()
        degradation = plan.degradation or self.degradation
        estimates = entry.estimates
        run = Experiment(
            method=plan.method,
            variant=variant,
            knobs={**entry.flatten(plan.knobs), **own, **entry.flatten(plan.resized.get(variant, {}))},
            scale=plan.scale or self.scale,
            degradation=degradation,
            pairs=plan.pairs or degradation,
            seed=seed,
            iterations=plan.iterations if trains else 0,
            train_sets=plan.train_sets.get(variant, self.train_sets) if trains else others,
            unpaired_sets=plan.unpaired if trains else (),
            test_sets=plan.test_sets or self.test_sets,
            published=plan.published,
            metrics=plan.metrics or (KERNEL_METRICS if estimates else self.metrics),
            precision=self.precision,
            channels_last=self.channels_last,
            compile=self.compile,
            threads=self.threads,
        )
        return self._started(run, plan)

    def _started(self, run: Experiment, plan: MethodPlan) -> tuple[Experiment, list[Dependency]]:
        """The run with the names of the runs that it takes something from, and those runs."""
        entry, at = run.entry, (run.scale, run.pairs)
        if plan.evaluates:
            links = [(self.plan(plan.method, *at), run.variant, run.seed)]
            return replace(run, network_from=self._names(links)), links
        if entry.networks:
            links = [(self.plan(method, *at), "default", run.seed) for method in entry.networks]
            return replace(run, network_from=self._names(links)), links
        source = plan.kernels.get(run.variant)
        if source == TRUTH:
            return replace(run, kernel_from=TRUTH), []
        if source:
            method, _, variant = source.partition(".")
            links = [(self.plan(method, run.scale, run.degradation), variant or "default", run.seed)]
            return replace(run, kernel_from=self._names(links)[0]), links
        earlier, first = plan.starts.get(run.variant, ""), entry.pretrain
        if first and not earlier and run.iterations and run.build().knobs.get("pretrained", True):
            earlier = pretrain_variant(entry, first, run.variant)
        if earlier and run.iterations:
            links = [(self.plan(first.method if first else plan.method, *at), earlier, run.seed)]
            self._check_unseen(run.unpaired_sets, links[0])
            return replace(run, warm_start=self._names(links)[0]), links
        return run, []

    def _check_unseen(self, unpaired: tuple[str, ...], link: Dependency) -> None:
        """Raise BadInput where a run saw the HR of an unpaired picture, or one that it starts from did."""
        run, links = self._linked(*link)
        if seen := pictures_of(run.train_sets) & pictures_of(unpaired):
            name, position = min(seen)
            raise BadInput(
                f"{run.name}: trained on picture {position} of {name}, unpaired in a run that starts from it; "
                "start from one trained without it"
            )
        for earlier in links:
            self._check_unseen(unpaired, earlier)

    def _names(self, links: list[Dependency]) -> tuple[str, ...]:
        return tuple(self.resolve(*link).name for link in links)

    def experiments(self, shard: str | None = None) -> dict[str, Experiment]:
        """Every run by name, or those of a shard, or of shards joined by +; the runs that others start from included,
        in the order of the plans."""
        wanted = self.shards if shard is None else tuple(shard.split("+"))
        for name in wanted:
            check_choice(f"shard of suite {self.name}", name, self.shards)
        found: dict[str, Experiment] = {}
        for plan in self.all_plans:
            if plan.shard in wanted:
                for variant, seed in plan.wanted():
                    self._collect((plan, variant, seed), found)
        order = [plan.method for plan in self.all_plans]
        return dict(sorted(found.items(), key=lambda item: order.index(item[1].method)))

    def compared(self, methods: str) -> dict[str, Experiment]:
        """The runs of these methods, references of `find_method` joined by commas: of a variant where one is named, of
        all that the suite has otherwise. Raises BadInput for a method or variant of which it has none."""
        found: set[str] = set()
        chosen = find_methods(methods)
        runs = self.experiments()
        for entry, variant in chosen:
            mine = {name: run.variant for name, run in runs.items() if run.method == entry.name}
            if not mine:
                self.plan(entry.name)
            if variant:
                check_choice(f"variant of {entry.name} in suite {self.name}", variant, set(mine.values()))
            found |= {name for name, own in mine.items() if variant in ("", own)}
        return {name: run for name, run in runs.items() if name in found}

    def _collect(self, link: Dependency, found: dict[str, Experiment]) -> None:
        """Add a run after those that it takes something from."""
        run, links = self._linked(*link)
        if run.name not in found:
            for earlier in links:
                self._collect(earlier, found)
            found[run.name] = run
