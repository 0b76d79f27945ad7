"""What numbers the rows of a database."""

from __future__ import annotations

import dataclasses
from typing import Any

from zseq._arguments import (
    Batch,
    batch_number,
    optional_milliseconds,
    text_bytes,
    uri_bytes,
)
from zseq._client import Client, Sequence


@dataclasses.dataclass(frozen=True)
class Default:
    """A default for a field: a function that returns the next ID of the
    sequence of that name.

        default=zseq.Default("orders")     # in models of SQLAlchemy and Django

    The fields are the arguments of ``Client`` and ``Client.sequence``, and as
    there, ``uri`` is by default the environment's ``ZSEQ_URI``, read at the
    first call. Nothing connects before that. All defaults of a process share
    one client per URI, and equal ones share one handle. In a forked child
    they go on as those do. They stay open until the process ends.

    A default only says where IDs come from, so it can be compared, copied and
    pickled; Django writes it into migrations. It draws IDs in each process
    that has it.

    Errors: those of ``Client``, ``Client.sequence`` and ``Sequence.next``;
    wrong types, batches and timeouts are refused at once.
    """

    name: str | bytes
    uri: str | bytes | None = None
    batch: Batch = 1
    timeout: float | None = None

    def __post_init__(self) -> None:
        text_bytes(self.name, "name")
        if self.uri is not None:
            uri_bytes(self.uri)
        batch_number(self.batch)
        optional_milliseconds(self.timeout)

    def __call__(self) -> int:
        """The next ID, as ``Sequence.next``."""
        return next(_sequences.get(self) or _open(self))

    def deconstruct(self) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
        """What Django writes into migrations: class and arguments."""
        arguments = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)[1:]
            if getattr(self, field.name) != field.default
        }
        return "zseq.Default", (self.name,), arguments


#: By URI, None being the environment's.
_clients: dict[str | bytes | None, Client] = {}
_sequences: dict[Default, Sequence] = {}


def _open(default: Default) -> Sequence:
    #  Signal handlers and forks may come at any time, so that a lock could
    #  not be had. Two threads may both make an object, and one is dropped;
    #  making it neither connects nor draws.
    client = _clients.get(default.uri) or _clients.setdefault(
        default.uri, Client(default.uri)
    )
    return _sequences.setdefault(
        default,
        client.sequence(default.name, default.batch, default.timeout),
    )
