"""Whether a suite's runs came out as published: every score, kernel and training curve, byte for byte.

Seconds, memory, times, commits and machines are left out: they differ wherever a run is repeated.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from bench.runtime.results import read_material, read_results
from bench.runtime.rows import Row

SHOWN = 20
NEW = "is not published yet"


def differences(runs: Iterable[str], here: Path, published: Path) -> dict[str, str]:
    """Run -> how it differs from the published one, empty where it does not. Raises BadInput for a torn file."""
    (records, scores), (old_records, old_scores) = read_results(here), read_results(published)
    material, old_material = read_material(here), read_material(published)
    found = {}
    for run in runs:
        curves = f"curves/{run}.csv"
        if run not in old_scores or run not in old_records:
            found[run] = NEW
        elif run not in scores:
            found[run] = "is published, but no run of the suite any more"
        else:
            parts = score_differences(scores[run], old_scores[run])
            parts += ["kernels"] if records[run].get("kernels") != old_records[run].get("kernels") else []
            parts += ["training curves"] if material.get(curves) != old_material.get(curves) else []
            found[run] = f"differs in {'; '.join(parts)}" if parts else ""
    return found


def score_differences(rows: Sequence[Row], published: Sequence[Row]) -> list[str]:
    """'<metric> by up to <difference> on <picture>' for each metric that differs; a picture that has a number in one of
    the two alone differs most."""
    new, old = (
        {(row["metric"], row["dataset"], row["image"]): row["value"] or row["note"] for row in scores}
        for scores in (rows, published)
    )
    gaps: dict[str, list[tuple[float, str]]] = {}
    for key in sorted(set(new) | set(old)):
        value, before = new.get(key, ""), old.get(key, "")
        if value != before:
            gaps.setdefault(key[0], []).append((_gap(value, before), "/".join(key[1:])))
    largest = {metric: max(found, key=lambda pair: pair[0]) for metric, found in gaps.items()}
    return [
        f"{metric} {f'by up to {gap:.6f}' if gap < math.inf else '(n/a in one of the two)'} on {picture}"
        for metric, (gap, picture) in largest.items()
    ]


def _gap(value: str, before: str) -> float:
    """The absolute difference of two values; infinite where one is no number."""
    try:
        return abs(float(value) - float(before))
    except ValueError:
        return math.inf


def summarise(found: Mapping[str, str], report: Path, suite: str) -> str:
    """What to say of `differences`: a line a run that differs, then the verdict."""
    publish = f"to publish: snakemake --cores 8 all --config suite={suite} publish=true"
    if all(text == NEW for text in found.values()) and found:
        return f"suite {suite} is not published yet; report: {report}; {publish}"
    other = [f"{run} {text}" for run, text in found.items() if text]
    more = [f"... and {len(other) - SHOWN} more"] if len(other) > SHOWN else []
    verdict = f"{len(found) - len(other)} of {len(found)} runs reproduced byte for byte; report: {report}"
    return "\n".join([*other[:SHOWN], *more, f"{verdict}; {publish}" if other else verdict])
