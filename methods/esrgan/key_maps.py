"""How RRDBNet is published: the released networks, their older naming, and BasicSR's.

The scale cannot be inferred: RRDBNet has the same tensors at x2 and x4.
"""

from typing import Any

from methods.common.key_maps import KeyMap, Table, Tensors, count, side


def _layout(name: str, mark: str, dense: str, ends: Table) -> KeyMap:
    """dense: their name of convolution {k} in dense block {j}, both from 1, of RRDB {b}; mark's group is the RRDB's
    index."""

    def sizes(tensors: Tensors) -> dict[str, Any]:
        first = f"{ends.get('conv_first', 'conv_first')}.weight"
        if side(tensors, first, 1) in (12, 48):
            channels = side(tensors, first, 1)
            raise ValueError(
                f"{first} takes {channels} channels: RRDBNet of a pixel-unshuffled input is another network"
            )
        return {
            "blocks": count(tensors, mark),
            "width": side(tensors, first, 0),
            "growth": side(tensors, dense.format(b=0, j=1, k=1) + ".weight", 0),
        }

    convs = {
        f"body.{{b}}.body.{j}.convs.{k}": dense.format(b="{b}", j=j + 1, k=k + 1) for j in range(3) for k in range(5)
    }
    return KeyMap(name, mark, sizes, {**convs, **ends})


ESRGAN_RELEASED = _layout(
    "esrgan-released",
    r"RRDB_trunk\.(\d+)\..*",
    "RRDB_trunk.{b}.RDB{j}.conv{k}",
    {"conv_body": "trunk_conv", "conv_up1": "upconv1", "conv_up2": "upconv2", "conv_hr": "HRconv"},
)
ESRGAN_OLD = _layout(
    "esrgan-old",
    r"model\.1\.sub\.(\d+)\.RDB.*",
    "model.1.sub.{b}.RDB{j}.conv{k}.0",
    {
        "conv_first": "model.0",
        "conv_body": "model.1.sub.{blocks}",
        "conv_up1": "model.3",
        "conv_up2": "model.6",
        "conv_hr": "model.8",
        "conv_last": "model.10",
    },
)
ESRGAN_BASICSR = _layout("esrgan-basicsr", r"body\.(\d+)\.rdb.*", "body.{b}.rdb{j}.conv{k}", {})
