"""What a stage writes down when it ends, beside what it made: code, machine, seconds, what it took and what it made."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from bench.runtime.code_digest import closure, source_digest
from bench.runtime.devices import describe, environment
from bench.runtime.git import commit

Record = dict[str, Any]


def code_of(modules: Sequence[str]) -> Record:
    """The code at this moment: the modules a stage starts from, all they import, their digest, and the commit."""
    return {"starts": modules, "modules": closure(*modules), "sha256": source_digest(*modules), **commit()}


@dataclass(frozen=True)
class Stage:
    """A stage at work. code: as it was when the stage began; inputs: the sha256 of what it takes, by name; facts: what
    else its record says, or says otherwise; began: on the monotonic clock."""

    code: Mapping[str, Any]
    device: torch.device
    inputs: Mapping[str, str]
    facts: Mapping[str, Any] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)

    def record(self, outputs: Mapping[str, str]) -> Record:
        """The record of the stage, which has just ended. outputs: the sha256 of what it made, by name."""
        return {
            "code": dict(self.code),
            "environment": environment(),
            "device": describe(self.device),
            "threads": torch.get_num_threads(),
            "seconds": round(time.monotonic() - self.began, 2),
            "inputs": dict(self.inputs),
            "outputs": dict(outputs),
            **self.facts,
        }
