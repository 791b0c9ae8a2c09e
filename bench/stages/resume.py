"""The state a training resumes from: the last one and the one before, each with its checksum."""

import hashlib
import io
import sys
from pathlib import Path
from typing import Any

import torch

from bench.runtime.files import replacing

STATES = ("state.pt", "state.before.pt")
_HEAD = b"bench resume state 2\n"  # then the sha256 of the rest, 32 bytes


def save_state(folder: Path, state: dict[str, Any]) -> None:
    """Put a state on the disk in place of the last one, which becomes the one before."""
    last, before = (folder / name for name in STATES)
    buffer = io.BytesIO()
    torch.save(state, buffer)
    content = buffer.getvalue()
    with replacing(last) as temporary:
        temporary.write_bytes(_HEAD + hashlib.sha256(content).digest() + content)
        if last.is_file():
            last.replace(before)


def load_state(folder: Path, digest: str, device: torch.device) -> dict[str, Any] | None:
    """The last whole state, None where there is none, or one of other code or settings; says so on stderr."""
    for name in STATES:
        path = folder / name
        if not path.is_file():
            continue
        stored = path.read_bytes()
        checksum, content = stored[len(_HEAD) :][:32], stored[len(_HEAD) + 32 :]
        if not stored.startswith(_HEAD) or hashlib.sha256(content).digest() != checksum:
            print(f"{path}: damaged, or of another version; going back to what was saved before", file=sys.stderr)
            continue
        state: dict[str, Any] = torch.load(io.BytesIO(content), map_location=device, weights_only=True)
        if state["digest"] == digest:
            return state
        print(f"{path}: the code or settings changed since it was saved; starting over", file=sys.stderr)
        return None
    return None


def remove_states(folder: Path) -> None:
    """Delete what a finished training needs no more."""
    for name in STATES:
        (folder / name).unlink(missing_ok=True)
