"""DISTS: structure and texture similarity of deep features (Ding et al., IEEE TPAMI 2022), computed by pyiqa.

pyiqa looks for two files in torch's hub folder and downloads what is missing; a measurement must not depend on a
network connection, so both files are looked for first and their absence is said instead.
"""

import contextlib
import functools
import sys
from collections.abc import Callable
from pathlib import Path

import torch

from bench.data.images import U8, to_tensor
from bench.errors import BadInput, MissingWeights

FILES = ("checkpoints/vgg16-397923af.pth", "pyiqa/DISTS_weights-f5e65c96.pth")  # below torch.hub.get_dir()
SMALLEST = 16  # pixels a side: VGG16's four poolings


def dists(sr: U8, hr: U8) -> float:
    """Distance of two 8-bit pictures of one size, whole; grey is repeated. 0: equal.

    Raises MissingWeights where a file is not in torch's hub folder, BadInput where pyiqa cannot be imported or the
    pictures are smaller than 16 pixels.
    """
    for file in FILES:
        path = Path(torch.hub.get_dir()) / file
        if not path.is_file():
            raise MissingWeights(f"DISTS needs {path}; run pyiqa's dists once with a network connection")
    if min(sr.shape[:2]) < SMALLEST:
        raise BadInput(f"DISTS needs {SMALLEST} pixels a side, got {sr.shape[1]}x{sr.shape[0]}")
    with torch.inference_mode():
        return float(_network()(to_tensor(sr)[None], to_tensor(hr)[None]).item())


@functools.cache
def _network() -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """pyiqa's metric on the CPU; what it prints goes to stderr."""
    try:
        with contextlib.redirect_stdout(sys.stderr):
            import pyiqa

            metric: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] = pyiqa.create_metric("dists", device="cpu")
    except (ImportError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise BadInput(f"pyiqa cannot be used here ({reason}); install the extra with pyiqa and torchvision") from error
    return metric
