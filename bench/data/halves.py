"""HALVES: training sets cut in two disjoint halves, so that pairs and unpaired pictures share nothing.

A half is every second picture of a set, sorted by name. Its pictures are held against the pins of the whole set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.data import embedded, pins
from bench.data.embedded import EMBEDDED
from bench.errors import BadInput

HALVES: dict[str, tuple[str, int]] = {  # half -> (whole set, number of its first picture)
    f"{whole}-{part}": (whole, start)
    for whole in ("BSD400", "Embedded-train")
    for start, part in enumerate(("first", "second"))
}


def check_half(name: str, names: Sequence[str], digests: Mapping[str, str]) -> bool:
    """Whether a half is of the pinned copy, given the names of all pictures of the whole set and, of the half's own,
    the `pins.pair_sha256`. Raises BadInput for a changed picture."""
    whole, _ = HALVES[name]
    if whole in EMBEDDED:
        embedded.check(whole, {picture.name: picture.sha256 for picture in EMBEDDED[whole]} | dict(digests))
        return True
    expected = pins.PINS[whole, 0]
    if pins.pin(dict.fromkeys(names, "")).names != expected.names:
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
