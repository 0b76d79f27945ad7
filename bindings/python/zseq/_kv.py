"""The key-value store, with calls that block."""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Callable, Iterator
from ctypes import byref, c_uint64, c_void_p
from typing import Any, NamedTuple, SupportsIndex, TypeVar, overload

from zseq import _library
from zseq._arguments import (
    key_bytes,
    known_version,
    milliseconds,
    optional_milliseconds,
    value_bytes,
    version_number,
)
from zseq._base import BaseClient, Single
from zseq._core import Core, Ended, aside, check_ended, in_main_thread
from zseq._errors import ZseqError, ZseqNoKey, ZseqVersion

T = TypeVar("T")

#: What a value may be given as.
Value = bytes | bytearray | memoryview


class Stored(NamedTuple):
    """What is stored under a key."""

    value: bytes
    version: int  #: Rises with each write of the key, not by one


class BaseKv(Single):
    """The part of a store that does not depend on how it waits."""

    def __init__(self, client: BaseClient, timeout: float | None) -> None:
        #  Keeps the client alive while it has handles.
        self._client = client
        self._timeout_ms = optional_milliseconds(timeout)
        self._handle = c_void_p()
        self._open()

    def _open(self) -> None:
        core = self._client._core
        store = core.open_store(self._timeout_ms, self._handle)
        self._core = core
        self._finalizer = weakref.finalize(self, core.drop_store, store)
        self._finalizer.atexit = False

    def set_timeout(self, timeout: float) -> None:
        """How long a call may take: seconds, above 0, at most a day.

        Errors: ZseqInval, ZseqForked.
        """
        timeout_ms = milliseconds(timeout)
        self._core.check_open()
        _library.check(_library.kv_set_timeout(self._handle, timeout_ms))
        self._timeout_ms = timeout_ms


def stored(buffer: ctypes.Array[ctypes.c_char], ended: Ended) -> Stored:
    """What a get that has ended found."""
    version = check_ended(ended)
    assert ended is not None
    return Stored(bytes(memoryview(buffer)[: ended[2]]), version)


def replaced(buffer: ctypes.Array[ctypes.c_char], ended: Ended) -> int:
    """The version that a cas that has ended has made."""
    try:
        return check_ended(ended)
    except ZseqVersion as error:
        assert ended is not None
        error.value = bytes(memoryview(buffer)[: ended[2]])
        raise


#: A key of a listing, and what is stored under it.
Entry = tuple[bytes, Stored]

#: How many keys one call into C lists.
PAGE = 256


def _copy(address: int | None, size: int) -> bytes:
    return ctypes.string_at(address, size) if address and size else b""


def list_page(
    core: Core, handle: c_void_p, prefix: bytes, after: bytes, values: bool
) -> list[Entry]:
    """Up to PAGE keys above after, with empty values unless they are wanted.
    Fewer are the last ones.
    """
    page: list[Entry] = []

    def add(pointer: Any, _: object) -> int:
        entry = pointer.contents
        value = _copy(entry.data, entry.size)
        key = _copy(entry.key, entry.key_size)
        page.append((key, Stored(value, entry.version)))
        return len(page) == PAGE

    core.call(
        _library.kv_list if values else _library.kv_keys,
        handle,
        prefix,
        len(prefix),
        after,
        len(after),
        _library.KV_LIST_FUNCTION(add),
        None,
    )
    return page


class Kv(BaseKv):
    """A handle on a key-value store; ``Client.kv`` makes it.

        store = client.kv()
        store["colour"] = b"green"
        value, version = store.entry("colour")
        store.cas("colour", version, b"blue")

    A key is 1 to 255 bytes of any kind, a str stands for its UTF-8. A value
    has up to 49,152 bytes. Each key is linearizable; nothing is promised of
    two keys together. The versions of a key only rise, also over deletions.
    Threads may share a handle.

        for key in store: ...
        for key, value in store.items("config/"): ...

    A write that fails was not done, and will not be, unless the error's
    ``unknown`` is true. Then it may have been done, or may be done yet.

    Errors of all calls: ZseqInval, ZseqUnavailable, ZseqTimeout, ZseqBusy,
    ZseqProtocol (the nodes are of a version without the store), ZseqCluster,
    ZseqDuplicate, ZseqQuorum, ZseqNoMem, ZseqForked, ZseqClosed.
    """

    def entry(self, key: str | bytes, *, stale: bool = False) -> Stored:
        """The value of a key and its version.

        ``stale``: asks one node, which is faster. The value may be an older
        one, but none that is older than what this handle has seen. Errors:
        ZseqNoKey, which is a KeyError and has the deletion's version.
        """
        name = key_bytes(key)
        buffer = ctypes.create_string_buffer(_library.VALUE_MAX)
        where = (self._handle, name, len(name), buffer, len(buffer))
        if self._core.must_be_interruptible():
            start = _library.start_kv_stale if stale else _library.start_kv_get
            ended = self._core.wait_in_main_thread(
                start, *where, buffer=buffer
            )
            return stored(buffer, ended)
        info = _library.KvInfoStruct()
        function = _library.kv_stale if stale else _library.kv_get
        try:
            self._core.call(function, *where, byref(info))
        except ZseqError as error:
            error.version = info.version
            raise
        return Stored(bytes(memoryview(buffer)[: info.size]), info.version)

    def __getitem__(self, key: str | bytes) -> bytes:
        """The value of a key. Errors: ZseqNoKey, which is a KeyError."""
        return self.entry(key).value

    @overload
    def get(self, key: str | bytes) -> bytes | None: ...

    @overload
    def get(self, key: str | bytes, default: T) -> bytes | T: ...

    def get(self, key: str | bytes, default: Any = None) -> Any:
        """The value of a key, or the default if there is none."""
        try:
            return self.entry(key).value
        except ZseqNoKey:
            return default

    def __contains__(self, key: str | bytes) -> bool:
        """Whether the key has a value."""
        return self.get(key) is not None

    def __iter__(self) -> Iterator[bytes]:
        """All keys that have a value, as ``keys`` lists them."""
        return self.keys()

    def keys(self, prefix: str | bytes = "") -> Iterator[bytes]:
        """The keys that begin with the prefix and have a value, in the order
        of their bytes.

        Keys are asked for as the iteration goes on, 256 at a time. Each had a
        value at some time during the iteration, and no key is left out that
        had one throughout; but nothing is promised of two keys together.
        """
        return (key for key, _ in self._pages(prefix, False))

    def items(self, prefix: str | bytes = "") -> Iterator[tuple[bytes, bytes]]:
        """As ``keys``, with the values."""
        return ((key, entry.value) for key, entry in self.entries(prefix))

    def entries(self, prefix: str | bytes = "") -> Iterator[Entry]:
        """As ``keys``, with the values and their versions."""
        return self._pages(prefix, True)

    def _pages(self, prefix: str | bytes, values: bool) -> Iterator[Entry]:
        begin = key_bytes(prefix, "prefix")

        def pages() -> Iterator[Entry]:
            after = b""
            page = None
            while page is None or len(page) == PAGE:
                page = aside(
                    lambda: list_page(
                        self._core, self._handle, begin, after, values
                    )
                )
                yield from page
                after = page[-1][0] if page else after

        return pages()

    def watch(self, key: str | bytes, after: SupportsIndex = 0) -> Stored:
        """Waits until the key has a version above ``after``, and returns what
        is stored then. To follow a key, pass the last version each time: the
        versions only rise, and the last one always comes; values between may
        be skipped.

        Errors: ZseqTimeout (until the timeout there was no such version),
        ZseqNoKey (the key was deleted at the error's version; 0: the nodes no
        longer know it).
        """
        name = key_bytes(key)
        buffer = ctypes.create_string_buffer(_library.VALUE_MAX)
        known = known_version(after)
        where = (self._handle, name, len(name), known, buffer, len(buffer))
        if in_main_thread():
            ended = self._core.wait_in_main_thread(
                _library.start_kv_watch, *where, buffer=buffer
            )
            return stored(buffer, ended)
        info = _library.KvInfoStruct()
        try:
            self._core.call(_library.kv_watch, *where, byref(info))
        except ZseqError as error:
            error.version = info.version
            raise
        return Stored(bytes(memoryview(buffer)[: info.size]), info.version)

    def put(self, key: str | bytes, value: Value) -> int:
        """Stores a value, and returns its version.

        Errors: ZseqValue (it is too large), ZseqForgotten (the outcome is
        unknown), ZseqNoSpace, ZseqFull, ZseqExhausted.
        """
        data = value_bytes(value)
        return self._write(
            _library.start_kv_put, _library.kv_put, key, data, len(data)
        )

    def __setitem__(self, key: str | bytes, value: Value) -> None:
        self.put(key, value)

    def cas(
        self, key: str | bytes, version: SupportsIndex, value: Value
    ) -> int:
        """Stores a value if the key has that version, and returns the new
        version. With version 0: if the key has no value.

        Further errors: ZseqVersion (the key has another version; the error
        has that and its value), ZseqNoKey (it has no value).
        """
        name = key_bytes(key)
        data = value_bytes(value)
        buffer = ctypes.create_string_buffer(_library.VALUE_MAX)
        what = (
            self._handle,
            name,
            len(name),
            version_number(version),
            data,
            len(data),
            buffer,
            len(buffer),
        )
        if self._core.must_be_interruptible():
            ended = self._core.wait_in_main_thread(
                _library.start_kv_cas_or_get, *what, buffer=buffer
            )
            return replaced(buffer, ended)
        info = _library.KvInfoStruct()
        try:
            self._core.call(_library.kv_cas_or_get, *what, byref(info))
        except ZseqError as error:
            error.version = info.version
            if isinstance(error, ZseqVersion):
                error.value = bytes(memoryview(buffer)[: info.size])
            raise
        return int(info.version)

    def delete(
        self, key: str | bytes, version: SupportsIndex | None = None
    ) -> int:
        """Deletes the value of a key, if given only that version, and returns
        the version of the deletion. Errors: ZseqNoKey, ZseqVersion, those of
        ``put``.
        """
        return self._write(
            _library.start_kv_del,
            _library.kv_del,
            key,
            version_number(version),
        )

    def __delitem__(self, key: str | bytes) -> None:
        self.delete(key)

    def _write(
        self,
        start: Callable[..., int],
        function: Callable[..., int],
        key: str | bytes,
        *arguments: Any,
    ) -> int:
        name = key_bytes(key)
        what = (self._handle, name, len(name), *arguments)
        if self._core.must_be_interruptible():
            return check_ended(self._core.wait_in_main_thread(start, *what))
        version = c_uint64()
        try:
            self._core.call(function, *what, byref(version))
        except ZseqError as error:
            error.version = version.value
            raise
        return version.value

    def __repr__(self) -> str:
        return f"<{type(self).__module__}.{type(self).__name__}>"
