"""Arguments of wrong types, and what stands in for those left out."""

from __future__ import annotations

import asyncio
import fractions
from collections.abc import Callable
from typing import Any

import pytest
from cluster import Cluster

import zseq
import zseq.aio


class Index:
    """An integer of another library, such as numpy's."""

    def __index__(self) -> int:
        return 3


#: Calls that take a wrong value, a client and a sequence; the argument's name
#: and such values.
WRONG: list[tuple[Callable[[Any, Any, Any], object], str, list[object]]] = [
    (lambda x, *_: zseq.Client(x), "uri", [1, bytearray(b"mem:")]),
    (lambda x, *_: zseq.aio.Client(x), "uri", [1, ["mem:"]]),
    (lambda x, *_: zseq.Client("mem:", x), "timeout", ["5", b"5", 5j]),
    (lambda x, *_: zseq.aio.Client("mem:", x), "timeout", ["5"]),
    (lambda x, c, _: c.sequence(x), "name", [None, 1, ["orders"]]),
    (lambda x, c, _: c.sequence("a", x), "batch", [None, 1.5, b"auto"]),
    (lambda x, c, _: c.sequence("a", 1, x), "timeout", ["5"]),
    (lambda x, c, _: c.list(x), "prefix", [None, 1]),
    (lambda x, c, _: c.decode(x), "number", [None, 1.0, "1"]),
    (lambda x, _, s: setattr(s, "batch", x), "batch", [None, 1.5]),
    (lambda x, _, s: s.set_timeout(x), "timeout", [None, "5"]),
    (lambda x, _, s: s.raise_to(x), "number", [None, 1.0, "1"]),
    (lambda x, _, s: s.take(x), "count", [None, 1.0, "1"]),
    (lambda x, _, s: s.range(x), "count", [None, 1.0, "1"]),
]


@pytest.mark.parametrize("module", [zseq, zseq.aio])
@pytest.mark.parametrize("call, name, values", WRONG)
def test_a_wrong_type_is_named(
    cluster: Cluster,
    module: Any,
    call: Callable[[Any, Any, Any], object],
    name: str,
    values: list[object],
) -> None:
    async def each() -> None:
        client = module.Client(cluster.uri)
        sequence = client.sequence("wrong")
        for value in values:
            wrong = f"^{name} must be .*, not {type(value).__name__}$"
            with pytest.raises(TypeError, match=wrong):
                result = call(value, client, sequence)
                if asyncio.iscoroutine(result):
                    await result
        client.close()

    asyncio.run(each())


def test_numbers_of_other_libraries_will_do(
    cluster: Cluster, name: str
) -> None:
    number: Any = Index()
    minute: Any = fractions.Fraction(60)
    with zseq.Client(cluster.uri, timeout=minute) as client:
        sequence = client.sequence(name, batch=number)
        sequence.set_timeout(minute)
        assert len(sequence.take(number)) == len(sequence.range(number)) == 3
        sequence.raise_to(number)


@pytest.mark.parametrize("module", [zseq, zseq.aio])
def test_without_a_uri_the_environment_s_is_used(
    monkeypatch: pytest.MonkeyPatch, module: Any
) -> None:
    monkeypatch.setenv("ZSEQ_URI", "mem:")
    client = module.Client()
    assert repr(client) == f"<{module.__name__}.Client mem:>"
    client.close()
    client = module.Client("flake:1")
    assert repr(client) == f"<{module.__name__}.Client flake:1>"
    client.close()


@pytest.mark.parametrize("value", [None, ""])
def test_without_any_uri_the_error_says_so(
    monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    monkeypatch.delenv("ZSEQ_URI", raising=False)
    if value is not None:
        monkeypatch.setenv("ZSEQ_URI", value)
    with pytest.raises(zseq.ZseqUri, match="no uri, and ZSEQ_URI is not set"):
        zseq.Client()
