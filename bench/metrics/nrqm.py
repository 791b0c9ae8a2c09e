"""Ma's no-reference metric (NRQM): predicted opinion score of a super-resolved picture; higher is better, 0 to 10.

Source: Ma, Yang, Yang, Yang, "Learning a no-reference quality metric for single-image super-resolution", CVIU 2017.
The features are certified against pyiqa's port under the rules `PYIQA`; the default rules are those of the authors'
release, with which the forests were grown. They part in the four points that `Rules` lists.

The model is MATLAB's struct `model`: `linear` (4, 1) and the three random regression forests that it joins, `rf`,
structs of their package read by position: left and right child (1-based, 0 in a leaf), split threshold, node mean,
split feature (1-based), each (nodes, trees). Published: 2000 trees each, grown on 1440 pictures.
"""

import functools
import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
import scipy.io
from numpy.typing import NDArray

from bench.data.images import F64, U8, rgb2gray
from bench.errors import BadInput
from bench.metrics import nrqm_features
from bench.metrics.nrqm_features import AUTHORS, Rules
from bench.runtime.weights import locate

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


SMALLEST = 45  # pixels a side: 11 are left of the fine subbands without their guard band
TILES = 25  # of 5x5 at a quarter of the size: as many as singular values


def ma(image: U8, rules: Rules = AUTHORS) -> float:
    """The score of an 8-bit (h, w) or (h, w, 3) picture; RGB becomes MATLAB's rgb2gray, rounded, a grey one stays.

    The PIRM 2018 protocol is this of the 8-bit Y without its border of 4. Raises MissingWeights, BadInput for a
    picture too small (84x84 is enough).
    """
    return predict(_model(locate("nrqm")), ma_features(image, rules))


def ma_features(image: U8, rules: Rules = AUTHORS) -> tuple[F64, F64, F64]:
    """Local frequency (18,), global frequency (45,) and spatial (75,) features. Raises BadInput as `ma`."""
    height, width = image.shape[:2]
    tiles = math.prod(-(-(side // 4) // 5) for side in (height, width))
    if min(height, width) < SMALLEST or tiles < TILES:
        raise BadInput(f"Ma's metric needs {SMALLEST} pixels a side and {TILES} 20x20 tiles, not {width}x{height}")
    picture = rgb2gray(image)
    frequencies = nrqm_features.local_frequency(picture, rules), nrqm_features.global_frequency(picture, rules)
    return *frequencies, nrqm_features.spatial(picture)


@functools.lru_cache(maxsize=2)
def _model(path: Path) -> Model:
    """The published model, read once."""
    return load_model(path, (nrqm_features.LOCAL, nrqm_features.GLOBAL, nrqm_features.SPATIAL))
