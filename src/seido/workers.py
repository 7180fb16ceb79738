"""Processes at work on the same job: they end with what started them, and a lost one costs one item, not the job."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager
from multiprocessing.process import BaseProcess
from typing import TypeVar

from seido.errors import BadInputError

Item = TypeVar("Item")
Result = TypeVar("Result")
Open = Callable[[int], AbstractContextManager[Executor]]
"""Opens an executor of so many workers, and ends it with all that it started."""
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_AHEAD = 2
"""Items handed out per worker: the next one waits where the last one ends."""


def cores() -> int:
    """Count the cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check_workers(workers: int | None) -> int:
    """Return the number of workers, as many as there are cores unless given; raises BadInputError."""
    if workers is not None and workers < 1:
        raise BadInputError(f"{workers} workers can make nothing: give --workers 1 or more")
    return workers or cores()


@contextmanager
def processes(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Open a pool of processes on this machine; leaving it, by Ctrl-C or an error too, ends them at once.

    A worker calculates in one thread, leaves Ctrl-C to its parent, and ends by itself when its parent is killed.
    """
    threads = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))  # read when a worker loads its libraries
    before = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"), initializer=_begin)
    try:
        yield pool
    finally:
        # Done or not, nobody waits for what is no longer wanted.
        for process in set(multiprocessing.active_children()) - before:
            process.terminate()
        pool.shutdown(cancel_futures=True)
        for name, value in threads.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


def each(
    work: Callable[[Item], Result],
    items: Sequence[Item],
    workers: int,
    lost: Callable[[Item], Result],
    opened: Open = processes,
) -> Iterator[tuple[Item, Result]]:
    """Do `work` on every item by so many workers; yields (item, result) as they are done, in no order.

    What `work` raises is raised. When a worker dies (a crash, want of memory), the items that were out are done again
    one at a time; `lost` makes the result of an item whose worker dies then too.
    """
    waiting = list(items)
    while waiting:
        out: dict[Future[Result], Item] = {}
        try:
            with opened(workers) as executor:
                while waiting or out:
                    while waiting and len(out) < _AHEAD * workers:
                        item = waiting[0]
                        out[executor.submit(work, item)] = item
                        waiting.pop(0)
                    for future in wait(out, return_when=FIRST_COMPLETED).done:
                        result = future.result()
                        yield out.pop(future), result
        except BrokenProcessPool:
            for item in out.values():
                yield item, _alone(work, item, lost, opened)


def _alone(work: Callable[[Item], Result], item: Item, lost: Callable[[Item], Result], opened: Open) -> Result:
    try:
        with opened(1) as executor:
            return executor.submit(work, item).result()
    except BrokenProcessPool:
        return lost(item)


def _begin() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_follow, args=(parent,), daemon=True).start()


def _follow(parent: BaseProcess) -> None:
    """Let a worker die when what started it is killed: else it would wait for work for ever."""
    parent.join()
    os._exit(1)
