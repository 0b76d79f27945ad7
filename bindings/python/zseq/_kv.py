"""The key-value store, with calls that block."""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Callable
from ctypes import byref, c_uint64, c_void_p
from typing import Any, NamedTuple, SupportsIndex, TypeVar, overload

from zseq import _library
from zseq._arguments import (
    key_bytes,
    milliseconds,
    optional_milliseconds,
    value_bytes,
    version_number,
)
from zseq._base import BaseClient, Single
from zseq._core import Ended, check_ended
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


class Kv(BaseKv):
    """A handle on a key-value store; ``Client.kv`` makes it.

        store = client.kv()
        store["colour"] = b"green"
        value, version = store.entry("colour")
        store.cas("colour", version, b"blue")

    A key is 1 to 255 bytes of any kind, a str stands for its UTF-8. A value
    has up to 49,152 bytes. Each key is linearizable; nothing is promised of
    two keys together. The versions of a key only rise, also over deletions.
    Threads may share a handle. It cannot be iterated over.

    A write that fails was not done, and will not be, unless the error's
    ``unknown`` is true. Then it may have been done, or may be done yet.

    Errors of all calls: ZseqInval, ZseqUnavailable, ZseqTimeout, ZseqBusy,
    ZseqProtocol (the nodes are of a version without the store), ZseqCluster,
    ZseqDuplicate, ZseqQuorum, ZseqNoMem, ZseqForked, ZseqClosed.
    """

    #  Else Python would count keys up from 0.
    __iter__: None = None

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
        what = (self._handle, name, len(name), version_number(version))
        what += (data, len(data), buffer, len(buffer))
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
        return info.version

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
