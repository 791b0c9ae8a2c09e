"""The suites that choose suite cpu's learning rates: its baselines by every rate of one grid, on held-out pictures.

A rate's suite is `rate-<rate>`, run as any other; of each method the rate with the best mean PSNR wins, the smaller of
two that tie, and the choice is put into choices.csv.
"""

from dataclasses import replace

from bench.suites.cpu import CPU
from bench.suites.suite import RATES, MethodPlan, Suite
from methods import find_entry


def _chosen() -> tuple[MethodPlan, ...]:
    """The plans whose learning rate is chosen: trained from scratch on the suite's own pairs, to a pixel loss."""
    plans = (plan for plan in CPU.plans if plan.iterations and not (plan.evaluates or plan.unpaired or plan.scale))
    built = ((plan, find_entry(plan.method).build(CPU.scale, plan.knobs)) for plan in plans)
    return tuple(
        plan
        for plan, method in built
        if method.recipe and not method.needs_weights and find_entry(plan.method).pretrain is None
        if (plan.degradation or CPU.degradation) == (plan.pairs or CPU.degradation) == CPU.degradation
    )


def _suite(rate: float) -> Suite:
    """Every such plan's default at this rate, one seed, on BSD-valid."""
    plans = {plan.method: plan for plan in reversed(_chosen())}
    return replace(
        CPU,
        name=f"rate-{rate:g}",
        title=f"suite cpu's baselines trained at a learning rate of {rate:g}, on pictures held out of training",
        test_sets=("BSD-valid",),
        metrics=("psnr_y",),
        plans=tuple(
            MethodPlan(name, plan.iterations, {**plan.knobs, "learning_rate": rate}, shard="rates")
            for name, plan in reversed(plans.items())
        ),
        notes=("No result of this suite is published; what it chose is in bench/suites/choices.csv.",),
    )


RATE_SUITES = tuple(map(_suite, RATES))
