"""Fathers: the crops of the LR picture that ZSSR shrinks to sons and learns to restore."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from bench.data.images import GREY_BT601
from bench.data.orientations import orient
from methods.zssr.shrink import mirror

LEAST_SIZE, SHEAR, STRETCH = 0.5, 0.1, 0.25  # of an affine father: least size, sigmas of shear and stretch


def gradient_map(lr: Tensor) -> Tensor:
    """(3, h, w) -> (1, h, w), mean 1: the gradient magnitude of the grey picture, summed over 5x5 pixels."""
    grey = (lr * lr.new_tensor(GREY_BT601)[:, None, None]).sum(0, keepdim=True)
    wide = mirror(mirror(grey, 1, (1, 1)), 2, (1, 1))  # (1, h+2, w+2)
    down, right = wide[:, 2:, 1:-1] - wide[:, :-2, 1:-1], wide[:, 1:-1, 2:] - wide[:, 1:-1, :-2]
    magnitude = mirror(mirror((down.square() + right.square()).sqrt(), 1, (2, 2)), 2, (2, 2))
    summed = functional.avg_pool2d(magnitude[None], 5, stride=1)[0]
    mean = summed.mean()
    return torch.where(mean > 0, summed / mean.clamp_min(1e-12), torch.ones_like(summed))


def uniform_map(lr: Tensor) -> Tensor:
    """(3, h, w) -> (1, h, w), ones."""
    return torch.ones_like(lr[:1])


LOSS_MAPS: dict[str, Callable[[Tensor], Tensor]] = {"gradient": gradient_map, "none": uniform_map}


@dataclass(frozen=True)
class Fathers:
    """What fathers are drawn from. picture: (4, h, w), RGB in [0, 1] and the loss map; size: rows and columns of a
    crop; augment: how likely a father is a plain crop, one of its eight flips and turns, an affine view."""

    picture: Tensor
    size: tuple[int, int]
    augment: tuple[float, float, float]
    random: np.random.Generator

    def draw(self) -> Tensor:
        """The next father, (4, rows, columns); a turn by 90 degrees swaps the two."""
        plain, flipped, _ = self.augment
        chance = float(self.random.random())
        if chance >= plain + flipped:
            return self._view()
        top, left = (int(self.random.integers(0, room + 1)) for room in self._room())
        crop = self.picture[:, top : top + self.size[0], left : left + self.size[1]]
        return crop if chance < plain else self._turn(crop)

    def _room(self) -> tuple[int, int]:
        return self.picture.shape[1] - self.size[0], self.picture.shape[2] - self.size[1]

    def _turn(self, crop: Tensor) -> Tensor:
        return orient(crop, int(self.random.integers(4)), bool(self.random.integers(2)))

    def _view(self) -> Tensor:
        """A view through an affine map about a random centre: any angle, half to full size, stretched, sheared.
        Sampled bicubically; mirrored where it looks beyond the picture."""
        height, width = self.picture.shape[1:]
        rows, columns = self.size
        linear = _affine(self.random)  # (x, y) in the view -> (x, y) in the picture, pixels
        reach = np.array([[columns / width, rows / width], [columns / height, rows / height]])
        room = np.array([self._room()[1] / width, self._room()[0] / height])
        centre = self.random.uniform(-room, room)
        theta = torch.from_numpy(np.column_stack([linear * reach, centre])).to(self.picture)
        grid = functional.affine_grid(theta[None], [1, 1, rows, columns], align_corners=False)
        seen = functional.grid_sample(self.picture[None], grid, "bicubic", "reflection", align_corners=False)[0]
        return torch.cat([seen[:3].clamp(0, 1), seen[3:].clamp_min(0)])


def _affine(random: np.random.Generator) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """A (2, 2) map from a view to the picture: rotation, shear, and per axis one over the size of what is seen."""
    angle = random.uniform(0, 2 * math.pi)
    size = random.uniform(LEAST_SIZE, 1.0)
    stretch = math.exp(STRETCH * random.standard_normal() / 2)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    sheared = turn @ np.array([[1.0, SHEAR * random.standard_normal()], [0.0, 1.0]])
    result: np.ndarray[tuple[int, int], np.dtype[np.float64]] = sheared / (size * np.array([stretch, 1 / stretch]))
    return result
