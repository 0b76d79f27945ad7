"""Workers that take jobs from a queue and number what they make.

    python3 worker.py tcp://127.0.0.1:19001 100

As with Celery, the parent sets everything up and forks its workers. The
client works in each of them: every worker has its own connections and buffer,
and no two workers get the same number.
"""

from __future__ import annotations

import multiprocessing
import os
import sys

import zseq

WORKERS = 4
tickets: zseq.Sequence


def start(uri: str) -> None:
    """Call this before the fork, or in each worker."""
    global tickets
    tickets = zseq.Client(uri).sequence("tickets", batch=100)


def make_ticket(job: int) -> tuple[int, int, int]:
    """A job: who did it, which one, and the ticket's number."""
    return os.getpid(), job, next(tickets)


def main(uri: str, jobs: int) -> None:
    """Does so many jobs and prints what came of them."""
    start(uri)
    print(f"the parent took ticket {next(tickets)}")
    with multiprocessing.get_context("fork").Pool(WORKERS) as pool:
        done = pool.map(make_ticket, range(jobs), chunksize=1)
    workers = len({worker for worker, _, _ in done})
    numbers = {number for _, _, number in done}
    print(f"{workers} workers made {len(done)} tickets", end=", ")
    print(f"{len(done) - len(numbers)} duplicates")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
