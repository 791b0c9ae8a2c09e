"""The verb taps: what a perceptual loss can see of pictures before and after activation."""

import argparse
from pathlib import Path
from typing import Any

Arguments = argparse.Namespace


def add_verbs(verbs: Any) -> None:
    """Add this module's verb to the parser."""
    taps = verbs.add_parser("taps", help="the share of active perceptual features before and after activation")
    taps.add_argument("--network", required=True, metavar="NAME", help="vgg19, vgg19-caffe-conv3_4, alexnet, ...")
    taps.add_argument("--layer", help="conv1_2 and the like; the deepest if not given")
    taps.add_argument("--hr", type=Path, required=True, help="a folder of pictures")
    taps.set_defaults(verb=show_taps)


def show_taps(arguments: Arguments) -> None:
    """A line a picture and one for their mean. Raises BadInput for an unknown network, layer or folder, and
    MissingWeights."""
    from statistics import fmean

    from bench.data.images import image_files, read_image, to_tensor
    from bench.errors import pick
    from methods.common.perceptual import PERCEPTUAL, tap_statistics

    layer = arguments.layer or pick("perceptual network", arguments.network, PERCEPTUAL).deepest
    rows = {
        path.stem: tap_statistics(arguments.network, layer, to_tensor(read_image(path))[None])
        for path in image_files(arguments.hr)
    }
    names = list(next(iter(rows.values())))
    rows["mean"] = {name: fmean(row[name] for row in rows.values()) for name in names}
    print(f"{arguments.network} {layer}: active is the share of features that are not zero")
    width = max(map(len, rows))
    print("  ".join(["picture".ljust(width), *(name.rjust(13) for name in names)]))
    for stem, row in rows.items():
        shown = (f"{row[n]:.2%}" if n.startswith("active") else f"{row[n]:.4g}" for n in names)
        print("  ".join([stem.ljust(width), *(value.rjust(13) for value in shown)]))
