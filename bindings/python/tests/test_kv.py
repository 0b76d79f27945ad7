"""The key-value store."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import pickle
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cluster import Cluster

import zseq
from zseq import aio

@pytest.fixture(params=["mem:", "file:", "tcp:"])
def uri(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Of a store without keys."""
    if request.param == "tcp:":
        with Cluster() as nodes:
            yield nodes.uri
    else:
        yield "mem:" if request.param == "mem:" else f"file:{tmp_path}/local"


@pytest.fixture
def store(uri: str) -> Iterator[zseq.Kv]:
    with zseq.Client(uri) as client:
        yield client.kv()


def test_it_works_like_a_mapping(store: zseq.Kv) -> None:
    assert "colour" not in store
    store["colour"] = b"green"
    assert store["colour"] == b"green"
    assert "colour" in store
    del store["colour"]
    assert "colour" not in store


def test_a_key_that_is_not_there_is_a_key_error(store: zseq.Kv) -> None:
    with pytest.raises(KeyError) as caught:
        store["colour"]
    assert isinstance(caught.value, zseq.ZseqNoKey)
    assert "no such key" in str(caught.value)
    assert caught.value.version == 0
    assert not caught.value.unknown
    with pytest.raises(KeyError):
        del store["colour"]
    assert store.get("colour") is None
    assert store.get("colour", b"red") == b"red"
    assert store.get("colour", 7) == 7


def test_versions_rise(store: zseq.Kv) -> None:
    first = store.put("colour", b"green")
    second = store.put("colour", b"blue")
    assert 1 <= first < second
    assert store.entry("colour") == zseq.Stored(b"blue", second)
    deletion = store.delete("colour")
    assert deletion > second
    with pytest.raises(zseq.ZseqNoKey) as caught:
        store.entry("colour")
    assert caught.value.version == deletion
    assert store.put("colour", b"red") > deletion


def test_only_the_expected_version_is_replaced(store: zseq.Kv) -> None:
    first = store.cas("colour", 0, b"green")
    second = store.cas("colour", first, b"blue")
    with pytest.raises(zseq.ZseqVersion) as caught:
        store.cas("colour", first, b"red")
    assert caught.value.version == second
    assert caught.value.value == b"blue"
    assert not caught.value.unknown
    with pytest.raises(zseq.ZseqVersion):
        store.cas("colour", 0, b"red")
    with pytest.raises(zseq.ZseqVersion):
        store.delete("colour", first)
    store.delete("colour", second)
    with pytest.raises(zseq.ZseqNoKey):
        store.cas("colour", second, b"red")


def test_keys_and_values_are_bytes(store: zseq.Kv) -> None:
    store[b"a\0b"] = b"\0\xff\n"
    store["a"] = b""
    assert store["a\0b"] == b"\0\xff\n"
    assert store[b"a"] == b""
    store["é"] = bytearray(b"one")
    assert store["é".encode()] == b"one"
    store["view"] = memoryview(b"two")
    assert store["view"] == b"two"


def test_limits(store: zseq.Kv) -> None:
    store["k" * 255] = b"v" * 49152
    assert store["k" * 255] == b"v" * 49152
    assert store.entry("k" * 255, stale=True).value == b"v" * 49152
    with pytest.raises(ValueError):
        store["k" * 256] = b""
    with pytest.raises(zseq.ZseqInval):
        store[""]
    with pytest.raises(zseq.ZseqValue):
        store["k"] = b"v" * 49153
    with pytest.raises(zseq.ZseqInval):
        store.cas("k", -1, b"")
    with pytest.raises(zseq.ZseqInval):
        store.cas("k", 1 << 63, b"")
    with pytest.raises(zseq.ZseqInval):
        store.delete("k", 0)


def test_wrong_types_are_type_errors(store: zseq.Kv) -> None:
    wrong: Any = store
    calls: list[Callable[[], object]] = [
        lambda: wrong.get(7),
        lambda: wrong.put("key", "value"),
        lambda: wrong.cas("key", "1", b""),
        lambda: wrong.keys(7),
        lambda: wrong.watch("key", "1"),
    ]
    for call in calls:
        with pytest.raises(TypeError):
            call()


def test_keys_are_listed(store: zseq.Kv) -> None:
    assert list(store) == []
    second = store.put(b"b\xff", b"two")
    first = store.put("a", b"")
    store["gone"] = b""
    del store["gone"]
    assert list(store) == [b"a", b"b\xff"]
    assert list(store.keys("b")) == [b"b\xff"]
    assert list(store.items()) == [(b"a", b""), (b"b\xff", b"two")]
    assert dict(store) == {b"a": b"", b"b\xff": b"two"}
    assert list(store.entries(b"")) == [
        (b"a", zseq.Stored(b"", first)),
        (b"b\xff", zseq.Stored(b"two", second)),
    ]
    with pytest.raises(zseq.ZseqInval):
        list(store.keys("k" * 256))


def put(store: zseq.Kv, key: bytes) -> None:
    """Stores a key as its own value. Where nodes are slow, a write is sent
    twice, and may then not know whether it was done: it is done again.
    """
    while True:
        try:
            store[key] = key
            return
        except zseq.ZseqForgotten:
            pass


def test_more_keys_than_a_page_has_are_listed(store: zseq.Kv) -> None:
    keys = [b"%04d" % number for number in range(512)]
    for key in keys:
        put(store, key)
    assert list(store) == keys
    assert list(store.items("05")) == [(key, key) for key in keys[500:]]
    #  What comes meanwhile is listed if it lies ahead.
    listed = []
    for key in store:
        listed.append(key)
        put(store, b"0")
        put(store, b"9")
    assert listed == [*keys, b"9"]


def in_thread(case: Callable[[], None]) -> None:
    """Runs a case in another thread than the main one."""
    errors: list[BaseException] = []

    def run() -> None:
        try:
            case()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert not errors, errors


def test_a_key_is_watched(store: zseq.Kv) -> None:
    def case() -> None:
        version = store.put("colour", b"green")
        assert store.watch("colour") == zseq.Stored(b"green", version)
        assert store.watch("colour", version - 1).version == version
        deletion = store.delete("colour")
        with pytest.raises(zseq.ZseqNoKey) as caught:
            store.watch("colour", version)
        assert caught.value.version == deletion
        store.set_timeout(0.1)
        with pytest.raises(zseq.ZseqTimeout, match="no version above"):
            store.watch("colour", deletion)
        store.set_timeout(5)

    case()
    in_thread(case)


def test_a_watch_waits_for_a_version(store: zseq.Kv) -> None:
    def count_up() -> None:
        for number in range(50):
            with contextlib.suppress(zseq.ZseqForgotten):
                store["count"] = b"%d" % number
        put(store, b"count")

    thread = threading.Thread(target=count_up)
    thread.start()
    value, version = b"", 0
    while value != b"count":
        before = version
        value, version = store.watch("count", version)
        assert version > before
    thread.join()


def test_threads_count_by_compare_and_set(store: zseq.Kv) -> None:
    def count() -> None:
        for _ in range(50):
            while True:
                try:
                    value, version = store.entry("count")
                except KeyError:
                    value, version = b"0", 0
                try:
                    store.cas("count", version, b"%d" % (int(value) + 1))
                    break
                except zseq.ZseqVersion:
                    pass

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store["count"] == b"200"


def test_a_closed_client_has_no_store() -> None:
    client = zseq.Client("mem:")
    store = client.kv(timeout=3)
    store.set_timeout(1)
    client.close()
    calls: list[Callable[[], object]] = [
        lambda: store["key"],
        lambda: store.put("key", b""),
        lambda: store.set_timeout(1),
        client.kv,
    ]
    for call in calls:
        with pytest.raises(zseq.ZseqClosed):
            call()


def test_a_store_keeps_its_client() -> None:
    store = zseq.Client("mem:").kv()
    gc.collect()
    store["key"] = b"value"
    assert store["key"] == b"value"


def test_it_is_neither_copied_nor_pickled(store: zseq.Kv) -> None:
    with pytest.raises(TypeError):
        pickle.dumps(store)


def test_flakes_have_no_store() -> None:
    with zseq.Client("flake:1") as client:
        with pytest.raises(zseq.ZseqInval, match="no key-value store"):
            client.kv()


def test_without_nodes_nothing_is_written() -> None:
    with zseq.Client("tcp://127.0.0.1:1", timeout=0.1) as client:
        store = client.kv()
        with pytest.raises(zseq.ZseqUnavailable):
            store["key"]
        with pytest.raises(zseq.ZseqUnavailable) as caught:
            store["key"] = b"value"
        assert not caught.value.unknown
        assert "nothing was written" in str(caught.value)


def run(uri: str, case: Callable[[aio.Kv], Awaitable[None]]) -> None:
    async def main() -> None:
        async with aio.Client(uri) as client:
            await case(client.kv())

    asyncio.run(main(), debug=True)


def test_calls_to_await(uri: str) -> None:
    async def case(store: aio.Kv) -> None:
        assert await store.get("colour") is None
        assert await store.get("colour", b"red") == b"red"
        first = await store.put("colour", b"green")
        assert await store.entry("colour") == zseq.Stored(b"green", first)
        assert (await store.entry("colour", stale=True)).value == b"green"
        second = await store.cas("colour", first, b"blue")
        with pytest.raises(zseq.ZseqVersion) as caught:
            await store.cas("colour", first, b"red")
        assert caught.value.version == second
        assert caught.value.value == b"blue"
        assert await store.get("colour") == b"blue"
        deletion = await store.delete("colour", second)
        with pytest.raises(KeyError) as missing:
            await store.entry("colour")
        assert isinstance(missing.value, zseq.ZseqNoKey)
        assert missing.value.version == deletion

    run(uri, case)


def test_listings_and_watches_to_await(uri: str) -> None:
    async def case(store: aio.Kv) -> None:
        watch = asyncio.ensure_future(store.watch("a"))
        first = await store.put("a", b"one")
        assert await watch == zseq.Stored(b"one", first)
        second = await store.put(b"b", b"two")
        assert [key async for key in store] == [b"a", b"b"]
        assert [key async for key in store.keys("b")] == [b"b"]
        assert [item async for item in store.items("a")] == [(b"a", b"one")]
        assert [entry async for entry in store.entries("b")] == [
            (b"b", zseq.Stored(b"two", second))
        ]
        deletion = await store.delete("a")
        with pytest.raises(zseq.ZseqNoKey) as caught:
            await store.watch("a", first)
        assert caught.value.version == deletion
        store.set_timeout(0.1)
        with pytest.raises(zseq.ZseqTimeout):
            await store.watch("a", deletion)

    run(uri, case)


def test_tasks_share_a_store(uri: str) -> None:
    async def case(store: aio.Kv) -> None:
        keys = [f"key-{number}" for number in range(300)]
        await asyncio.gather(*(store.put(key, key.encode()) for key in keys))
        values = await asyncio.gather(*(store.get(key) for key in keys))
        assert values == [key.encode() for key in keys]

    run(uri, case)


def test_cancelled_calls_keep_their_buffers(uri: str) -> None:
    async def case(store: aio.Kv) -> None:
        await store.put("key", b"value" * 1000)
        tasks = [asyncio.ensure_future(store.get("key")) for _ in range(50)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        gc.collect()
        assert await store.get("key") == b"value" * 1000
        await asyncio.sleep(0)
        assert not store._client._core.buffers

    run(uri, case)
