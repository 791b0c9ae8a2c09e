"""Run jobs in a pool of processes."""

import contextlib
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from bench.errors import BadInput
from bench.runtime.devices import room_for

Task = Callable[[str], float]
"""A run's name -> MiB of a GPU that its process holds."""


def work_through(task: Task, runs: Sequence[str], processes: int, on_gpu: bool = False) -> None:
    """Call `task` with each run's name, in `processes` processes at once; in this one for a single process or run.

    task: a module's function or a partial of one. What one run makes does not depend on the others, so the number
    of processes changes no byte. on_gpu: the first run is made alone, and no more at once than the GPU then has room
    for. The first exception ends the work and is raised here; runs not yet begun are left.
    """
    processes = min(processes, len(runs))
    if processes <= 1:
        for run in runs:
            task(run)
        return
    if on_gpu:
        (held,) = _work_at_once(task, runs[:1], 1)
        runs = runs[1:]
        processes = min(processes, room_for(held), len(runs))
    _work_at_once(task, runs, processes)


@contextlib.contextmanager
def process_pool(processes: int) -> Iterator[ProcessPoolExecutor]:
    """A pool whose processes end when this one does, however it is killed. Raises BadInput where one of them is."""
    # a forked process cannot use a GPU, and inherits locks that threads held
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), _end_with_parent) as pool:
        try:
            yield pool
        except BrokenProcessPool as error:
            raise BadInput("a process was killed, most likely for lack of memory; run fewer at once") from error


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _work_at_once(task: Task, runs: Sequence[str], processes: int) -> list[float]:
    with process_pool(processes) as pool:
        working = [pool.submit(task, run) for run in runs]
        try:
            return [job.result() for job in working]
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
