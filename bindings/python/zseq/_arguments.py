"""Checks arguments, and turns them into what the library takes.

An argument of a wrong type raises TypeError with the argument's name. Without
these checks ctypes would truncate numbers that are out of range.
"""

from __future__ import annotations

import numbers
import operator
import os
from typing import Literal, SupportsIndex

from zseq import _library
from zseq._errors import ZseqInval, ZseqUri

#: How many IDs a claim takes.
Batch = int | Literal["auto"]


def text_bytes(text: str | bytes, name: str) -> bytes:
    """A text without NUL."""
    if isinstance(text, str):
        text = text.encode("utf-8", "surrogateescape")
    if not isinstance(text, bytes):
        raise _wrong_type(text, name, "str or bytes")
    if b"\0" in text:
        raise ZseqInval(f"invalid argument: {name} contains a NUL byte")
    return text


def key_bytes(key: str | bytes, name: str = "key") -> bytes:
    """A key of a key-value store, or the beginning of one."""
    if isinstance(key, str):
        key = key.encode("utf-8", "surrogateescape")
    if not isinstance(key, bytes):
        raise _wrong_type(key, name, "str or bytes")
    return key


def value_bytes(value: bytes | bytearray | memoryview) -> bytes:
    """A value of a key-value store."""
    if not isinstance(value, (bytes, bytearray, memoryview)):
        raise _wrong_type(value, "value", "bytes")
    return bytes(value)


def version_number(version: SupportsIndex | None) -> int:
    """The version that a key is to have; None: any."""
    return _library.KV_ANY if version is None else known_version(version)


def known_version(version: SupportsIndex) -> int:
    """A version, or 0."""
    number = _integer(version, "version")
    if not 0 <= number < 1 << 63:
        raise ZseqInval(
            f"invalid argument: version {number} is not in 0..2^63 - 1"
        )
    return number


def uri_bytes(uri: str | bytes | None) -> bytes:
    """A URI; without one, that of the environment."""
    if uri is None:
        uri = os.environb.get(b"ZSEQ_URI")
        if not uri:
            raise ZseqUri(f"{ZseqUri.text}: no uri, and ZSEQ_URI is not set")
    return text_bytes(uri, "uri")


def milliseconds(timeout: float) -> int:
    """A timeout of some seconds."""
    if not isinstance(timeout, numbers.Real):
        raise _wrong_type(timeout, "timeout", "a number of seconds")
    if not 0 < timeout <= _library.TIMEOUT_MS_MAX / 1000:
        raise ZseqInval(
            f"invalid argument: timeout {timeout} s is not above 0 and at "
            "most a day"
        )
    return max(1, round(timeout * 1000))


def optional_milliseconds(timeout: float | None) -> int | None:
    """A timeout of some seconds, or none."""
    return None if timeout is None else milliseconds(timeout)


def id_count(count: SupportsIndex) -> int:
    """How many IDs a call takes."""
    number = _integer(count, "count")
    if not 1 <= number <= _library.COUNT_MAX:
        raise ZseqInval(f"invalid argument: count {number} is not in 1..2^32")
    return number


def id_number(number: SupportsIndex) -> int:
    """An ID, or the end of IDs."""
    number = _integer(number, "number")
    if not 1 <= number <= 1 << 63:
        raise ZseqInval(f"invalid argument: number {number} is not in 1..2^63")
    return number


def batch_number(batch: Batch) -> int:
    """A batch."""
    if batch == "auto":
        return _library.BATCH_AUTO
    number = -1 if isinstance(batch, str) else _integer(batch, "batch")
    if not 0 <= number <= _library.COUNT_MAX:
        raise ZseqInval(
            f"invalid argument: batch {batch!r} is not in 0..2^32, nor 'auto'"
        )
    return number


def _integer(value: SupportsIndex, name: str) -> int:
    try:
        return operator.index(value)
    except TypeError:
        raise _wrong_type(value, name, "an integer") from None


def _wrong_type(value: object, name: str, wanted: str) -> TypeError:
    return TypeError(f"{name} must be {wanted}, not {type(value).__name__}")
