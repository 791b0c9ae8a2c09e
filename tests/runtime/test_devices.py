import subprocess
import sys

import pytest

PROGRAM = """
import resource, torch
from bench.runtime.devices import keep_freed_memory
keep_freed_memory()
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    layers = [torch.ones(10 << 20) for _ in range(8)]
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print([faults() for step in range(4)][-1])
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="of glibc")
def test_a_step_takes_the_memory_of_the_step_before_it_without_page_faults() -> None:
    """81,920 pages of 4 KiB are mapped anew otherwise."""
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert int(run.stdout) < 41_000
