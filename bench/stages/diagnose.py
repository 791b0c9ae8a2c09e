"""One SR folder under every convention: which one explains a reported number?

The conventions are those of bench.metrics.conventions; a set's PSNR is the mean of its pictures' or, rarely, the PSNR
of their mean squared error. Where the SR is bicubic interpolation, the reported number may belong to another way of
making it, so the pipelines of bench.metrics.pipelines are scored as well.
"""

import functools
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from bench.data.images import U8, crop_to_multiple, grey, rounded_luma
from bench.errors import BadInput, pick
from bench.metrics.conventions import RGB_MEAN, Convention, psnr_under, rarity_of, similarities, squared_errors
from bench.metrics.fidelity import psnr, psnr_of
from bench.metrics.pipelines import PIPELINES, Pipeline
from bench.stages.score import Pair, load_sample, progress

Table = dict[tuple[str, Convention], tuple[float, ...]]  # (source, convention) -> MSE per part, or SSIM
Measure = Callable[[U8, U8, int, bool], dict[Convention, tuple[float, ...]]]
MEASURES: dict[str, Measure] = {"psnr": squared_errors, "ssim": similarities}
TOLERANCE = {"psnr": 0.005, "ssim": 0.0001}  # a smaller difference explains, however many digits are reported
GIVEN = "the SR given"
POOLED = "PSNR of the mean squared error"
_ALIKE = 40.0  # dB between two pictures that are the same interpolation up to rounding, border or kernel
_SHOWN = 8


@dataclass(frozen=True)
class Finding:
    """One convention and what it gives. `difference` is value - reported; `rarity` 0 is the usual protocol."""

    source: str
    convention: Convention
    aggregate: str
    value: float
    difference: float
    rarity: int
    explains: bool

    @property
    def words(self) -> str:
        """The convention in words."""
        c = self.convention
        source = self.source if self.source == GIVEN else f"bicubic via {self.source}"
        border = f"border of {c.border} dropped" if c.border else "nothing cropped"
        return "; ".join(filter(None, (source, c.channel, border, c.window, c.grey, self.aggregate)))


def diagnose_pairs(pairs: Sequence[Pair], metric: str, reported: str, workers: int | None = None) -> list[Finding]:
    """All conventions, best explanation first; those with `explains` lie within the reported number's precision.

    "28.42" stands for 28.415 to 28.425: inside, the commoner convention comes first; outside, the nearer one. At
    least 0.005 dB or 0.0001 of SSIM are granted. Pairs are of one scale and have an HR. Raises BadInput for an unknown
    metric, a number that is none, and as reading does.
    """
    measure = pick("metric to diagnose", metric, MEASURES)
    number, precision = _parse(reported)
    if any(files.hr is None for files in pairs):
        raise BadInput("diagnose needs the HR pictures; give --hr")
    tables = _tables_of(measure, tuple(pairs), workers)
    for line in hidden(pairs, tables):
        print(line, file=sys.stderr)
    granted = max(precision, TOLERANCE[metric]) + 1e-9
    findings = []
    for source, convention, aggregate, value in _aggregate(tables, metric):
        rarity = rarity_of(convention, pairs[0].scale) + (2 if aggregate else 0)
        rarity += 0 if source == GIVEN else PIPELINES[source].rarity
        difference = value - number
        findings.append(Finding(source, convention, aggregate, value, difference, rarity, abs(difference) <= granted))
    if not findings:
        raise BadInput("the pictures are too small for every convention; give larger ones")
    return sorted(_distinct(findings), key=lambda f: (_beyond(f, precision), f.rarity, abs(f.difference)))


@functools.cache
def _tables_of(measure: Measure, pairs: tuple[Pair, ...], workers: int | None) -> list[Table]:
    """Every picture under every convention, once for all the numbers that are reported of them."""
    pipelines = list(PIPELINES.values()) if _is_bicubic(pairs[:3]) else []
    with ThreadPoolExecutor(workers or os.cpu_count() or 1) as pool:
        done = pool.map(partial(_measure, measure, pipelines), pairs)
        return list(progress(done, len(pairs), "diagnose"))


def _parse(reported: str) -> tuple[float, float]:
    """(number, half a unit of its last digit)."""
    text = reported.strip()
    if not re.fullmatch(r"\d+\.?\d*|\.\d+", text, re.ASCII):
        raise BadInput(f"reported {reported!r} is no plain decimal number; write it as printed, such as 28.42")
    return float(text), 0.5 * 10.0 ** -len(text.partition(".")[2])


def _beyond(finding: Finding, precision: float) -> float:
    """How far the value lies outside the interval that prints as reported; 0 inside."""
    return max(0.0, round(abs(finding.difference) - precision, 9))


def _is_bicubic(pairs: Sequence[Pair]) -> bool:
    """Whether each of these SR pictures is close to one pipeline's bicubic interpolation of its HR."""
    for files in pairs:
        sample = load_sample(files)
        assert sample.hr is not None
        sr, hr = grey(sample.sr), grey(crop_to_multiple(sample.hr, files.scale))
        if sr.shape != hr.shape:
            return False
        interpolated = (pipeline.upscaled(hr, files.scale) for pipeline in PIPELINES.values())
        if not any(psnr(sr, other, border=0) > _ALIKE for other in interpolated):
            return False
    return True


def _measure(measure: Measure, pipelines: Sequence[Pipeline], files: Pair) -> Table:
    """One picture: the SR given under every convention, each pipeline's under the usual ones."""
    sample = load_sample(files)
    assert sample.hr is not None
    hr = sample.hr[: sample.sr.shape[0], : sample.sr.shape[1]]
    table: Table = {(GIVEN, key): value for key, value in measure(sample.sr, hr, files.scale, False).items()}
    hr = crop_to_multiple(hr, files.scale)
    for pipeline in pipelines:
        sr = pipeline.upscaled(hr, files.scale)
        found = measure(sr, rounded_luma(hr) if pipeline.luma_only else hr, files.scale, True)
        if pipeline.luma_only:
            found = {key: value for key, value in found.items() if key.channel == "Y" and not key.grey}
        table.update({(pipeline.name, key): value for key, value in found.items()})
    return table


def _aggregate(tables: Sequence[Table], metric: str) -> Iterator[tuple[str, Convention, str, float]]:
    """(source, convention, aggregate, value) of the set, for what every picture has.

    A picture that a grey rule leaves alone counts as stored.
    """
    for source, convention in dict.fromkeys(key for table in tables for key in table):
        stored = (source, replace(convention, grey=""))
        parts = [table.get((source, convention), table.get(stored)) for table in tables]
        values = [value for value in parts if value is not None]
        if len(values) < len(tables):
            continue
        if metric == "ssim":
            yield source, convention, "", float(np.mean(values))
            continue
        yield source, convention, "", float(np.mean([psnr_under(errors) for errors in values]))
        if convention.channel != RGB_MEAN:
            yield source, convention, POOLED, psnr_of(float(np.mean(values)))


def hidden(pairs: Sequence[Pair], tables: Sequence[Table]) -> list[str]:
    """A line for each picture that is too small for conventions under which others of its set have a value."""
    tried = [{(source, replace(convention, grey="")) for source, convention in table} for table in tables]
    everything, lines = set[tuple[str, Convention]]().union(*tried), []
    for files, mine in zip(pairs, tried, strict=True):
        channels = {convention.channel for _, convention in mine}
        if lacking := [key for key in everything - mine if key[1].channel in channels or not channels]:
            lines.append(f"{files.image}: too small for {len(lacking)} conventions, which are not tried")
    return lines


def _distinct(findings: Iterable[Finding]) -> list[Finding]:
    """Of findings with one value, the commonest."""
    kept: dict[float, Finding] = {}
    for finding in findings:
        key = round(finding.value, 9)
        if key not in kept or finding.rarity < kept[key].rarity:
            kept[key] = finding
    return list(kept.values())


def render(findings: Sequence[Finding], reported: str) -> str:
    """For the terminal: the usual protocol's number, then what explains the reported one, else what comes nearest."""
    usual = [f for f in findings if f.rarity == 0]
    lines = [f"reported {reported}; the usual protocol gives {f.value:.4f}" for f in usual]
    explaining = [f for f in findings if f.explains]
    lines.append("explained by, the likeliest first:" if explaining else f"none explains {reported}; the nearest:")
    shown = (explaining or list(findings))[:_SHOWN]
    lines += [f"  {f.value:.4f} ({f.difference:+.4f})  {f.words}" for f in shown]
    if len(explaining) > len(shown):
        lines.append(f"  and {len(explaining) - len(shown)} rarer or farther")
    return "\n".join(lines)
