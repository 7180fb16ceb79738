"""Making batches in other threads while the network learns from the last one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

Item = TypeVar("Item")


@contextmanager
def made_ahead(make: Callable[[int], Item], first: int, end: int, ahead: int) -> Iterator[Callable[[int], Item]]:
    """Make items `first` … `end` − 1, so many ahead of the one asked for; they are asked for in that order.

    Numpy and torch let other threads run while they work. What `make` raises is raised where the item is asked for.
    """
    if not ahead:
        yield make
        return
    waiting: deque[Future[Item]] = deque()
    upcoming = iter(range(first, end))
    with ThreadPoolExecutor(min(ahead, 4), thread_name_prefix="batches") as threads:

        def more() -> None:
            number = next(upcoming, None)
            if number is not None:
                waiting.append(threads.submit(make, number))

        def take(_: int) -> Item:
            more()
            return waiting.popleft().result()

        for _ in range(ahead):
            more()
        try:
            yield take
        finally:
            threads.shutdown(cancel_futures=True)
