"""Sequences in one thread, on a cluster without faults."""

from __future__ import annotations

import copy
import dataclasses
import itertools
import pickle
import types
from collections.abc import Callable

import pytest
from cluster import Cluster

import zseq
import zseq.aio


def test_ids_begin_at_1_and_rise(client: zseq.Client, name: str) -> None:
    sequence = client.sequence(name)
    assert [next(sequence), sequence.next()] == [1, 2]
    assert list(itertools.islice(sequence, 3)) == [3, 4, 5]


def test_unbuffered_clients_are_ordered(cluster: Cluster, name: str) -> None:
    with zseq.Client(cluster.uri) as one, zseq.Client(cluster.uri) as other:
        pair = (one.sequence(name), other.sequence(name))
        ids = [next(pair[index % 2]) for index in range(100)]
    assert ids == sorted(set(ids))


@pytest.mark.parametrize("batch", [2, 64, 1000, "auto"])
def test_buffered_ids_rise(
    client: zseq.Client, name: str, batch: zseq.Batch
) -> None:
    sequence = client.sequence(name, batch=batch)
    ids = list(itertools.islice(sequence, 5000))
    assert ids == sorted(set(ids))
    if batch == 1000:
        assert client.stats().claims <= 10


def test_batch_can_be_changed(client: zseq.Client, name: str) -> None:
    sequence = client.sequence(name, batch=100)
    assert next(sequence) == 1
    sequence.batch = 1
    assert sequence.batch == 1
    assert next(sequence) > 100
    sequence.batch = "auto"
    before = next(sequence)
    sequence.batch = 10
    assert next(sequence) > before


def test_try_next_does_not_wait(client: zseq.Client, name: str) -> None:
    sequence = client.sequence(name, batch=10)
    assert sequence.try_next() is None
    first = next(sequence)
    assert sequence.try_next() == first + 1
    sequence.batch = 1
    with pytest.raises(zseq.ZseqInval):
        sequence.try_next()


@pytest.mark.parametrize("batch", [1, 7, 1000, 200_000, "auto"])
def test_take_rises(client: zseq.Client, name: str, batch: zseq.Batch) -> None:
    sequence = client.sequence(name, batch=batch)
    ids = sequence.take(500)
    assert len(ids) == 500
    ids.extend([next(sequence)])
    ids.extend(sequence.take(1))
    assert list(ids) == sorted(set(ids))
    assert ids[0] >= 1


def test_take_100000(client: zseq.Client, name: str) -> None:
    sequence = client.sequence(name, batch=10_000)
    ids = sequence.take(100_000)
    assert ids.typecode == "Q"
    assert memoryview(ids).nbytes == 800_000
    assert list(ids) == sorted(set(ids))
    assert client.stats().issued == 100_000


def test_range_is_above_all_before(client: zseq.Client, name: str) -> None:
    buffered = client.sequence(name, batch=50)
    last = next(buffered)
    ids = buffered.range(1000)
    assert isinstance(ids, range)
    assert len(ids) == 1000
    assert ids[0] > last
    assert client.sequence(name).range(1)[0] > ids[-1]
    assert buffered.peek() > ids[-1]


def test_peek_takes_nothing(client: zseq.Client, name: str) -> None:
    sequence = client.sequence(name)
    assert sequence.peek() == sequence.peek() == 1
    assert next(sequence) == 1
    assert sequence.peek() == 2


def test_raise_to_never_goes_back(client: zseq.Client, name: str) -> None:
    sequence = client.sequence(name, batch=5)
    next(sequence)
    sequence.raise_to(1_000_000)
    assert next(sequence) == 1_000_000
    sequence.raise_to(5)
    assert next(sequence) == 1_000_001


def test_raise_to_reaches_all_handles(client: zseq.Client, name: str) -> None:
    one = client.sequence(name, batch=50)
    other = client.sequence(name, batch=50)
    next(other)
    one.raise_to(1_000_000)
    assert next(other) >= 1_000_000
    one.raise_to(2_000_000)
    assert min(other.take(100)) >= 2_000_000


def test_ids_are_64_bits(client: zseq.Client, name: str) -> None:
    sequence = client.sequence(name)
    sequence.raise_to(2**63 - 3)
    assert list(sequence.range(2)) == [2**63 - 3, 2**63 - 2]
    assert next(sequence) == 2**63 - 1
    assert sequence.peek() == 2**63
    with pytest.raises(zseq.ZseqExhausted):
        next(sequence)
    with pytest.raises(zseq.ZseqExhausted):
        sequence.range(1)


def test_what_is_left_can_be_taken(client: zseq.Client, name: str) -> None:
    sequence = client.sequence(name, batch=100)
    sequence.raise_to(2**63 - 10)
    assert list(sequence.take(10)) == list(range(2**63 - 10, 2**63))
    with pytest.raises(zseq.ZseqExhausted):
        sequence.take(1)


@pytest.mark.parametrize("count", [-1, 0, 2**32 + 1, 2**64])
def test_counts_out_of_range_are_refused(
    client: zseq.Client, name: str, count: int
) -> None:
    sequence = client.sequence(name)
    with pytest.raises(zseq.ZseqInval):
        sequence.take(count)
    with pytest.raises(zseq.ZseqInval):
        sequence.range(count)


def test_the_largest_range_is_2_to_the_32(
    client: zseq.Client, name: str
) -> None:
    assert len(client.sequence(name).range(2**32)) == 2**32


@pytest.mark.parametrize("number", [-1, 0, 2**63 + 1, 2**64 + 5])
def test_raises_out_of_range_are_refused(
    client: zseq.Client, name: str, number: int
) -> None:
    with pytest.raises(zseq.ZseqInval):
        client.sequence(name).raise_to(number)


@pytest.mark.parametrize("batch", [-1, 2**32 + 1, 2**64 - 1, 2**64 + 1, "a"])
def test_batches_out_of_range_are_refused(
    client: zseq.Client, name: str, batch: zseq.Batch
) -> None:
    with pytest.raises(zseq.ZseqInval):
        client.sequence(name, batch=batch)
    sequence = client.sequence(name)
    with pytest.raises(zseq.ZseqInval):
        sequence.batch = batch
    assert sequence.batch == 1


@pytest.mark.parametrize("timeout", [0, -1, 86_401, float("nan")])
def test_timeouts_out_of_range_are_refused(
    cluster: Cluster, client: zseq.Client, name: str, timeout: float
) -> None:
    with pytest.raises(zseq.ZseqInval):
        zseq.Client(cluster.uri, timeout=timeout)
    with pytest.raises(zseq.ZseqInval):
        client.sequence(name, timeout=timeout)
    with pytest.raises(zseq.ZseqInval):
        client.sequence(name).set_timeout(timeout)


@pytest.mark.parametrize("text", ["", "x" * 256, "é" * 128, "a\0b", b"\0"])
def test_bad_names_are_refused(
    client: zseq.Client, text: str | bytes
) -> None:
    with pytest.raises(ValueError):
        client.sequence(text)


@pytest.mark.parametrize(
    "uri", ["", "orders", "tcp://127.0.0.1", "tcp://127.0.0.1:1?x=1"]
)
def test_bad_uris_are_refused(uri: str) -> None:
    with pytest.raises(zseq.ZseqUri):
        zseq.Client(uri)


def test_a_uri_with_nul_is_refused() -> None:
    with pytest.raises(zseq.ZseqInval):
        zseq.Client("tcp://127.0.0.1:1\0")


@pytest.mark.parametrize(
    "text", ["x" * 255, "é" * 127, "a/../b", "\n", b"\xff\xfe", "per cent %"]
)
def test_names_come_back_from_list(
    client: zseq.Client, text: str | bytes
) -> None:
    sequence = client.sequence(text)
    taken = next(sequence)
    assert (sequence.name, taken + 1) in client.list()
    again = client.sequence(sequence.name)
    assert next(again) == taken + 1


def test_list_goes_by_prefix_in_order(client: zseq.Client, name: str) -> None:
    for suffix in ("b", "a", "c"):
        client.sequence(f"{name}-{suffix}").range(7)
    found = client.list(f"{name}-")
    assert [item.name for item in found] == [f"{name}-{x}" for x in "abc"]
    assert {item.next for item in found} == {8}
    assert client.list(f"{name}-b") == [(f"{name}-b", 8)]
    assert client.list("no such name") == []
    with pytest.raises(zseq.ZseqInval):
        client.list("x" * 256)


def test_status_tells_of_each_node(client: zseq.Client) -> None:
    status = client.status()
    assert (status.cluster, status.r, status.w) == ("test", 2, 2)
    assert status.identity > 0
    assert [node.name for node in status.nodes] == ["a", "b", "c"]
    for node in status.nodes:
        assert node.reachable and node.voting and node.state == "voting"
        assert node.incarnation >= 1
        assert node.version == 4
        assert node.counters["uptime_us"] > 0
        assert node.counters["ids"] >= node.claims


def test_info_tells_what_each_node_knows(
    client: zseq.Client, name: str
) -> None:
    sequence = client.sequence(name)
    assert {node.next for node in sequence.info() if node.known} == {1}
    sequence.range(10)
    info = sequence.info()
    assert [node.name for node in info] == ["a", "b", "c"]
    told = [node for node in info if node.known and node.next == 11]
    assert told
    assert all(node.since_us > 0 for node in told)


def test_info_tells_who_claimed_last(cluster: Cluster, name: str) -> None:
    with zseq.Client(f"{cluster.uri}?label=web-17", timeout=30) as client:
        sequence = client.sequence(name)
        sequence.range(10)
        assert "web-17" in {node.claimant for node in sequence.info()}
    with pytest.raises(zseq.ZseqUri):
        zseq.Client(f"{cluster.uri}?label=web 17")


def test_stats_count(client: zseq.Client, name: str) -> None:
    sequence = client.sequence(name)
    sequence.range(10)
    next(sequence)
    stats = client.stats()
    assert (stats.issued, stats.claims) == (11, 2)
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(stats, "issued", 0)


def test_a_closed_client_refuses_everything(
    cluster: Cluster, name: str
) -> None:
    with zseq.Client(cluster.uri) as client:
        one = client.sequence(name)
        buffered = client.sequence(name, batch=10)
        next(buffered)
    assert client.closed
    client.close()
    calls: tuple[Callable[[], object], ...] = (
        one.next,
        buffered.next,
        one.peek,
        one.try_next,
        lambda: one.range(1),
        lambda: one.take(1),
        lambda: one.raise_to(1),
        lambda: one.set_timeout(1),
        lambda: setattr(one, "batch", 2),
        lambda: client.sequence(name),
        client.stats,
        client.status,
        client.list,
        client.__enter__,
    )
    for call in calls:
        with pytest.raises(zseq.ZseqClosed):
            call()


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickle.dumps])
@pytest.mark.parametrize("module", [zseq, zseq.aio])
def test_a_copy_is_refused(
    cluster: Cluster,
    name: str,
    module: types.ModuleType,
    copied: Callable[[object], object],
) -> None:
    client = module.Client(cluster.uri)
    sequence = client.sequence(name, batch=10)
    for kind, each in (("Client", client), ("Sequence", sequence)):
        refusal = f"^a {module.__name__}.{kind} cannot be copied or pickled"
        with pytest.raises(TypeError, match=refusal):
            copied(each)
    client.close()


def test_representations_name_what_they_are(
    cluster: Cluster, name: str
) -> None:
    with zseq.Client(cluster.uri) as client:
        sequence = client.sequence(name, batch="auto")
        assert repr(sequence) == f"<zseq.Sequence {name!r} batch=auto>"
        assert repr(client) == f"<zseq.Client {cluster.uri}>"
    assert repr(client).endswith(" closed>")
