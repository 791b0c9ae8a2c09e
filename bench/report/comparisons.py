"""Tables of one question each: what a method gains over its baselines, how much of a gap it closes, what runs cost,
what perceptual losses can see.

Which variants are compared is what the entries declare as `baselines` and `gap`.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from bench.errors import BadInput
from bench.report.aggregate import COST_COLUMNS, Scores, variant_names
from bench.report.render import NA, Cell, Section, Table
from bench.report.statistics import F64, TWO_WAY, redraw_means
from bench.report.tables import section_of, show_difference, show_size, table_of
from bench.report.verdicts import measure, paired_scores
from bench.runtime.results import TAPS
from bench.runtime.rows import read_rows
from bench.stages.feature_activity import COLUMNS, SHARES, SHOWN

GAIN_METRICS, GAP_METRICS = ("psnr_y", "lr_psnr"), ("psnr_y", "ssim_y")
Row = tuple[dict[str, object], dict[str, str]]
"""(record of the CSV, texts for a reader), by column"""


def gain_table(every: Sequence[Scores]) -> Table | None:
    """A row for each setting, baseline and metric; None where nothing was adapted."""
    rows = [
        row
        for scores in every
        for method, baselines in scores.suite.baselines.items()
        for baseline in baselines
        for metric in GAIN_METRICS
        if metric in scores.setting.metrics and (row := _gain(scores, f"{method}.default", baseline, metric))
    ]
    scales = sorted({str(record["setting"]).partition(".")[0].replace("x", "×") for record, _ in rows})
    legend = (
        f"Adapted here at {' and '.join(scales)}; the paper adapts at ×8, and its figures were not at hand. Means over "
        "the pictures of all data sets and over seeds. A positive gain favours the adapted network. Intervals are over "
        "seeds and pictures; in brackets, with fewer than three seeds, over pictures alone."
    )
    return _table("adaptation", "Adaptation to unpaired LR", rows, legend, labels=3)


def gap_table(every: Sequence[Scores]) -> Table | None:
    """A row for each setting and metric in which all three variants of a gap were run; None where none has."""
    gaps = list(every[0].suite.gaps.items())
    rows = [
        row
        for scores in every
        for method, variants in gaps
        for metric in GAP_METRICS
        if metric in scores.setting.metrics and (row := _gap(scores, [f"{method}.{v}" for v in variants], metric))
    ]
    shown = {str(record["better"]).partition(".")[0] for record, _ in rows}
    legend = "; ".join(
        f"`{m}.{v[1]}` between `{m}.{v[0]}` (0 %) and `{m}.{v[2]}` (100 %)" for m, v in gaps if m in shown
    )
    legend += (
        ", on the pictures of all data sets. Below 0 %: worse than the floor, which assumes bicubic LR. The interval "
        "is a bootstrap of the ratio of mean differences, over seeds and pictures drawn independently."
    )
    title = "How much is closed of the gap between assuming bicubic LR and knowing the truth"
    return _table("gaps", title, rows, legend, labels=3)


def _table(name: str, title: str, rows: Sequence[Row], legend: str, labels: int) -> Table | None:
    if not rows:
        return None
    section = section_of("", [shown for _, shown in rows], labels)
    return table_of(name, title, [record for record, _ in rows], [section], legend=legend)


def _gain(scores: Scores, adapted: str, baseline: str, metric: str) -> Row | None:
    """None where one of the two was not run or has no value."""
    effect, _ = measure(scores, adapted, baseline, metric)
    if effect is None:
        return None
    frame, info, setting = scores.frame[scores.frame["metric"] == metric], scores.metrics[metric], scores.setting
    means = [float(np.nanmean(frame[variant_names(frame) == name]["value"])) for name in (adapted, baseline)]
    names = {"comparison": f"{setting.name} {baseline} {metric}", "setting": setting.name}
    sides = {"better": adapted, "worse": baseline, "metric": metric, "mean_better": means[0], "mean_worse": means[1]}
    found = {"gain": effect.mean, "low": effect.low, "high": effect.high, "p": effect.p}
    gain, low, high = (show_difference(value, info) for value in (effect.mean, effect.low, effect.high))
    shown = {
        "setting": setting.title,
        "adapted against": baseline,
        "metric": metric,
        "adapted": f"{means[0]:.2f}",
        "baseline": f"{means[1]:.2f}",
        "gain": gain,
        "95 % interval": f"{low} to {high}" if effect.kind == TWO_WAY else f"({low} to {high})",
        "seeds × pictures": show_size(effect),
    }
    return {**names, **sides, **found, "seeds": effect.seeds, "pictures": effect.pictures}, shown


def _gap(scores: Scores, variants: Sequence[str], metric: str) -> Row | None:
    """variants: floor, estimate, ceiling. None where one of them was not run or has no value."""
    floor, estimate, ceiling = variants
    try:
        gained, whole = (paired_scores(scores, name, floor, metric) for name in (estimate, ceiling))
    except BadInput:
        return None
    known = ~np.isnan(gained).any(axis=0) & ~np.isnan(whole).any(axis=0)
    if gained.shape != whole.shape or not known.any():
        return None
    gained, whole = gained[:, known], whole[:, known]
    closed, low, high = share_closed(gained, whole)
    setting, (seeds, pictures) = scores.setting, gained.shape
    gains = {"better_minus_worse": float(gained.mean()), "ceiling_minus_worse": float(whole.mean())}
    names = {"comparison": f"{setting.name} {metric}", "setting": setting.name, "metric": metric}
    sides = {"better": estimate, "worse": floor, "ceiling": ceiling}
    found = {"closed": closed, "low": low, "high": high, "seeds": seeds, "pictures": pictures}
    digits = 3 if metric == "psnr_y" else 4
    above, gap = (f"{gain:+.{digits}f}".replace("-", "−") for gain in gains.values())
    shown = {
        "setting": setting.title,
        "estimate": estimate,
        "metric": metric,
        "estimate − floor": above,
        "truth − floor": gap,
        "gap closed": _percent(closed),
        "95 % interval": NA if np.isnan(low) else f"{_percent(low)} to {_percent(high)}",
        "seeds × pictures": f"{seeds} × {pictures}",
    }
    return {**names, **sides, **gains, **found}, shown


def _percent(share: float) -> str:
    return NA if np.isnan(share) else f"{100 * share:.0f} %".replace("-", "−")


def share_closed(gained: F64, whole: F64, seed: int = 0) -> tuple[float, float, float]:
    """mean(gained) / mean(whole), both (seeds, pictures) above the floor, and its 95 % bootstrap interval.

    NaN where the ceiling is not above the floor, in the mean or in more than one resample of forty.
    """
    if not whole.mean() > 0:
        return float("nan"), float("nan"), float("nan")
    above, gap = redraw_means(seed, gained, whole)
    closed = float(gained.mean() / whole.mean())
    if (gap <= 0).mean() > 1 / 40:
        return closed, float("nan"), float("nan")
    low, high = np.quantile(above[gap > 0] / gap[gap > 0], (0.025, 0.975))
    return closed, float(low), float(high)


COST_SHOWN = {
    "run": "run",
    "train_device": "device",
    "train_seconds": "training (s)",
    "train_cpu_seconds": "training (CPU s)",
    "train_peak_mib": "training (MiB)",
    "upscale_seconds": "upscaling (s)",
    "upscale_peak_mib": "upscaling (MiB)",
}


def cost_table(costs: pd.DataFrame) -> Table:
    """Seconds and MiB of every run, all text."""
    records = tuple(costs[list(COST_COLUMNS)].itertuples(index=False, name=None))
    shown = costs[list(COST_SHOWN)].itertuples(index=False, name=None)
    grid = tuple(
        (Cell(run), Cell(device or "–"), *(Cell(text or "–", value=text) for text in numbers))
        for run, device, *numbers in shown
    )
    return Table("cost", "Cost", COST_COLUMNS, records, (Section("", tuple(COST_SHOWN.values()), grid, labels=2),))


ACTIVITY = (
    "network", "layer", "data set", "pictures", "active before", "active after", "mean before", "mean after",
)  # fmt: skip
ACTIVITY_NOTE = (
    "Means over HR pictures. Active: the share of features that are not zero. A loss on features before activation "
    "uses all of them, one after activation only the active ones, which the ESRGAN paper finds too sparse (11.17 % "
    "after VGG19's conv5_4 on one picture). How a layer changes brightness is `luma_error` in the tables of methods."
)


def read_feature_activity(results: Path) -> Table | None:
    """taps.csv as a table, None without one. Raises BadInput for a torn file."""
    path = results / TAPS
    if not path.is_file():
        return None
    rows = read_rows(path, COLUMNS, "remove it and make the report again")
    grid = tuple(tuple(_activity(column, row[column]) for column in SHOWN) for row in rows)
    sections = [Section("", ACTIVITY, grid, labels=3)]
    return table_of("taps", "What a perceptual loss can see", rows, sections, legend=ACTIVITY_NOTE) if rows else None


def _activity(column: str, text: str) -> Cell:
    if column in SHARES:
        return Cell(f"{100 * float(text):.2f} %", value=text)
    return Cell(f"{float(text):.4g}", value=text) if column.startswith("mean") else Cell(text)
