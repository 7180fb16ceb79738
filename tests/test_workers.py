"""Processes at work: what each does is got back, a lost one costs one item, none is left behind."""

import multiprocessing
import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from seido.errors import BadInputError
from seido.workers import check_workers, cores, each, processes


def square(number: int) -> int:
    if number < 0:
        os._exit(1)
    return number * number


def refuse(number: int) -> int:
    raise BadInputError(f"{number} is no good")


def wait_long(seconds: float) -> None:
    time.sleep(seconds)


@contextmanager
def threads(workers: int):
    with ThreadPoolExecutor(workers) as pool:
        yield pool


def lost(number: int) -> str:
    return f"lost {number}"


@pytest.mark.parametrize("count", [0, 1, 7])
def test_every_item_comes_back_once(count):
    assert sorted(each(square, range(count), 2, lost, threads)) == [(n, n * n) for n in range(count)]


def test_a_worker_that_dies_costs_one_item():
    found = dict(each(square, [1, 2, -3, 4, 5], 2, lost))
    assert found == {1: 1, 2: 4, -3: "lost -3", 4: 16, 5: 25}
    assert not multiprocessing.active_children()


def test_errors_are_handed_on_whole():
    with pytest.raises(BadInputError, match="^3 is no good$"):
        list(each(refuse, [3], 1, lost))


def test_leaving_early_ends_what_is_at_work():
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt), processes(1) as pool:
        pool.submit(wait_long, 60)
        while not multiprocessing.active_children():
            time.sleep(0.01)
        raise KeyboardInterrupt
    assert not multiprocessing.active_children()
    assert time.monotonic() - began < 30


def test_how_many():
    assert check_workers(3) == 3
    assert check_workers(None) == cores() >= 1
    with pytest.raises(BadInputError, match="--workers 1 or more"):
        check_workers(0)
