"""A published checkpoint -> our layout, strictly: every tensor of the file is used, every tensor of the network found.

The sizes of the network are read off the tensors and written into the file's metadata, so that `upscale` needs no
other word than the method.
"""

import contextlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from bench.api import Entry, Knobs, Method, knob_paths
from bench.errors import BadInput
from bench.runtime.checksums import hash_file
from bench.runtime.files import as_written
from bench.runtime.output import check_place, output_file
from bench.runtime.tensors import read_torch
from bench.suites import find_suite
from methods import find_entry, find_method
from methods.common.key_maps import (
    EDSR_BASICSR,
    EDSR_OFFICIAL,
    MSRRESNET_BASICSR,
    RCAN_BASICSR,
    RCAN_OFFICIAL,
    SRRESNET_OURS,
    KeyMap,
)
from methods.drn.key_maps import DRN_DUALS, DRN_OFFICIAL, DUAL_PART, build_duals
from methods.esrgan.key_maps import ESRGAN_BASICSR, ESRGAN_OLD, ESRGAN_RELEASED

RRDB = (ESRGAN_RELEASED, ESRGAN_OLD, ESRGAN_BASICSR)
KEY_MAPS: dict[str, tuple[KeyMap, ...]] = {
    "esrgan": RRDB,
    "rrdb": RRDB,
    "rcan": (RCAN_OFFICIAL, RCAN_BASICSR),
    "edsr": (EDSR_OFFICIAL, EDSR_BASICSR),
    "msrresnet": (MSRRESNET_BASICSR,),
    "msrgan": (MSRRESNET_BASICSR,),
    "srresnet": (SRRESNET_OURS,),
    "srgan": (SRRESNET_OURS,),
    "drn": (DRN_OFFICIAL,),
    "drn-adapt": (DRN_OFFICIAL,),
}
# Told apart in this order: RRDBNet's keys include MSRResNet's mark, RCAN's include EDSR's.
ALL = (*RRDB, *KEY_MAPS["rcan"], *KEY_MAPS["edsr"], MSRRESNET_BASICSR, SRRESNET_OURS, DRN_OFFICIAL)
PARTS = {"drn": DRN_DUALS}  # published beside a network; they upscale nothing
WRAPPERS = ("params_ema", "params")
PUBLISHED_SCALE = 4  # of the networks whose tensors do not tell it
SHOWN = 3  # keys that an error names
SLACK = 2**16  # numbers that a network may have beyond twice those of its file


def import_checkpoint(
    method: str,
    source: Path,
    out: Path,
    key: str | None = None,
    scale: int | None = None,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Write the network in `source` to `out` as `method`'s safetensors checkpoint; returns what its metadata says.

    key: params or params_ema of a BasicSR file; one that is not there falls back to params, and None takes params_ema
    where it is. scale: needed only for x2 networks whose tensors do not tell it. Raises BadInput for a file that is no
    checkpoint, a layout that is not known, and a missing, extra or misshapen tensor.
    """
    if method not in KEY_MAPS:
        find_entry(method)  # says which name was meant
        raise BadInput(f"no published layout of {method} is known; known for {', '.join(sorted(KEY_MAPS))}")
    check_place(out, [source], overwrite, folder=False)
    tensors, taken = read_published(source, key)
    key_map = _key_map_of(method, tensors, source)
    knobs, notes = _sizes(key_map, tensors, source, scale)
    if key is not None and taken != key:
        notes.append(f"the file has no {key}: {taken} is used")
    elif taken is not None:
        notes.append(f"{taken} of the file is used")
    part = key_map in PARTS.values()
    with _no_larger_than(source, [tuple(tensor.shape) for tensor in tensors.values()]):
        network = build_duals(**knobs) if part else find_entry(method).build(knobs["scale"], knobs).network()
    assert network is not None
    weights = _renamed(key_map, network, tensors, knobs, source)
    metadata = {
        "method": method,
        "scale": knobs["scale"],
        "knobs": {name: value for name, value in knobs.items() if name != "scale"},
        "layout": key_map.name,
        "source": source.name,
        "source_sha256": hash_file(source),
        "key": taken,
        "notes": notes,
        **({"part": DUAL_PART} if part else {}),
    }
    with output_file(out, [source], overwrite) as temporary:
        temporary.write_bytes(save(weights, metadata={"bench": json.dumps(metadata, sort_keys=True)}))
    return metadata


def read_published(path: Path, key: str | None = None) -> tuple[dict[str, Tensor], str | None]:
    """A .pth file's tensors without their `module.` prefix, and the wrapper they lay in (None: in none). Those of a
    list of dictionaries are named <number>.<key>.

    Raises BadInput as `import_checkpoint` does.
    """
    found = read_torch(path)
    if isinstance(found, list) and found and all(isinstance(state, Mapping) for state in found):
        found = {f"{number}.{name}": value for number, state in enumerate(found) for name, value in state.items()}
    if not isinstance(found, Mapping):
        raise BadInput(f"{path}: holds a {type(found).__name__}, not a dictionary of tensors; give a state dict")
    present = [name for name in WRAPPERS if isinstance(found.get(name), Mapping)]
    taken = next((name for name in ((key, "params") if key else WRAPPERS) if name in present), None)
    if key is not None and taken is None:
        raise BadInput(f"{path}: has no {key} and no params; leave --key out")
    if taken is not None:
        found = found[taken]
    wrong = [str(name) for name, value in found.items() if not (isinstance(name, str) and isinstance(value, Tensor))]
    if wrong or not found:
        reason = f"{_shown(wrong)} is no tensor" if wrong else "it is empty"
        raise BadInput(f"{path}: not a dictionary of tensors, flat or under params or params_ema ({reason})")
    if all(name.startswith("module.") for name in found):
        found = {name.removeprefix("module."): value for name, value in found.items()}
    return dict(found), taken


@contextlib.contextmanager
def _no_larger_than(path: Path, shapes: Iterable[tuple[int, ...]]) -> Iterator[None]:
    """Raise BadInput, before anything is allocated, where a network is built that is far larger than what its file
    holds, tensors of these shapes: its sizes are the file's word."""
    most, built = 2 * sum(map(math.prod, shapes)) + SLACK, [0]

    def add(module: nn.Module, name: str, parameter: nn.Parameter | None) -> None:
        built[0] += 0 if parameter is None else parameter.numel()
        if built[0] > most:
            raise BadInput(f"{path}: says sizes whose network has more numbers than the file; get the original file")

    hook = register_module_parameter_registration_hook(add)
    try:
        yield
    except (RuntimeError, MemoryError) as error:  # numbers that overflow, or of no memory
        raise BadInput(f"{path}: says sizes of no network ({str(error)[:80]}); get the original file") from error
    finally:
        hook.remove()


def _key_map_of(method: str, tensors: Mapping[str, Tensor], source: Path) -> KeyMap:
    if method in PARTS and PARTS[method].marks(tensors):
        return PARTS[method]
    key_map = next((key_map for key_map in ALL if key_map.marks(tensors)), None)
    known = ", ".join(key_map.name for key_map in KEY_MAPS[method])
    if key_map is None:
        keys = _shown(list(tensors))
        raise BadInput(f"{source}: unknown layout (keys {keys}); known for {method}: {known}")
    if key_map not in KEY_MAPS[method]:
        others = " or ".join(name for name, key_maps in KEY_MAPS.items() if key_map in key_maps)
        raise BadInput(f"{source}: has the layout {key_map.name}, not of {method} ({known}); use --method {others}")
    return key_map


def _sizes(
    key_map: KeyMap, tensors: Mapping[str, Tensor], source: Path, scale: int | None
) -> tuple[dict[str, Any], list[str]]:
    """The knobs, `scale` among them, and what was not in the tensors."""
    notes = list(key_map.notes)
    try:
        knobs = key_map.sizes(tensors)
    except KeyError as error:
        raise BadInput(_misfit(source, key_map, [f"missing key {error.args[0]}"])) from error
    except ValueError as error:
        raise BadInput(f"{source}: {error}; this network cannot be imported") from error
    if "scale" not in knobs:
        knobs["scale"] = scale or PUBLISHED_SCALE
        notes.append(f"scale is not in the file: x{knobs['scale']}, {'as asked' if scale else 'as published'}")
    elif scale not in (None, knobs["scale"]):
        raise BadInput(f"{source}: an x{knobs['scale']} network, not x{scale}; leave --scale out")
    return knobs, notes


def _renamed(
    key_map: KeyMap, network: nn.Module, tensors: Mapping[str, Tensor], knobs: Knobs, source: Path
) -> dict[str, Tensor]:
    """The network's state from the file's tensors. Raises BadInput for a key or a shape that does not match."""
    state = network.state_dict()
    names = {ours: key_map.theirs(ours, knobs) for ours in state}
    wanted = {theirs: ours for ours, theirs in names.items() if theirs is not None}
    missing = [theirs for theirs in wanted if theirs not in tensors]
    extra = [theirs for theirs in tensors if theirs not in wanted]
    faults = [f"missing key {_shown(missing)}"] if missing else []
    faults += [f"extra key {_shown(extra)}"] if extra else []
    for theirs, ours in wanted.items():
        if theirs in tensors and tensors[theirs].shape != state[ours].shape:
            shapes = f"{tuple(tensors[theirs].shape)}, expected {tuple(state[ours].shape)}"
            faults.append(f"{theirs} has shape {shapes}")
    faults += [f"{theirs} is not finite" for theirs in wanted if theirs in tensors and not _finite(tensors[theirs])]
    if faults:
        raise BadInput(_misfit(source, key_map, faults))
    filled = {ours: state[ours] for ours, theirs in names.items() if theirs is None}
    found = {ours: tensors[theirs].to(state[ours].dtype) for theirs, ours in wanted.items()}
    return {ours: value.detach().clone().contiguous() for ours, value in {**found, **filled}.items()}


def _finite(tensor: Tensor) -> bool:
    return bool(torch.isfinite(tensor).all())


def _misfit(source: Path, key_map: KeyMap, faults: list[str]) -> str:
    return (
        f"{source}: not a whole network of layout {key_map.name} ({'; '.join(faults[:SHOWN])}); get the original file"
    )


def _shown(keys: Iterable[str]) -> str:
    """The first keys, and how many more there are."""
    names = list(keys)
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def choose_method(name: str, scale: int, suite: str | None = None, checkpoint: Path | None = None) -> Method:
    """A method, named as `find_method` takes it, as the checkpoint says of itself, else in a suite's sizes where one is
    named, else in the paper's. Raises BadInput for an unknown name, a checkpoint of another run, or a suite of another
    scale."""
    entry, variant = find_method(name)
    variant = variant or "default"
    recorded = recorded_method(checkpoint, entry, variant, scale)
    method = entry.build(scale, entry.variants[variant])
    if suite:
        method = find_suite(suite).experiment(entry.name, variant, 1).build()
        if method.scale != scale:
            raise BadInput(f"suite {suite} trains x{method.scale}, not x{scale}; change --scale")
        if checkpoint is not None:
            check_recorded(checkpoint, method, f"as suite {suite} has it; leave --suite out")
    return recorded or method


def check_recorded(path: Path, method: Method, remedy: str) -> None:
    """Raise BadInput where a checkpoint says of itself that its network has another scale or other knobs."""
    metadata = _read_metadata(path)[0] if path.is_file() else {}
    recorded = {**metadata.get("knobs", {}), **({"scale": metadata["scale"]} if "scale" in metadata else {})}
    for name, path_of_knob in knob_paths(type(method)).items():
        there = tuple(recorded[name]) if isinstance(recorded.get(name), list) else recorded.get(name)
        if name in recorded and not path_of_knob.startswith("recipe.") and there != method.knobs[name]:
            raise BadInput(f"{path}: its {name} is {there}, not {method.knobs[name]} {remedy}")


def recorded_method(path: Path | None, entry: Entry, variant: str, scale: int) -> Method | None:
    """The method that a checkpoint says it was trained or imported for, with its knobs; None where it says nothing.

    Raises BadInput where that is another method, scale or variant than the one asked for.
    """
    metadata, shapes = _read_metadata(path) if path is not None and path.is_file() else ({}, [])
    run = metadata.get("run")
    if "diverged" in metadata:
        raise BadInput(f"{path}: holds no network, for the {metadata['diverged']}; give another checkpoint")
    if isinstance(run, str) and not run.startswith(f"{entry.name}.{variant}.x{scale}."):
        raise BadInput(f"{path}: trained as {run}, not as {entry.name}.{variant} x{scale}; name its method and scale")
    if "knobs" not in metadata:
        return None
    if "part" in metadata:
        raise BadInput(
            f"{path}: holds the {metadata['part']} of {metadata['method']}, which upscale nothing; give the network"
        )

    assert path is not None
    with as_written(path):
        asked = f"{metadata['method']} x{metadata['scale']}"
        if (metadata["method"], metadata["scale"]) != (entry.name, scale):
            raise BadInput(
                f"{path}: imported as {asked}, not {entry.name} x{scale}; upscale with --method {metadata['method']}"
            )
        knobs = {name: tuple(value) if isinstance(value, list) else value for name, value in metadata["knobs"].items()}
        method = entry.build(scale, knobs)
        with _no_larger_than(path, shapes), torch.device("meta"):
            method.network()
        if run is not None:
            return method
        for knob, value in entry.variants[variant].items():
            if method.knobs[knob] != value:
                here = f"{knob} is {method.knobs[knob]}, not {value}"
                raise BadInput(f"{path}: not the variant {variant} ({here}); use --method {entry.name}")
        return method


def _read_metadata(path: Path) -> tuple[dict[str, Any], list[tuple[int, ...]]]:
    """(what a checkpoint of ours says of itself, the shapes of its tensors). Raises BadInput for a file that is not
    safetensors."""
    try:
        with safe_open(path, framework="pt") as stream:
            metadata: dict[str, Any] = dict(json.loads((stream.metadata() or {}).get("bench", "{}")))
            shapes = [tuple(stream.get_slice(name).get_shape()) for name in stream.keys()]  # noqa: SIM118
    except Exception as error:  # safetensors raises its own type, and others for a truncated header
        raise BadInput(f"{path}: not a safetensors checkpoint ({error}); train or import it again") from error
    return metadata, shapes
