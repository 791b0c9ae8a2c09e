"""Lets packages that import torchvision (pyiqa, lpips) run beside a torch that torchvision was not built for."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import sys
from types import ModuleType

import pytest
import torch

OPERATORS = ("nms", "qnms")  # those that torchvision's Python code looks up while it is imported


@functools.cache
def make_torchvision_importable() -> torch.library.Library | None:
    """Declare the operators without which torchvision's wheel does not import beside a CPU torch.

    Does nothing where torchvision imports by itself, or at a second call. The operators have a signature and no
    kernel: the metrics never call them. Returns the library that holds them, None where nothing was needed.
    Raises ModuleNotFoundError where torchvision is not installed.
    """
    try:
        importlib.import_module("torchvision")
        return None
    except RuntimeError as error:
        if "torchvision::nms does not exist" not in str(error):
            raise
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]
    library = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
    for name in OPERATORS:
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")  # type: ignore[no-untyped-call]
    importlib.import_module("torchvision")
    return library


def import_or_skip(package: str, module: str | None = None) -> ModuleType:
    """`module`, by default `package` itself, with torchvision importable; skips the test without the package."""
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"needs the package {package}")
    make_torchvision_importable()
    return importlib.import_module(module or package)
