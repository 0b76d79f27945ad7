"""Garbage collection and leaks."""

from __future__ import annotations

import gc
import itertools
import os
import random
import threading
import tracemalloc
from collections.abc import Callable, Iterator

import pytest
from cluster import Cluster

import zseq


@pytest.fixture
def collecting() -> Iterator[None]:
    """Each allocation of a container starts a collection."""
    thresholds = gc.get_threshold()
    gc.set_threshold(1)
    yield
    gc.set_threshold(*thresholds)


def resident() -> int:
    """How many bytes of memory this process uses."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.usefixtures("collecting")
def test_a_collection_in_the_middle_of_a_call_costs_no_id(
    client: zseq.Client, name: str
) -> None:
    sequence = client.sequence(name, batch=1000)
    inner: list[int] = []

    def draw(phase: str, _information: dict[str, int]) -> None:
        if phase == "start":
            inner.append(next(sequence))

    outer: list[int] = []
    kept = []
    gc.callbacks.append(draw)
    try:
        for drawn in range(20_000):
            #  While these tuples are kept, ctypes cannot reuse any. It has
            #  to allocate its own, and each may start a collection.
            for size in range(drawn % 8):
                kept.append((drawn,) * (1 + size % 3))
            outer.append(next(sequence))
    finally:
        gc.callbacks.remove(draw)
    assert len(inner) > 10_000
    assert len(set(inner + outer)) == len(inner) + len(outer)
    assert outer == sorted(outer)


class Ring:
    """Garbage that only a collection finds."""

    def __init__(self, *things: object) -> None:
        self.things = things
        self.ring = self


@pytest.mark.parametrize("seed", range(20))
def test_objects_may_go_in_any_order(
    cluster: Cluster, names: Callable[[], str], seed: int
) -> None:
    order = random.Random(seed)
    things: list[object] = []
    for _ in range(3):
        client = zseq.Client(cluster.uri)
        sequences = [client.sequence(names(), batch=5) for _ in range(3)]
        next(sequences[0])
        parts = [client, *sequences, iter(sequences[1]), sequences[2].next]
        order.shuffle(parts)
        things.append(Ring(*parts))
        things.extend(parts)
    del client, sequences, parts
    order.shuffle(things)
    while things:
        things.pop()
        if order.random() < 0.3:
            gc.collect()
    gc.collect()


def test_a_sequence_keeps_its_client(cluster: Cluster, name: str) -> None:
    sequence = zseq.Client(cluster.uri).sequence(name)
    gc.collect()
    assert next(sequence) == 1


def test_a_client_that_is_gone_has_closed_its_sockets(
    cluster: Cluster, name: str
) -> None:
    def sockets() -> int:
        return sum(
            os.readlink(f"/proc/self/fd/{number}").startswith("socket:")
            for number in os.listdir("/proc/self/fd")
            if os.path.islink(f"/proc/self/fd/{number}")
        )

    before = sockets()
    sequence = zseq.Client(cluster.uri).sequence(name)
    next(sequence)
    assert sockets() > before
    del sequence
    gc.collect()
    assert sockets() == before


def test_a_million_calls_leak_nothing(
    client: zseq.Client, name: str
) -> None:
    sequence = client.sequence(name, batch=100_000)

    def draw(count: int) -> None:
        for _ in itertools.islice(sequence, count):
            pass

    draw(100_000)
    check_growth(lambda: draw(1_000_000))


def test_a_million_ids_taken_leak_nothing(
    client: zseq.Client, name: str
) -> None:
    sequence = client.sequence(name, batch=100_000)

    def draw(count: int) -> None:
        for _ in range(count):
            sequence.take(100)

    draw(1000)
    check_growth(lambda: draw(10_000))


def test_errors_and_handles_leak_nothing(
    cluster: Cluster, client: zseq.Client, name: str
) -> None:
    closed = zseq.Client(cluster.uri)
    sequence = closed.sequence(name, batch=2)
    closed.close()

    def repeat(count: int) -> None:
        for _ in range(count):
            client.sequence(name, batch=10)
            with pytest.raises(zseq.ZseqInval):
                client.sequence(b"")
            with pytest.raises(zseq.ZseqClosed):
                next(sequence)
            client.stats()

    repeat(1000)
    check_growth(lambda: repeat(10_000))


def test_clients_leak_nothing(cluster: Cluster, name: str) -> None:
    def repeat(count: int) -> None:
        for _ in range(count):
            with zseq.Client(cluster.uri) as client:
                next(client.sequence(name))

    repeat(30)
    threads = threading.active_count(), len(os.listdir("/proc/self/task"))
    check_growth(lambda: repeat(150))
    assert threads == (
        threading.active_count(),
        len(os.listdir("/proc/self/task")),
    )


def check_growth(function: Callable[[], None]) -> None:
    """Neither Python's memory nor the process grows by running that."""
    gc.collect()
    before = resident()
    function()
    gc.collect()
    assert resident() - before < 4 << 20

    tracemalloc.start()
    try:
        gc.collect()
        traced, _ = tracemalloc.get_traced_memory()
        function()
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] - traced < 64 << 10
    finally:
        tracemalloc.stop()
