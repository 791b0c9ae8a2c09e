"""Reading tensors from files that anybody may have made: no code is run, and nothing is unpacked beyond its size."""

import pickle
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench.errors import BadInput

_AGAIN = "download it again"
_SLACK = 2**20  # bytes; small files hold small tensors several times


def read_torch(path: Path) -> Any:
    """What torch.save wrote: tensors, on the CPU, and plain values. Raises BadInput with what the file is instead."""
    _check_start(path)
    try:
        size = path.stat().st_size
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                unpacked = sum(entry.file_size for entry in archive.infolist())
            if unpacked > size + _SLACK:
                raise BadInput(f"{path}: {size} bytes that unpack to {unpacked}; {_AGAIN} from its source")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a pickle that is no checkpoint; the refusal says it
            found = torch.load(path, map_location="cpu", weights_only=True)
    except BadInput:
        raise
    except pickle.UnpicklingError as error:
        if "GLOBAL" in str(error):
            raise BadInput(
                f"{path}: pickles more than tensors, which is never loaded; save its state_dict()"
            ) from error
        raise BadInput(f"{path}: not a torch checkpoint, or truncated; {_AGAIN}") from error
    except Exception as error:  # EOFError, RuntimeError, ValueError, ...: as many kinds as ways to be broken
        reason = str(error).strip().split("\n")[0][:120] or type(error).__name__
        raise BadInput(f"{path}: not a torch checkpoint, or truncated ({reason}); {_AGAIN}") from error
    tensors = list(_tensors(found))
    if any(tensor.layout != torch.strided or tensor.is_quantized or tensor.device.type != "cpu" for tensor in tensors):
        raise BadInput(f"{path}: holds sparse, quantised or empty tensors; save plain ones")
    held = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
    if held > 2 * size + _SLACK:  # views of one storage take no place in the file
        raise BadInput(f"{path}: tensors of {held} bytes in a file of {size}; {_AGAIN} from its source")
    return found


def _check_start(path: Path) -> None:
    """Raise BadInput for what is told from other files by its beginning."""
    try:
        if path.exists() and not path.is_file():
            raise BadInput(f"{path}: no regular file; give the path of a .pth file")
        with path.open("rb") as stream:
            start = stream.read(256).lstrip()
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror}); give the path of a .pth file") from error
    if not start:
        raise BadInput(f"{path}: empty; {_AGAIN}")
    if start.startswith(b"<"):
        raise BadInput(f"{path}: a web page saved in place of the weights; {_AGAIN}, in a browser if need be")
    if start.startswith(b"version https://git-lfs"):
        raise BadInput(f"{path}: a Git LFS pointer, not the weights; fetch the file it stands for")
    if start.startswith(b"PK\x03\x04") and not zipfile.is_zipfile(path):
        raise BadInput(f"{path}: truncated (its table of contents is missing); {_AGAIN}")


def _tensors(state: Any) -> Iterator[Tensor]:
    """Every tensor in nested dictionaries and lists, each container once."""
    waiting, seen = [state], set()
    while waiting:
        value = waiting.pop()
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, Mapping | list | tuple | set) and id(value) not in seen:
            seen.add(id(value))
            waiting += [*value.keys(), *value.values()] if isinstance(value, Mapping) else value
