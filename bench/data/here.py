"""Which data sets are here, and how to get the others."""

from typing import NamedTuple

from bench.data.datasets import DATASETS, OWN, DataSet, find, verify
from bench.errors import BadInput


class Status(NamedTuple):
    """One line of `python -m bench data`. here: 'yes', 'no' or the scales; copy: pinned or not; note: what is wrong
    or how to get it."""

    name: str
    role: str
    here: str
    pictures: int
    copy: str
    licence: str
    source: str
    note: str


def status() -> list[Status]:
    """What is here, what is missing, where each comes from; every pinned picture is decoded and compared."""
    return [_status(dataset) for dataset in (DATASETS | OWN).values()]


def _status(dataset: DataSet) -> Status:
    here, count, copy, note = "no", 0, "", ""
    try:
        scales, copy = verify(dataset.name)
        here = " ".join(f"x{scale}" for scale in scales) or "yes"
        count = dataset.count or len(find(dataset.name, scales[0] if scales else 1))
    except BadInput as error:
        note = str(error)
    return Status(dataset.name, dataset.role, here, count, copy, dataset.licence, dataset.source, note)
