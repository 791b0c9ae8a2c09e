"""Scores of many runs -> one frame -> means over pictures and seeds. What is n/a stays n/a and keeps its reason."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path
from statistics import fmean, stdev

import pandas as pd
from scipy import stats

from bench.errors import BadInput, check_choice
from bench.metrics import Metric
from bench.metrics.means import cap, set_mean
from bench.report import Setting, SuiteInfo
from bench.report.statistics import MIN_SEEDS
from bench.runtime import results as layout
from bench.runtime.rows import read_rows

RUN_COLUMNS = (
    *("run", "method", "variant", "axis", "scale", "degradation", "seed", "iterations", "batch", "patch", "samples"),
    *("train_set", "perceptual", "parameters", "macs", "warm_start", "dead_generators", "digest", "paper"),
)
COST_COLUMNS = (
    *("run", "train_seconds", "train_cpu_seconds", "train_device", "train_peak_mib"),
    *("upscale_seconds", "upscale_peak_mib"),
)
LATER = ("samples", "macs", "dead_generators", "train_cpu_seconds")  # columns that older files lack
NOT_SCORED = "not scored"
DISTORTION = ("psnr_y", "psnr_y_rounded", "psnr_rgb")  # in the order of preference where one has to be chosen
KERNEL = ("kernel_psnr", "kernel_ncc")
PERCEPTUAL = ("pi", "lpips_alex", "stlpips_alex", "lpips_squeeze", "lpips_vgg", "dists", "niqe")


@dataclass(frozen=True)
class Mean:
    """One metric over the pictures of a data set and the seeds of a variant.

    value: None where no picture has one. pictures: those that have a value for every seed, out of `of`; the mean is
    over them. reasons: why the others have none. each: the figure of every seed.
    """

    value: float | None
    pictures: tuple[str, ...]
    of: int
    seeds: int
    reasons: tuple[str, ...] = ()
    each: tuple[float, ...] = ()

    @property
    def half_width(self) -> float | None:
        """Of the 95 % interval over seeds (Student's t), the pictures taken as they are; None below three seeds."""
        if len(self.each) < MIN_SEEDS or not all(map(math.isfinite, self.each)):
            return None
        return float(stats.t.ppf(0.975, len(self.each) - 1)) * stdev(self.each) / math.sqrt(len(self.each))


Key = tuple[str, str, str, str]
"""(method, variant, dataset, metric)"""
Means = dict[Key, Mean]


@dataclass(frozen=True)
class Scores:
    """Everything that the tables, figures and text of one setting are made from.

    runs: runs.csv in the setting's order, index run. frame: one row per run, picture and metric, see `read_scores`.
    """

    suite: SuiteInfo
    setting: Setting
    metrics: Mapping[str, Metric]
    runs: pd.DataFrame
    frame: pd.DataFrame
    means: Means

    @property
    def suffix(self) -> str:
        """What the names of this setting's files end on: nothing for the main one."""
        return "" if self.setting == self.suite.settings[0] else f".{self.setting.name}"

    @cached_property
    def variants(self) -> list[Variant]:
        """Method by method in the order listed, its default first, then axis by axis."""
        groups = self.runs.groupby(["method", "axis", "variant"], sort=False)["run"]
        names = {tuple(map(str, key)): tuple(map(str, runs)) for key, runs in groups}
        defaults = {method for method, _, variant in names if variant == "default"}
        methods, axes = methods_of(self.runs), list(dict.fromkeys(key[:2] for key in names))
        found = []
        for (method, axis, variant), runs in names.items():
            own = short_name(method, variant) if variant == "default" or method not in defaults else ""
            label = self.suite.headlines.get(f"{method}.{variant}") or own
            found.append(Variant(method, variant, axis, runs, label))
        found.sort(key=lambda v: (methods.index(v.method), v.variant != "default", axes.index((v.method, v.axis))))
        return found

    @property
    def entrants(self) -> list[Variant]:
        """Those that a setting compares: every method's default, or its variants where it has none, and the variants
        that the suite names as methods of their own; in the order listed."""
        return [variant for variant in self.variants if variant.label]

    @property
    def measured(self) -> list[Variant]:
        """The entrants without those that have no mean at all, whose training diverged; all where none has one."""
        known = {key[:2] for key, mean in self.means.items() if mean.value is not None}
        return [entrant for entrant in self.entrants if entrant.key in known] or self.entrants

    def mean(self, variant: Variant, dataset: str, metric: str) -> Mean:
        return self.means[*variant.key, dataset, metric]

    def best(self, entrants: Iterable[Variant], datasets: Sequence[str], metric: str) -> str:
        """The label of the entrant with the best mean over the data sets; empty where none has one."""
        means = {}
        for entrant in entrants:
            values = (self.mean(entrant, dataset, metric).value for dataset in datasets)
            known = [value for value in values if value is not None]
            if known:
                means[entrant.label] = self.metrics[metric].sign * sum(known) / len(known)
        return max(means, key=lambda label: means[label], default="")

    def best_control(self, dataset: str, metric: str) -> str:
        """The label of the best entrant among those with nothing random; empty where none has a mean."""
        controls = (entrant for entrant in self.measured if entrant.method in self.suite.deterministic)
        return self.best(controls, (dataset,), metric)

    def first_available(self, wanted: Sequence[str]) -> str | None:
        """The first of these metrics of which every measured entrant has a mean on every data set, or None."""
        pairs = list(product(self.measured, self.setting.datasets))
        for metric in wanted:
            known = (self.mean(*pair, metric).value is not None for pair in pairs)
            if pairs and metric in self.setting.metrics and all(known):
                return metric
        return None

    @property
    def first_metrics(self) -> list[str]:
        """The first distortion and the first perceptual metric that every measured entrant has, as far as there are
        any."""
        return [metric for wanted in (DISTORTION, PERCEPTUAL) if (metric := self.first_available(wanted))]

    def awaits_retraining(self, name: str) -> str:
        """Why the runs of '<method>.<variant>' are to be trained again; empty where they are not."""
        for run in self.runs["run"][variant_names(self.runs) == name]:
            digest, reason = self.suite.awaiting.get(run, ("", ""))
            if reason and digest == cell_of(self.runs, run, "digest"):
                return reason
        return ""


@dataclass(frozen=True)
class Variant:
    """A variant of a method and its runs, one a seed. label: its name among the methods where it stands for its own or
    is one of its own; empty where it stands beside its default."""

    method: str
    variant: str
    axis: str
    runs: tuple[str, ...]
    label: str

    @property
    def key(self) -> tuple[str, str]:
        return self.method, self.variant

    @property
    def name(self) -> str:
        return f"{self.method}.{self.variant}"


def read(results: Path, suite: SuiteInfo, metrics: Mapping[str, Metric]) -> list[Scores]:
    """The scores of every setting, from the files under `results`. Raises BadInput for what is missing or torn."""
    every = []
    for setting in suite.settings:
        for metric in setting.metrics:
            check_choice("metric", metric, metrics)
        runs = read_runs(results, setting)
        frame = read_scores(results, runs, setting, metrics)
        every.append(Scores(suite, setting, metrics, runs, frame, average(frame, metrics)))
    return every


def read_runs(results: Path, setting: Setting) -> pd.DataFrame:
    """runs.csv in the setting's order, all columns as text. Raises BadInput for a run missing or out of place."""
    runs = _read_csv(results / layout.RUNS, RUN_COLUMNS)
    known = list(runs["run"])
    for name in setting.runs:
        check_choice(f"run in {results / 'runs.csv'}", name, known)
    runs = runs.drop_duplicates("run").set_index("run", drop=False).loc[list(setting.runs)]
    for run, scale, degradation in zip(runs["run"], runs["scale"], runs["degradation"], strict=True):
        if (scale, degradation) != (str(setting.scale), setting.degradation):
            raise BadInput(f"{run}: is not x{setting.scale} {setting.degradation}; report it in a setting of its own")
    repeated = runs[runs.duplicated(["method", "variant", "seed"])]
    if len(repeated):
        raise BadInput(f"{repeated.index[0]}: another run has its method, variant and seed; report one of them")
    return runs


def read_costs(results: Path, suite: SuiteInfo) -> pd.DataFrame:
    """cost.csv in the order of `suite.runs`, as text; empty cells for a run without costs, no rows without a file."""
    path = results / layout.COST
    if not path.is_file():
        return pd.DataFrame(columns=list(COST_COLUMNS), dtype=str)
    costs = _read_csv(path, COST_COLUMNS).drop_duplicates("run").set_index("run", drop=False)
    costs = costs.reindex(list(suite.runs)).fillna("")
    costs["run"] = list(suite.runs)
    return costs


def read_scores(results: Path, runs: pd.DataFrame, setting: Setting, metrics: Mapping[str, Metric]) -> pd.DataFrame:
    """One row per run, picture and metric, joined with the columns of `runs`, in the setting's order.

    value is float64, NaN where it is n/a, and then `note` is not empty; `capped`: whether `cap` lowered it. What a run
    was not scored on while another one was is n/a with the note 'not scored'. Raises BadInput for a file that is
    missing or torn.
    """
    stored = layout.load_scores(results, dict(zip(runs["run"], runs["method"], strict=True)))
    rows = [{"run": run, **row} for run, own in stored.items() for row in own]
    scores = pd.DataFrame(rows, columns=["run", *layout.SCORE_COLUMNS])
    scores["value"] = [float(text) if text else math.nan for text in scores["value"]]
    scores = scores[scores["dataset"].isin(setting.datasets) & scores["metric"].isin(setting.metrics)]
    if scores.empty:
        raise BadInput(
            f"{results / layout.SCORES}: no score of {', '.join(setting.datasets)}; run python -m bench score"
        )
    pictures = sorted(
        set(zip(scores["dataset"], scores["image"], strict=True)), key=lambda p: (setting.datasets.index(p[0]), p[1])
    )
    keys = [(run, *picture, metric) for run in runs["run"] for picture in pictures for metric in setting.metrics]
    index = pd.MultiIndex.from_tuples(keys, names=["run", "dataset", "image", "metric"])
    frame = scores.set_index(["run", "dataset", "image", "metric"]).reindex(index).reset_index()
    frame["note"] = frame["note"].fillna(NOT_SCORED)
    values = [cap(value, metrics[metric]) for value, metric in zip(frame["value"], frame["metric"], strict=True)]
    frame["capped"] = frame["value"] > values
    frame["value"] = values
    return frame.merge(runs.reset_index(drop=True), on="run", how="left", validate="many_to_one")


def average(frame: pd.DataFrame, metrics: Mapping[str, Metric]) -> Means:
    """A set's figure for each run, then the mean over the seeds of a variant."""
    means: Means = {}
    for key, group in frame.groupby(["method", "variant", "dataset", "metric"], sort=False):
        method, variant, dataset, metric = (str(part) for part in key)
        lacking = group[group["value"].isna()]
        known = group[~group["image"].isin(lacking["image"])]
        per_seed = [set_mean(list(seed["value"]), metrics[metric]) for _, seed in known.groupby("run", sort=False)]
        means[method, variant, dataset, metric] = Mean(
            value=fmean(per_seed) if per_seed else None,
            pictures=tuple(dict.fromkeys(known["image"])),
            of=group["image"].nunique(),
            seeds=group["run"].nunique(),
            reasons=tuple(dict.fromkeys(lacking["note"])),
            each=tuple(per_seed),
        )
    return means


def difference(mean: Mean, base: Mean | None) -> float | None:
    """mean - base; None unless both are over the same pictures, or where both are infinite."""
    if base is None or mean.value is None or base.value is None or mean.pictures != base.pictures:
        return None
    gap = mean.value - base.value
    return None if math.isnan(gap) else gap


def methods_of(runs: pd.DataFrame) -> list[str]:
    """The methods in the order in which their runs are listed."""
    return list(dict.fromkeys(str(name) for name in runs["method"]))


def variant_names(table: pd.DataFrame) -> pd.Series:
    """'<method>.<variant>' of every row; names are compared, never taken apart."""
    return table["method"] + "." + table["variant"]


def short_name(method: str, variant: str) -> str:
    """The method alone where the variant is its default."""
    return method if variant == "default" else f"{method}.{variant}"


def cell_of(runs: pd.DataFrame, run: str, column: str) -> str:
    """One entry of runs.csv, as text."""
    return str(runs.at[run, column])


def _read_csv(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """A table of text with these columns; one of LATER that the file lacks is empty."""
    rows = read_rows(path, [column for column in columns if column not in LATER])
    return pd.DataFrame([[row.get(column, "") for column in columns] for row in rows], columns=list(columns), dtype=str)


def widen(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame wide: index (run, dataset, image), one float column a metric, in the frame's order."""
    wide = frame.pivot(index=["run", "dataset", "image"], columns="metric", values="value")
    order = list(dict.fromkeys(zip(frame["run"], frame["dataset"], frame["image"], strict=True)))
    return wide.loc[order, list(dict.fromkeys(frame["metric"]))]
