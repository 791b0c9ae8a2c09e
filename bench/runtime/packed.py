"""What a pack holds: the code of a commit, pictures, weights and a list of runs, for a machine that lacks the rest.

pack.json       the commit and its files, suite, runs, how many bytes may come back
bench/ methods/ the code
data/           the pictures, and packed.json: which belong to which data set
weights/        published weights: as they are, or a state dict in <name>.xz
work/           the suite's work folder: the networks that runs start from, and whatever is made there
go.sh           makes the runs
"""

from __future__ import annotations

import json
import lzma
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.errors import BadInput
from bench.runtime.checksums import hash_files
from bench.runtime.code_digest import ROOT
from bench.runtime.files import read_json

if TYPE_CHECKING:
    from torch import Tensor

PACK = "pack.json"
PICTURES = "packed.json"
CODE = ("bench", "methods")


def pack_of(root: Path = ROOT) -> dict[str, Any] | None:
    """The pack.json that code came with; None elsewhere."""
    found: dict[str, Any] | None = read_json(root / PACK) if (root / PACK).is_file() else None
    return found


def code_hashes(root: Path) -> dict[str, str]:
    """The sha256 of every file of the code, by name."""
    found = {f"{folder}/{name}": sha256 for folder in CODE for name, sha256 in hash_files(root / folder, "*.*").items()}
    return {name: sha256 for name, sha256 in found.items() if "__pycache__" not in name}


def packed_pictures(data: Path, name: str, scale: int) -> list[tuple[str, Path, Path | None]] | None:
    """(name, HR, shipped LR or None) of each picture of a set, where the data folder is a pack's; None where it is not.
    Raises BadInput for a set or a scale that is not in the pack."""
    if not (data / PICTURES).is_file():
        return None
    rows = read_json(data / PICTURES).get(f"{name}.x{scale}")
    if rows is None:
        raise BadInput(f"{name} at x{scale} is not in this pack; pack the runs that need it")
    return [(picture, data / hr, None if lr is None else data / lr) for picture, hr, lr in rows]


def write_state(path: Path, state: Mapping[str, Tensor], sha256: str, rounded: bool) -> None:
    """A state dict of float32 in few bytes. sha256: of the published file; rounded: to bf16, as autocast does."""
    import torch

    rows: dict[str, list[int]] = {}
    planes = []
    for key, tensor in state.items():
        values = tensor.to(torch.bfloat16 if rounded else torch.float32).reshape(-1)
        rows[key] = list(tensor.shape)
        # bytes of one significance together: exponents are compressible, the rest is not
        planes.append(values.view(torch.uint8).view(-1, 2 if rounded else 4).T.contiguous().numpy().tobytes())
    head = json.dumps({"sha256": sha256, "rounded": rounded, "shapes": rows}).encode() + b"\n"
    path.write_bytes(lzma.compress(head + b"".join(planes), preset=1))


def state_head(path: Path) -> dict[str, Any]:
    """What `write_state` says of a state dict: sha256, rounded, shapes."""
    with lzma.open(path) as stream:
        found: dict[str, Any] = json.loads(stream.readline())
    return found


def read_state(path: Path) -> dict[str, Tensor]:
    """The state dict that `write_state` wrote, in float32."""
    import torch

    head, content = state_head(path), lzma.decompress(path.read_bytes()).partition(b"\n")[2]
    kind, width = (torch.bfloat16, 2) if head["rounded"] else (torch.float32, 4)
    state, at = {}, 0
    for key, shape in head["shapes"].items():
        size = math.prod(shape)
        planes = torch.frombuffer(bytearray(content[at : at + size * width]), dtype=torch.uint8)
        state[key] = planes.view(width, size).T.reshape(-1).contiguous().view(kind).view(shape).float()
        at += size * width
    return state
