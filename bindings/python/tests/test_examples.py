"""The examples do what they say."""

from __future__ import annotations

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import textwrap
import urllib.error
import urllib.request
import xml.etree.ElementTree
from concurrent.futures import ThreadPoolExecutor

import pytest
from cluster import Cluster

EXAMPLES = pathlib.Path(__file__).parents[1] / "examples"


def command(example: str, *arguments: str) -> list[str]:
    #  Django 3.2 uses what Python 3.11 deprecates.
    kind = "ignore" if "django" in example else "error"
    return [sys.executable, "-W", kind, str(EXAMPLES / example), *arguments]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


def output(example: str, *arguments: str, **variables: str) -> str:
    run = subprocess.run(
        command(example, *arguments),
        env={**environment(), **variables},
        capture_output=True,
        text=True,
    )
    assert (run.returncode, run.stderr) == (0, "")
    return run.stdout


def order(url: str, body: bytes) -> tuple[int, dict[str, object]]:
    try:
        with urllib.request.urlopen(url, data=body) as reply:
            return reply.status, json.load(reply)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_order_server() -> None:
    with Cluster() as nodes, subprocess.Popen(
        command("order_server.py", nodes.uri, "0"),
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout and server.stderr
        url = server.stdout.readline().strip()
        assert order(url, b'{"item": "tea"}') == (
            201,
            {"item": "tea", "number": 1},
        )
        assert order(url, b"tea")[0] == 400
        with ThreadPoolExecutor(20) as pool:
            replies = list(pool.map(lambda _: order(url, b"{}"), range(100)))
        assert {status for status, _ in replies} == {201}
        assert len({str(reply["number"]) for _, reply in replies}) == 100
        nodes.kill("ab")
        status, reply = order(url, b"{}")
        assert status == 503
        assert "1 of 3 nodes" in str(reply["error"])
        server.send_signal(signal.SIGINT)
        assert server.wait() == 0
        assert server.stderr.read() == ""


def test_worker(cluster: Cluster) -> None:
    out = output("worker.py", cluster.uri, "100")
    assert "workers made 100 tickets, 0 duplicates" in out


def test_plot_rates(cluster: Cluster, tmp_path: pathlib.Path) -> None:
    picture = tmp_path / "rates.svg"
    out = output("plot_rates.py", cluster.uri, str(picture))
    assert out.count("IDs/s") == 6
    root = xml.etree.ElementTree.parse(picture).getroot()
    assert len(root.findall("{http://www.w3.org/2000/svg}rect")) == 6


def check_orders(example: str, uri: str) -> None:
    out = output(example, "tea", "coffee", ZSEQ_URI=uri)
    (first, tea), (second, coffee) = map(str.split, out.splitlines())
    assert (tea, coffee) == ("tea", "coffee")
    assert int(second) == int(first) + 1


def test_sqlalchemy_orders(cluster: Cluster) -> None:
    check_orders("sqlalchemy_orders.py", cluster.uri)


def test_django_orders(cluster: Cluster) -> None:
    check_orders("django_orders.py", cluster.uri)


def test_readme(cluster: Cluster) -> None:
    text = (EXAMPLES.parent / "README.md").read_text()
    block, asynchronous = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    body = textwrap.indent(asynchronous.replace("import zseq.aio", ""), "    ")
    code = (
        f"{block}\nassert len(ids) == 100_000\n"
        f"import asyncio, zseq.aio\nasync def main():\n{body}"
        "    assert len(set(numbers)) == 1000\nasyncio.run(main())\n"
    )
    exec(re.sub(r'"tcp://[^"]*"', repr(cluster.uri), code), {})


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.py")))
def test_each_example_is_run(example: pathlib.Path) -> None:
    assert f"def test_{example.stem}" in pathlib.Path(__file__).read_text()
