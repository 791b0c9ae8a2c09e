"""Map the keys of published checkpoints to ours, and infer the sizes of a network from its tensors.

A table goes from our module to theirs; {letters} stand for an index, or on their side for a knob. The last word of a
key (weight, bias) is the same on both sides, and a module that no row covers keeps its name.
"""

import itertools
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

Tensors = Mapping[str, Tensor]
Table = Mapping[str, str]


@dataclass(frozen=True)
class KeyMap:
    """One way in which a network is published.

    mark: the pattern of a key that identifies this layout. sizes: tensors -> knobs, `scale` among them where a tensor
    shows it; raises KeyError with a key that is missing, ValueError with what cannot be used. filled: our modules that
    the file has not, which keep the constants they are built with. notes: what the tensors do not show.
    """

    name: str
    mark: str
    sizes: Callable[[Tensors], dict[str, Any]]
    table: Table
    filled: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def marks(self, keys: Iterable[str]) -> bool:
        """Whether a key of this layout is among the keys."""
        return any(re.fullmatch(self.mark, key) for key in keys)

    def theirs(self, key: str, knobs: Mapping[str, Any]) -> str | None:
        """The published key of one of ours; None for one that the file has not."""
        module, _, word = key.rpartition(".")
        if module in self.filled:
            return None
        for ours, theirs in self.table.items():
            found = re.fullmatch(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>\\d+)", re.escape(ours)), module)
            if found:
                return f"{theirs.format(**{**knobs, **found.groupdict()})}.{word}"
        return key


def count(tensors: Tensors, pattern: str) -> int:
    """How many different indices the pattern's group takes among the keys."""
    return len({found[1] for key in tensors if (found := re.fullmatch(pattern, key))})


def side(tensors: Tensors, key: str, axis: int) -> int:
    """The size of a convolution's weight (out, in, k, k) along an axis."""
    shape = tuple(tensors[key].shape)
    if len(shape) != 4 or 0 in shape:
        raise ValueError(f"{key} has shape {shape}, which no convolution has")
    return shape[axis]


def shuffle_scale(tensors: Tensors, stages: Iterable[str]) -> int:
    """The enlargement of sub-pixel stages, each a convolution width -> width * factor^2, up to the first absent one."""
    keys = [f"{stage}.weight" for stage in stages]
    present = itertools.takewhile(lambda key: key in tensors or key.replace("weight", "bias") in tensors, keys)
    scale = 1
    for key in list(present) or keys[:1]:
        outputs, inputs = side(tensors, key, 0), side(tensors, key, 1)
        factor = math.isqrt(outputs // inputs)
        if factor not in (2, 3) or outputs != inputs * factor**2:
            raise ValueError(f"{key} takes {inputs} channels to {outputs}, which no enlargement by 2 or 3 does")
        scale *= factor
    return scale


STAGES = (0, 2, 4)  # of the convolutions of x2, x4, x8; the pixel shuffles lie between
UPCONVS = (1, 2, 3)
NO_MEAN = "the mean colour is not in the file: the published constants (0.4488, 0.4371, 0.4040) times 255 are used"
NO_SCALING = "residual_scaling is not in the file: 0.1 from width 256 on, else 1, as the published networks have it"
MEANS = ("sub_mean", "add_mean")


def check_range(tensors: Tensors) -> None:
    """Refuse a network that works in [0, 1]: its mean colour sums to 1.3, in [0, 255] to 330."""
    if tensors["sub_mean.bias"].abs().sum() < 6:
        raise ValueError("sub_mean.bias is a colour in [0, 1]; only networks that work in [0, 255] can be imported")


def attention_block(ours: str, theirs: str, squeeze: str = "conv_du.0", excite: str = "conv_du.2") -> Table:
    """The rows of one `AttentionBlock`."""
    return {
        f"{ours}.conv1": f"{theirs}.0",
        f"{ours}.conv2": f"{theirs}.2",
        f"{ours}.attention.squeeze": f"{theirs}.3.{squeeze}",
        f"{ours}.attention.excite": f"{theirs}.3.{excite}",
    }


def _sizes(tensors: Tensors, first: str, blocks: str, stages: Iterable[str]) -> dict[str, Any]:
    """Width, blocks and scale, given the first convolution, a pattern of the blocks' keys, the sub-pixel stages."""
    return {
        "width": side(tensors, f"{first}.weight", 0),
        "blocks": count(tensors, blocks),
        "scale": shuffle_scale(tensors, stages),
    }


def _official_sizes(tensors: Tensors, blocks: str) -> dict[str, Any]:
    check_range(tensors)
    return _sizes(tensors, "head.0", blocks, (f"tail.0.{i}" for i in STAGES))


def _basicsr_sizes(tensors: Tensors, blocks: str) -> dict[str, Any]:
    return _sizes(tensors, "conv_first", blocks, (f"upsample.{i}" for i in STAGES))


def _edsr_sizes(sizes: dict[str, Any]) -> dict[str, Any]:
    return {**sizes, "residual_scaling": 0.1 if sizes["width"] >= 256 else 1.0}


def _rcan_sizes(tensors: Tensors, sizes: dict[str, Any], squeeze: str) -> dict[str, Any]:
    reduction = sizes["width"] // side(tensors, f"{squeeze}.weight", 0)
    groups = count(tensors, r"body\.(\d+)\.\w+\..*")
    return {"width": sizes["width"], "groups": groups, **sizes, "reduction": reduction}


def _srresnet_sizes(tensors: Tensors) -> dict[str, Any]:
    sizes = _sizes(tensors, "head.0", r"body\.(\d+)\..*", (f"upsample.{i}" for i in (0, 3, 6)))
    return {**sizes, "batch_norm": any(re.fullmatch(r"body\.\d+\.bn1\..*", key) for key in tensors)}


_OFFICIAL = {"head": "head.0", "upsample.{i}": "tail.0.{i}", "tail": "tail.1"}
_BASICSR = {"head": "conv_first", "body_end": "conv_after_body", "tail": "conv_last"}
EDSR_OFFICIAL = KeyMap(
    "edsr-official",
    r"body\.\d+\.body\.\d+\.(weight|bias)",
    lambda tensors: _edsr_sizes(_official_sizes(tensors, r"body\.(\d+)\.body\..*")),
    {
        **_OFFICIAL,
        "body.{b}.conv1": "body.{b}.body.0",
        "body.{b}.conv2": "body.{b}.body.2",
        "body_end": "body.{blocks}",
    },
    notes=(NO_SCALING,),
)
EDSR_BASICSR = KeyMap(
    "edsr-basicsr",
    r"conv_after_body\..*",
    lambda tensors: _edsr_sizes(_basicsr_sizes(tensors, r"body\.(\d+)\..*")),
    _BASICSR,
    MEANS,
    (NO_MEAN, NO_SCALING),
)
RCAN_OFFICIAL = KeyMap(
    "rcan-official",
    r"body\.\d+\.body\.\d+\.body\..*",
    lambda tensors: _rcan_sizes(
        tensors, _official_sizes(tensors, r"body\.\d+\.body\.(\d+)\.body\..*"), "body.0.body.0.body.3.conv_du.0"
    ),
    {
        **_OFFICIAL,
        **attention_block("body.{g}.blocks.{b}", "body.{g}.body.{b}.body"),
        "body.{g}.end": "body.{g}.body.{blocks}",
        "body_end": "body.{groups}",
    },
)
RCAN_BASICSR = KeyMap(
    "rcan-basicsr",
    r"body\.\d+\.residual_group\..*",
    lambda tensors: _rcan_sizes(
        tensors,
        _basicsr_sizes(tensors, r"body\.\d+\.residual_group\.(\d+)\..*"),
        "body.0.residual_group.0.rcab.3.attention.1",
    ),
    {
        **_BASICSR,
        **attention_block("body.{g}.blocks.{b}", "body.{g}.residual_group.{b}.rcab", "attention.1", "attention.3"),
        "body.{g}.end": "body.{g}.conv",
    },
    MEANS,
    (NO_MEAN,),
)
MSRRESNET_BASICSR = KeyMap(
    "msrresnet-basicsr",
    r"upconv\d\..*",
    lambda tensors: _sizes(tensors, "conv_first", r"body\.(\d+)\..*", (f"upconv{i}" for i in UPCONVS)),
    {f"upconvs.{i - 1}": f"upconv{i}" for i in UPCONVS},
)
SRRESNET_OURS = KeyMap("srresnet-ours", r"body_end\.0\..*", _srresnet_sizes, {})
