"""Exceptions, and the check that the library fits this package."""

from __future__ import annotations

import os
import pathlib
import pickle
import re
import subprocess
import sys
from collections.abc import Callable

import pytest
from cluster import Cluster

import zseq
from zseq import _errors, _library

HEADER = pathlib.Path(__file__).parents[3] / "lib/include/zseq.h"


@pytest.mark.skipif(not HEADER.exists(), reason="zseq.h is not at hand")
def test_each_error_of_the_header_has_its_class() -> None:
    table = re.findall(
        r'X \(E(\w+), (\d+),\s*"([^"]+)"\)', HEADER.read_text()
    )
    assert len(table) >= 25
    assert {
        (kind.__name__.removeprefix("Zseq").upper(), number, kind.text)
        for number, kind in _errors.BY_NUMBER.items()
    } == {(name, int(number), text) for name, number, text in table}
    for kind in _errors.BY_NUMBER.values():
        assert getattr(zseq, kind.__name__) is kind
        assert kind.__name__ in zseq.__all__


@pytest.mark.skipif(not HEADER.exists(), reason="zseq.h is not at hand")
def test_limits_and_version_are_those_of_the_header() -> None:
    text = HEADER.read_text()
    defined = dict(re.findall(r"#define ZSEQ_(\w+) (\w+)", text))
    assert int(defined["NAME_MAX"]) == _library.NAME_MAX
    assert int(defined["COUNT_MAX"].rstrip("u"), 16) == _library.COUNT_MAX
    assert int(defined["TIMEOUT_MS_MAX"]) == _library.TIMEOUT_MS_MAX
    assert int(defined["LABEL_MAX"]) == _library._LABEL_MAX
    assert int(defined["ENDPOINT_MAX"]) == _library._ENDPOINT_MAX
    assert int(defined["NODES_MAX"]) == _library._NODES_MAX
    version = [defined[f"VERSION_{x}"] for x in ("MAJOR", "MINOR", "PATCH")]
    assert zseq.__version__ == ".".join(version)
    assert zseq.library_version() == tuple(map(int, version))


@pytest.mark.parametrize(
    "kind, parent",
    [
        (zseq.ZseqTimeout, TimeoutError),
        (zseq.ZseqUnavailable, ConnectionError),
        (zseq.ZseqInval, ValueError),
        (zseq.ZseqUri, ValueError),
        (zseq.ZseqNoMem, MemoryError),
        (zseq.ZseqAgain, BlockingIOError),
        (zseq.ZseqForked, RuntimeError),
        (zseq.ZseqIo, OSError),
        (zseq.ZseqClosed, ValueError),
    ],
)
def test_errors_are_python_s_own_as_well(
    kind: type[Exception], parent: type[Exception]
) -> None:
    assert issubclass(kind, parent)
    assert issubclass(kind, zseq.ZseqError)


@pytest.mark.parametrize("number", sorted(_errors.BY_NUMBER))
def test_errors_say_what_and_why(number: int) -> None:
    kind = _errors.BY_NUMBER[number]
    error = _errors.make(-number, kind.text, "node a")
    assert type(error) is kind
    assert str(error) == f"{kind.text}: node a"
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy)) == (kind, str(error))


def test_an_error_of_a_newer_library_is_a_zseq_error() -> None:
    error = _errors.make(-999, "new", "")
    assert type(error) is zseq.ZseqError
    assert str(error) == "new"


def test_a_library_of_another_version_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_library, "version", lambda: (0, 99, 0))
    with pytest.raises(ImportError, match=r"needs libzseq 0\.1, but .*0\.99"):
        _library._check_version()


def test_a_library_with_another_table_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_library, "strerror", lambda rc: b"something else")
    with pytest.raises(ImportError, match="do not belong together"):
        _library._check_errors()


def test_a_missing_library_is_named() -> None:
    run = subprocess.run(
        [sys.executable, "-c", "import zseq"],
        env={**os.environ, "ZSEQ_LIBRARY": "/nowhere/libzseq.so"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 1
    assert "ImportError: zseq cannot load its library: /nowhere" in run.stderr


def test_a_library_that_lacks_a_function_is_refused() -> None:
    with pytest.raises(ImportError, match="has no zseq_no_such"):
        _library._type(_library._brief, "zseq_no_such", None)


@pytest.mark.parametrize("batch", [1, 10, "auto"])
def test_two_nodes_down_is_unavailable(
    broken: Cluster, name: str, batch: zseq.Batch
) -> None:
    with zseq.Client(broken.uri, timeout=0.3) as client:
        sequence = client.sequence(name, batch=batch)
        calls: tuple[Callable[[], object], ...] = (
            sequence.next,
            sequence.peek,
            lambda: sequence.range(5),
            lambda: sequence.raise_to(5),
            client.list,
        )
        for call in calls:
            with pytest.raises(
                (zseq.ZseqUnavailable, zseq.ZseqTimeout), match="1 of 3 nodes"
            ):
                call()
        up = [node.name for node in client.status().nodes if node.reachable]
        assert up == ["a"]


def test_a_call_succeeds_again_when_nodes_are_back(name: str) -> None:
    with Cluster() as nodes, zseq.Client(nodes.uri, timeout=60) as client:
        sequence = client.sequence(name)
        first = next(sequence)
        nodes.kill("bc")
        sequence.set_timeout(0.2)
        with pytest.raises(zseq.ZseqError):
            next(sequence)
        sequence.set_timeout(60)
        nodes.start("bc")
        assert next(sequence) > first


def test_the_wrong_cluster_is_refused(cluster: Cluster, name: str) -> None:
    with zseq.Client(f"{cluster.uri}?cluster=other") as client:
        with pytest.raises(zseq.ZseqCluster):
            next(client.sequence(name))


def test_a_quorum_out_of_range_is_refused(cluster: Cluster, name: str) -> None:
    with zseq.Client(f"{cluster.uri}?w=1") as client:
        with pytest.raises(zseq.ZseqQuorum):
            next(client.sequence(name))
