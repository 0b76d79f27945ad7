"""One client of the library, with its handles: the base of Client and
Sequence, and of their asynchronous forms.

Core destroys the C objects in the right order, in whatever order Python drops
its own, and never while a call uses them. It waits for calls in a way that
Ctrl-C can interrupt.
"""

from __future__ import annotations

import ctypes
import functools
import itertools
import os
import select
import struct
import threading
import weakref
from collections.abc import Callable
from ctypes import byref, c_uint64, c_void_p
from typing import Any, TypeVar

from zseq import _library
from zseq._errors import ZseqClosed, ZseqError, ZseqForked, ZseqIo, make

T = TypeVar("T")

#: How a call ended: result, value, size, unknown, detail. None: its client was
#: closed.
Ended = tuple[int, int, int, bool, bytes] | None


#: The types that mypy 1.0 knows lack them.
_MainThread: type[threading.Thread] = getattr(threading, "_MainThread")
_eventfd: Callable[[int], int] = getattr(os, "eventfd")
_eventfd_write: Callable[[int, int], None] = getattr(os, "eventfd_write")


class Ends:
    """Collects asynchronous calls of a client that have ended, up to room
    calls at a time.
    """

    _HEAD = struct.Struct("=Qi4xQQ?")

    def __init__(self, room: int) -> None:
        self._room = room
        self._ended = (_library.EndedStruct * room)()
        self._bytes = memoryview(self._ended).cast("B")
        self._size = ctypes.sizeof(_library.EndedStruct)

    def collect(
        self, client: c_void_p, deliver: Callable[[int, Ended], None]
    ) -> None:
        """Calls deliver with the tag of each call that has ended."""
        count = self._room
        while count == self._room:
            count = _library.client_collect(client, self._ended, self._room)
            for index in range(count):
                tag, rc, value, size, unknown = self._HEAD.unpack_from(
                    self._bytes, index * self._size
                )
                detail = self._ended[index].detail if rc else b""
                deliver(tag, (rc, value, size, unknown, detail))


class Wait:
    """A call that the main thread waits for. Python lets a poll go on after a
    signal handler, so what a handler or another thread did to this call has
    to make a descriptor of its own readable.
    """

    def __init__(self) -> None:
        self.ended: Ended = None
        try:
            self._wake = _eventfd(0)
        except OSError as error:
            raise ZseqIo(f"{ZseqIo.text}: {error.strerror}") from None

    def poll(self, descriptor: int) -> None:
        """Waits until the descriptor is readable, or wake was called."""
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        poll.register(self._wake, select.POLLIN)
        poll.poll()

    def wake(self) -> None:
        """Ends this call's poll, now and later."""
        _eventfd_write(self._wake, 1)

    def wake_in_child(self) -> None:
        """The same in a forked child, without waking the parent's call."""
        own = _eventfd(1)
        os.dup2(own, self._wake, inheritable=False)
        os.close(own)

    def close(self) -> None:
        """Nobody may wake the call any more."""
        os.close(self._wake)


def check_ended(ended: Ended) -> int:
    """The value of an ended call. Raises its error if the call failed."""
    if ended is None:
        raise ZseqClosed
    rc, value, _, unknown, detail = ended
    if rc:
        text = _library.strerror(rc).decode()
        error = make(rc, text, detail.decode(errors="replace"))
        error.unknown = unknown
        error.version = value
        raise error
    return value


@functools.cache
def _parked() -> tuple[int, int, int]:
    """A client, a handle and a store that are never destroyed, for pointers
    whose own object is gone. Only a thread that was about to use that object
    calls them.
    """
    client = _library.client_new(b"tcp://127.0.0.1:1")
    handle = _library.new(client, b"closed") if client else None
    store = _library.kv_new(client) if handle else None
    if not handle or not store:
        raise _library.failure(_library.errno())
    return client, handle, store


class Core:
    """A zseq_client_t and its handles."""

    def __init__(self, uri: bytes, timeout_ms: int | None) -> None:
        self.uri = uri
        self.timeout_ms = timeout_ms
        #: Once closed, its value is the address of the parked client.
        self.client = c_void_p()
        self.closed = False
        #: Whether calls wait for nothing but the clock.
        self.local = uri.startswith((b"mem:", b"flake:"))
        #: Whether IDs come from the clock, and are never consecutive.
        self.flake = uri.startswith(b"flake")
        #: Guards the fields below. A garbage collection may take it again.
        self.lock = threading.RLock()
        self._handles: dict[int, c_void_p] = {}
        self._stores: dict[int, c_void_p] = {}
        #: Where the library writes the values of calls that were started and
        #: have not been collected, by their tags.
        self.buffers: dict[int, object] = {}
        #: C calls in progress that were made without Python's lock.
        self._users = 0
        #: Calls that the main thread waits for: signal handlers may make
        #: calls while others wait.
        self._waits: dict[int, Wait] = {}
        self._tags = itertools.count(1)
        self._process = os.getpid()

        _parked()
        address = _library.client_new(uri)
        if not address:
            raise _library.failure(_library.errno())
        self._address: int = address
        self.client.value = address
        try:
            if timeout_ms is not None:
                _library.check(
                    _library.client_set_timeout(self.client, timeout_ms)
                )
        except ZseqError:
            self.close()
            raise
        _cores.add(self)

    #  Handles.

    def open(
        self, name: bytes, batch: int, timeout_ms: int | None, box: c_void_p
    ) -> int:
        """Makes a handle, and sets box to it until the client is closed.
        Returns the handle's address, for drop.
        """
        with self.lock:
            self.check_open()
            handle: int | None = _library.new(self.client, name)
            if not handle:
                raise _library.failure(_library.errno())
            box.value = handle
            self._handles[handle] = box
        try:
            _library.check(_library.set_batch(box, batch))
            if timeout_ms is not None:
                _library.check(_library.set_timeout(box, timeout_ms))
        except ZseqError:
            self.drop(handle)
            raise
        return handle

    def drop(self, handle: int) -> None:
        """Destroys a handle that is no longer used."""
        with self.lock:
            if self._handles.pop(handle, None):
                _library.destroy(byref(c_void_p(handle)))

    def open_store(self, timeout_ms: int | None, box: c_void_p) -> int:
        """The same for a handle on the key-value store; drop_store drops it."""
        with self.lock:
            self.check_open()
            store: int | None = _library.kv_new(self.client)
            if not store:
                raise _library.failure(_library.errno())
            box.value = store
            self._stores[store] = box
        if timeout_ms is not None:
            _library.check(_library.kv_set_timeout(box, timeout_ms))
        return store

    def drop_store(self, store: int) -> None:
        """Destroys such a handle."""
        with self.lock:
            if self._stores.pop(store, None):
                _library.kv_destroy(byref(c_void_p(store)))

    #  The end.

    def check_open(self) -> None:
        """Raises if the client was closed."""
        if self.closed:
            raise ZseqClosed

    def is_of_this_process(self) -> bool:
        """Whether no fork lies between its making and now."""
        return self._process == os.getpid()

    def check_process(self) -> None:
        """Raises in a forked child."""
        if not self.is_of_this_process():
            raise ZseqForked(f"{ZseqForked.text}: it was forked")

    def close(self) -> None:
        """Destroys everything. While other threads' calls are in progress,
        the last of these calls destroys everything.
        """
        with self.lock:
            if self.closed:
                return
            self.closed = True
            client, handle, store = _parked()
            self.client.value = client
            for box in self._handles.values():
                box.value = handle
            for box in self._stores.values():
                box.value = store
            for wait in list(self._waits.values()):
                wait.wake()
            if not self._users:
                self._destroy()

    def _destroy(self) -> None:
        while self._handles:
            handle, _ = self._handles.popitem()
            _library.destroy(byref(c_void_p(handle)))
        while self._stores:
            store, _ = self._stores.popitem()
            _library.kv_destroy(byref(c_void_p(store)))
        _library.client_destroy(byref(c_void_p(self._address)))
        self.buffers.clear()

    #  Calls.

    def call(self, function: Callable[..., int], *arguments: Any) -> None:
        """Makes a C call that may wait. Raises its error if it fails."""
        with self.lock:
            self.check_open()
            self._users += 1
            #  A close from here on changes the boxes, and destroys nothing that
            #  this call uses.
            arguments = tuple(
                c_void_p(argument.value)
                if isinstance(argument, c_void_p)
                else argument
                for argument in arguments
            )
        try:
            _library.check(function(*arguments))
        finally:
            with self.lock:
                self._users -= 1
                if self.closed and not self._users:
                    self._destroy()

    def wait(
        self,
        start: Callable[..., int],
        function: Callable[..., int],
        *arguments: Any,
    ) -> int:
        """Makes a C call that waits, and returns its value.

        In the main thread, which handles signals, starts the call and waits
        for its end in Python. In other threads calls function, whose last
        argument receives the value.
        """
        if self.must_be_interruptible():
            return check_ended(self.wait_in_main_thread(start, *arguments))
        value = c_uint64()
        self.call(function, *arguments, byref(value))
        return value.value

    def must_be_interruptible(self) -> bool:
        """Whether Python must handle signals while a call waits."""
        return in_main_thread() and not self.local

    def wait_in_main_thread(
        self,
        start: Callable[..., int],
        *arguments: Any,
        buffer: object = None,
    ) -> Ended:
        """Starts a call and waits for its end. buffer is kept until the call
        was collected, even if the wait is interrupted.
        """
        tag = next(self._tags)
        ends = Ends(1)
        wait = Wait()
        try:
            self._waits[tag] = wait
            self.check_open()
            descriptor = self.descriptor()
            if buffer is not None:
                self.buffers[tag] = buffer
            _library.check(start(*arguments, tag))
            while wait.ended is None:
                wait.poll(descriptor)
                #  A signal handler may have closed the client, forked, or
                #  made a call that collected this one.
                self.check_open()
                self.check_process()
                ends.collect(self.client, self._deliver)
        finally:
            with self.lock:
                self._waits.pop(tag, None)
                wait.close()
        return wait.ended

    def _deliver(self, tag: int, ended: Ended) -> None:
        self.buffers.pop(tag, None)
        wait = self._waits.get(tag)
        if wait:
            wait.ended = ended
            wait.wake()

    def descriptor(self) -> int:
        """A descriptor that is readable when asynchronous calls have ended."""
        descriptor: int = _library.client_fd(self.client)
        if descriptor < 0:
            raise _library.failure(_library.errno())
        return descriptor


def in_main_thread() -> bool:
    """Whether Python runs signal handlers in this thread."""
    return threading.current_thread() is threading.main_thread()


def aside(function: Callable[[], T]) -> T:
    """Runs a function that waits in C. The main thread runs it in a new
    thread, so that Python handles signals meanwhile.
    """
    if not in_main_thread():
        return function()
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(function())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, name="zseq", daemon=True)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]


#: All clients of this process, for a fork.
_cores: weakref.WeakSet[Core] = weakref.WeakSet()


class FirstThread:
    """The only thread of a process that another thread than the main thread
    forked. Such a process ends when its last thread ends, not when its first
    one does, and runs no exit handlers. So the library's threads have to be
    ended after all of Python's.
    """

    def __init__(self) -> None:
        self._thread = threading.get_ident()

    def __del__(self) -> None:
        #  A child of another thread of this process lacks this thread.
        if self._thread == threading.get_ident():
            threading.Thread(
                target=_close_after_threads, name="zseq", daemon=True
            ).start()


#: Holds a FirstThread until that thread ends.
_of_thread = threading.local()


def _close_after_threads() -> None:
    while threads := [
        thread
        for thread in threading.enumerate()
        if thread is not threading.current_thread()
        #  Made by other libraries: it cannot be waited for.
        and not isinstance(thread, threading._DummyThread)
    ]:
        for thread in threads:
            thread.join()
    for core in list(_cores):
        if core.is_of_this_process():
            core.close()


def _after_fork() -> None:
    #  Threads of the parent may have held the locks.
    for core in list(_cores):
        core.lock = threading.RLock()
    for core in list(_cores):
        for wait in core._waits.values():
            wait.wake_in_child()
    #  The thread that forked is now called the main thread. Threads of other
    #  libraries may end their Python part and begin another.
    first = threading.main_thread()
    if not isinstance(first, (_MainThread, threading._DummyThread)):
        if not hasattr(_of_thread, "first"):
            _of_thread.first = FirstThread()


os.register_at_fork(after_in_child=_after_fork)
