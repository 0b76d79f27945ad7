"""Measures the speed of the binding.

    python3 bench.py [--uri URI] [--seconds S]

Without a URI, starts three nodes on this machine with the zseqd of $ZSEQ_BIN
or of $PATH. Prints one line per case; times are per ID.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import pathlib
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import zseq
import zseq.aio

Case = Callable[[str, float], tuple[int, float]]


def repeat(function: Callable[[], int], seconds: float) -> tuple[int, float]:
    """How many IDs a function draws in that time, and the time it took."""
    function()
    drawn = 0
    began = time.perf_counter()
    while (elapsed := time.perf_counter() - began) < seconds:
        drawn += function()
    return drawn, elapsed


def each(sequence: zseq.Sequence, count: int) -> int:
    """Draws count IDs one by one."""
    for _ in itertools.islice(sequence, count):
        pass
    return count


def singly(batch: zseq.Batch, calls: int) -> Case:
    """One thread that calls next."""

    def case(uri: str, seconds: float) -> tuple[int, float]:
        with zseq.Client(uri) as client:
            sequence = client.sequence("bench", batch=batch)
            return repeat(lambda: each(sequence, calls), seconds)

    return case


def taking(count: int, batch: zseq.Batch) -> Case:
    """One thread that calls take."""

    def case(uri: str, seconds: float) -> tuple[int, float]:
        with zseq.Client(uri) as client:
            sequence = client.sequence("bench", batch=batch)
            return repeat(lambda: len(sequence.take(count)), seconds)

    return case


def threads(count: int) -> Case:
    """Several threads of one client that call next."""

    def case(uri: str, seconds: float) -> tuple[int, float]:
        drawn: list[int] = []
        with zseq.Client(uri) as client:
            sequence = client.sequence("bench")
            workers = [
                threading.Thread(
                    target=lambda: drawn.append(
                        repeat(lambda: each(sequence, 1), seconds)[0]
                    )
                )
                for _ in range(count)
            ]
            began = time.perf_counter()
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
            return sum(drawn), time.perf_counter() - began

    return case


def tasks(count: int, batch: zseq.Batch) -> Case:
    """Several tasks of asyncio that await next."""

    def case(uri: str, seconds: float) -> tuple[int, float]:
        async def main() -> tuple[int, float]:
            drawn = 0
            async with zseq.aio.Client(uri) as client:
                sequence = client.sequence("bench", batch=batch)

                async def draw() -> None:
                    nonlocal drawn
                    while time.perf_counter() - began < seconds:
                        await sequence.next()
                        drawn += 1

                await sequence.next()
                began = time.perf_counter()
                await asyncio.gather(*(draw() for _ in range(count)))
                return drawn, time.perf_counter() - began

        return asyncio.run(main())

    return case


CASES: dict[str, Case] = {
    "next, no buffer": singly(1, 1),
    "next, no buffer, 32 threads": threads(32),
    "next, batch 100,000": singly(100_000, 1000),
    "next, batch auto": singly("auto", 1000),
    "take(1000), no buffer": taking(1000, 1),
    "take(1000), batch 100,000": taking(1000, 100_000),
    "asyncio, 1 task": tasks(1, 1),
    "asyncio, 100 tasks": tasks(100, 1),
    "asyncio, 1000 tasks": tasks(1000, 1),
    "asyncio, 1 task, batch 100,000": tasks(1, 100_000),
}


@contextmanager
def own_cluster() -> Iterator[str]:
    """Three nodes that run during the measurements."""
    sys.path.append(str(pathlib.Path(__file__).with_name("tests")))
    from cluster import Cluster

    with Cluster() as nodes:
        yield nodes.uri


def measure(uri: str, seconds: float) -> None:
    """Prints a line per case."""
    print(f"{'case':32} {'IDs/s':>12} {'time per ID':>14}")
    for title, case in CASES.items():
        drawn, elapsed = case(uri, seconds)
        per_id = elapsed / drawn * 1e6
        print(f"{title:32} {drawn / elapsed:12,.0f} {per_id:11.3f} us")


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--uri", help="nodes to use; default: own ones")
    parser.add_argument("--seconds", type=float, default=2.0)
    options = parser.parse_args()
    if options.uri:
        measure(options.uri, options.seconds)
    else:
        with own_cluster() as uri:
            measure(uri, options.seconds)


if __name__ == "__main__":
    main()
