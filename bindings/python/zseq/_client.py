"""Clients whose calls block."""

from __future__ import annotations

import builtins
import os
import types
import weakref
from array import array
from ctypes import c_void_p

from zseq import _library
from zseq._arguments import Batch, id_count, id_number, text_bytes
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
from zseq._core import Core, aside
from zseq._kv import Kv

#: A forked child may have its own client for these. The other schemes are
#: tied to their process: a directory is locked, and numbers would repeat.
_FOLLOWS_FORK = (b"tcp://", b"ipc://", b"flake+tcp://", b"flake+ipc://")


class Client(BaseClient):
    """Connections to one cluster, shared by sequences, stores and threads.

    ``uri`` is a list of nodes, such as
    ``"tcp://10.0.0.1:19001,tcp://10.0.0.2:19001"``, or another scheme that
    the library knows; see zseq.h. Without it, the environment's ``ZSEQ_URI``.
    Its ``label=`` is what the client tells the nodes that it is, for
    ``Sequence.info``; else it is the program, the process and the host, such as
    ``python3[417]@web-17``.
    ``timeout`` is how long a call may take: seconds, above 0, at most a day;
    without it the URI's ``timeout=``, else 5 s. The constructor does no input
    or output.

    Use the client as a context manager, or call ``close``. The client also
    closes when it is no longer used, and at exit.

    After a fork a client of a cluster, its sequences and its stores work in
    the child as well, with new connections and empty buffers. Other clients raise
    ZseqForked there.

    Here and everywhere, an argument of a wrong type raises TypeError with the
    argument's name. Errors: ZseqUri, ZseqInval, ZseqNoMem.
    """

    def __init__(
        self, uri: str | bytes | None = None, timeout: float | None = None
    ) -> None:
        super().__init__(uri, timeout)
        self._sequences: weakref.WeakSet[Sequence] = weakref.WeakSet()
        self._stores: weakref.WeakSet[Kv] = weakref.WeakSet()
        _clients.add(self)

    def sequence(
        self,
        name: str | bytes,
        batch: Batch = 1,
        timeout: float | None = None,
    ) -> Sequence:
        """A handle on the sequence of that name: 1 to 255 bytes, no NUL.

        ``batch`` is how many IDs a claim takes. With 1 every ID is above all
        IDs that any client got before. With a larger batch, up to 2**32, the
        handle keeps claimed IDs in a buffer that refills in the background.
        This is faster. The IDs rise within this handle and are unique
        everywhere, but are not ordered between clients. ``"auto"`` follows
        the rate at which the program takes IDs. ``timeout`` is in seconds;
        without it, the client's.

        Does no input or output; the first claim creates the sequence. The
        end of the handle burns its buffered IDs.

        Errors: ZseqInval, ZseqNoMem, ZseqClosed.
        """
        sequence = Sequence(self, name, batch, timeout)
        self._sequences.add(sequence)
        return sequence

    def list(self, prefix: str | bytes = "") -> builtins.list[Listed]:
        """The sequences whose names begin with prefix, in byte order, each
        with the lowest ID that the nodes asked have not seen claimed.

        The list holds each name whose first claim ended before the call
        began. Bytes that are not UTF-8 come as surrogates. Errors: ZseqInval,
        those of ``Sequence.peek``.
        """
        encoded = text_bytes(prefix, "prefix")
        return aside(lambda: list_names(self._core, encoded))

    def kv(self, timeout: float | None = None) -> Kv:
        """A handle on the cluster's key-value store, or on that of the
        directory or memory of this client. ``timeout`` is in seconds; without
        it, the client's. Does no input or output.

        Errors: ZseqInval (flake URIs have no store), ZseqNoMem, ZseqForked.
        """
        store = Kv(self, timeout)
        self._stores.add(store)
        return store

    def status(self) -> Status:
        """Asks every node for its status; waits a second for slow nodes.

        Errors: ZseqUnavailable (none answered), ZseqCluster, ZseqDuplicate,
        ZseqQuorum, ZseqNoMem, ZseqForked, ZseqClosed.
        """
        return aside(lambda: read_status(self._core))

    def close(self) -> None:
        """Closes the connections; buffered IDs are burnt. Later calls raise
        ZseqClosed. While other threads' calls are in progress, the
        connections stay open until the last of these calls ends.
        """
        self._core.close()

    def __enter__(self) -> Client:
        self._core.check_open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: types.TracebackType | None,
    ) -> None:
        self.close()

    def _after_fork(self) -> None:
        parent = self._core
        if parent.closed or not parent.uri.startswith(_FOLLOWS_FORK):
            return
        #  The parent's objects stay untouched: a call in the frames below
        #  may be using them.
        self._finalizer.detach()
        self._open(Core(parent.uri, parent.timeout_ms))
        for sequence in self._sequences:
            sequence._finalizer.detach()
            sequence._open()
        for store in self._stores:
            store._finalizer.detach()
            store._open()


class Sequence(BaseSequence):
    """A handle on one sequence of IDs; ``Client.sequence`` makes it.

    Threads may share a handle. It is an iterator without an end.
    """

    def __next__(self) -> int:
        """The next ID, 1 to 2**63 - 1. Waits for the timeout at most.

        After any error nothing was handed out, and a retry is safe. Errors:
        ZseqUnavailable (too few nodes were reachable), ZseqTimeout (the
        nodes were too slow or contended; in both cases IDs may be burnt),
        ZseqExhausted (no ID is left), ZseqNoSpace, ZseqBusy, ZseqFull,
        ZseqCluster, ZseqDuplicate, ZseqQuorum, ZseqProtocol, ZseqNoMem,
        ZseqForked, ZseqClosed.
        """
        return self._draw() or self._wait()

    next = __next__

    def __iter__(self) -> Sequence:
        return self

    def _wait(self) -> int:
        return self._core.wait(
            _library.start_next, _library.next_one, self._handle
        )

    def take(self, count: int) -> array[int]:
        """The next count IDs, 1 to 2**32, by one call into C. The IDs are
        those that count calls of ``next`` would draw: they rise, but are not
        necessarily consecutive.

        The array holds 8 bytes per ID. It works like a list, and as a buffer
        for ``memoryview`` and ``numpy.frombuffer``. An error, or Ctrl-C,
        burns the IDs that were taken. Errors: ZseqInval, those of ``next``.
        """
        count = id_count(count)
        interruptible = self._core.must_be_interruptible()
        if interruptible and self._batch == 1 and not self._core.flake:
            return array("Q", self.range(count))
        ids = array("Q", bytes(8 * count))
        address, _ = ids.buffer_info()
        taken = 0
        if interruptible:
            #  With an empty buffer only the first ID has to be waited for,
            #  so Ctrl-C has to interrupt that call.
            ids[0] = self.next()
            taken = 1
        if taken < count:
            self._core.call(
                _library.take,
                self._handle,
                address + 8 * taken,
                count - taken,
            )
        return ids

    def range(self, count: int) -> builtins.range:
        """Takes count consecutive IDs, 1 to 2**32, never from the buffer. The
        IDs are above all IDs that any client got before the call began.

        Errors: ZseqInval, those of ``next``; ZseqExhausted also if fewer
        than count IDs are left.
        """
        count = id_count(count)
        first = self._core.wait(
            _library.start_range, _library.next_range, self._handle, count
        )
        return builtins.range(first, first + count)

    def peek(self) -> int:
        """The lowest ID that was never claimed, 1 to 2**63. Takes nothing.

        All IDs handed out before the call began are below the result. All
        claims that begin after the call returned are at or above the result.
        Errors: those of ``next`` except ZseqExhausted.
        """
        return self._core.wait(
            _library.start_peek, _library.peek, self._handle
        )

    def info(self) -> tuple[NodeInfo, ...]:
        """What each node knows of the sequence, for people to look at: what
        comes next is what ``peek`` says. Waits a second for slow nodes.

        Errors: those of ``peek``; ZseqProtocol also if all nodes that answer
        are of a version before 3.
        """
        return aside(lambda: read_info(self._core, self._handle))

    def raise_to(self, number: int) -> None:
        """Raises the sequence: calls that begin after this call returned hand
        out IDs of at least number. number is 1 to 2**63; 2**63 ends the
        sequence.

        A raise never lowers the sequence. All handles of this client on that
        sequence burn the IDs below number in their buffers; buffers of other
        clients keep theirs. Errors: ZseqInval, those of ``peek``; after
        ZseqTimeout or ZseqUnavailable the raise may or may not take effect.
        """
        number = id_number(number)
        self._core.wait(
            _library.start_raise, _raise_to, self._handle, number
        )


def _raise_to(handle: c_void_p, number: int, _value: object) -> int:
    rc: int = _library.raise_to(handle, number)
    return rc


_clients: weakref.WeakSet[Client] = weakref.WeakSet()


def _after_fork() -> None:
    for client in list(_clients):
        client._after_fork()


os.register_at_fork(after_in_child=_after_fork)
