"""The eight orientations of a picture: its four quarter turns, and those of its mirror image."""

import itertools
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

ORIENTATIONS = tuple(itertools.product(range(4), (False, True)))
"""(quarter turns, then mirrored left-right or not); the first leaves a picture as it is"""


def orient(image: Tensor, turns: int, mirrored: bool) -> Tensor:
    """(..., h, w) in that orientation."""
    turned = torch.rot90(image, turns, (-2, -1))
    return turned.flip(-1) if mirrored else turned


def undo(image: Tensor, turns: int, mirrored: bool) -> Tensor:
    """The inverse of `orient`."""
    return torch.rot90(image.flip(-1) if mirrored else image, -turns, (-2, -1))


def in_every_orientation(function: Callable[[Tensor], Tensor], image: Tensor) -> Iterator[Tensor]:
    """What `function` makes of the picture in each orientation, undone, one after the other: the members of a
    self-ensemble (Timofte et al., CVPR 2016; Lim et al., CVPRW 2017)."""
    for turns, mirrored in ORIENTATIONS:
        yield undo(function(orient(image, turns, mirrored)), turns, mirrored)
