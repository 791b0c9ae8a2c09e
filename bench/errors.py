"""What can go wrong, one class per exit code. A message names the thing and the remedy in one line."""

import dataclasses
import difflib
from collections.abc import Collection, Iterable, Mapping
from typing import Any, TypeVar

T = TypeVar("T")


class BadInput(Exception):
    """Input or usage that cannot be worked with. Exit code 2, nothing half-written."""

    exit_code = 2


class MissingWeights(BadInput):
    """A published network or parameter file that is not on this machine."""


class Diverged(Exception):
    """Training left the finite numbers. Exit code 3, the last good state is kept."""

    exit_code = 3


class OutOfTime(Exception):
    """The time budget is spent; the same command resumes. Exit code 75 (EX_TEMPFAIL)."""

    exit_code = 75


def unknown(kind: str, name: str, known: Iterable[str]) -> BadInput:
    """A BadInput that says `name` is no `kind` and suggests the nearest of the `known` names."""
    names = sorted(map(str, known))  # numbers, too
    near = difflib.get_close_matches(str(name), names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names)}"
    return BadInput(f"unknown {kind} {name!r}; {hint}")


def check_choice(kind: str, name: str, known: Iterable[str]) -> None:
    """Raise `unknown` unless `name` is one of the known names."""
    names = list(known)
    if name not in names:
        raise unknown(kind, name, names)


def choice(default: str, known: Collection[str], kind: str = "") -> Any:
    """A field of a dataclass that `check_choices` holds to the known names; kind: what it calls the field, else by its
    name."""
    return dataclasses.field(default=default, metadata={"known": known, "kind": kind})


def check_choices(knobs: Any) -> None:
    """Raise `unknown` for a `choice` of a dataclass that is none of its known names."""
    for knob in dataclasses.fields(knobs):
        if knob.metadata:
            check_choice(knob.metadata["kind"] or knob.name, getattr(knobs, knob.name), knob.metadata["known"])


def pick(kind: str, name: str, known: Mapping[str, T]) -> T:
    """What is known by that name. Raises `unknown` where nothing is."""
    check_choice(kind, name, known)
    return known[name]
