"""Where a suite keeps what it makes: one folder under the work folder, every path decided here."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from bench.runtime.files import locked
from bench.runtime.paths import degraded_folder, kernels_folder, run_folder, sr_folder, work_folder
from bench.suites.experiment import Experiment

PENDING = "pending"  # in a mirror's mark: the store was away


@dataclass(frozen=True)
class Workdir:
    """The folders of one suite. within: another work folder than BENCH_WORK."""

    suite: str
    within: Path | None = None

    @property
    def root(self) -> Path:
        return (self.within or work_folder()) / self.suite

    def test_data(self, dataset: str, scale: int, degradation: str) -> Path:
        """hr/, lr/ and manifest.json of one degraded test set."""
        return degraded_folder(self.root, dataset, scale, degradation)

    def test_sets(self, run: Experiment) -> dict[str, Path]:
        """The degraded test sets of a run, by name."""
        return {name: self.test_data(name, run.scale, run.degradation) for name in run.test_sets}

    def stores(self, run: Experiment) -> dict[str, Path]:
        """The memory-mapped stores that a run is trained on, as records name them: of its pairs, with the resolutions
        between where its method asks for them, and of what it sees only LR of."""
        between = "".join(f"+x{level}" for level in run.build().levels)
        paired = f"{'+'.join(run.train_sets)}.x{run.scale}{between}.{run.pairs}" if run.iterations else ""
        unpaired = f"{'+'.join(run.unpaired_sets)}.x{run.scale}.{run.degradation}" if run.unpaired_sets else ""
        names = {"train_data": paired, "unpaired_data": unpaired}
        return {kind: self.root / "train" / name for kind, name in names.items() if name}

    def prepared(self, run: Experiment) -> dict[str, Path]:
        """The folders of all pictures that a run is made of, as records name them."""
        return {f"data/{name}": folder for name, folder in self.test_sets(run).items()} | self.stores(run)

    def run(self, name: str) -> Path:
        """checkpoint.safetensors, curves.jsonl, train.json and the resume state of one run."""
        return run_folder(self.root, name)

    def budget(self, method: str) -> Path:
        """budget.json, what was chosen for a method that the suite has no plan of, and the trials."""
        return self.root / "budgets" / method

    def sr(self, run: Experiment) -> Path:
        """One run's pictures, a folder a data set, and upscale.json."""
        return sr_folder(self.root, run.method, run.name)

    def kernels(self, run: Experiment) -> Path:
        """One run's estimated blur kernels, a folder a data set, and kernels.json."""
        return kernels_folder(self.root, run.method, run.name)

    def made(self, run: Experiment) -> Path:
        """The record of a run's kernels or pictures, beside them."""
        return self.kernels(run) / "kernels.json" if run.estimates else self.sr(run) / "upscale.json"

    @property
    def results(self) -> Path:
        """What is published as it is: see `bench.runtime.results`."""
        return self.root / "results"

    def score_record(self, run: Experiment) -> Path:
        """How and when a run was scored; beside the workflow's marks, for `results` is published as it is."""
        return self.root / "scored" / run.method / f"{run.name}.json"

    def turn(self, work: str) -> AbstractContextManager[bool]:
        """The right to do a piece of the suite's work; True where another process had it first."""
        return locked(self.root / "turns" / work, wait=True)

    @property
    def mirror(self) -> Path:
        """Which run is which in MLflow; `PENDING` where the store was away."""
        return self.root / "mirror.json"

    def scores(self, run: Experiment) -> Path:
        """One run's scores, picture by picture."""
        return self.root / "scores" / run.method / f"{run.name}.csv"
