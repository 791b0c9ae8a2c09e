"""Methods trained elsewhere: a network in a checkpoint or an ONNX file, or nothing but SR pictures, takes part in
tables, statistics and figures like any method.

What they are made of is known by its sha256, a knob, so that a run says what it took wherever that lay.
"""

import functools
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from bench.api import Entry, Method, Picture, Upscaler
from bench.data.datasets import find_dataset
from bench.data.images import EXTENSIONS, composed, pictures_by_name
from bench.data.tiles import OVERLAP, tiled
from bench.errors import BadInput
from bench.runtime.checksums import hash_file, hash_hashes
from bench.runtime.tensors import read_torch

INSTALL = "pip install 'sr-bench[elsewhere]'"
MULTIPLE = 64  # LR pixels a side that networks of windows and of stages divide
PLACES: dict[str, Path] = {}
"""Where in this process that of a sha256 is: a file, or a path whose last part is the pattern of pictures' names."""
_NUMBERED = re.compile(r"img_\d{3}")  # names of the layout image_SRF_4, in the order of the pictures' own
_WORD = re.compile(r"\{(set|scale|name)\}")


@dataclass(frozen=True)
class Pictures(Method):
    """SR pictures that somebody made: nothing is upscaled. sha256: of their names and hashes."""

    sha256: str = ""

    def upscaler(self, network: nn.Module | None) -> Upscaler:
        raise BadInput(f"{PLACES[self.sha256]}: pictures upscale nothing; compare them, or give a network")

    def find(self, dataset: str, names: Sequence[str]) -> Mapping[str, Path]:
        """The SR file of each of these pictures of a data set. Raises BadInput where one is missing.

        Where the set here is numbered, and the folder holds as many pictures as the set, under names of their own, they
        pair in order: the numbers follow the names.
        """
        words = {"set": dataset, "scale": str(self.scale), "name": "{name}"}
        place = Path(_WORD.sub(lambda word: words[word[1]], str(PLACES[self.sha256])))
        folder, found = place.parent, pictures_by_name(place.parent, place.name, "the pattern of its pictures")
        wanted = {name: composed(name) for name in names}
        whole = len(found) == len(wanted) == (find_dataset(dataset).count or len(wanted))
        if whole and not found.keys() & set(wanted.values()) and all(map(_NUMBERED.fullmatch, wanted)):
            pairs = dict(zip(sorted(wanted), sorted(found), strict=True))
            print(f"{folder}: {', '.join(f'{own} is {name}' for name, own in pairs.items())}", file=sys.stderr)
            return {name: found[own] for name, own in pairs.items()}
        for name, spelt in wanted.items():
            if spelt not in found:
                raise BadInput(f"{folder}: no SR of {name} of {dataset} (it holds {min(found)}, …); add it")
        return {name: found[spelt] for name, spelt in wanted.items()}


@dataclass(frozen=True)
class Checkpoint(Method):
    """A network that spandrel recognises by its tensors. sha256: of its file."""

    sha256: str = ""

    def network(self) -> nn.Module:
        """The network with its weights. Raises BadInput where spandrel is not installed, for a file that holds none
        that it knows, and for one of another scale or of other channels than RGB."""
        return _recognised(self.sha256, self.scale)


class _Described(nn.Module):
    """What spandrel recognised, which pads a picture to the sizes that it can take, called as a network."""

    def __init__(self, descriptor: Any) -> None:
        super().__init__()
        self.model: nn.Module = descriptor.model
        self.descriptor = descriptor

    def forward(self, lr: Tensor) -> Tensor:
        """(1, 3, h, w) RGB in [0, 1] -> (1, 3, scale*h, scale*w)."""
        sr: Tensor = self.descriptor(lr)
        return sr


@functools.cache
def _recognised(sha256: str, scale: int) -> nn.Module:
    path = PLACES[sha256]
    try:
        from spandrel import ImageModelDescriptor, ModelLoader, canonicalize_state_dict
    except (ImportError, RuntimeError) as error:  # RuntimeError: a torchvision built for another torch
        raise BadInput(f"{path}: needs the package spandrel, which cannot be imported ({error}); {INSTALL}") from error
    try:
        state = load_file(path) if path.suffix == ".safetensors" else read_torch(path)
        found = ModelLoader().load_from_state_dict(canonicalize_state_dict(state))
    except BadInput:
        raise
    except Exception as error:  # of as many kinds as there are architectures
        raise BadInput(
            f"{path}: holds no network that spandrel recognises ({type(error).__name__}); name another"
        ) from error
    if not isinstance(found, ImageModelDescriptor) or (found.input_channels, found.output_channels) != (3, 3):
        raise BadInput(f"{path}: {found.architecture.name} does not map RGB to RGB; name a network that does")
    _check_scale(path, found.scale, scale)
    return _Described(found).eval()


def _check_scale(path: Path, found: float, scale: int) -> None:
    if found != scale:
        raise BadInput(f"{path}: an x{found:g} network, not x{scale}; compare it at its own scale")


@dataclass(frozen=True)
class Onnx(Method):
    """A network in an ONNX file, (N, 3, h, w) float RGB in [0, 1] -> (N, 3, scale*h, scale*w). sha256: of its file.

    Where its input has fixed sides, pictures are upscaled in tiles of these; where it refuses a picture's sides, the
    picture is continued to multiples of 64, which stderr says.
    """

    sha256: str = ""

    def upscaler(self, network: nn.Module | None) -> Upscaler:
        session = _session(self.sha256)
        entry, path = session.get_inputs()[0], PLACES[self.sha256]
        fixed = [side for side in entry.shape[2:] if isinstance(side, int)]

        def run(lr: Tensor) -> Tensor:
            (sr,) = session.run([session.get_outputs()[0].name], {entry.name: lr[None].numpy()})
            _check_scale(path, sr.shape[-1] / lr.shape[-1], self.scale)
            return torch.from_numpy(sr[0]).float()

        def continued(picture: Picture, sides: Sequence[int]) -> Tensor:
            """Of a picture that repeats its last row and column up to these sides."""
            _, height, width = picture.lr.shape
            more = (0, sides[1] - width, 0, sides[0] - height)
            sr = run(functional.pad(picture.lr[None], more, mode="replicate")[0])
            return sr[:, : self.scale * height, : self.scale * width]

        def whole(picture: Picture) -> Tensor:
            try:
                return run(picture.lr)
            except BadInput:
                raise
            except Exception as error:  # the runtime's own types
                sides = [-(-side // MULTIPLE) * MULTIPLE for side in picture.lr.shape[1:]]
                if sides == list(picture.lr.shape[1:]):
                    raise BadInput(f"{path}: refuses {picture.name} ({error}); export it for any size") from error
                print(f"{path}: refuses the sides of {picture.name}, which are continued to {sides}", file=sys.stderr)
                return continued(picture, sides)

        if len(fixed) < 2:
            return whole
        tile = min(fixed)
        return tiled(lambda picture: continued(picture, fixed), self.scale, tile, min(OVERLAP, (tile - 1) // 2))


@functools.cache
def _session(sha256: str) -> Any:
    """The file, ready to run on the processor. Raises BadInput without onnxruntime, and for a file that is no network
    from RGB pictures to pictures."""
    path = PLACES[sha256]
    try:
        import onnxruntime
    except ImportError as error:
        raise BadInput(f"{path}: needs the package onnxruntime; {INSTALL}") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    try:
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime's own types
        raise BadInput(f"{path}: no ONNX network ({type(error).__name__}); export it again") from error
    taken = [(one.type, len(one.shape), one.shape[1:2]) for one in session.get_inputs()]
    if len(taken) != 1 or taken[0][:2] != ("tensor(float)", 4) or taken[0][2] in ([1], [4]):
        raise BadInput(f"{path}: takes {taken}; export a network of one float input (N, 3, h, w)")
    return session


def checkpoint_entry(path: Path) -> Entry:
    """The entry of a checkpoint that spandrel recognises."""
    return _entry_of_file(path, Checkpoint)


def onnx_entry(path: Path) -> Entry:
    """The entry of an ONNX file."""
    return _entry_of_file(path, Onnx)


def folder_entry(place: Path) -> Entry:
    """The entry of pictures, named after what their pattern adds to a picture's name, else after the last folder that
    is no pattern."""
    added = place.name.replace("{name}", "").rpartition(".")[0] if "{name}" in place.name else ""
    names = [_WORD.sub("", added), *(part for part in reversed(place.absolute().parts) if "{" not in part), "pictures"]
    return pictures_entry(next(filter(None, map(_slug, names))), place)


def _entry_of_file(path: Path, method: type[Method]) -> Entry:
    """Raises BadInput where there is no such file."""
    if not path.is_file():
        raise BadInput(f"{path}: no such file; give the path of a network")
    sha256 = _hash(path)
    PLACES[sha256] = path
    return Entry(_slug(path.stem), method, "trained elsewhere", default={"sha256": sha256}, deterministic=True)


def _hash(place: Path) -> str:
    """The sha256 of a file, with the one beside it where ONNX keeps large weights, or of pictures."""
    if "{name}" in place.name:
        return hash_pictures(place)
    beside = place.with_name(f"{place.name}.data")
    return hash_hashes({"": hash_file(place), "data": hash_file(beside)}) if beside.is_file() else hash_file(place)


def _slug(text: str) -> str:
    """A name that paths can hold."""
    return re.sub(r"[^\w+-]+", "-", text, flags=re.ASCII).strip("-_")


def pictures_entry(name: str, place: Path, sha256: str = "", paper: str = "made elsewhere") -> Entry:
    """The entry of the pictures of a folder, or of those that a path matches: {name} stands for a picture's name, {set}
    and {scale} for theirs. sha256: what they must have; by default what they have now. Raises BadInput for none."""
    if "{name}" not in place.name:
        place /= "{name}" if any(path.suffix.lower() in EXTENSIONS for path in place.glob("*")) else "{set}/{name}"
    sha256 = sha256 or hash_pictures(place)
    PLACES[sha256] = place
    return Entry(name, Pictures, paper, default={"sha256": sha256}, deterministic=True)


def any_picture(sha256: str) -> bool:
    """Whether there is any picture at the place of a sha256, changed or not."""
    return bool(_files(PLACES[sha256])[1])


def check_elsewhere(sha256: str) -> str:
    """The sha256 of what is at the place of one. Raises BadInput where that is another."""
    found = _hash(PLACES[sha256])
    if found != sha256:
        raise BadInput(f"{PLACES[sha256]}: sha256 {found[:12]}…, expected {sha256[:12]}…; get the original again")
    return found


def hash_pictures(place: Path) -> str:
    """The sha256 of the names and hashes of all pictures that a path matches. Raises BadInput where none does."""
    root, files = _files(place)
    if not files:
        raise BadInput(f"{place}: no such pictures; name a folder, or a path such as DIR/{{set}}/{{name}}_x4.png")
    return hash_hashes({file.relative_to(root).as_posix(): hash_file(file) for file in files})


def _files(place: Path) -> tuple[Path, list[Path]]:
    """(the folder without placeholders, the pictures below it that the path matches)."""
    parts = place.parts
    fixed = next(i for i, part in enumerate(parts) if _WORD.search(part))
    pattern = _WORD.sub("*", "/".join(parts[fixed:]))
    pattern += "" if pattern.lower().endswith(EXTENSIONS) else ".*"
    root = Path(*parts[:fixed])
    return root, sorted(path for path in root.glob(pattern) if path.suffix.lower() in EXTENSIONS)
