"""Noise that learners and generators draw."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


def normal(shape: Sequence[int], *key: int) -> Tensor:
    """Of a normal distribution, by the key alone: a run's seed and a step, say. Not torch's, whose generator on the CPU
    looks at the lower 32 bits of a seed, so that all parts of a key would have to share them."""
    return torch.from_numpy(np.random.default_rng(key).standard_normal(tuple(shape), np.float32))
