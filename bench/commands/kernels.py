"""The verb that estimates blur kernels: kernel."""

import argparse
from typing import Any

from bench.commands.options import COUNT, JOBS, SCALE, SEED, add_lr, add_output

Arguments = argparse.Namespace
PRESETS = ("default", "paper", "released")


def add_verbs(verbs: Any) -> None:
    """Add this module's verb to the parser."""
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
