"""What the Snakefile asks: which runs there are, what each needs, and the digest that says when to run it again."""

from collections.abc import Mapping
from dataclasses import replace

from bench.errors import BadInput, check_choice
from bench.provenance.reuse import needed
from bench.runtime.checksums import hash_file
from bench.runtime.code_digest import ROOT, source_digest
from bench.runtime.files import read_json
from bench.runtime.paths import results_folder, work_folder
from bench.runtime.results import FILES
from bench.runtime.weights import WEIGHTS
from bench.stages.conformance import try_out
from bench.stages.gpu_hours import process_mib, render_needs
from bench.stages.train import checkpoint_path
from bench.suites import find_suite
from bench.suites.experiment import Experiment, digest_of
from bench.suites.workdir import PENDING, Workdir
from methods import find_entry, find_methods

SETTINGS = ("suite", "shard", "methods", "reuse", "publish")  # what --config may set
SWITCH = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_RUNS_A_PROCESS = 8  # that many repay what a process pays for its imports


def check_settings(config: Mapping[str, object]) -> tuple[bool, bool]:
    """(whether published scores that still hold are reused, whether results are published). Raises BadInput for a
    setting that is not known, a switch that is neither on nor off, and a work folder whose name Snakemake would take
    for a pattern."""
    for name in config:
        check_choice("setting of --config", str(name), SETTINGS)
    switches = {name: str(config.get(name, "false")).lower() for name in ("reuse", "publish")}
    for name, word in switches.items():
        if word not in SWITCH:
            raise BadInput(f"--config {name}={config[name]} is neither true nor false; give one of them")
    work = str(work_folder())
    if not work.isprintable() or "{" in work or "}" in work:
        raise BadInput(f"BENCH_WORK {work!r} holds a brace or what cannot be printed; choose another name")
    return SWITCH[switches["reuse"]], SWITCH[switches["publish"]]


class Workflow:
    """A suite, or one shard of it, or some of its methods (`compare`), as the workflow sees it. reuse: without the runs
    whose published scores still hold."""

    def __init__(self, suite: str, shard: str | None = None, methods: str | None = None, reuse: bool = False) -> None:
        self.suite = replace(find_suite(str(suite)), drafted=True)  # what is chosen later does not change a digest here
        self.layout = Workdir(self.suite.name)
        self.shard = None if shard is None else str(shard)
        chosen = find_methods(str(methods or ""))
        self.compared = ",".join(dict.fromkeys(f"{entry.name}.{variant}".strip(".") for entry, variant in chosen))
        for entry, _ in chosen:
            try_out(self.suite, entry.name)
        self.runs = needed(self.suite, self.shard, reuse, self.compared)

    def forget_pending_mirror(self) -> None:
        """Delete the mark of a mirror whose store was away, so that it is tried again."""
        if self.layout.mirror.is_file() and PENDING in read_json(self.layout.mirror):
            self.layout.mirror.unlink()

    def gpu_needs(self) -> str:
        """What the runs take of a GPU, in a line, where the suite is meant for one; else nothing."""
        return f"{render_needs(self.suite.name, self.runs.values())}\n" if self.suite.on_gpu else ""

    def gpu_mib(self, name: str) -> int:
        """What training a run takes of a GPU's memory: --resources gpu_mib=... bounds what is trained at once."""
        return round(process_mib(self.suite.name, self._run(name)))

    @property
    def methods(self) -> list[str]:
        """The methods that have a run, in the suite's order."""
        return list(dict.fromkeys(run.method for run in self.runs.values()))

    def of(self, method: str) -> list[Experiment]:
        """The runs of a method."""
        return [run for run in self.runs.values() if run.method == method]

    def test_manifests(self, name: str) -> list[str]:
        """Every degraded test set of a method's runs, or of one run."""
        runs = [self.runs[name]] if name in self.runs else self.of(name)
        folders = [folder for run in runs for folder in self.layout.test_sets(run).values()]
        return list(dict.fromkeys(str(folder / "manifest.json") for folder in folders))

    def train_inputs(self, name: str) -> list[str]:
        """The training stores of a run, and the checkpoint it starts from."""
        run = self._run(name)
        inputs = [folder / "manifest.json" for folder in self.layout.stores(run).values()]
        if run.warm_start:
            inputs.append(checkpoint_path(self.layout.run(run.warm_start)))
        return [str(path) for path in inputs]

    def upscale_inputs(self, method: str) -> list[str]:
        """The networks, and the estimated kernels, that a method's runs work with."""
        runs = self.of(method)
        networks = [name for run in runs for name in ((run.name,) if run.iterations else run.network_from)]
        found = [checkpoint_path(self.layout.run(name)) for name in networks]
        found += [self.layout.kernels(self.runs[run.kernel_from]) for run in runs if run.kernel_from in self.runs]
        return list(dict.fromkeys(str(path) for path in found))

    def processes(self, method: str) -> int:
        """How many of a method's runs are worth upscaling or scoring at once; the workflow's cores are a bound too."""
        return -(-len(self.of(method)) // _RUNS_A_PROCESS)

    def score_inputs(self, method: str) -> list[str]:
        """What a method's runs made: pictures, or kernels."""
        if find_entry(method).estimates:
            return [str(self.layout.kernels(run)) for run in self.of(method)]
        return [str(self.layout.root / "sr" / method)]

    def train_digest(self, name: str) -> str:
        """Changes when anything that decides the trained network does."""
        run = self._run(name)
        planned = run.method in {plan.method for plan in self.suite.plans}
        return run.digest() if planned else digest_of([run.digest(), self.suite.draft(run.method).digest])

    def kernel_digest(self, name: str) -> str:
        """Changes with the run, its pictures or the estimating code."""
        run = self._run(name)
        return digest_of([run.digest(), run.test_sets, source_digest("bench.stages.estimate")])

    def upscale_digest(self, method: str) -> str:
        """Changes with the method's runs, or the code that upscales and counts."""
        runs = [(run.digest(), run.test_sets) for run in self.of(method)]
        return digest_of([runs, source_digest("bench.stages.upscale", "bench.stages.cost")])

    def score_digest(self, method: str) -> str:
        """Changes with the metrics, their code, or which of their weights are here."""
        here = sorted(name for name, weight in WEIGHTS.items() if weight.found)
        runs = [(run.name, run.test_sets, run.metrics) for run in self.of(method)]
        return digest_of([runs, here, source_digest("bench.stages.score", "bench.stages.feature_activity")])

    def data_digest(self) -> str:
        """Changes with the code that reads, degrades and stores pictures."""
        return source_digest("bench.data.prepare")[:16]

    def report_digest(self) -> str:
        """Changes with the reporting code, the page's style and script, the papers' figures, or the list of runs."""
        folder = ROOT / "bench" / "report"
        data = {path.name: hash_file(path) for path in sorted(folder.glob("*.*")) if path.suffix != ".py"}
        code = source_digest("bench.commands.reporting")
        return digest_of([list(self.runs), self.suite.title, self.suite.notes, code, data])

    @property
    def comparison(self) -> str:
        """The folder of a comparison: a new one for other methods, settings, or code."""
        digest = digest_of([self.report_digest(), *(run.digest() for run in self.runs.values())])
        return f"{self.compared.replace(',', '+')[:80]}.{digest[:8]}"

    def published_digest(self) -> str:
        """Changes with what results/<suite> holds."""
        files = results_folder() / self.suite.name / FILES
        return hash_file(files) if files.is_file() else ""

    def _run(self, name: str) -> Experiment:
        if name not in self.runs:
            raise BadInput(f"{name} is not a run of this workflow; list them with python -m bench list variants")
        return self.runs[name]
