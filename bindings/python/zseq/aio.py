"""The clients of zseq for asyncio.

    async with zseq.aio.Client("tcp://10.0.0.1:19001") as client:
        orders = client.sequence("orders")
        print(await orders.next())

The event loop watches the library's descriptor: there is no thread per call
and no polling. A cancelled call loses at most its IDs.

A client belongs to the event loop in which it is first used, and to that
loop's thread. In a forked child its calls raise ZseqForked.
"""

from __future__ import annotations

import asyncio
import builtins
import ctypes
import itertools
import types
from array import array
from collections.abc import AsyncIterator, Callable
from typing import Any, SupportsIndex, TypeVar, overload

from zseq import _library
from zseq._arguments import (
    Batch,
    id_count,
    id_number,
    key_bytes,
    known_version,
    text_bytes,
    value_bytes,
    version_number,
)
from zseq._base import (
    BaseClient,
    BaseSequence,
    Listed,
    NodeInfo,
    Status,
    list_names,
    read_info,
    read_status,
)
from zseq._core import Ended, Ends, check_ended
from zseq._errors import ZseqNoKey
from zseq._kv import (
    PAGE,
    BaseKv,
    Entry,
    Stored,
    Value,
    list_page,
    replaced,
    stored,
)

__all__ = ["Client", "Kv", "Sequence"]

T = TypeVar("T")

#: How many calls take starts at once.
_TAKE_MAX = 1024


class Client(BaseClient):
    """As ``zseq.Client``, with methods to await.

    Use it as an asynchronous context manager, or call ``close``.
    """

    def __init__(
        self, uri: str | bytes | None = None, timeout: float | None = None
    ) -> None:
        super().__init__(uri, timeout)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._descriptor = -1
        self._pending: dict[int, asyncio.Future[Ended]] = {}
        self._tags = itertools.count(1)
        self._ends = Ends(64)

    def sequence(
        self,
        name: str | bytes,
        batch: Batch = 1,
        timeout: float | None = None,
    ) -> Sequence:
        """As ``zseq.Client.sequence``."""
        return Sequence(self, name, batch, timeout)

    def kv(self, timeout: float | None = None) -> Kv:
        """As ``zseq.Client.kv``."""
        return Kv(self, timeout)

    async def list(self, prefix: str | bytes = "") -> builtins.list[Listed]:
        """As ``zseq.Client.list``. Runs in a thread. After a cancellation the
        thread continues until its deadline.
        """
        encoded = text_bytes(prefix, "prefix")
        return await asyncio.to_thread(list_names, self._core, encoded)

    async def status(self) -> Status:
        """As ``zseq.Client.status``. Runs in a thread, as ``list``."""
        return await asyncio.to_thread(read_status, self._core)

    def close(self) -> None:
        """Closes the connections; calls in progress raise ZseqClosed. Buffered
        IDs are burnt. Never waits for long.
        """
        self._detach()
        self._core.close()

    async def __aenter__(self) -> Client:
        self._core.check_open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: types.TracebackType | None,
    ) -> None:
        self.close()

    async def _call(
        self, start: Callable[..., int], *arguments: Any
    ) -> int:
        return check_ended(await self._start(start, *arguments))

    def _start(
        self,
        start: Callable[..., int],
        *arguments: Any,
        buffer: object = None,
    ) -> asyncio.Future[Ended]:
        self._core.check_open()
        self._core.check_process()
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._attach(loop)
        tag = next(self._tags)
        _library.check(start(*arguments, tag))
        #  Kept until the call was collected, even if it is cancelled.
        if buffer is not None:
            self._core.buffers[tag] = buffer
        future: asyncio.Future[Ended] = loop.create_future()
        self._pending[tag] = future
        return future

    def _attach(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._loop is not None and not self._loop.is_closed():
            raise RuntimeError(f"{self!r} belongs to another event loop")
        self._pending.clear()
        self._descriptor = self._core.descriptor()
        loop.add_reader(self._descriptor, self._collect)
        self._loop = loop

    def _detach(self) -> None:
        if self._loop is None or self._loop.is_closed():
            return
        self._loop.remove_reader(self._descriptor)
        self._loop = None
        for future in self._pending.values():
            if not future.done():
                future.set_result(None)
        self._pending.clear()

    def _collect(self) -> None:
        self._ends.collect(self._core.client, self._deliver)

    def _deliver(self, tag: int, ended: Ended) -> None:
        self._core.buffers.pop(tag, None)
        future = self._pending.pop(tag, None)
        if future is not None and not future.done():
            future.set_result(ended)


class Sequence(BaseSequence):
    """A handle on one sequence of IDs; ``Client.sequence`` makes it.

    A handle is an asynchronous iterator without an end. Any number of tasks
    may share a handle, and their calls share claims.
    """

    _client: Client

    async def next(self) -> int:
        """As ``zseq.Sequence.next``. Returns a buffered ID without running
        other tasks.
        """
        return self._draw() or await self._client._call(
            _library.start_next, self._handle
        )

    __anext__ = next

    def __aiter__(self) -> Sequence:
        return self

    async def take(self, count: int) -> array[int]:
        """As ``zseq.Sequence.take``. Other tasks may draw IDs in between."""
        count = id_count(count)
        ids = array("Q")
        while len(ids) < count:
            buffered = iter(self._draw, 0)
            ids.extend(itertools.islice(buffered, count - len(ids)))
            #  One call fills a buffer; without a buffer, calls share claims.
            calls = 1 if self._has_buffer() else _TAKE_MAX
            started = [
                self._client._start(_library.start_next, self._handle)
                for _ in range(min(count - len(ids), calls))
            ]
            if started:
                await asyncio.wait(started)
                ends = [future.result() for future in started]
                ids.extend(sorted(map(check_ended, ends)))
        return ids

    async def range(self, count: int) -> builtins.range:
        """As ``zseq.Sequence.range``."""
        count = id_count(count)
        first = await self._client._call(
            _library.start_range, self._handle, count
        )
        return builtins.range(first, first + count)

    async def peek(self) -> int:
        """As ``zseq.Sequence.peek``."""
        return await self._client._call(_library.start_peek, self._handle)

    async def info(self) -> tuple[NodeInfo, ...]:
        """As ``zseq.Sequence.info``. Runs in a thread, as ``Client.list``."""
        #  The thread keeps the sequence, even if this task is cancelled.
        return await asyncio.to_thread(
            lambda: read_info(self._client._core, self._handle)
        )

    async def raise_to(self, number: int) -> None:
        """As ``zseq.Sequence.raise_to``. After a cancellation the raise may
        or may not take effect.
        """
        number = id_number(number)
        await self._client._call(_library.start_raise, self._handle, number)


class Kv(BaseKv):
    """A handle on a key-value store; ``Client.kv`` makes it. As ``zseq.Kv``,
    with methods to await. After a cancellation a write may or may not be
    done.
    """

    _client: Client

    async def entry(self, key: str | bytes, *, stale: bool = False) -> Stored:
        """As ``zseq.Kv.entry``."""
        name = key_bytes(key)
        buffer = ctypes.create_string_buffer(_library.VALUE_MAX)
        ended = await self._client._start(
            _library.start_kv_stale if stale else _library.start_kv_get,
            self._handle,
            name,
            len(name),
            buffer,
            len(buffer),
            buffer=buffer,
        )
        return stored(buffer, ended)

    @overload
    async def get(self, key: str | bytes) -> bytes | None: ...

    @overload
    async def get(self, key: str | bytes, default: T) -> bytes | T: ...

    async def get(self, key: str | bytes, default: Any = None) -> Any:
        """As ``zseq.Kv.get``."""
        try:
            return (await self.entry(key)).value
        except ZseqNoKey:
            return default

    def __aiter__(self) -> AsyncIterator[bytes]:
        """As ``zseq.Kv.__iter__``."""
        return self.keys()

    async def keys(self, prefix: str | bytes = "") -> AsyncIterator[bytes]:
        """As ``zseq.Kv.keys``. Runs in a thread, as ``Client.list``."""
        async for key, _ in self._pages(prefix, False):
            yield key

    async def items(
        self, prefix: str | bytes = ""
    ) -> AsyncIterator[tuple[bytes, bytes]]:
        """As ``zseq.Kv.items``. Runs in a thread, as ``Client.list``."""
        async for key, entry in self._pages(prefix, True):
            yield key, entry.value

    def entries(self, prefix: str | bytes = "") -> AsyncIterator[Entry]:
        """As ``zseq.Kv.entries``. Runs in a thread, as ``Client.list``."""
        return self._pages(prefix, True)

    async def _pages(
        self, prefix: str | bytes, values: bool
    ) -> AsyncIterator[Entry]:
        begin = key_bytes(prefix, "prefix")
        after = b""
        page = None
        while page is None or len(page) == PAGE:
            page = await asyncio.to_thread(
                list_page, self._core, self._handle, begin, after, values
            )
            for entry in page:
                yield entry
            after = page[-1][0] if page else after

    async def watch(
        self, key: str | bytes, after: SupportsIndex = 0
    ) -> Stored:
        """As ``zseq.Kv.watch``."""
        name = key_bytes(key)
        buffer = ctypes.create_string_buffer(_library.VALUE_MAX)
        ended = await self._client._start(
            _library.start_kv_watch,
            self._handle,
            name,
            len(name),
            known_version(after),
            buffer,
            len(buffer),
            buffer=buffer,
        )
        return stored(buffer, ended)

    async def put(self, key: str | bytes, value: Value) -> int:
        """As ``zseq.Kv.put``."""
        name = key_bytes(key)
        data = value_bytes(value)
        return await self._client._call(
            _library.start_kv_put,
            self._handle,
            name,
            len(name),
            data,
            len(data),
        )

    async def cas(
        self, key: str | bytes, version: SupportsIndex, value: Value
    ) -> int:
        """As ``zseq.Kv.cas``."""
        name = key_bytes(key)
        data = value_bytes(value)
        buffer = ctypes.create_string_buffer(_library.VALUE_MAX)
        ended = await self._client._start(
            _library.start_kv_cas_or_get,
            self._handle,
            name,
            len(name),
            version_number(version),
            data,
            len(data),
            buffer,
            len(buffer),
            buffer=buffer,
        )
        return replaced(buffer, ended)

    async def delete(
        self, key: str | bytes, version: SupportsIndex | None = None
    ) -> int:
        """As ``zseq.Kv.delete``."""
        name = key_bytes(key)
        return await self._client._call(
            _library.start_kv_del,
            self._handle,
            name,
            len(name),
            version_number(version),
        )
