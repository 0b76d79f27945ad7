"""Finds libzseq, checks that it fits this package, and types its functions."""

from __future__ import annotations

import ctypes
import functools
import operator
import os
import pathlib
import sys
from collections.abc import Callable
from ctypes import c_char, c_char_p, c_int, c_size_t, c_uint64, c_void_p
from typing import Any

from zseq import _errors
from zseq._version import __version__

#: As in zseq.h.
NAME_MAX = 255
COUNT_MAX = 1 << 32
TIMEOUT_MS_MAX = 86_400_000
BATCH_AUTO = (1 << 64) - 1
KEY_MAX = 255
VALUE_MAX = 49152
KV_ANY = (1 << 64) - 1
_LABEL_MAX = 63
_ENDPOINT_MAX = 255
_NODES_MAX = 9
_COUNTERS_MAX = 40
_COUNTER_NAME_MAX = 31

#: The library's name on a system where it is installed.
_SONAME = "libzseq.so.0"


class StatsStruct(ctypes.Structure):
    """zseq_stats_t."""

    _fields_ = [
        (name, c_uint64)
        for name in (
            "issued",
            "claims",
            "attempts",
            "conflicts",
            "timeouts",
            "burnt",
            "round_trips",
            "rtt_us",
        )
    ]


class CounterStruct(ctypes.Structure):
    """zseq_counter_t."""

    _fields_ = [
        ("name", c_char * (_COUNTER_NAME_MAX + 1)),
        ("value", c_uint64),
    ]


class NodeStatusStruct(ctypes.Structure):
    """zseq_node_status_t."""

    _fields_ = [
        ("name", c_char * (_LABEL_MAX + 1)),
        ("endpoint", c_char * (_ENDPOINT_MAX + 1)),
        ("reachable", ctypes.c_bool),
        ("voting", ctypes.c_bool),
        ("state", c_char * 128),
        ("incarnation", c_uint64),
        ("sequences", c_uint64),
        ("burnt", c_uint64),
        ("rtt_us", c_uint64),
        ("version", c_uint64),
        ("claims", c_uint64),
        ("conflicts", c_uint64),
        ("counters", c_size_t),
        ("counter", CounterStruct * _COUNTERS_MAX),
    ]


class StatusStruct(ctypes.Structure):
    """zseq_status_t."""

    _fields_ = [
        ("cluster", c_char * (_LABEL_MAX + 1)),
        ("identity", c_uint64),
        ("nodes", c_size_t),
        ("r", c_size_t),
        ("w", c_size_t),
        ("node", NodeStatusStruct * _NODES_MAX),
    ]


class NodeInfoStruct(ctypes.Structure):
    """zseq_node_info_t."""

    _fields_ = [
        ("name", c_char * (_LABEL_MAX + 1)),
        ("known", ctypes.c_bool),
        ("next", c_uint64),
        ("rate", c_uint64),
        ("since_us", c_uint64),
        ("claimant", c_char * (_LABEL_MAX + 1)),
    ]


class InfoStruct(ctypes.Structure):
    """zseq_info_t."""

    _fields_ = [
        ("nodes", c_size_t),
        ("node", NodeInfoStruct * _NODES_MAX),
    ]


class EndedStruct(ctypes.Structure):
    """zseq_ended_t."""

    _fields_ = [
        ("tag", c_uint64),
        ("rc", c_int),
        ("value", c_uint64),
        ("size", c_size_t),
        ("unknown", ctypes.c_bool),
        ("detail", c_char * 512),
    ]


class KvInfoStruct(ctypes.Structure):
    """zseq_kv_info_t."""

    _fields_ = [("size", c_size_t), ("version", c_uint64)]


class KvEntryStruct(ctypes.Structure):
    """zseq_kv_entry_t."""

    _fields_ = [
        ("key", c_void_p),
        ("key_size", c_size_t),
        ("data", c_void_p),
        ("size", c_size_t),
        ("version", c_uint64),
    ]


#: zseq_kv_list_fn.
KV_LIST_FUNCTION = ctypes.CFUNCTYPE(
    c_int, ctypes.POINTER(KvEntryStruct), c_void_p
)

#: zseq_list_fn.
LIST_FUNCTION = ctypes.CFUNCTYPE(c_int, c_char_p, c_uint64, c_void_p)


def _find() -> str:
    """$ZSEQ_LIBRARY, else the library in this package, else the system's."""
    named = os.environ.get("ZSEQ_LIBRARY")
    if named:
        return named
    bundled = pathlib.Path(__file__).with_name(_SONAME)
    return str(bundled) if bundled.exists() else _SONAME


def _load() -> tuple[ctypes.CDLL, ctypes.PyDLL]:
    #  Without the lock, IDs could repeat: see draw_function.
    enabled: Callable[[], bool] = getattr(
        sys, "_is_gil_enabled", lambda: sys.implementation.name == "cpython"
    )
    if not enabled():
        raise ImportError("zseq needs CPython with its global lock")
    path = _find()
    try:
        return ctypes.CDLL(path), ctypes.PyDLL(path)
    except OSError as error:
        raise ImportError(
            f"zseq cannot load its library: {error}; install libzseq, or set "
            "ZSEQ_LIBRARY to the path of libzseq.so"
        ) from error


#: Calls that may wait run without Python's lock. The others run with it,
#: which is faster, and no other thread can destroy the handle meanwhile.
_waiting, _brief = _load()


def _type(
    library: ctypes.CDLL, name: str, result: Any, *arguments: Any
) -> Callable[..., Any]:
    try:
        function = library[name]
    except AttributeError:
        raise ImportError(
            f"zseq {__version__} needs a newer library: {_find()} has no {name}"
        ) from None
    function.restype = result
    function.argtypes = arguments
    return function


_version = _type(_brief, "zseq_version", None, c_void_p, c_void_p, c_void_p)


def version() -> tuple[int, int, int]:
    """The library's version: major, minor, patch."""
    numbers = (c_int(), c_int(), c_int())
    _version(*map(ctypes.byref, numbers))
    major, minor, patch = (number.value for number in numbers)
    return major, minor, patch


def _check_version() -> None:
    mine = tuple(map(int, __version__.split(".")))
    theirs = version()
    if theirs[:2] != mine[:2]:
        raise ImportError(
            f"zseq {__version__} needs libzseq {mine[0]}.{mine[1]}, but "
            f"{_find()} is {'.'.join(map(str, theirs))}"
        )


_check_version()

strerror = _type(_brief, "zseq_strerror", c_char_p, c_int)
detail = _type(_brief, "zseq_detail", c_char_p)
errno = _type(_brief, "zseq_errno", c_int)

client_new = _type(_brief, "zseq_client_new", c_void_p, c_char_p)
client_destroy = _type(_waiting, "zseq_client_destroy", None, c_void_p)
client_set_timeout = _type(
    _brief, "zseq_client_set_timeout", c_int, c_void_p, c_int
)
client_stats = _type(_brief, "zseq_client_stats", c_int, c_void_p, c_void_p)
client_status = _type(_waiting, "zseq_client_status", c_int, c_void_p, c_void_p)
client_list = _type(
    _waiting,
    "zseq_client_list",
    c_int,
    c_void_p,
    c_char_p,
    LIST_FUNCTION,
    c_void_p,
)
client_decode = _type(
    _brief,
    "zseq_client_decode",
    c_int,
    c_void_p,
    c_uint64,
    c_void_p,
    c_void_p,
    c_void_p,
)

new = _type(_brief, "zseq_new", c_void_p, c_void_p, c_char_p)
destroy = _type(_brief, "zseq_destroy", None, c_void_p)
set_batch = _type(_brief, "zseq_set_batch", c_int, c_void_p, c_uint64)
set_timeout = _type(_brief, "zseq_set_timeout", c_int, c_void_p, c_int)
try_next = _type(_brief, "zseq_try_next", c_int, c_void_p, c_void_p)
next_one = _type(_waiting, "zseq_next", c_int, c_void_p, c_void_p)
next_range = _type(
    _waiting, "zseq_next_range", c_int, c_void_p, c_uint64, c_void_p
)
take = _type(_waiting, "zseq_take", c_int, c_void_p, c_void_p, c_size_t)
peek = _type(_waiting, "zseq_peek", c_int, c_void_p, c_void_p)
info = _type(_waiting, "zseq_info", c_int, c_void_p, c_void_p)
raise_to = _type(_waiting, "zseq_raise", c_int, c_void_p, c_uint64)

client_fd = _type(_brief, "zseq_client_fd", c_int, c_void_p)
start_next = _type(_brief, "zseq_start_next", c_int, c_void_p, c_uint64)
start_range = _type(
    _brief, "zseq_start_range", c_int, c_void_p, c_uint64, c_uint64
)
start_peek = _type(_brief, "zseq_start_peek", c_int, c_void_p, c_uint64)
start_raise = _type(
    _brief, "zseq_start_raise", c_int, c_void_p, c_uint64, c_uint64
)
client_collect = _type(
    _brief, "zseq_client_collect", c_size_t, c_void_p, c_void_p, c_size_t
)


kv_new = _type(_brief, "zseq_kv_new", c_void_p, c_void_p)
kv_destroy = _type(_brief, "zseq_kv_destroy", None, c_void_p)
kv_set_timeout = _type(_brief, "zseq_kv_set_timeout", c_int, c_void_p, c_int)
kv_unknown = _type(_brief, "zseq_kv_unknown", ctypes.c_bool)

_KEY = (c_void_p, c_char_p, c_size_t)
_get = (c_int, *_KEY, c_void_p, c_size_t, c_void_p)
kv_get = _type(_waiting, "zseq_kv_get", *_get)
kv_stale = _type(_waiting, "zseq_kv_stale", *_get)
_put = (c_int, *_KEY, c_char_p, c_size_t, c_void_p)
kv_put = _type(_waiting, "zseq_kv_put", *_put)
_cas = (c_int, *_KEY, c_uint64, c_char_p, c_size_t, c_void_p, c_size_t)
_cas_or_get = (*_cas, c_void_p)
kv_cas_or_get = _type(_waiting, "zseq_kv_cas_or_get", *_cas_or_get)
kv_del = _type(_waiting, "zseq_kv_del", c_int, *_KEY, c_uint64, c_void_p)
_list = (c_int, *_KEY, c_char_p, c_size_t, KV_LIST_FUNCTION, c_void_p)
kv_list = _type(_waiting, "zseq_kv_list", *_list)
kv_keys = _type(_waiting, "zseq_kv_keys", *_list)
_watch = (c_int, *_KEY, c_uint64, c_void_p, c_size_t)
kv_watch = _type(_waiting, "zseq_kv_watch", *_watch, c_void_p)
start_kv_watch = _type(_brief, "zseq_start_kv_watch", *_watch, c_uint64)
_start_get = (c_int, *_KEY, c_void_p, c_size_t, c_uint64)
start_kv_get = _type(_brief, "zseq_start_kv_get", *_start_get)
start_kv_stale = _type(_brief, "zseq_start_kv_stale", *_start_get)
_start_put = (c_int, *_KEY, c_char_p, c_size_t, c_uint64)
start_kv_put = _type(_brief, "zseq_start_kv_put", *_start_put)
start_kv_cas_or_get = _type(
    _brief, "zseq_start_kv_cas_or_get", *_cas, c_uint64
)
start_kv_del = _type(
    _brief, "zseq_start_kv_del", c_int, *_KEY, c_uint64, c_uint64
)


def draw_function(handle: c_void_p) -> Callable[[], int]:
    """The fastest way to take a buffered ID: a function that returns the next
    one, or 0 when none is buffered or anything fails.

    This is one call of ctypes. The C function writes the ID to cell 0 of an
    array, and its result is the index of the cell to read: 0 on success, else
    a cell at the end, which stays 0.

    All threads share that array, so no other code may run between the C
    function and the reading. ctypes itself calls ``restype``, which runs no
    Python code and allocates nothing that could start a garbage collection.
    The tests check both: test_threads.py, test_garbage.py.

    Each call reads handle without releasing Python's lock.
    """
    cells = (c_uint64 * 128)()
    function = _brief["zseq_try_next"]
    function.restype = functools.partial(
        operator.getitem, memoryview(cells).cast("B").cast("Q")
    )
    return functools.partial(function, handle, ctypes.byref(cells))


def failure(rc: int) -> _errors.ZseqError:
    """The exception for a call of this thread that has just failed."""
    error = _errors.make(
        rc, strerror(rc).decode(), detail().decode(errors="replace")
    )
    error.unknown = kv_unknown()
    return error


def check(rc: int) -> None:
    """Raises the exception for a call of this thread, unless it succeeded."""
    if rc:
        raise failure(rc)


def _check_errors() -> None:
    for number, kind in _errors.BY_NUMBER.items():
        text = strerror(-number).decode()
        if text != kind.text:
            raise ImportError(
                f"zseq {__version__} takes error {number} for '{kind.text}', "
                f"but {_find()} says '{text}': they do not belong together"
            )


_check_errors()
