"""Defaults of the fields of models."""

from __future__ import annotations

import copy
import multiprocessing
import os
import pathlib
import pickle
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from cluster import Cluster

import zseq
from zseq import _default


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """No default has been called."""
    monkeypatch.setattr(_default, "_clients", {})
    monkeypatch.setattr(_default, "_sequences", {})


def test_it_returns_the_next_id(cluster: Cluster, name: str) -> None:
    default = zseq.Default(name, cluster.uri)
    assert 1 <= default() < default()


@pytest.mark.usefixtures("fresh")
def test_it_connects_at_the_first_call(
    cluster: Cluster, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ZSEQ_URI", raising=False)
    default = zseq.Default(name, timeout=60)
    with pytest.raises(zseq.ZseqUri, match="ZSEQ_URI is not set"):
        default()
    monkeypatch.setenv("ZSEQ_URI", cluster.uri)
    assert default() >= 1


@pytest.mark.usefixtures("fresh")
def test_equal_ones_share_a_handle(cluster: Cluster, name: str) -> None:
    default = zseq.Default(name, cluster.uri, batch=100)
    copies: list[Callable[[], int]] = [
        default,
        copy.copy(default),
        copy.deepcopy(default),
        pickle.loads(pickle.dumps(default)),
        zseq.Default(name, cluster.uri, batch=100),
    ]
    assert all(each == default for each in copies)
    first, *ids = [each() for each in copies]
    assert ids == [first + 1, first + 2, first + 3, first + 4]
    assert zseq.Default(name, cluster.uri, batch=2)() >= first + 100
    assert len(_default._clients) == 1


@pytest.mark.usefixtures("fresh")
def test_threads_may_call_it_at_once(cluster: Cluster, name: str) -> None:
    threads = 16
    default = zseq.Default(name, cluster.uri, batch=1000)
    start = threading.Barrier(threads)

    def draw() -> list[int]:
        start.wait()
        return [default() for _ in range(50)]

    with ThreadPoolExecutor(threads) as pool:
        futures = [pool.submit(draw) for _ in range(threads)]
    ids = {number for future in futures for number in future.result()}
    assert len(ids) == 50 * threads
    assert len(_default._clients) == len(_default._sequences) == 1


def draw(default: zseq.Default, count: int) -> list[int]:
    return [default() for _ in range(count)]


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.parametrize("drawn", [0, 1])
def test_it_goes_to_other_processes(
    cluster: Cluster, name: str, method: str, drawn: int
) -> None:
    default = zseq.Default(name, cluster.uri, batch=10)
    ids = draw(default, drawn)
    with multiprocessing.get_context(method).Pool(4) as pool:
        for theirs in pool.starmap(draw, [(default, 20)] * 8, chunksize=1):
            ids += theirs
    ids += draw(default, 20)
    assert len(set(ids)) == len(ids) == 180 + drawn


@pytest.mark.usefixtures("fresh")
def test_it_does_not_repeat_what_is_tied_to_a_process(name: str) -> None:
    default = zseq.Default(name, "mem:")
    assert default() == 1
    child = os.fork()
    if not child:
        try:
            default()
        except zseq.ZseqForked:
            os._exit(0)
        os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    assert default() == 2


@pytest.mark.parametrize(
    "arguments, error",
    [
        ({"name": 5}, "name must be str or bytes, not int"),
        ({"uri": 5}, "uri must be str or bytes, not int"),
        ({"batch": None}, "batch must be an integer, not NoneType"),
        ({"timeout": "5"}, "timeout must be a number of seconds, not str"),
    ],
)
def test_wrong_types_are_refused_at_once(
    arguments: dict[str, Any], error: str
) -> None:
    with pytest.raises(TypeError, match=f"^{error}$"):
        zseq.Default(**dict({"name": "orders"}, **arguments))


def test_pickles_name_the_public_module() -> None:
    for kind in (zseq.Client, zseq.Sequence, zseq.Default, zseq.ZseqTimeout):
        assert b"zseq._" not in pickle.dumps(kind)
        for name, member in vars(kind).items():
            if callable(member) and not name.startswith("_"):
                assert b"zseq._" not in pickle.dumps(member)


MODELS = """
    from django.db import models
    import zseq

    class Order(models.Model):
        id = models.BigIntegerField(
            primary_key=True, default=zseq.Default("orders", batch=10)
        )
        number = models.BigIntegerField(
            default=zseq.Default("numbers", "tcp://a:1", "auto", 2.5)
        )
    """

MIGRATE = """
    import django
    from django.conf import settings
    from django.core.management import call_command

    settings.configure(
        INSTALLED_APPS=["shop"],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": ":memory:",
            }
        },
        USE_TZ=True,
    )
    django.setup()
    call_command("makemigrations", "shop", verbosity=0)
    call_command("makemigrations", "shop", check=True, verbosity=0)
    call_command("migrate", verbosity=0)
    from shop.models import Order
    Order.objects.create(number=7)
    print(Order.objects.get().id)
    """


def test_django_migrates(cluster: Cluster, tmp_path: pathlib.Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/__init__.py").touch()
    (tmp_path / "shop/models.py").write_text(textwrap.dedent(MODELS))
    run = subprocess.run(
        #  Django 3.2 uses what Python 3.11 deprecates.
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(MIGRATE)],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path]),
            "ZSEQ_URI": cluster.uri,
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert (run.returncode, run.stderr) == (0, "")
    (migration,) = (tmp_path / "shop/migrations").glob("0001_*.py")
    text = migration.read_text()
    assert "\nimport zseq\n" in text
    assert "default=zseq.Default('orders', batch=10)" in text
    assert (
        "default=zseq.Default('numbers', batch='auto', timeout=2.5, "
        "uri='tcp://a:1')" in text
    )
    assert int(run.stdout) >= 1
