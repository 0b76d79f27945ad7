"""What the clients of zseq and of zseq.aio have in common."""

from __future__ import annotations

import ctypes
import dataclasses
import datetime
import time
import weakref
from collections.abc import Callable
from ctypes import byref, c_uint32, c_uint64, c_void_p
from typing import Any, NamedTuple, NoReturn, SupportsIndex

from zseq import _library
from zseq._arguments import (
    Batch,
    batch_number,
    id_number,
    milliseconds,
    optional_milliseconds,
    text_bytes,
    uri_bytes,
)
from zseq._core import Core
from zseq._errors import ZseqAgain

_EPOCH = datetime.datetime.fromtimestamp(0, datetime.timezone.utc)

@dataclasses.dataclass(frozen=True, slots=True)
class Stats:
    """Counters of a client since its creation."""

    issued: int  #: IDs handed out to callers
    claims: int  #: Claims that succeeded
    attempts: int  #: Claims sent, first tries and retries
    conflicts: int  #: Attempts that lost to another client
    timeouts: int  #: Attempts given up because replies were late
    burnt: int  #: IDs claimed or perhaps claimed, never handed out
    round_trips: int  #: Attempts of every kind that were answered
    rtt_us: int  #: Typical round trip for a quorum, microseconds


@dataclasses.dataclass(frozen=True, slots=True)
class NodeStatus:
    """One node, as the node describes itself."""

    name: str
    endpoint: str
    reachable: bool  #: It answered in time; else the rest is unset
    voting: bool  #: It takes part in claims and reads
    state: str  #: "voting", with what it refuses; or why it does not vote
    incarnation: int  #: From 1; rises with each recovery
    sequences: int  #: How many names it holds
    burnt: int  #: At most so many IDs its last crash burnt
    rtt_us: int  #: Round trip of this question, microseconds
    version: int  #: Highest protocol version that it speaks
    claims: int  #: Claims accepted since its process began
    conflicts: int  #: Claims refused, as another client was faster
    counters: dict[str, int]  #: What else it counts; see zseqd(8)


@dataclasses.dataclass(frozen=True, slots=True)
class Status:
    """A cluster, as its nodes describe themselves."""

    cluster: str  #: The cluster's name
    identity: int  #: 0 before the cluster has formed
    r: int  #: Replies that a read waits for
    w: int  #: Replies that a write waits for
    nodes: tuple[NodeStatus, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class NodeInfo:
    """What one node knows of a sequence."""

    name: str
    known: bool  #: It has told in time; else the rest is unset
    next: int  #: The lowest ID never claimed there; it may lag
    rate: int  #: IDs claimed there in the last second, about
    since_us: int  #: Microseconds since the last claim there; 0: unknown
    claimant: str  #: The label of the client that made it; empty: unknown


class Listed(NamedTuple):
    """A sequence that the nodes hold."""

    name: str
    next: int  #: The lowest ID that the nodes asked have not seen claimed


class Decoded(NamedTuple):
    """The parts of an ID of a ``flake:`` URI."""

    time: datetime.datetime  #: Time of creation, to the millisecond, UTC
    worker: int  #: Which worker made it
    sequence: int  #: Its number among the worker's of that millisecond


class Single:
    """An object that cannot be copied or pickled: a copy would use, and
    destroy, the same object of the library.
    """

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        kind = f"{type(self).__module__}.{type(self).__name__}"
        raise TypeError(
            f"a {kind} cannot be copied or pickled: threads and forked "
            "children share the object itself, other processes make their "
            "own; a zseq.Default can be pickled"
        )


class BaseClient(Single):
    """The part of a client that does not depend on how it waits."""

    def __init__(
        self, uri: str | bytes | None = None, timeout: float | None = None
    ) -> None:
        self._open(Core(uri_bytes(uri), optional_milliseconds(timeout)))

    def _open(self, core: Core) -> None:
        self._core = core
        self._finalizer = weakref.finalize(self, core.close)

    @property
    def closed(self) -> bool:
        """Whether the client was closed."""
        return self._core.closed

    def stats(self) -> Stats:
        """Counters since the client's creation. Errors: ZseqForked."""
        self._core.check_open()
        stats = _library.StatsStruct()
        _library.check(_library.client_stats(self._core.client, byref(stats)))
        return Stats(**_values(stats))

    def decode(self, number: int) -> Decoded:
        """Splits a flake ID into its parts, by the layout of this client's URI.

        Errors: ZseqInval (the URI is not for flake IDs, or the number is not
        such an ID).
        """
        self._core.check_open()
        number = id_number(number)
        unix_ms, worker, sequence = c_uint64(), c_uint32(), c_uint32()
        _library.check(
            _library.client_decode(
                self._core.client,
                number,
                byref(unix_ms),
                byref(worker),
                byref(sequence),
            )
        )
        time = _EPOCH + datetime.timedelta(milliseconds=unix_ms.value)
        return Decoded(time, worker.value, sequence.value)

    def __repr__(self) -> str:
        uri = self._core.uri.decode("utf-8", "surrogateescape")
        state = " closed" if self.closed else ""
        return f"<{type(self).__module__}.{type(self).__name__} {uri}{state}>"


class BaseSequence(Single):
    """The part of a handle that does not depend on how it waits."""

    def __init__(
        self,
        client: BaseClient,
        name: str | bytes,
        batch: Batch,
        timeout: float | None,
    ) -> None:
        #  Keeps the client alive while it has handles.
        self._client = client
        self._name = text_bytes(name, "name")
        self._batch = batch
        self._timeout_ms = optional_milliseconds(timeout)
        self._handle = c_void_p()
        self._open()

    def _open(self) -> None:
        core = self._client._core
        handle = core.open(
            self._name,
            batch_number(self._batch),
            self._timeout_ms,
            self._handle,
        )
        self._core = core
        self._finalizer = weakref.finalize(self, core.drop, handle)
        self._finalizer.atexit = False
        self._choose_draw()

    def _choose_draw(self) -> None:
        self._draw: Callable[[], int] = int
        if self._has_buffer():
            self._draw = _library.draw_function(self._handle)
        elif self._batch == "auto":
            self._draw = _when_in_a_hurry(
                _library.draw_function(self._handle)
            )

    def _has_buffer(self) -> bool:
        return isinstance(self._batch, int) and self._batch > 1

    @property
    def name(self) -> str:
        """The sequence's name."""
        return self._name.decode("utf-8", "surrogateescape")

    @property
    def batch(self) -> Batch:
        """How many IDs a claim takes, as ``Client.sequence`` explains.

        Setting it to 1 burns the buffered IDs. Errors: ZseqInval, ZseqForked.
        """
        return self._batch

    @batch.setter
    def batch(self, batch: Batch) -> None:
        self._core.check_open()
        _library.check(_library.set_batch(self._handle, batch_number(batch)))
        self._batch = batch
        self._choose_draw()

    def set_timeout(self, timeout: float) -> None:
        """How long a call may take: seconds, above 0, at most a day.

        Errors: ZseqInval, ZseqForked.
        """
        timeout_ms = milliseconds(timeout)
        self._core.check_open()
        _library.check(_library.set_timeout(self._handle, timeout_ms))
        self._timeout_ms = timeout_ms

    def try_next(self) -> int | None:
        """The next buffered ID, without waiting. Returns None when no ID is
        buffered; the client then fetches the next range.

        If fetching has failed since the last call, raises its error once.
        Errors: those of ``next``, and ZseqInval with batch 1, where the
        handle has no buffer.
        """
        self._core.check_open()
        value = c_uint64()
        rc: int = _library.try_next(self._handle, byref(value))
        if rc == -ZseqAgain.number:
            return None
        _library.check(rc)
        return value.value

    def __repr__(self) -> str:
        kind = f"{type(self).__module__}.{type(self).__name__}"
        return f"<{kind} {self.name!r} batch={self._batch}>"


def list_names(core: Core, prefix: bytes) -> list[Listed]:
    """Calls zseq_client_list and waits for it."""
    found: list[Listed] = []

    def each(name: bytes, following: int, _argument: object) -> int:
        found.append(
            Listed(name.decode("utf-8", "surrogateescape"), following)
        )
        return 0

    core.call(
        _library.client_list,
        core.client,
        prefix,
        _library.LIST_FUNCTION(each),
        None,
    )
    return found


def read_status(core: Core) -> Status:
    """Calls zseq_client_status and waits for it."""
    status = _library.StatusStruct()
    core.call(_library.client_status, core.client, byref(status))
    return Status(
        cluster=status.cluster.decode(errors="replace"),
        identity=status.identity,
        r=status.r,
        w=status.w,
        nodes=tuple(
            _node_status(node)
            for node in status.node[: status.nodes]
        ),
    )


def read_info(core: Core, handle: c_void_p) -> tuple[NodeInfo, ...]:
    """Calls zseq_info and waits for it."""
    info = _library.InfoStruct()
    core.call(_library.info, handle, byref(info))
    return tuple(
        NodeInfo(**_values(node)) for node in info.node[: info.nodes]
    )


def _node_status(node: _library.NodeStatusStruct) -> NodeStatus:
    values = _values(node)
    del values["counter"]
    values["counters"] = {
        counter.name.decode(errors="replace"): counter.value
        for counter in node.counter[: node.counters]
    }
    return NodeStatus(**values)


def _when_in_a_hurry(draw: Callable[[], int]) -> Callable[[], int]:
    """Calls draw only when the last call was less than 10 ms ago. An automatic
    batch buffers nothing for slower callers, but zseq_try_next would make it
    fetch a range.
    """
    before = -1.0

    def draw_if() -> int:
        nonlocal before
        now = time.monotonic()
        hurry = now - before < 0.01
        before = now
        return draw() if hurry else 0

    return draw_if


def _values(structure: ctypes.Structure) -> dict[str, Any]:
    """The fields of a structure, with text for bytes."""
    values = {}
    for name, *_ in structure._fields_:
        value = getattr(structure, name)
        if isinstance(value, bytes):
            value = value.decode(errors="replace")
        values[name] = value
    return values
