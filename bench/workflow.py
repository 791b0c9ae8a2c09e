"""What the Snakefile asks: which runs there are, what each needs, and the digest that says when to run it again."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from bench.errors import BadInput
from bench.layout import Layout
from bench.sources import source_digest
from bench.spec import Experiment, digest_of
from bench.suites import suite as find_suite
from bench.train import checkpoint_path
from bench.weights import WEIGHTS
from methods import add_guest, entry


class Plan:
    """A suite, or one shard of it, or some of its methods (`compare`), as the workflow sees it."""

    def __init__(self, suite: str, shard: str | None = None, methods: str | None = None) -> None:
        words = [word for word in (methods or "").split(",") if word]
        names = {add_guest(Path(word)).name if word.endswith(".py") else word for word in words}
        self.suite = find_suite(suite)
        self.layout = Layout(suite)
        self.shard = shard
        runs = self.suite.experiments(shard)
        for name in names:
            self.suite.plan(name)
        self.compared = ",".join(sorted(names))
        self.runs = {name: run for name, run in runs.items() if not names or run.method in self._with_stages(names)}

    def _with_stages(self, names: Iterable[str]) -> set[str]:
        """The methods and the earlier stages they start from."""
        found = set(names)
        return found | {stage.method for name in found if (stage := entry(name).pretrain)}

    @property
    def methods(self) -> list[str]:
        """The methods that have a run, in the suite's order."""
        return list(dict.fromkeys(run.method for run in self.runs.values()))

    def of(self, method: str) -> list[Experiment]:
        """The runs of a method."""
        return [run for run in self.runs.values() if run.method == method]

    def test_manifests(self) -> list[str]:
        """Every degraded test set."""
        suite = self.suite
        folders = [self.layout.test_data(name, suite.scale, suite.degradation) for name in suite.test_sets]
        return [str(folder / "manifest.json") for folder in folders]

    def train_inputs(self, name: str) -> list[str]:
        """The training store of a run, and the checkpoint it starts from."""
        run = self._run(name)
        inputs = [self.layout.train_data(run) / "manifest.json"]
        if run.warm_start:
            inputs.append(checkpoint_path(self.layout.run(run.warm_start)))
        return [str(path) for path in inputs]

    def checkpoints(self, method: str) -> list[str]:
        """The trained networks of a method."""
        return [str(checkpoint_path(self.layout.run(run.name))) for run in self.of(method) if run.iterations]

    def train_digest(self, name: str) -> str:
        """Changes when anything that decides the trained network does."""
        return self._run(name).digest()

    def upscale_digest(self, method: str) -> str:
        """Changes with the method's runs or the upscaling code."""
        return digest_of([[run.digest() for run in self.of(method)], source_digest("bench.upscale")])

    def score_digest(self, method: str) -> str:
        """Changes with the metrics, their code, or which of their weights are here."""
        here = sorted(name for name, weight in WEIGHTS.items() if weight.found)
        return digest_of(
            [[run.name for run in self.of(method)], self.suite.metrics, here, source_digest("bench.score")]
        )

    def data_digest(self) -> str:
        """Changes with the code that reads, degrades and stores pictures."""
        return source_digest("bench.data.prepare")[:16]

    def report_digest(self) -> str:
        """Changes with the reporting code or the list of runs."""
        return digest_of(
            [list(self.runs), self.suite.title, self.suite.notes, source_digest("bench.commands.reporting")]
        )

    def _run(self, name: str) -> Experiment:
        if name not in self.runs:
            raise BadInput(f"{name} is not a run of this workflow; list them with python -m bench list variants")
        return self.runs[name]
