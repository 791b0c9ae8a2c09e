"""Which data sets are here, and how to get the others."""

from bench.data.datasets import DATASETS, OWN, find, verify
from bench.errors import BadInput


def status() -> list[tuple[str, ...]]:
    """(name, role, here, pictures, copy, licence, source, note) of every set; every pinned picture is decoded and
    compared. here: 'yes', 'no' or the scales; copy: pinned or not; note: what is wrong or how to get it."""
    rows: list[tuple[str, ...]] = []
    for name, dataset in (DATASETS | OWN).items():
        here, count, copy, note = "no", 0, "", ""
        try:
            scales, copy = verify(name)
            here = " ".join(f"x{scale}" for scale in scales) or "yes"
            count = dataset.count or len(find(name, scales[0] if scales else 1))
        except BadInput as error:
            note = str(error)
        rows.append((name, dataset.role, here, str(count), copy, dataset.licence, dataset.source, note))
    return rows
