"""From scores to something to read: aggregate -> tables, figures -> document. Reads files, knows no network.

`bench.report.document.build` writes tables/, figures/ and REPORT.md from the files of one suite.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.api import Claim


@dataclass(frozen=True)
class Setting:
    """Runs that can be compared: one scale, one degradation, the same pictures and metrics.

    name: 'x4.bicubic', 'x2.kernel_paper.kernels'; what follows scale and degradation says what else differs.
    runs: names in the order of the tables.
    """

    name: str
    scale: int
    degradation: str
    datasets: tuple[str, ...]
    metrics: tuple[str, ...]
    runs: tuple[str, ...]

    @property
    def title(self) -> str:
        """The name for a reader: '×2 kernel_paper, kernels'."""
        more = self.name.removeprefix(f"x{self.scale}.{self.degradation}").strip(".")
        return f"×{self.scale} {self.degradation}" + (f", {more}" if more else "")


@dataclass(frozen=True)
class Sweep:
    """An axis along which one number varies; values: that number by variant, in the order of the axis."""

    method: str
    axis: str
    knob: str
    values: Mapping[str, float]


@dataclass(frozen=True)
class SuiteInfo:
    """What a report is about, given by the caller: the report imports neither methods nor suites.

    settings: the main one first; its tables and figures carry no suffix. questions: '<method>.<axis>' to the
    question that the axis answers. paper_training: method to how its paper
    trained it, as a phrase. claims: sentences of the papers, to be judged; papers: method to the paper whose family
    its claims are; sizes: '<method>.<variant>' to the knobs of its network that are not
    the paper's, as words; headlines: '<method>.<variant>' to the name under which it stands among the methods;
    at_test: likewise, to (parameters, most iterations) of what it trains on each picture. sweeps: the axes to
    draw as curves.
    awaiting: run to (its digest in runs.csv, why it awaits retraining); a run of another digest has been trained since.
    deterministic, baselines, gaps: as the entries of the methods declare them (bench.api.Entry), by method.
    reported: as the suite declares it; its pictures are others', and none is shown. mine: '<method>.<variant>' of whose
    method the report is, against every other; nothing is said of the papers.
    """

    name: str
    settings: tuple[Setting, ...]
    notes: tuple[str, ...] = ()
    questions: Mapping[str, str] = field(default_factory=dict)
    deviations: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    paper_training: Mapping[str, str] = field(default_factory=dict)
    claims: tuple[Claim, ...] = ()
    sweeps: tuple[Sweep, ...] = ()
    papers: Mapping[str, str] = field(default_factory=dict)
    sizes: Mapping[str, str] = field(default_factory=dict)
    headlines: Mapping[str, str] = field(default_factory=dict)
    at_test: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    deterministic: tuple[str, ...] = ()
    baselines: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    gaps: Mapping[str, tuple[str, str, str]] = field(default_factory=dict)
    reported: Mapping[str, str] = field(default_factory=dict)
    mine: str = ""
    awaiting: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def runs(self) -> tuple[str, ...]:
        """The runs of every setting."""
        return tuple(run for setting in self.settings for run in setting.runs)
