"""Fixtures: clusters, clients, names."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest
from cluster import Cluster

import zseq


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Three nodes that stay up."""
    with Cluster() as nodes:
        yield nodes


@pytest.fixture(scope="module")
def broken() -> Iterator[Cluster]:
    """Three nodes, two of them down."""
    with Cluster() as nodes:
        nodes.kill("bc")
        yield nodes


@pytest.fixture
def client(cluster: Cluster) -> Iterator[zseq.Client]:
    with zseq.Client(cluster.uri, timeout=30) as a_client:
        yield a_client


_numbers = itertools.count()


@pytest.fixture
def name() -> str:
    """A sequence's name that no other test has."""
    return f"name-{next(_numbers)}"


@pytest.fixture
def names() -> Callable[[], str]:
    """A function that returns further such names."""
    return lambda: f"name-{next(_numbers)}"
