"""Clients and sequences of asyncio."""

from __future__ import annotations

import asyncio
import itertools
import os
import threading
from collections.abc import Awaitable, Callable

import pytest
from cluster import Cluster

import zseq
from zseq import aio

Case = Callable[[aio.Client], Awaitable[None]]


def run(uri: str, case: Case, timeout: float = 30) -> None:
    async def main() -> None:
        async with aio.Client(uri, timeout=timeout) as client:
            await case(client)

    asyncio.run(main(), debug=True)


def test_calls_are_those_of_a_sequence(cluster: Cluster, name: str) -> None:
    async def case(client: aio.Client) -> None:
        sequence = client.sequence(name)
        assert await sequence.peek() == 1
        assert await sequence.next() == 1
        assert await sequence.range(10) == range(2, 12)
        await sequence.raise_to(100)
        assert await sequence.peek() == 100
        assert await sequence.next() == 100
        assert (name, 101) in await client.list(name)
        assert (await client.status()).cluster == "test"
        assert 101 in {node.next for node in await sequence.info()}
        assert client.stats().issued == 12

    run(cluster.uri, case)


@pytest.mark.parametrize("batch", [1, 100, "auto"])
def test_tasks_never_get_the_same_id(
    cluster: Cluster, name: str, batch: zseq.Batch
) -> None:
    async def case(client: aio.Client) -> None:
        sequence = client.sequence(name, batch=batch)

        async def draw() -> list[int]:
            return [await sequence.next() for _ in range(20)]

        drawn = await asyncio.gather(*(draw() for _ in range(100)))
        for ids in drawn:
            assert ids == sorted(ids)
        assert len(set(itertools.chain(*drawn))) == 2000

    run(cluster.uri, case)


def test_iteration(cluster: Cluster, name: str) -> None:
    async def case(client: aio.Client) -> None:
        ids = []
        async for number in client.sequence(name, batch=10):
            ids.append(number)
            if len(ids) == 100:
                break
        assert ids == sorted(set(ids))

    run(cluster.uri, case)


@pytest.mark.parametrize(
    "batch, count", [(1, 3000), (10, 1000), (10_000, 100_000), ("auto", 3000)]
)
def test_take_rises(
    cluster: Cluster, name: str, batch: zseq.Batch, count: int
) -> None:
    async def case(client: aio.Client) -> None:
        sequence = client.sequence(name, batch=batch)
        ids = await sequence.take(count)
        assert len(ids) == count
        ids.append(await sequence.next())
        assert list(ids) == sorted(set(ids))
        for wrong in (0, 2**32 + 1):
            with pytest.raises(zseq.ZseqInval):
                await sequence.take(wrong)
            with pytest.raises(zseq.ZseqInval):
                await sequence.range(wrong)

    run(cluster.uri, case)


def test_takes_at_once_share_nothing(cluster: Cluster, name: str) -> None:
    async def case(client: aio.Client) -> None:
        sequence = client.sequence(name, batch=100)
        taken = await asyncio.gather(*(sequence.take(350) for _ in range(9)))
        for ids in taken:
            assert list(ids) == sorted(ids)
        assert len(set(itertools.chain(*taken))) == 9 * 350

    run(cluster.uri, case)


def test_a_cancelled_call_leaves_the_client_as_it_was(
    cluster: Cluster, broken: Cluster, name: str
) -> None:
    async def case(client: aio.Client) -> None:
        sequence = client.sequence(name)
        tasks = [asyncio.ensure_future(sequence.next()) for _ in range(100)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        ids = [number for number in done if isinstance(number, int)]
        assert len(set(ids)) == len(ids) == 50
        assert await sequence.next() > max(ids)

    async def never(client: aio.Client) -> None:
        sequence = client.sequence(name)
        for call in (
            sequence.next(),
            sequence.range(5),
            sequence.peek(),
            sequence.raise_to(5),
            sequence.take(5),
        ):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(call, 0.05)

    run(cluster.uri, case)
    run(broken.uri, never)


def test_ends_that_nobody_waits_for_are_forgotten(
    cluster: Cluster, name: str
) -> None:
    async def case(client: aio.Client) -> None:
        sequence = client.sequence(name)
        for _ in range(10):
            task = asyncio.ensure_future(sequence.next())
            await asyncio.sleep(0)
            task.cancel()
        while client._pending:
            await asyncio.sleep(0)
        await sequence.next()
        assert not client._pending

    run(cluster.uri, case)


@pytest.mark.parametrize("batch", [1, 10, "auto"])
def test_two_nodes_down_is_unavailable(
    broken: Cluster, name: str, batch: zseq.Batch
) -> None:
    async def case(client: aio.Client) -> None:
        sequence = client.sequence(name, batch=batch)
        calls = [
            sequence.next(),
            sequence.peek(),
            sequence.range(5),
            sequence.raise_to(5),
            sequence.take(5),
            client.list(),
        ]
        for error in await asyncio.gather(*calls, return_exceptions=True):
            assert isinstance(error, (zseq.ZseqUnavailable, zseq.ZseqTimeout))
            assert "1 of 3 nodes" in str(error)

    run(broken.uri, case, timeout=0.3)


def test_the_loop_goes_on_while_calls_wait(broken: Cluster, name: str) -> None:
    async def case(client: aio.Client) -> None:
        turns = 0
        call = asyncio.ensure_future(client.sequence(name).next())
        while not call.done():
            turns += 1
            await asyncio.sleep(0.001)
        assert turns > 10
        assert isinstance(call.exception(), zseq.ZseqError)

    run(broken.uri, case, timeout=0.5)


def test_calls_under_way_end_when_the_client_closes(
    broken: Cluster, name: str
) -> None:
    async def main() -> None:
        client = aio.Client(broken.uri, timeout=20)
        sequence = client.sequence(name)
        calls = [asyncio.ensure_future(sequence.next()) for _ in range(10)]
        await asyncio.sleep(0)
        client.close()
        for end in await asyncio.gather(*calls, return_exceptions=True):
            assert isinstance(end, zseq.ZseqClosed)
        for call in (sequence.next(), sequence.take(1), client.list()):
            with pytest.raises(zseq.ZseqClosed):
                await call
        client.close()

    asyncio.run(main(), debug=True)


def test_a_client_belongs_to_its_loop(cluster: Cluster, name: str) -> None:
    client = aio.Client(cluster.uri)
    sequence = client.sequence(name)

    async def elsewhere() -> None:
        with pytest.raises(RuntimeError, match="another event loop"):
            await sequence.next()

    async def main() -> None:
        await sequence.next()
        await asyncio.to_thread(lambda: asyncio.run(elsewhere()))

    asyncio.run(main(), debug=True)
    #  That loop is closed, so another loop may use the client.
    assert asyncio.run(sequence.next()) >= 2
    client.close()


def test_no_thread_per_call(cluster: Cluster, name: str) -> None:
    async def case(client: aio.Client) -> None:
        sequence = client.sequence(name)
        await sequence.next()
        before = threading.active_count()
        calls = asyncio.gather(*(sequence.next() for _ in range(500)))
        await asyncio.sleep(0)
        assert threading.active_count() == before
        await calls

    run(cluster.uri, case)


def test_descriptors_are_given_back(cluster: Cluster, name: str) -> None:
    async def case(client: aio.Client) -> None:
        await client.sequence(name).next()

    run(cluster.uri, case)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        run(cluster.uri, case)
    assert len(os.listdir("/proc/self/fd")) == before
