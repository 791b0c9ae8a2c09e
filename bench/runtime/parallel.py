"""Run jobs in a pool of processes."""

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor


def work_through(task: Callable[[str], None], runs: Sequence[str], processes: int) -> None:
    """Call `task` with each run's name, in `processes` processes at once; in this one for a single process or run.

    task: a module's function or a partial of one. What one run makes does not depend on the others, so the number
    of processes changes no byte. The first exception ends the work and is raised here; runs not yet begun are left.
    """
    processes = min(processes, len(runs))
    if processes <= 1:
        for run in runs:
            task(run)
        return
    # a forked process cannot use a GPU, and inherits locks that threads held
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        working = [pool.submit(task, run) for run in runs]
        try:
            for job in working:
                job.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
