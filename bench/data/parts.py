"""PARTS: some pictures of a data set under a name of their own, held against the pins of the whole set.

Halves of training sets are disjoint, so that pairs and unpaired pictures share nothing; parts of test sets are what
methods that train on each picture can afford.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.data import embedded, pins
from bench.data.embedded import EMBEDDED
from bench.errors import BadInput

PARTS: dict[str, tuple[str, tuple[int, ...]]] = {  # part -> (whole set, places of its pictures, sorted by name)
    "BSD400-first": ("BSD400", tuple(range(0, 400, 2))),
    "BSD400-second": ("BSD400", tuple(range(1, 400, 2))),
    "Embedded-train-first": ("Embedded-train", tuple(range(0, 9, 2))),
    "Embedded-train-second": ("Embedded-train", tuple(range(1, 9, 2))),
    "Embedded-one": ("Embedded-test", (0,)),
    "Set14-5": ("Set14", (0, 1, 8, 11, 12)),  # in colour, with 100 pixels a side or more at x4
    "BSD100-5": ("BSD100", (0, 20, 40, 60, 80)),
}


def check_part(name: str, scale: int, names: Sequence[str], digests: Mapping[str, str]) -> bool:
    """Whether a part is of the pinned copy, given the names of all pictures of the whole set and, of the part's own,
    the `pins.pair_sha256`. Raises BadInput for a changed picture."""
    whole, _ = PARTS[name]
    if whole in EMBEDDED:
        embedded.check(whole, {picture.name: picture.sha256 for picture in EMBEDDED[whole]} | dict(digests))
        return True
    expected = pins.PINS.get((whole, scale)) or pins.PINS.get((whole, 0))
    if expected is None or pins.pin(dict.fromkeys(names, "")).names != expected.names:
        return False
    prints = {
        name: expected.prints[number * pins.DIGITS : (number + 1) * pins.DIGITS]
        for number, name in enumerate(sorted(names))
    }
    for picture, digest in digests.items():
        found = digest[: pins.DIGITS]
        if found != prints[picture]:
            raise BadInput(
                f"{name}: {picture} has pixels of sha256 {found}…, expected {prints[picture]}…; extract {whole} again"
            )
    return True
