"""Batches of pairs and of LR pictures without HR, from training stores that share no picture."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import torch

from bench.api import Batch
from bench.data.patches import PatchStore
from bench.errors import BadInput
from bench.runtime.files import read_json


class PairedAndUnpaired:
    """`count_unpaired` LR patches of a batch come from one store, the pairs from the other. The HR of the unpaired
    store is never read."""

    def __init__(self, paired: PatchStore, unpaired: PatchStore, count_unpaired: int) -> None:
        """Raises BadInput for stores of different scales, and naming a picture whose HR both were made of."""
        if paired.scale != unpaired.scale:
            scales = f"x{paired.scale} and x{unpaired.scale}"
            raise BadInput(f"{unpaired.folder}: pairs and unpaired pictures are {scales}; prepare both at one scale")
        names, others = _names(paired.folder), _names(unpaired.folder)
        shared = [name for digest, name in others.items() if digest in names]
        if shared:
            raise BadInput(
                f"{shared[0]}: among the pairs and among the unpaired pictures; train on disjoint sets, such as "
                "BSD400-first and BSD400-second"
            )
        self.paired = paired
        self.unpaired = PatchStore(unpaired.folder, paired.stream + 1)  # its draws are its own
        self.count_unpaired = count_unpaired

    @property
    def folder(self) -> Path:
        """The pairs' folder."""
        return self.paired.folder

    def batch(self, step: int, seed: int, count: int, patch: int, device: torch.device | str = "cpu") -> Batch:
        """`count` pictures in all: as `PatchStore.batch`, the unpaired ones beside the pairs."""
        lone = self.count_unpaired
        if not 0 <= lone <= count:
            raise BadInput(f"{lone} unpaired pictures do not fit a batch of {count}; change knob batch_size")
        batch = self.paired.batch(step, seed, count - lone, patch, device)
        lr = self.unpaired.lr_batch(step, seed, lone, patch, device) if lone else None
        return dataclasses.replace(batch, unpaired=lr)


def _names(folder: Path) -> dict[str, str]:
    """The pictures of a store by the digest of their HR."""
    pictures = read_json(folder / "manifest.json")["pictures"]
    return {facts["hr_sha256"]: name for name, facts in pictures.items()}
