"""Verbs that look things up, measure and compare: list, data, fetch, import, score, diagnose, taps."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.commands.options import SCALE, Arguments, Whole, add_output, add_pairs, keys
from bench.errors import BadInput

if TYPE_CHECKING:
    from bench.stages.score import Folders

Rows = list[tuple[str, ...]]


def add_verbs(verbs: Any) -> None:
    """Add this module's verbs to the parser."""
    listing = verbs.add_parser("list", help="what exists: " + ", ".join(LISTS))
    listing.add_argument("what", choices=tuple(LISTS))
    listing.add_argument(
        "methods", nargs="*", default=[], metavar="METHOD", help="only these methods, files of one's own too"
    )
    listing.set_defaults(verb=show_list)

    verbs.add_parser("data", help="which data sets are here, which are missing").set_defaults(verb=show_data)

    fetch = verbs.add_parser("fetch", help="download data sets and weights by name, hashes checked")
    fetch.add_argument("names", nargs="+", metavar="NAME")
    fetch.set_defaults(verb=fetch_names)

    importing = verbs.add_parser("import", help="a published checkpoint (.pth) -> ours (.safetensors), strictly")
    importing.add_argument("--method", required=True, metavar="NAME")
    importing.add_argument("--from", dest="source", type=Path, required=True, metavar="FILE.pth")
    add_output(importing, metavar="FILE.safetensors")
    importing.add_argument("--key", choices=("params_ema", "params"), help="which weights of a BasicSR file")
    importing.add_argument("--scale", type=SCALE, help="for the networks whose tensors do not tell it (RRDBNet)")
    importing.set_defaults(verb=import_published)

    score = verbs.add_parser("score", help="SR pictures against HR pictures, one row a picture and metric")
    add_pairs(score)
    score.add_argument("--kernels", type=Path)
    score.add_argument("--true-kernels", type=Path)
    score.add_argument("--metrics", help="keys joined by commas (list metrics shows them)")
    score.add_argument("--workers", type=Whole(0, 4096), default=0, help="pictures at a time; 0: one a core")
    add_output(score, metavar="FILE.csv")
    score.set_defaults(verb=score_pictures)

    diagnose = verbs.add_parser("diagnose", help="which convention explains a reported number")
    add_pairs(diagnose, lr="LR pictures, to check the scale")
    diagnose.add_argument("--metric", choices=("psnr", "ssim"), default="psnr")
    diagnose.add_argument("--reported", required=True)
    diagnose.set_defaults(verb=diagnose_number)

    taps = verbs.add_parser("taps", help="the share of active perceptual features before and after activation")
    taps.add_argument("--network", required=True, metavar="NAME", help="vgg19, vgg19-caffe-conv3_4, alexnet, ...")
    taps.add_argument("--layer", help="conv1_2 and the like; the deepest if not given")
    taps.add_argument("--hr", type=Path, required=True, help="a folder of pictures")
    taps.set_defaults(verb=show_taps)


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

    print_rows(status())


def fetch_names(arguments: Arguments) -> None:
    from bench.data.fetch import fetch

    fetch(arguments.names)


def import_published(arguments: Arguments) -> None:
    from bench.stages.checkpoints import import_checkpoint

    options = (arguments.key, arguments.scale, arguments.overwrite)
    done = import_checkpoint(arguments.method, arguments.source, arguments.out, *options)
    sizes = ", ".join(f"{name} {value}" for name, value in done["knobs"].items())
    print(f"{done['method']} x{done['scale']}, layout {done['layout']}: {sizes} -> {arguments.out}")
    for note in done["notes"]:
        print(f"  {note}")


def score_pictures(arguments: Arguments) -> None:
    from bench.stages.score import score_folders

    options = (arguments.out, arguments.workers or None, arguments.overwrite)
    score_folders(_folders(arguments), arguments.scale, keys(arguments.metrics), *options)


def diagnose_number(arguments: Arguments) -> None:
    from bench.stages.diagnose import diagnose_pairs, render
    from bench.stages.score import pair_folders

    pairs = pair_folders(_folders(arguments), arguments.scale)
    findings = diagnose_pairs(pairs, arguments.metric, arguments.reported)
    print(f"scale {arguments.scale}")
    print(render(findings, arguments.reported))


def _folders(arguments: Arguments) -> "Folders":
    """Those, and the patterns, that a verb was given."""
    from bench.stages.score import Folders

    return Folders(**{field: value for field, value in vars(arguments).items() if field in Folders.__annotations__})


def show_taps(arguments: Arguments) -> None:
    """A line a picture and one for their mean. Raises BadInput for an unknown network, layer or folder and a
    picture that is too small, and MissingWeights."""
    from statistics import fmean

    from bench.data.images import image_files, read_image, to_tensor
    from bench.errors import pick
    from methods.common.perceptual import PERCEPTUAL, tap_statistics

    layer = arguments.layer or pick("perceptual network", arguments.network, PERCEPTUAL).deepest
    rows = {}
    for path in image_files(arguments.hr):
        image = to_tensor(read_image(path))[None]
        try:
            rows[path.stem] = tap_statistics(arguments.network, layer, image)
        except RuntimeError as error:
            if "size" not in str(error):
                raise
            size = f"{image.shape[-1]}x{image.shape[-2]} pixels"
            raise BadInput(f"{path}: {size} are too few for {arguments.network}'s {layer}; remove it") from error
    names = list(next(iter(rows.values())))
    rows["mean"] = {name: fmean(row[name] for row in rows.values()) for name in names}
    print(f"{arguments.network} {layer}: active is the share of features that are not zero")
    width = max(map(len, rows))
    print("  ".join(["picture".ljust(width), *(name.rjust(13) for name in names)]))
    for stem, row in rows.items():
        shown = (f"{row[n]:.2%}" if n.startswith("active") else f"{row[n]:.4g}" for n in names)
        print("  ".join([stem.ljust(width), *(value.rjust(13) for value in shown)]))
