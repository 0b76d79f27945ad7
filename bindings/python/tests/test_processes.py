"""Processes: many at once, forked ones, and their ends."""

from __future__ import annotations

import asyncio
import itertools
import multiprocessing
import os
import pathlib
import subprocess
import sys
import textwrap
import threading
import traceback
from collections.abc import Callable

import pytest
from cluster import Cluster

import zseq
import zseq.aio

PROCESSES = 8


def draw(uri: str, name: str, batch: zseq.Batch, count: int) -> list[int]:
    with zseq.Client(uri, timeout=60) as client:
        sequence = client.sequence(name, batch=batch)
        ids: list[int] = []
        while len(ids) < count:
            ids.append(next(sequence))
            ids.extend(sequence.range(3))
            ids.extend(itertools.islice(sequence, 20))
        return ids


def take(uri: str, name: str, batch: zseq.Batch, count: int) -> list[int]:
    with zseq.Client(uri, timeout=60) as client:
        return list(client.sequence(name, batch=batch).take(count))


def check_processes(
    function: Callable[[str, str, zseq.Batch, int], list[int]],
    jobs: list[tuple[str, str, zseq.Batch, int]],
) -> None:
    with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
        drawn = pool.starmap(function, jobs, chunksize=1)
    for ids in drawn:
        assert ids == sorted(ids)
    everything = list(itertools.chain(*drawn))
    assert len(everything) >= sum(count for *_, count in jobs)
    assert len(set(everything)) == len(everything)


def test_8_processes_never_get_the_same_id(
    cluster: Cluster, name: str
) -> None:
    batches: list[zseq.Batch] = [1, 1, 2, 10, 100, 1000, "auto", "auto"]
    check_processes(
        draw, [(cluster.uri, name, batch, 300) for batch in batches]
    )


def test_8_processes_that_take_never_get_the_same_id(
    cluster: Cluster, name: str
) -> None:
    batches: list[zseq.Batch] = [50, 100, 1000, 1024, 5000, 10_000, "auto", 3]
    counts = [10_000] * 7 + [300]
    check_processes(
        take,
        [
            (cluster.uri, name, batch, count)
            for batch, count in zip(batches, counts)
        ],
    )


def in_child(function: Callable[[], list[int]]) -> list[int]:
    """Runs function in a forked child, which must exit with status 0."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        status = 1
        try:
            os.write(writer, repr(function()).encode())
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(writer)
    with open(reader) as file:
        text = file.read()
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    result: list[int] = eval(text)
    return result


def refused(call: Callable[[], object]) -> list[int]:
    with pytest.raises(zseq.ZseqForked):
        call()
    return []


@pytest.mark.parametrize("batch", [1, 1000, "auto"])
def test_a_forked_child_draws_ids_of_its_own(
    client: zseq.Client, name: str, batch: zseq.Batch
) -> None:
    sequence = client.sequence(name, batch=batch)
    ids = list(itertools.islice(sequence, 10))

    def child() -> list[int]:
        return list(itertools.islice(sequence, 2000)) + in_child(
            lambda: list(itertools.islice(sequence, 10))
        )

    ids += in_child(child)
    ids += itertools.islice(sequence, 2000)
    ids += in_child(lambda: list(client.sequence(name).range(10)))
    assert len(set(ids)) == 10 + 2000 + 10 + 2000 + 10


def test_a_forked_child_leases_a_worker_of_its_own(
    cluster: Cluster, name: str
) -> None:
    with zseq.Client(f"flake+{cluster.uri}") as client:
        sequence = client.sequence(name)
        mine = client.decode(next(sequence)).worker
        theirs = client.decode(in_child(lambda: [next(sequence)])[0]).worker
        assert mine != theirs


def test_a_client_that_was_not_used_yet_can_be_forked(
    client: zseq.Client, name: str
) -> None:
    sequence = client.sequence(name)
    assert in_child(lambda: [next(sequence)]) == [1]
    assert next(sequence) == 2


def test_a_fork_while_threads_draw(client: zseq.Client, name: str) -> None:
    sequence = client.sequence(name, batch=100)
    ids: list[int] = []
    stop = threading.Event()

    def work() -> None:
        #  With pauses, so that children run soon.
        while not stop.wait(0.001):
            ids.append(next(sequence))
            ids.append(sequence.range(1)[0])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    theirs = []
    for _ in range(10):
        theirs += in_child(
            lambda: list(itertools.islice(sequence, 50)) + [sequence.peek()]
        )[:-1]
    stop.set()
    for thread in threads:
        thread.join()
    assert len(theirs) == 500
    assert len(set(theirs + ids)) == len(theirs) + len(ids)


def test_a_child_may_close_what_it_inherited(
    client: zseq.Client, name: str
) -> None:
    sequence = client.sequence(name, batch=10)
    first = next(sequence)

    def child() -> list[int]:
        client.close()
        return []

    in_child(child)
    assert next(sequence) == first + 1


def test_the_timeout_survives_a_fork(broken: Cluster, name: str) -> None:
    with zseq.Client(broken.uri, timeout=0.2) as client:
        sequence = client.sequence(name)

        def child() -> list[int]:
            with pytest.raises(zseq.ZseqError):
                next(sequence)
            return []

        in_child(child)


@pytest.mark.parametrize("scheme", ["mem:", "flake:1", "file:", "flake+file:"])
def test_clients_tied_to_their_process_say_so_after_a_fork(
    name: str, scheme: str, tmp_path: pathlib.Path
) -> None:
    uri = f"{scheme}{tmp_path / 'ids'}" if "file" in scheme else scheme
    with zseq.Client(uri) as client:
        batches: tuple[zseq.Batch, ...] = (1, 100, "auto")
        for batch in batches:
            sequence = client.sequence(name, batch=batch)
            next(sequence)
            next(sequence)
            in_child(lambda: refused(sequence.next))
            in_child(lambda: refused(sequence.peek))
            in_child(lambda: refused(client.stats))
            next(sequence)


def test_an_asyncio_client_says_so_after_a_fork(
    cluster: Cluster, name: str
) -> None:
    async def main() -> None:
        async with zseq.aio.Client(cluster.uri) as client:
            for batch in (1, 100):
                sequence = client.sequence(name, batch=batch)

                def child() -> list[int]:
                    call = sequence.next()
                    return refused(lambda: call.send(None))

                await sequence.next()
                in_child(child)
                await sequence.next()

    asyncio.run(main())


def ends(code: str, uri: str, status: int = 0) -> str:
    """Runs a script, which ends with that status, without a word on stderr.
    Returns what it printed.
    """
    run = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c"]
        + ["import sys, zseq\n" + textwrap.dedent(code), uri],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert (run.returncode, run.stderr) == (status, "")
    return run.stdout


def test_exit_with_an_open_client(cluster: Cluster) -> None:
    ends(
        """
        client = zseq.Client(sys.argv[1])
        sequence = client.sequence("exit", batch=100)
        next(sequence)
        cycle = [sequence]
        cycle.append(cycle)
        """,
        cluster.uri,
    )


def test_exit_with_status(cluster: Cluster) -> None:
    ends(
        """
        next(zseq.Client(sys.argv[1]).sequence("exit"))
        sys.exit(3)
        """,
        cluster.uri,
        status=3,
    )


def test_exit_does_not_wait_for_daemon_threads(broken: Cluster) -> None:
    ends(
        """
        import threading
        client = zseq.Client(sys.argv[1], timeout=3600)
        sequence = client.sequence("exit", batch=10)
        for call in (sequence.next, sequence.peek, client.list):
            threading.Thread(target=call, daemon=True).start()
        while client._core._users < 3:
            pass
        """,
        broken.uri,
    )


def test_exit_waits_for_other_threads(cluster: Cluster) -> None:
    out = ends(
        """
        import threading
        sequence = zseq.Client(sys.argv[1]).sequence("exit")
        start = threading.Event()
        def work():
            start.wait()
            for _ in range(100):
                next(sequence)
            print("done")
        threading.Thread(target=work).start()
        start.set()
        """,
        cluster.uri,
    )
    assert out == "done\n"


def test_exit_with_an_open_asyncio_client(cluster: Cluster) -> None:
    ends(
        """
        import asyncio, zseq.aio
        async def main():
            client = zseq.aio.Client(sys.argv[1])
            sequence = client.sequence("exit")
            await sequence.next()
            task = asyncio.ensure_future(sequence.next())
            await asyncio.sleep(0)
            return client, sequence
        keep = asyncio.run(main())
        """,
        cluster.uri,
    )


#: What a child does that a thread forked, until it ends its only thread.
CHILDREN = {
    "exits": """
        next(sequence)
        sys.exit()
        """,
    "leaves a thread": """
        def work():
            first.join()
            for _ in range(100):
                next(sequence)
            done.write(b"+")
        first = threading.current_thread()
        threading.Thread(target=work).start()
        """,
    "forks": """
        process = os.fork()
        next(sequence)
        if process and not end_of(process):
            done.write(b"+")
        """,
    "forks in a thread": """
        def fork():
            process = os.fork()
            next(sequence)
            if process and not end_of(process):
                done.write(b"+")
        next(sequence)
        thread = threading.Thread(target=fork)
        thread.start()
        thread.join()
        """,
    "uses others": """
        import asyncio, zseq.aio
        async def draw():
            return await zseq.aio.Client(sys.argv[1]).sequence("exit").next()
        asyncio.run(draw())
        next(zseq.Client(f"flake+{sys.argv[1]}").sequence("exit"))
        next(zseq.Client("mem:").sequence("exit"))
        done.write(b"+")
        """,
}


FORKS_IN_A_THREAD = """
import os, select, signal, threading
reader, writer = os.pipe()
done = open(writer, "wb", buffering=0)
sequence = zseq.Client(sys.argv[1]).sequence("exit")
local = zseq.Client("mem:").sequence("exit")
next(local)
def end_of(child, seconds=30):
    poll = select.poll()
    poll.register(os.pidfd_open(child))
    if not poll.poll(seconds * 1000):
        os.kill(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1]
def fork():
    if process := os.fork():
        print(end_of(process, 60))
    else:
        child()
def child():
{child}
thread = threading.Thread(target=fork)
thread.start()
while thread.is_alive():
    next(sequence)
done.close()
print(os.read(reader, 10).decode())
"""


@pytest.mark.parametrize("child", CHILDREN)
def test_a_child_that_a_thread_forked_ends(
    cluster: Cluster, child: str
) -> None:
    body = textwrap.indent(textwrap.dedent(CHILDREN[child]), "    ")
    out = ends(FORKS_IN_A_THREAD.replace("{child}", body), cluster.uri)
    assert out == "0\n" + "+" * ("+" in body) + "\n"


def test_multiprocessing_fork_in_a_thread_ends_well(cluster: Cluster) -> None:
    out = ends(
        """
        import multiprocessing, threading
        sequence = zseq.Client(sys.argv[1]).sequence("exit", batch=10)
        next(sequence)
        def work():
            next(sequence)
            sys.exit(3)
        def fork():
            process = multiprocessing.get_context("fork").Process(target=work)
            process.start()
            process.join()
            print(process.exitcode)
        thread = threading.Thread(target=fork)
        thread.start()
        thread.join()
        """,
        cluster.uri,
    )
    assert out == "3\n"


def test_multiprocessing_fork_ends_well(cluster: Cluster) -> None:
    out = ends(
        """
        import multiprocessing
        client = zseq.Client(sys.argv[1])
        sequence = client.sequence("exit-fork", batch=10)
        ids = [next(sequence)]
        def work(_):
            return [next(sequence) for _ in range(20)]
        with multiprocessing.get_context("fork").Pool(4) as pool:
            for drawn in pool.map(work, range(16), chunksize=1):
                ids += drawn
        print(len(ids), len(set(ids)))
        """,
        cluster.uri,
    )
    assert out == "321 321\n"
