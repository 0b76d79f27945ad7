"""Signals: Ctrl-C interrupts calls; handlers may use the library."""

from __future__ import annotations

import errno
import os
import signal
import threading
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from cluster import Cluster

import zseq
from zseq import _core


class Interrupted(BaseException):
    """The handler raises this, as Ctrl-C raises KeyboardInterrupt."""


@contextmanager
def alarms(handler: Callable[[], None]) -> Iterator[None]:
    """Calls handler repeatedly, but only inside a call that waits."""

    def handle(_number: int, frame: types.FrameType | None) -> None:
        while frame:
            if frame.f_code.co_filename == _core.__file__:
                handler()
                return
            frame = frame.f_back

    before = signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def interrupt() -> None:
    raise Interrupted


@pytest.mark.parametrize("batch", [1, 100, "auto"])
@pytest.mark.parametrize("call", ["next", "range", "peek", "raise_to", "take"])
def test_a_waiting_call_is_interrupted(
    broken: Cluster, name: str, batch: zseq.Batch, call: str
) -> None:
    with zseq.Client(broken.uri, timeout=20) as client:
        sequence = client.sequence(name, batch=batch)
        function = getattr(sequence, call)
        arguments = [] if call in ("next", "peek") else [5]
        for _ in range(2):
            with pytest.raises(Interrupted), alarms(interrupt):
                function(*arguments)


@pytest.mark.parametrize("call", ["list", "status"])
def test_list_and_status_are_interrupted(broken: Cluster, call: str) -> None:
    with zseq.Client(broken.uri, timeout=1) as client:
        with pytest.raises(Interrupted), alarms(interrupt):
            getattr(client, call)()


def test_ctrl_c_is_a_keyboard_interrupt(broken: Cluster, name: str) -> None:
    with zseq.Client(broken.uri, timeout=20) as client:
        with pytest.raises(KeyboardInterrupt), alarms(
            lambda: os.kill(os.getpid(), signal.SIGINT)
        ):
            client.sequence(name).next()


def test_a_client_goes_on_after_an_interruption(name: str) -> None:
    with Cluster() as nodes, zseq.Client(nodes.uri, timeout=60) as client:
        sequence = client.sequence(name, batch=10)
        first = next(sequence)
        for _ in range(9):
            next(sequence)
        nodes.kill("bc")
        with pytest.raises(Interrupted), alarms(interrupt):
            while True:
                next(sequence)
        nodes.start("bc")
        assert next(sequence) > first + 9
        assert not client._core._waits


def test_a_handler_that_returns_lets_the_call_go_on(name: str) -> None:
    with Cluster() as nodes, zseq.Client(nodes.uri, timeout=60) as client:
        sequence = client.sequence(name)
        assert next(sequence) == 1
        nodes.kill("bc")
        helper: list[threading.Thread] = []

        def bring_them_back() -> None:
            if not helper:
                helper.append(threading.Thread(target=nodes.start, args="b"))
                helper[0].start()

        with alarms(bring_them_back):
            assert next(sequence) > 1
        helper[0].join()


def test_a_handler_may_draw_ids_itself(
    broken: Cluster, client: zseq.Client, name: str
) -> None:
    inner: list[int] = []
    drawing = False
    with zseq.Client(broken.uri, timeout=1) as waiting:
        sequence = client.sequence(name)

        def draw() -> None:
            #  A call that the next alarm interrupts would return after it.
            nonlocal drawing
            if not drawing:
                drawing = True
                inner.append(next(sequence))
                drawing = False

        with pytest.raises((zseq.ZseqUnavailable, zseq.ZseqTimeout)), alarms(draw):
            next(waiting.sequence(name))
    assert len(inner) > 1
    assert inner == sorted(set(inner))


def test_a_handler_may_make_the_same_call(broken: Cluster, name: str) -> None:
    with zseq.Client(broken.uri, timeout=1) as client:
        sequence = client.sequence(name)
        depth = 0

        def again() -> None:
            nonlocal depth
            depth += 1
            if depth == 1:
                with pytest.raises(zseq.ZseqError):
                    sequence.peek()

        with pytest.raises(zseq.ZseqError), alarms(again):
            sequence.next()
        assert depth >= 1
        assert not client._core._waits


def test_a_call_ends_although_a_handler_collected_its_end(name: str) -> None:
    inner: list[int] = []
    further = 0

    def draw() -> None:
        nonlocal further
        if inner:
            #  Ends a call that is never told of its end.
            further += 1
            if further == 400:
                raise Interrupted
            return
        inner.append(0)
        (outer,) = client._core._waits.values()
        nodes.start("bc")
        while outer.ended is None:
            inner.append(next(sequence))

    with Cluster() as nodes, zseq.Client(nodes.uri, timeout=60) as client:
        sequence = client.sequence(name)
        nodes.kill("bc")
        with alarms(draw):
            last = next(sequence)
        assert len({last, *inner}) == len(inner) + 1
        assert not client._core._waits


def test_a_thread_may_close_the_client_of_the_main_thread(
    broken: Cluster, name: str
) -> None:
    client = zseq.Client(broken.uri, timeout=20)

    def close() -> None:
        while not client._core._waits:
            pass
        client.close()

    thread = threading.Thread(target=close)
    thread.start()
    with pytest.raises(zseq.ZseqClosed):
        client.sequence(name).next()
    thread.join()


def test_without_a_descriptor_a_call_fails(
    client: zseq.Client, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: int) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    sequence = client.sequence(name)
    with monkeypatch.context() as patch:
        patch.setattr(_core, "_eventfd", fail)
        with pytest.raises(zseq.ZseqIo, match="Too many open files"):
            next(sequence)
    assert next(sequence) >= 1


def test_a_handler_may_close_the_client(broken: Cluster, name: str) -> None:
    client = zseq.Client(broken.uri, timeout=20)
    sequence = client.sequence(name)
    with pytest.raises(zseq.ZseqClosed), alarms(client.close):
        next(sequence)


def test_a_handler_may_fork(broken: Cluster, name: str) -> None:
    children: list[int] = []
    ended: list[int] = []

    def fork_and_wait() -> None:
        if not children:
            children.append(os.fork())
        elif ended:
            raise Interrupted
        else:
            child, status = os.waitpid(children[0], os.WNOHANG)
            if child:
                ended.append(os.waitstatus_to_exitcode(status))

    with zseq.Client(broken.uri, timeout=20) as client:
        sequence = client.sequence(name)
        parent = os.getpid()
        try:
            with pytest.raises(Interrupted), alarms(fork_and_wait):
                next(sequence)
        except zseq.ZseqError as error:
            if os.getpid() != parent:
                os._exit(0 if isinstance(error, zseq.ZseqForked) else 1)
            raise
        assert ended == [0]


def test_the_library_leaves_signals_alone(
    cluster: Cluster, name: str
) -> None:
    def handlers() -> list[object]:
        return [signal.getsignal(number) for number in range(1, 32)]

    def threads() -> set[str]:
        return set(os.listdir("/proc/self/task"))

    before, mine = handlers(), threads()
    with zseq.Client(cluster.uri) as client:
        next(client.sequence(name, batch=10))
        assert handlers() == before
        added = threads() - mine
        assert added
        for number in added:
            with open(f"/proc/self/task/{number}/status") as file:
                status = dict(line.split(":\t", 1) for line in file)
            blocked = int(status["SigBlk"], 16)
            assert all(
                blocked >> (number - 1) & 1
                for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)
            )
