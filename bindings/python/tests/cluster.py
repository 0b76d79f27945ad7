"""Clusters of real nodes on this machine."""

from __future__ import annotations

import itertools
import os
import pathlib
import subprocess
import tempfile
import threading

_ports = itertools.count(19001)


def _address() -> str:
    #  All of 127.0.0.0/8 is this machine. On an address that no other running
    #  test has (tests/cli/lib.sh), every port is free.
    pid = os.getpid()
    return f"127.{64 + (pid >> 16) % 64}.{(pid >> 8) % 256}.{pid % 256}"


def program(name: str) -> str:
    """The path of a built program."""
    return os.path.join(os.environ.get("ZSEQ_BIN", ""), name)


class Node:
    """A zseqd process."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.name = directory.name
        self.log: list[str] = []
        self._says = threading.Condition()
        self._ended = False
        self._process = subprocess.Popen(
            [program("zseqd"), "start", "--data", directory],
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stderr
        for line in self._process.stderr:
            with self._says:
                self.log.append(line)
                self._says.notify_all()
        with self._says:
            self._ended = True
            self._says.notify_all()

    def wait_until_it_votes(self) -> None:
        ready = f"ready: node {self.name} votes"
        with self._says:
            self._says.wait_for(
                lambda: self._ended or any(ready in line for line in self.log),
                timeout=60,
            )
        assert any(ready in line for line in self.log), self.log

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()
        assert self._process.stderr
        self._process.stderr.close()


class Cluster:
    """Nodes that are up and vote; a context manager."""

    def __init__(self, names: str = "abc") -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="zseq-python.")
        address = _address()
        endpoints = {
            name: f"tcp://{address}:{next(_ports)}" for name in names
        }
        self.uri = ",".join(endpoints.values())
        members = ",".join("=".join(item) for item in endpoints.items())
        for name in names:
            subprocess.run(
                [program("zseqd"), "format", "--data", str(self._path(name))]
                + ["--name", name, "--cluster", "test", "--members", members],
                check=True,
                capture_output=True,
            )
        self.nodes: dict[str, Node] = {}
        self.start(names)

    def _path(self, name: str) -> pathlib.Path:
        return pathlib.Path(self._directory.name, name)

    def start(self, names: str) -> None:
        for name in names:
            self.nodes[name] = Node(self._path(name))
        for name in names:
            self.nodes[name].wait_until_it_votes()

    def kill(self, names: str) -> None:
        for name in names:
            self.nodes.pop(name).kill()

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_error: object) -> None:
        self.kill("".join(self.nodes))
        self._directory.cleanup()
