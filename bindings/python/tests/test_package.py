"""The packages that are built and installed."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import zipfile

import pytest
from cluster import Cluster

import zseq

SOURCE = pathlib.Path(__file__).parents[1]
LIBRARY = os.environ.get("ZSEQ_LIBRARY")


@pytest.fixture
def source(tmp_path: pathlib.Path) -> pathlib.Path:
    """A copy of the sources, because a build leaves files behind."""
    copy = tmp_path / "source"
    ignore = shutil.ignore_patterns("__pycache__", "build", "*.egg-info")
    return pathlib.Path(shutil.copytree(SOURCE, copy, ignore=ignore))


def run(*command: str, **environment: str) -> str:
    done = subprocess.run(
        command,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def build(
    source: pathlib.Path, kind: str, library: str = ""
) -> tuple[pathlib.Path, str]:
    """Builds a wheel or an sdist. Returns its path and its name."""
    run(
        *(sys.executable, "-m", "build", "--no-isolation", f"--{kind}"),
        str(source),
        ZSEQ_LIBRARY=library,
    )
    (built,) = (source / "dist").iterdir()
    return built, built.name


def install(wheel: pathlib.Path, target: pathlib.Path) -> None:
    run(
        *(sys.executable, "-m", "pip", "install", "--no-index", "--no-deps"),
        *("--root-user-action", "ignore", "--target", str(target), str(wheel)),
    )


@pytest.mark.skipif(not LIBRARY, reason="ZSEQ_LIBRARY is not set")
def test_a_wheel_holds_the_library(
    source: pathlib.Path, cluster: Cluster, name: str
) -> None:
    assert LIBRARY
    wheel, file = build(source, "wheel", LIBRARY)
    assert file.startswith(f"zseq-{zseq.__version__}-py3-none-linux_")
    target = source / "installed"
    install(wheel, target)
    assert (target / "zseq/py.typed").exists()
    code = (
        "import sys, zseq\n"
        "print(zseq._library._find())\n"
        "with zseq.Client(sys.argv[1]) as client:\n"
        "    print(next(client.sequence(sys.argv[2])))\n"
    )
    out = run(
        *(sys.executable, "-P", "-c", code, cluster.uri, name),
        ZSEQ_LIBRARY="",
        PYTHONPATH=str(target),
    )
    assert out == f"{target}/zseq/libzseq.so.0\n1\n"


def test_a_wheel_without_the_library_uses_the_system_s(
    source: pathlib.Path,
) -> None:
    wheel, file = build(source, "wheel")
    assert file == f"zseq-{zseq.__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert "zseq/py.typed" in names
    assert not [name for name in names if ".so" in name]
    target = source / "installed"
    install(wheel, target)
    code = "import zseq._library as library; print(library._find())"
    out = run(
        *(sys.executable, "-P", "-c", code),
        ZSEQ_LIBRARY=LIBRARY or "",
        PYTHONPATH=str(target),
    )
    assert out.strip() == (LIBRARY or "libzseq.so.0")


def test_an_sdist_holds_what_a_wheel_is_made_of(
    source: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    sdist, file = build(source, "sdist")
    assert file == f"zseq-{zseq.__version__}.tar.gz"
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path / "unpacked")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    _, file = build(unpacked, "wheel")
    assert file.endswith("-py3-none-any.whl")
