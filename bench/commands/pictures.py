"""Verbs that make pictures, or blur kernels, of folders of pictures: degrade, upscale, interpolate, kernel."""

from pathlib import Path
from typing import Any

from bench.commands.options import COUNT, JOBS, SCALE, SEED, Arguments, Whole, add_lr, add_method, add_output
from bench.errors import BadInput, pick

ALPHAS = "0,0.2,0.4,0.6,0.8,1"  # ESRGAN's
PRESETS = ("default", "paper", "released")


def add_verbs(verbs: Any) -> None:
    """Add this module's verbs to the parser."""
    degrade = verbs.add_parser("degrade", help="HR pictures -> LR pictures, with a manifest")
    degrade.add_argument("--hr", type=Path, required=True)
    degrade.add_argument("--scale", type=SCALE, default=4)
    degrade.add_argument("--degradation", default="bicubic")
    degrade.add_argument("--seed", type=SEED, default=0)
    add_output(degrade)
    degrade.set_defaults(verb=degrade_folder)

    upscale = verbs.add_parser("upscale", help="LR pictures -> 8-bit SR pictures")
    add_method(upscale)
    upscale.add_argument("--checkpoint", type=Path, help="a trained network (.safetensors)")
    add_lr(upscale)
    upscale.add_argument("--kernels", type=Path, metavar="DIR", help="blur kernels, .npy or .mat (zssr.estimated)")
    add_output(upscale)
    upscale.add_argument("--ensemble", action="store_true", help="average the eight flips and transposes ('+')")
    upscale.add_argument("--tile", type=Whole(0, 2**16), default=0, help="LR side of a tile; 0: whole pictures")
    upscale.add_argument(
        "--back-project",
        type=Whole(0, 10**6),
        default=0,
        metavar="N",
        help="N iterations towards a bicubic LR (ESRGAN at PIRM: 20)",
    )
    upscale.set_defaults(verb=upscale_pictures)

    between = verbs.add_parser("interpolate", help="SR pictures between a PSNR network and its GAN, without training")
    add_method(between)
    between.add_argument("--psnr", type=Path, required=True, metavar="FILE", help="the PSNR-oriented checkpoint")
    between.add_argument("--gan", type=Path, required=True, metavar="FILE", help="the GAN fine-tuned from it")
    add_lr(between)
    add_output(between, text="pictures go to DIR/alpha-0.2/, ...")
    between.add_argument("--alphas", default=ALPHAS, help="0: the PSNR network, 1: the GAN")
    between.add_argument("--kind", default="network", help="network: mix weights; image: mix pictures")
    between.add_argument("--tile", type=Whole(0, 2**16), default=0, help="LR side of a tile; 0: whole pictures")
    between.set_defaults(verb=interpolate_pictures)

    kernel = verbs.add_parser("kernel", help="LR pictures -> the blur kernel of each (KernelGAN)")
    add_lr(kernel)
    add_output(kernel, text="made once every kernel is there")
    kernel.add_argument("--scale", type=SCALE, default=2, help="2 or 4")
    kernel.add_argument("--iterations", type=COUNT, help="of each generator's training (default: the preset's)")
    kernel.add_argument("--seed", type=SEED, default=0)
    kernel.add_argument("--batch", type=COUNT, help="pictures that train side by side; the kernels do not depend on it")
    kernel.add_argument("--preset", choices=PRESETS, default="default", help="losses and quirks of paper or release")
    kernel.add_argument("--threads", type=JOBS, help="CPU threads (default: as many as torch takes)")
    kernel.add_argument("--device", default="auto", help="auto, cpu or cuda")
    kernel.set_defaults(verb=estimate_kernels)


def degrade_folder(arguments: Arguments) -> None:
    from bench.data.prepare import degrade_folder

    degrade_folder(
        arguments.hr, arguments.scale, arguments.degradation, arguments.out, arguments.seed, arguments.overwrite
    )


def upscale_pictures(arguments: Arguments) -> None:
    from bench.runtime.devices import choose_device
    from bench.runtime.output import output_folder
    from bench.stages.checkpoints import choose_method
    from bench.stages.train import load_network
    from bench.stages.upscale import Options, prepare, request_of, upscale_folder, with_options

    method = choose_method(arguments.method, arguments.scale, arguments.suite, arguments.checkpoint)
    if arguments.kernels is not None and method.knobs.get("kernel") != "given":
        raise BadInput(f"{arguments.method} takes no kernels; leave --kernels out, or upscale with zssr.estimated")
    network = method.network()
    loaded = "sha256" in method.knobs
    if (network is None or loaded) and arguments.checkpoint is not None:
        raise BadInput(f"{arguments.method} has no network to load; leave --checkpoint out")
    if network is not None and not loaded:
        if arguments.checkpoint is None:
            raise BadInput(f"{arguments.method} needs a trained network; give --checkpoint FILE")
        network = load_network(network, arguments.checkpoint)
    device = choose_device(arguments.device)
    upscaler = prepare(method, network, device)
    options = Options(arguments.ensemble, arguments.tile, back_project=arguments.back_project)
    upscaler = with_options(upscaler, method.scale, options)
    pattern = arguments.lr_pattern
    request = request_of(method, arguments.checkpoint, options, arguments.lr, device, arguments.kernels, pattern)
    inputs = [arguments.lr, arguments.checkpoint, arguments.kernels]
    with output_folder(arguments.out, inputs, arguments.overwrite, request) as folder:
        done = upscale_folder(upscaler, arguments.lr, folder, method.scale, kernels=arguments.kernels, pattern=pattern)
    print(f"{done['pictures']} pictures, {sum(done['seconds'].values()):.1f} s -> {arguments.out}")


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


def estimate_kernels(arguments: Arguments) -> None:
    from bench.data.images import pictures_by_name
    from bench.runtime.devices import choose_device, use_threads
    from bench.runtime.output import output_folder
    from bench.runtime.results import count_dead
    from bench.stages.estimate import estimate_pictures
    from methods import find_entry

    if arguments.threads is not None:
        use_threads(arguments.threads)
    entry = find_entry("kernelgan")
    knobs = dict(entry.variants[arguments.preset])
    asked = {"iterations": arguments.iterations, "side_by_side": arguments.batch}
    knobs.update({name: value for name, value in asked.items() if value is not None})
    method = entry.build(arguments.scale, knobs)
    device = choose_device(arguments.device)
    with output_folder(arguments.out, [arguments.lr], arguments.overwrite) as folder:
        lr = pictures_by_name(arguments.lr, arguments.lr_pattern, "--lr-pattern").values()
        done = estimate_pictures(method, list(lr), folder, arguments.seed, device)
    dead = f"{count_dead(done)} generators dead"
    print(f"{done['pictures']} kernels, {dead}, {done['seconds']:.1f} s -> {arguments.out}")
