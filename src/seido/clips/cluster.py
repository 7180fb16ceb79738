"""A Dask cluster behind the same door as the processes of one machine: concurrent.futures.Executor."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, cast

from seido.errors import BadInputError, MissingExtraError

_PATIENCE = "20s"
"""How long the scheduler may take to answer."""


@contextmanager
def cluster(address: str, _: int) -> Iterator[Executor]:
    """Open the cluster whose scheduler is at `address`; its workers see the same folders under the same names.

    Raises MissingExtraError without Dask, BadInputError when nobody answers. A lost worker is told as a broken pool.
    """
    with _client(address) as client:
        lost = _lost_worker()
        try:
            yield cast("Executor", client.get_executor(pure=False))
        except lost as error:
            raise BrokenProcessPool(str(error)) from error


def cluster_size(address: str) -> int:
    """Count the threads of a cluster's workers; raises BadInputError when there are none."""
    with _client(address) as client:
        threads = sum(client.nthreads().values())
    if not threads:
        raise BadInputError(f"cluster {address}: no worker has joined its scheduler; start some with `dask worker`")
    return int(threads)


@contextmanager
def _client(address: str) -> Iterator[Any]:
    try:
        from distributed import Client
    except ImportError as error:
        raise MissingExtraError("preparing on a cluster", "cluster") from error
    try:
        client: Any = Client(address, timeout=_PATIENCE, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise BadInputError(
            f"cluster {address}: no scheduler answers there ({error}); start `dask scheduler`"
        ) from error
    with client:
        yield client


def _lost_worker() -> type[Exception]:
    from distributed.scheduler import KilledWorker

    return cast("type[Exception]", KilledWorker)
