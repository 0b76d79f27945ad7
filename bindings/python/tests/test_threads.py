"""Threads that share a client."""

from __future__ import annotations

import itertools
import random
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from ctypes import byref, c_uint64

import pytest
from cluster import Cluster

import zseq
from zseq import _library

THREADS = 8


@pytest.fixture
def hasty() -> Iterator[None]:
    """Threads switch as often as possible."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def run(function: Callable[[], list[int]]) -> list[list[int]]:
    with ThreadPoolExecutor(THREADS) as pool:
        futures = [pool.submit(function) for _ in range(THREADS)]
        return [future.result() for future in futures]


def check(drawn: list[list[int]]) -> None:
    for ids in drawn:
        assert ids == sorted(ids)
    everything = list(itertools.chain(*drawn))
    assert len(set(everything)) == len(everything)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize(
    "batch, count", [(1, 200), (2, 500), (1000, 20_000), ("auto", 2000)]
)
def test_threads_never_get_the_same_id(
    client: zseq.Client, name: str, batch: zseq.Batch, count: int
) -> None:
    sequence = client.sequence(name, batch=batch)
    drawn = run(lambda: list(itertools.islice(sequence, count)))
    check(drawn)
    assert client.stats().issued == THREADS * count


@pytest.mark.usefixtures("hasty")
def test_next_take_and_range_mix(client: zseq.Client, name: str) -> None:
    sequence = client.sequence(name, batch=100)

    def draw() -> list[int]:
        ids: list[int] = []
        for count in range(1, 30):
            ids.append(next(sequence))
            ids.extend(sequence.take(count))
            ids.extend(sequence.range(count))
        return ids

    check(run(draw))


def test_waiting_threads_do_not_hold_others_up(
    broken: Cluster, client: zseq.Client, name: str
) -> None:
    started = threading.Event()
    stuck = zseq.Client(broken.uri, timeout=2)
    with stuck, ThreadPoolExecutor() as pool:

        def wait() -> None:
            sequence = stuck.sequence(name)
            started.set()
            next(sequence)

        waiting = pool.submit(wait)
        started.wait()
        #  This takes a while, but not the two seconds of each.
        sequence = client.sequence(name)
        assert [next(sequence) for _ in range(50)] == list(range(1, 51))
        assert not waiting.done()
        with pytest.raises((zseq.ZseqUnavailable, zseq.ZseqTimeout)):
            waiting.result()


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("batch", [1, 1000])
def test_a_client_may_be_closed_under_its_threads(
    cluster: Cluster, names: Callable[[], str], batch: int
) -> None:
    for _ in range(20):
        client = zseq.Client(cluster.uri)
        sequence = client.sequence(names(), batch=batch)
        enough = threading.Semaphore(0)

        def draw() -> list[int]:
            ids = []
            with pytest.raises(zseq.ZseqClosed):
                while True:
                    ids.append(next(sequence))
                    enough.release()
            return ids

        with ThreadPoolExecutor(THREADS) as pool:
            futures = [pool.submit(draw) for _ in range(THREADS)]
            for _ in range(random.randrange(100)):
                enough.acquire()
            client.close()
            check([future.result() for future in futures])


def test_a_call_that_begins_while_its_client_is_closed(
    cluster: Cluster, names: Callable[[], str]
) -> None:
    client = zseq.Client(cluster.uri)
    sequence = client.sequence(names())
    value = c_uint64()

    def close_first(*arguments: object) -> int:
        client.close()
        rc: int = _library.next_one(*arguments)
        return rc

    client._core.call(close_first, sequence._handle, byref(value))
    assert value.value == 1
    with pytest.raises(zseq.ZseqClosed):
        next(sequence)


def test_a_call_under_way_ends_well_when_its_client_is_closed(
    broken: Cluster, name: str
) -> None:
    client = zseq.Client(broken.uri, timeout=1)
    sequence = client.sequence(name)
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(sequence.peek)
        while not client._core._users:
            assert not waiting.done()
        client.close()
        with pytest.raises(zseq.ZseqClosed):
            sequence.peek()
        with pytest.raises((zseq.ZseqUnavailable, zseq.ZseqTimeout)):
            waiting.result()
    assert not client._core._handles
