"""One exception class per error of the library.

The class of ``ZSEQ_ETIMEOUT`` is ``ZseqTimeout``, and so on. Where Python has
an exception of that meaning, the class inherits from it.
"""

from __future__ import annotations

from typing import Any, ClassVar


class ZseqError(Exception):
    """Anything that the library refuses or fails to do.

    After a failed ``next``, ``take`` or ``range`` no ID was handed out, and
    a retry is safe; IDs may have been burnt.
    """

    #: The library's number of this error, positive; 0: it has none.
    number: ClassVar[int] = 0
    #: The library's text for it.
    text: ClassVar[str] = "unknown error"
    #: Of a write to a key-value store: whether it may have been done, or may
    #: be done yet. If not, nothing was written, and nothing will be.
    unknown: bool = False
    #: Of a key-value store: the version that the key has instead, or that of
    #: its deletion; 0: none is known.
    version: int = 0


#: The classes by their numbers.
BY_NUMBER: dict[int, type[ZseqError]] = {}


class _Numbered(ZseqError):
    """An error of the library's table, which holds its number and text."""

    def __init_subclass__(cls, number: int, text: str, **rest: Any) -> None:
        super().__init_subclass__(**rest)
        cls.number = number
        cls.text = text
        BY_NUMBER[number] = cls


class ZseqInval(_Numbered, ValueError, number=1, text="invalid argument"):
    """An argument is out of its range."""


class ZseqNoMem(_Numbered, MemoryError, number=2, text="out of memory"):
    """The library could not allocate memory."""


class ZseqConflict(
    _Numbered, number=3, text="another client was faster"
):
    """Another client's claim came first."""


class ZseqExhausted(
    _Numbered, number=4, text="the sequence is at its end"
):
    """Too few IDs are left below 2**63."""


class ZseqQuorum(
    _Numbered, ValueError, number=5, text="R or W is out of range"
):
    """The URI's r or w does not fit the number of nodes."""


class ZseqCluster(_Numbered, number=6, text="the wrong cluster"):
    """The nodes belong to another cluster than the URI names."""


class ZseqDuplicate(_Numbered, number=7, text="a node is listed twice"):
    """Two endpoints lead to the same node."""


class ZseqUnavailable(
    _Numbered, ConnectionError, number=8, text="too few nodes are reachable"
):
    """Fewer nodes than needed were reachable and voting."""


class ZseqTimeout(
    _Numbered, TimeoutError, number=9, text="the deadline passed"
):
    """Enough nodes were reachable, but too slow or too contended."""


class ZseqAgain(
    _Numbered, BlockingIOError, number=10, text="nothing is there yet"
):
    """Nothing is buffered; the client is fetching the next range."""


class ZseqForked(
    _Numbered,
    RuntimeError,
    number=11,
    text="the handle belongs to the parent process",
):
    """This process was forked, and the client cannot follow it."""


class ZseqNotVoting(_Numbered, number=12, text="the node does not vote"):
    """A node does not take part in claims and reads."""


class ZseqNoSpace(_Numbered, OSError, number=13, text="the disk is full"):
    """Too many nodes have a full disk."""


class ZseqBusy(_Numbered, number=14, text="the node is busy"):
    """Too many nodes are overloaded."""


class ZseqFull(
    _Numbered, number=15, text="the node holds as much as it may"
):
    """Too many nodes have reached their maximum of names."""


class ZseqProtocol(
    _Numbered,
    number=16,
    text="the message is malformed or not understood",
):
    """The nodes speak another version."""


class ZseqMembers(
    _Numbered, number=17, text="the member list is a different one"
):
    """A node was set up with other members."""


class ZseqReformatted(
    _Numbered,
    number=18,
    text="the node was formatted again over a lost disk",
):
    """A node was formatted again instead of recovered."""


class ZseqSuperseded(
    _Numbered, number=19, text="a newer incarnation of the node exists"
):
    """A node of an older incarnation."""


class ZseqUri(_Numbered, ValueError, number=20, text="malformed URI"):
    """The URI is malformed."""


class ZseqIo(_Numbered, OSError, number=21, text="input or output failed"):
    """Sockets or files could not be opened, read or written."""


class ZseqDamaged(
    _Numbered, number=22, text="data is missing or damaged"
):
    """Files on the disk are missing or damaged."""


class ZseqLocked(_Numbered, number=23, text="in use by another process"):
    """The directory is in use by another process."""


class ZseqExist(
    _Numbered,
    FileExistsError,
    number=24,
    text="the directory is not empty",
):
    """The directory is not empty."""


class ZseqForeign(
    _Numbered,
    number=25,
    text="the directory belongs to another node or cluster",
):
    """The directory is another node's or cluster's."""


class ZseqClock(_Numbered, number=26, text="too far from the clock"):
    """IDs made from the time would be too far from what the clock says."""


class ZseqClosed(
    _Numbered, ValueError, number=27, text="the client is closed"
):
    """The client was closed."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*(arguments or (self.text,)))


class ZseqNoKey(
    _Numbered, KeyError, number=28, text="there is no such key"
):
    """Nothing is stored under the key."""

    #  A KeyError shows its argument as a key.
    __str__ = Exception.__str__


class ZseqVersion(
    _Numbered, number=29, text="the key has another version"
):
    """The key does not have the expected version."""

    #: The value that the key has instead, of a cas; None: not told.
    value: bytes | None = None


class ZseqBallot(
    _Numbered, number=30, text="a node has promised a higher ballot"
):
    """A node of the key-value store was overtaken by another one."""


class ZseqForgotten(
    _Numbered,
    number=31,
    text="the write may have been applied and forgotten",
):
    """A write was sent again, and too many others came in between."""


class ZseqValue(
    _Numbered, ValueError, number=32, text="the value is too large"
):
    """The value is too large."""


def make(rc: int, text: str, detail: str) -> ZseqError:
    """The exception for a call's result, its text and its detail."""
    kind = BY_NUMBER.get(-rc, ZseqError)
    return kind(f"{text}: {detail}" if detail else text)
