"""How DRN is published: the network as a flat dictionary, its dual networks as a Python list of dictionaries."""

from typing import Any

from methods.common.dual import Duals, halvings
from methods.common.key_maps import KeyMap, Tensors, attention_block, check_range, count, side

DUAL_PART = "dual networks"


def _scale(steps: int) -> int:
    """2^steps. Raises ValueError for a network that has none."""
    if not steps:
        raise ValueError("it has no step up")
    return int(2**steps)


def _drn_sizes(tensors: Tensors) -> dict[str, Any]:
    check_range(tensors)
    width = side(tensors, "up_blocks.0.0.body.0.weight", 0)
    return {
        "scale": _scale(count(tensors, r"up_blocks\.(\d+)\..*")),
        "blocks": count(tensors, r"up_blocks\.0\.(\d+)\.body\..*"),
        "features": side(tensors, "head.weight", 0),
        "reduction": width // side(tensors, "up_blocks.0.0.body.3.conv_du.0.weight", 0),
    }


def _dual_sizes(tensors: Tensors) -> dict[str, Any]:
    steps = count(tensors, r"(\d+)\.dual_module\..*")
    return {"scale": _scale(steps), "features": side(tensors, "0.dual_module.0.0.weight", 0)}


def build_duals(scale: int, features: int) -> Duals:
    """The dual networks of a DRN. Raises BadInput for a scale that is no power of 2."""
    return Duals(halvings(scale), features)


DRN_OFFICIAL = KeyMap(
    "drn-official",
    r"up_blocks\.\d+\..*",
    _drn_sizes,
    {
        "down.{p}.shrink": "down.{p}.dual_module.0.0",
        "down.{p}.widen": "down.{p}.dual_module.1",
        **attention_block("up.{i}.{b}", "up_blocks.{i}.{b}.body"),
        "up.{i}.{b}.0": "up_blocks.{i}.{b}.0",
        "up.{i}.{b}": "up_blocks.{i}.{b}",
    },
)
DRN_DUALS = KeyMap(
    "drn-duals-official",
    r"\d+\.dual_module\..*",
    _dual_sizes,
    {"levels.{k}.shrink": "{k}.dual_module.0.0", "levels.{k}.widen": "{k}.dual_module.1"},
)
