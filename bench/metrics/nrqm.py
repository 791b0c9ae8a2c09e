"""Ma's no-reference metric (NRQM): predicted opinion score of a super-resolved picture; higher is better, 0 to 10.

Source: Ma, Yang, Yang, Yang, "Learning a no-reference quality metric for single-image super-resolution", CVIU 2017.
The features are certified against pyiqa's port under the rules `PYIQA`; the default rules are those of the authors'
release, with which the forests were grown. They part in the four points that `Rules` lists.
"""

import functools
import math
from pathlib import Path

from bench.data.images import F64, U8, rgb2gray
from bench.errors import BadInput
from bench.metrics.forest import Model, load_model, predict
from bench.metrics.nrqm_features import (
    AUTHORS,
    GLOBAL,
    LOCAL,
    SPATIAL,
    Rules,
    global_frequency,
    local_frequency,
    spatial,
)
from bench.runtime.weights import locate

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
    return local_frequency(picture, rules), global_frequency(picture, rules), spatial(picture)


@functools.lru_cache(maxsize=2)
def _model(path: Path) -> Model:
    """The published model, read once."""
    return load_model(path, (LOCAL, GLOBAL, SPATIAL))
