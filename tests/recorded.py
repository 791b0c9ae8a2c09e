"""A CUDA graph's likeness on the CPU: the operations of a piece of work, listed once and repeated on the same tensors.

As in a CUDA graph no Python is run again: what it decided is frozen, and a value that crosses to or from it an error.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

Work = Callable[[], dict[str, Tensor]]


REFUSED = {
    torch.ops.aten._local_scalar_dense.default: "a value was read back",
    torch.ops.aten.lift_fresh.default: "a tensor was made of numbers, which would have to travel to the device",
}


class _Listed(TorchDispatchMode):
    """Lists every operation with its arguments and what it made."""

    def __init__(self) -> None:
        super().__init__()
        self.operations: list[tuple[Callable[..., Any], Any, Any, Any]] = []

    def __torch_dispatch__(self, operation: Any, types: Any, words: Any = (), options: Any = None) -> Any:
        if operation in REFUSED:
            raise RuntimeError(REFUSED[operation])
        made = operation(*words, **(options or {}))
        self.operations.append((operation, words, options or {}, made))
        return made


def record(work: Work) -> Work:
    """As `bench.runtime.graph.record_cuda`."""
    work()
    with _Listed() as listed:
        losses = work()

    def replay() -> dict[str, Tensor]:
        with torch.no_grad():
            for operation, words, options, made in listed.operations:
                given = {_storage(leaf) for leaf in tree_leaves((words, options)) if isinstance(leaf, Tensor)}
                again = operation(*words, **options)
                for target, value in zip(tree_leaves(made), tree_leaves(again), strict=True):
                    if isinstance(target, Tensor) and _storage(target) not in given:
                        target.copy_(value)
        return losses

    return replay


def _storage(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()
