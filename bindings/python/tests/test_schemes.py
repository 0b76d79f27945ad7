"""IDs without a cluster, and flake IDs."""

from __future__ import annotations

import asyncio
import datetime
import itertools
import pathlib
import threading

import pytest
from cluster import Cluster

import zseq
import zseq.aio

SCHEMES = ["mem:", "flake:7", "file:", "flake+file:", "flake+tcp:"]


@pytest.fixture(params=SCHEMES)
def uri(
    request: pytest.FixtureRequest, cluster: Cluster, tmp_path: pathlib.Path
) -> str:
    scheme = str(request.param)
    if scheme == "flake+tcp:":
        return f"flake+{cluster.uri}"
    return f"{scheme}{tmp_path / 'ids'}" if "file" in scheme else scheme


@pytest.mark.parametrize("batch", [1, 100, "auto"])
def test_all_schemes_draw_rising_ids(
    uri: str, name: str, batch: zseq.Batch
) -> None:
    with zseq.Client(uri) as client:
        sequence = client.sequence(name, batch=batch)
        ids = list(itertools.islice(sequence, 100))
        ids.extend(sequence.take(5000))
        if "flake" not in uri:
            ids.extend(sequence.range(10))
        ids.append(next(sequence))
        assert ids == sorted(set(ids))
        assert client.stats().issued == len(ids)


def test_all_schemes_serve_threads(uri: str, name: str) -> None:
    drawn: list[list[int]] = []
    with zseq.Client(uri) as client:
        sequence = client.sequence(name, batch=10)
        workers = [
            threading.Thread(
                target=lambda: drawn.append(
                    list(itertools.islice(sequence, 2000))
                )
            )
            for _ in range(4)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    assert len(set(itertools.chain(*drawn))) == 8000
    for ids in drawn:
        assert ids == sorted(ids)


@pytest.mark.parametrize("batch", [1, 100, "auto"])
def test_all_schemes_serve_asyncio(
    uri: str, name: str, batch: zseq.Batch
) -> None:
    async def main() -> None:
        async with zseq.aio.Client(uri) as client:
            sequence = client.sequence(name, batch=batch)
            ids = [await sequence.next() for _ in range(100)]
            ids.extend(await sequence.take(1000))
            if "flake" not in uri:
                ids.extend(await sequence.range(10))
            assert ids == sorted(set(ids))

    asyncio.run(main(), debug=True)


def test_a_directory_keeps_ids_and_is_free_after_close(
    tmp_path: pathlib.Path, name: str
) -> None:
    uri = f"file:{tmp_path / 'ids'}"
    for expected in (1, 2, 3):
        with zseq.Client(uri, timeout=5) as client:
            assert next(client.sequence(name)) == expected
            with zseq.Client(uri, timeout=0.1) as other:
                with pytest.raises(zseq.ZseqLocked):
                    next(other.sequence(name))


def test_memory_is_the_client_s_own(name: str) -> None:
    for _ in range(2):
        with zseq.Client("mem:") as client:
            sequence = client.sequence(name)
            assert list(sequence.range(3)) == [1, 2, 3]
            assert client.list() == [(name, 4)]
            sequence.raise_to(2**63 - 1)
            assert next(sequence) == 2**63 - 1
            with pytest.raises(zseq.ZseqExhausted):
                next(sequence)


def test_flake_ids_can_be_told_apart(name: str) -> None:
    with zseq.Client("flake:7") as client:
        before = datetime.datetime.now(datetime.timezone.utc)
        time, worker, _ = client.decode(next(client.sequence(name)))
        assert worker == 7
        assert abs(time - before) < datetime.timedelta(hours=1)
        parts = client.decode(1000 << 22 | 3 << 12 | 5)
        assert parts.time.isoformat() == "2025-01-01T00:00:01+00:00"
        assert (parts.worker, parts.sequence) == (3, 5)
        with pytest.raises(zseq.ZseqInval):
            client.decode(0)


def test_other_ids_hold_no_time(client: zseq.Client) -> None:
    with pytest.raises(zseq.ZseqInval):
        client.decode(1)


def test_flake_ids_are_of_the_clock(name: str) -> None:
    with zseq.Client("flake:7") as client:
        sequence = client.sequence(name)
        with pytest.raises(zseq.ZseqInval):
            sequence.raise_to(5)
        with pytest.raises(zseq.ZseqInval):
            sequence.range(5)
        with pytest.raises(zseq.ZseqInval):
            client.list()
