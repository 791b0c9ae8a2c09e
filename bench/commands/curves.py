"""Verbs that trade one quality of a picture for another: interpolate."""

import argparse
from pathlib import Path
from typing import Any

from bench.commands.options import SCALE, Whole, add_lr, add_output
from bench.errors import pick

Arguments = argparse.Namespace
ALPHAS = "0,0.2,0.4,0.6,0.8,1"  # ESRGAN's


def add_verbs(verbs: Any) -> None:
    """Add this module's verbs to the parser."""
    between = verbs.add_parser("interpolate", help="SR pictures between a PSNR network and its GAN, without training")
    between.add_argument("--method", required=True, metavar="METHOD")
    between.add_argument("--psnr", type=Path, required=True, metavar="FILE", help="the PSNR-oriented checkpoint")
    between.add_argument("--gan", type=Path, required=True, metavar="FILE", help="the GAN fine-tuned from it")
    between.add_argument("--suite", help="take the sizes of this suite instead of the paper's")
    between.add_argument("--scale", type=SCALE, default=4)
    add_lr(between)
    add_output(between, text="pictures go to DIR/alpha-0.2/, ...")
    between.add_argument("--alphas", default=ALPHAS, help="0: the PSNR network, 1: the GAN")
    between.add_argument("--kind", default="network", help="network: mix weights; image: mix pictures")
    between.add_argument("--tile", type=Whole(0, 2**16), default=0, help="LR side of a tile; 0: whole pictures")
    between.add_argument("--device", default="auto", help="auto, cpu or cuda")
    between.set_defaults(verb=interpolate_pictures)


def interpolate_pictures(arguments: Arguments) -> None:
    from bench.runtime.devices import choose_device
    from bench.runtime.output import output_folder
    from bench.stages.checkpoints import choose_method
    from bench.stages.interpolate import KINDS, alpha_name, load_ends, parse_alphas
    from bench.stages.upscale import Options

    interpolate = pick("kind of interpolation", arguments.kind, KINDS)
    alphas = parse_alphas(arguments.alphas)
    method = choose_method(arguments.method, arguments.scale, arguments.suite, arguments.gan)
    device = choose_device(arguments.device)
    ends = load_ends(method, arguments.psnr, arguments.gan, device, Options(tile=arguments.tile))
    with output_folder(arguments.out, [arguments.lr, arguments.psnr, arguments.gan], arguments.overwrite) as folder:
        interpolate(ends, alphas, arguments.lr, folder, arguments.lr_pattern)
    print(f"{', '.join(alpha_name(alpha) for alpha in alphas)} -> {arguments.out}")
