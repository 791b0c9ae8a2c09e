"""CPU threads, the device of a run, seeds: set once a process, before any work."""

import contextlib
import ctypes
import os
import random
import re
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch._subclasses.fake_tensor import unset_fake_temporarily
from torch.utils import deterministic

from bench.errors import BadInput

GPU_CONTEXT_MIB = 600  # what CUDA and its libraries take in every process
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # glibc's, malloc.h


def use_threads(threads: int) -> None:
    """Fix the thread count of torch and BLAS in this process: bits differ between 1, 2 and 4 threads."""
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = str(threads)
    torch.set_num_threads(threads)


@contextlib.contextmanager
def lasting_tensors() -> Iterator[None]:
    """Within it, tensors are made that are cached: they have values even while work is counted on tensors without any,
    gradients may pass through them even if inference came first, and other streams find them complete."""
    with torch.inference_mode(False), unset_fake_temporarily():
        yield
        if torch.cuda.is_initialized() and not torch.cuda.is_current_stream_capturing():  # type: ignore[no-untyped-call]
            torch.cuda.current_stream().synchronize()


def choose_device(name: str) -> torch.device:
    """auto, cpu or cuda. Raises BadInput for cuda on a machine without it."""
    if name not in ("auto", "cpu", "cuda"):
        raise BadInput(f"unknown device {name!r}; choose auto, cpu or cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise BadInput("device cuda is not available here; use --device cpu")
    return torch.device("cuda" if name == "cuda" or (name == "auto" and torch.cuda.is_available()) else "cpu")


@contextlib.contextmanager
def enough_memory(subject: str, remedy: str) -> Iterator[None]:
    """Raise BadInput, in place of what torch and numpy raise, where the memory of computer or GPU does not suffice."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, MemoryError) or re.search(r"out of memory|not enough memory|allocate memory", str(error)):
            raise BadInput(f"{subject}: need more memory than there is; {remedy}") from error
        raise


def be_deterministic(seed: int) -> None:
    """Seed every generator and refuse operations without a deterministic form."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True, warn_only=torch.cuda.is_available())
    # it writes every new tensor once more; none is read unset
    deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.backends.cudnn.benchmark = False


def keep_freed_memory() -> None:
    """Have glibc hand the memory of freed tensors on to the next ones, which in a training are of the same sizes. As it
    is, it maps every tensor above 32 MiB anew, at a page fault for each 4 KiB. Elsewhere nothing changes."""
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(M_MMAP_MAX, 0)
        library.mallopt(M_TRIM_THRESHOLD, -1)


def peak_memory_mib(device: torch.device) -> float:
    """The largest memory this process has held so far on the device, MiB."""
    if device.type == "cuda":
        return float(torch.cuda.max_memory_allocated(device)) / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def held_memory_mib(device: torch.device) -> float:
    """What this process has taken of a GPU's memory at most, MiB; 0 on a CPU."""
    return float(torch.cuda.max_memory_reserved(device)) / 2**20 if device.type == "cuda" else 0.0


def room_for(mib: float) -> int:
    """How many processes more the GPU has room for, each holding so much; one at least."""
    return max(1, int(free_memory_mib() // (mib + GPU_CONTEXT_MIB)))


def free_memory_mib() -> float:
    """What of the GPU's memory no process has taken, MiB."""
    return float(torch.cuda.mem_get_info()[0]) / 2**20


def whole_memory_mib() -> float:
    """All memory of the GPU, MiB."""
    return float(torch.cuda.mem_get_info()[1]) / 2**20


def describe(device: torch.device) -> str:
    """The device in words: the processor's or the GPU's name."""
    if device.type == "cuda":
        return str(torch.cuda.get_device_name(device))
    found = re.search(r"^model name\s*:(.*)$", _cpuinfo(), re.MULTILINE)
    return found[1].strip() if found else "CPU"


def _cpuinfo() -> str:
    """What Linux says of the processor; nothing elsewhere."""
    path = Path("/proc/cpuinfo")
    return path.read_text() if path.is_file() else ""


def cpu_has_bf16() -> bool:
    """Whether bf16 is native; elsewhere it is emulated and slow."""
    return "avx512_bf16" in _cpuinfo()


def environment() -> dict[str, Any]:
    """Versions that numbers depend on."""
    import platform

    import scipy

    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "platform": f"{platform.system()} {platform.machine()}",
        "cpu": describe(torch.device("cpu")),
        "bf16": cpu_has_bf16(),
    }
