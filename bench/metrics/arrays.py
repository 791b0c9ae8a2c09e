"""Metrics of arrays and tensors, one picture or a batch of them: `metrics.psnr_y(sr, hr, scale=4)`.

Arrays have their channels last: (h, w), (h, w, 3) or (n, h, w, 3); tensors first: (3, h, w) or (n, 3, h, w), with one
channel where they are grey. Values are uint8, or floating point in [0, 1], which is rounded to 8 bits as `upscale`
writes it: every metric is one of 8-bit pictures.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bench.data.images import F64, U8
from bench.errors import BadInput
from bench.metrics import Metric, Sample

if TYPE_CHECKING:
    from torch import Tensor

    Values = NDArray[Any] | Tensor


def measure(metric: Metric, *values: Values, scale: int | None = None) -> float | F64:
    """The metric of the SR and of what else it needs, in the order of `metric.needs`: a number for one picture, (n,)
    for a batch. Kernels take the place of pictures in a metric of kernels, (k, k).

    Raises BadInput for a shape, dtype or range that is none of the above, values that do not belong together, a scale
    that is not given, and as the metric does.
    """
    kernels = "kernel" in metric.needs
    names = metric.needs if kernels else ("sr", *metric.needs)
    if len(values) != len(names):
        raise BadInput(f"{metric.key} takes {' and '.join(names)}, not {len(values)} values")
    if scale is None and not kernels:
        raise BadInput(f"{metric.key} wants the scale: {metric.key}({', '.join(names)}, scale=4)")
    read = _kernel if kernels else _pictures
    columns = [read(value, name) for value, name in zip(values, names, strict=True)]
    if len({len(column) for column in columns}) > 1 or len({value.ndim == 4 for value in values}) > 1:
        shapes = " and ".join(str(tuple(value.shape)) for value in values)
        raise BadInput(f"{metric.key}: shapes {shapes} do not belong together; give as many of each")
    blank: dict[str, Any] = {"sr": np.zeros((1, 1), np.uint8), "hr": None, "lr": None}
    rows = [{**blank, **dict(zip(names, row, strict=True))} for row in zip(*columns, strict=True)]
    found = [metric.function(Sample(**row, scale=scale or 1)) for row in rows]
    return np.array(found) if values[0].ndim == 4 else found[0]


def _array(value: Values, name: str) -> NDArray[Any]:
    """Of a tensor, with its channels last."""
    if isinstance(value, np.ndarray):
        return value
    if not hasattr(value, "detach"):
        raise BadInput(f"{name} is a {type(value).__name__}; give a NumPy array or a torch tensor")
    array = np.asarray((value.float() if value.is_floating_point() else value).detach().cpu())
    return np.moveaxis(array, -3, -1) if array.ndim > 2 else array


def _kernel(value: Values, name: str) -> list[F64]:
    array = _array(value, name)
    if array.ndim != 2:
        raise BadInput(f"{name} has the shape {tuple(value.shape)}; give (k, k)")
    return [array.astype(np.float64)]


def _pictures(value: Values, name: str) -> list[U8]:
    """Every picture of the value, uint8, (h, w) or (h, w, 3)."""
    array = _array(value, name)
    if array.ndim not in (2, 3, 4) or (array.ndim > 2 and array.shape[-1] not in (1, 3)):
        layouts = "arrays are (h, w), (h, w, 3) or (n, h, w, 3), tensors (3, h, w) or (n, 3, h, w)"
        raise BadInput(f"{name} has the shape {tuple(value.shape)}; {layouts}")
    if array.dtype != np.uint8:
        array = _rounded(array, name)
    array = np.ascontiguousarray(array)  # in another layout sums have other roundings
    pictures = list(array) if array.ndim == 4 else [array]
    return [picture[:, :, 0] if picture.ndim == 3 and picture.shape[2] == 1 else picture for picture in pictures]


def _rounded(array: NDArray[Any], name: str) -> U8:
    """8 bits of floating point in [0, 1]."""
    least, most = (float(array.min()), float(array.max())) if array.size else (0.0, 0.0)
    if not np.issubdtype(array.dtype, np.floating) or not 0 <= least <= most <= 1:
        remedy = "give uint8, or floating point in [0, 1]; clip what is a little outside"
        raise BadInput(f"{name} is {array.dtype} from {least:g} to {most:g}; {remedy}")
    rounded: U8 = np.rint(array.astype(np.float32) * np.float32(255)).astype(np.uint8)
    return rounded
