"""Verbs that work on any folders: list, data, fetch, degrade, import, upscale, score, diagnose."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.commands.options import SCALE, SEED, Whole, add_lr, add_output
from bench.errors import BadInput

Arguments = argparse.Namespace
Rows = list[tuple[str, ...]]


def add_verbs(verbs: Any) -> None:
    """Add this module's verbs to the parser."""
    listing = verbs.add_parser("list", help="what exists: " + ", ".join(LISTS))
    listing.add_argument("what", choices=tuple(LISTS))
    listing.add_argument("methods", nargs="*", metavar="METHOD", help="only these methods, files of one's own too")
    listing.set_defaults(verb=show_list)

    verbs.add_parser("data", help="which data sets are here, which are missing").set_defaults(verb=show_data)

    fetch = verbs.add_parser("fetch", help="download data sets and weights by name, hashes checked")
    fetch.add_argument("names", nargs="+", metavar="NAME")
    fetch.set_defaults(verb=fetch_names)

    degrade = verbs.add_parser("degrade", help="HR pictures -> LR pictures, with a manifest")
    degrade.add_argument("--hr", type=Path, required=True)
    degrade.add_argument("--scale", type=SCALE, default=4)
    degrade.add_argument("--degradation", default="bicubic")
    degrade.add_argument("--seed", type=SEED, default=0)
    add_output(degrade)
    degrade.set_defaults(verb=degrade_folder)

    importing = verbs.add_parser("import", help="a published checkpoint (.pth) -> ours (.safetensors), strictly")
    importing.add_argument("--method", required=True, metavar="NAME")
    importing.add_argument("--from", dest="source", type=Path, required=True, metavar="FILE.pth")
    add_output(importing, metavar="FILE.safetensors")
    importing.add_argument("--key", choices=("params_ema", "params"), help="which weights of a BasicSR file")
    importing.add_argument("--scale", type=SCALE, help="for the networks whose tensors do not tell it (RRDBNet)")
    importing.set_defaults(verb=import_published)

    upscale = verbs.add_parser("upscale", help="LR pictures -> 8-bit SR pictures")
    upscale.add_argument("--method", required=True, metavar="METHOD", help="NAME[.variant], FILE.py[:variant]")
    upscale.add_argument("--checkpoint", type=Path, help="a trained network (.safetensors)")
    upscale.add_argument("--suite", help="take the sizes of this suite instead of the paper's")
    upscale.add_argument("--scale", type=SCALE, default=4)
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
    upscale.add_argument("--device", default="auto", help="auto, cpu or cuda")
    upscale.set_defaults(verb=upscale_pictures)

    score = verbs.add_parser("score", help="SR pictures against HR pictures, one row a picture and metric")
    score.add_argument("--sr", type=Path, required=True)
    score.add_argument("--hr", type=Path, required=True)
    add_lr(score, required=False)
    score.add_argument("--kernels", type=Path)
    score.add_argument("--true-kernels", type=Path)
    score.add_argument("--scale", type=SCALE, default=4)
    score.add_argument("--metrics", help="keys joined by commas (list metrics shows them)")
    score.add_argument("--sr-pattern", default="{name}")
    score.add_argument("--hr-pattern", default="{name}")
    score.add_argument("--workers", type=Whole(0, 4096), default=0, help="pictures at a time; 0: one a core")
    add_output(score, metavar="FILE.csv")
    score.set_defaults(verb=score_pictures)

    diagnose = verbs.add_parser("diagnose", help="which convention explains a reported number")
    diagnose.add_argument("--sr", type=Path, required=True)
    diagnose.add_argument("--hr", type=Path, required=True)
    add_lr(diagnose, required=False, text="LR pictures, to check the scale")
    diagnose.add_argument("--scale", type=SCALE, default=4)
    diagnose.add_argument("--metric", choices=("psnr", "ssim"), default="psnr")
    diagnose.add_argument("--reported", required=True)
    diagnose.add_argument("--sr-pattern", default="{name}")
    diagnose.add_argument("--hr-pattern", default="{name}")
    diagnose.set_defaults(verb=diagnose_number)


def show_list(arguments: Arguments) -> None:
    from methods import find_method

    if arguments.methods and arguments.what not in ("methods", "variants"):
        raise BadInput(f"list {arguments.what} takes no methods; name them after list methods or list variants")
    names = [find_method(reference)[0].name for reference in arguments.methods]
    print_rows([row for row in LISTS[arguments.what]() if not names or row[0].partition(".")[0] in names])


def print_rows(rows: Rows) -> None:
    """Rows of words as aligned columns; the last column keeps its length."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]) - 1)] if rows else []
    for row in rows:
        print("  ".join([*(word.ljust(width) for word, width in zip(row, widths, strict=False)), row[-1]]))


def _methods() -> Rows:
    from methods import METHODS

    return [(name, entry.paper, f"{len(entry.axes)} axes") for name, entry in METHODS.items()]


def _variants() -> Rows:
    from methods import METHODS

    rows: Rows = []
    for name, entry in METHODS.items():
        rows.append((f"{name}.default", "", "the paper's"))
        for axis in entry.axes:
            for variant, knobs in axis.variants.items():
                rows.append((f"{name}.{variant}", ", ".join(f"{k}={v}" for k, v in knobs.items()), axis.question))
    return rows


def _metrics() -> Rows:
    from bench.metrics import METRICS

    return [(key, metric.unit, f"{metric.better} is better", metric.protocol) for key, metric in METRICS.items()]


def _datasets() -> Rows:
    from bench.data.datasets import DATASETS, OWN

    return [(name, dataset.role, dataset.licence, dataset.source) for name, dataset in (DATASETS | OWN).items()]


def _degradations() -> Rows:
    from bench.data.degradations import DEGRADATIONS

    return [(name, degradation.description) for name, degradation in DEGRADATIONS.items()]


def _weights() -> Rows:
    from bench.runtime.weights import WEIGHTS

    rows: Rows = []
    for name, weight in WEIGHTS.items():
        rows.append((name, "here" if weight.found else "missing", weight.licence, weight.source))
        if not weight.found:
            rows.append(("", "", "", f"-> {weight.remedy}"))
    return rows


def _suites() -> Rows:
    from bench.suites import SUITES

    rows: Rows = []
    for name, suite in SUITES.items():
        shards = sorted({plan.shard for plan in suite.plans})
        rows.append((name, f"{len(suite.experiments())} runs", f"shards {', '.join(shards)}", suite.title))
    return rows


LISTS: dict[str, Callable[[], Rows]] = {
    "methods": _methods,
    "variants": _variants,
    "metrics": _metrics,
    "datasets": _datasets,
    "degradations": _degradations,
    "weights": _weights,
    "suites": _suites,
}


def show_data(arguments: Arguments) -> None:
    from bench.data.here import status

    print_rows([tuple(str(word) for word in row) for row in status()])


def fetch_names(arguments: Arguments) -> None:
    from bench.data.fetch import fetch

    fetch(arguments.names)


def degrade_folder(arguments: Arguments) -> None:
    from bench.data.prepare import degrade_folder

    degrade_folder(
        arguments.hr, arguments.scale, arguments.degradation, arguments.out, arguments.seed, arguments.overwrite
    )


def import_published(arguments: Arguments) -> None:
    from bench.stages.checkpoints import import_checkpoint

    options = (arguments.key, arguments.scale, arguments.overwrite)
    done = import_checkpoint(arguments.method, arguments.source, arguments.out, *options)
    sizes = ", ".join(f"{name} {value}" for name, value in done["knobs"].items())
    print(f"{done['method']} x{done['scale']}, layout {done['layout']}: {sizes} -> {arguments.out}")
    for note in done["notes"]:
        print(f"  {note}")


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


def score_pictures(arguments: Arguments) -> None:
    from bench.stages.score import Folders, score_folders

    folders = Folders(
        arguments.sr,
        arguments.hr,
        arguments.lr,
        arguments.kernels,
        arguments.true_kernels,
        arguments.sr_pattern,
        arguments.hr_pattern,
        arguments.lr_pattern,
    )
    metrics = arguments.metrics.split(",") if arguments.metrics else None
    score_folders(folders, arguments.scale, metrics, arguments.out, arguments.workers or None, arguments.overwrite)


def diagnose_number(arguments: Arguments) -> None:
    from bench.stages.diagnose import diagnose_pairs, render
    from bench.stages.score import Folders, pair_folders

    folders = Folders(
        arguments.sr,
        arguments.hr,
        sr_pattern=arguments.sr_pattern,
        hr_pattern=arguments.hr_pattern,
        lr=arguments.lr,
        lr_pattern=arguments.lr_pattern,
    )
    findings = diagnose_pairs(pair_folders(folders, arguments.scale), arguments.metric, arguments.reported)
    print(f"scale {arguments.scale}")
    print(render(findings, arguments.reported))
