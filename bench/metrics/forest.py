"""The published model of Ma's metric: three random regression forests and the linear map that joins them.

The file is MATLAB's struct `model`: `linear` (4, 1), and `rf`, three structs of the regression forest package for
MATLAB, read by position: left and right child (1-based, 0 in a leaf), split threshold, node mean, split feature
(1-based), each (nodes, trees). Published: 2000 trees each, grown on 1440 pictures.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import scipy.io
from numpy.typing import NDArray

from bench.data.images import F64
from bench.errors import BadInput

LEFT, RIGHT, THRESHOLD, MEAN, FEATURE = 0, 1, 4, 5, 6


class Forest(NamedTuple):
    """All nodes of all trees in one row; a leaf is its own child. `roots`: where each tree starts."""

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    threshold: F64
    mean: F64
    feature: NDArray[np.int64]
    roots: NDArray[np.int64]


class Model(NamedTuple):
    """forests: one for each group of features; linear: intercept and their three weights, (4,)."""

    forests: tuple[Forest, ...]
    linear: F64


def load_model(path: Path, sizes: tuple[int, ...]) -> Model:
    """The model whose forests take features of these sizes. Raises BadInput where the file holds something else."""
    try:
        model = scipy.io.loadmat(str(path))["model"][0, 0]
        forests = tuple(_forest(cell[0, 0]) for cell in model["rf"].ravel())
        linear = np.asarray(model["linear"], dtype=np.float64).ravel()
        fits = len(linear) == len(sizes) + 1 and [len(forests)] == [len(sizes)]
        fits = fits and all(f.feature.max() < size for f, size in zip(forests, sizes, strict=True))
    except Exception as error:  # scipy's reader raises as many kinds as there are ways to be broken
        raise BadInput(f"{path}: not the published model of Ma's metric ({error}); take it from its source") from error
    if not fits:
        raise BadInput(f"{path}: its forests do not take {sizes} features; take the published model of Ma's metric")
    return Model(forests, linear)


def _forest(record: np.void) -> Forest:
    """One forest from its MATLAB struct."""
    left, right, feature = (np.asarray(record[i].T, dtype=np.int64) for i in (LEFT, RIGHT, FEATURE))  # (trees, nodes)
    threshold, mean = (np.asarray(record[i].T, dtype=np.float64).ravel() for i in (THRESHOLD, MEAN))
    trees, nodes = left.shape
    roots = np.arange(trees) * nodes
    own = np.arange(nodes)
    children = [(np.where(side > 0, side - 1, own) + roots[:, None]).ravel() for side in (left, right)]
    return Forest(children[0], children[1], threshold, mean, np.maximum(feature.ravel() - 1, 0), roots)


def evaluate(forest: Forest, features: F64) -> float:
    """The mean of the trees' predictions for one feature vector, all trees descending together."""
    node = forest.roots
    while True:
        lower = features[forest.feature[node]] <= forest.threshold[node]
        child = np.where(lower, forest.left[node], forest.right[node])
        if np.array_equal(child, node):
            return float(forest.mean[node].mean())
        node = child


def predict(model: Model, groups: tuple[F64, ...]) -> float:
    """The score for one picture's groups of features."""
    scores = [evaluate(forest, group) for forest, group in zip(model.forests, groups, strict=True)]
    return float(model.linear @ np.array([1.0, *scores]))
