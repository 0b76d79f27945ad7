"""The packages that are built and installed."""

from __future__ import annotations

import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator

import pytest
from cluster import Cluster

import zseq

SOURCE = pathlib.Path(__file__).parents[1]
LIBRARY = os.environ.get("ZSEQ_LIBRARY")


def copy_source(target: pathlib.Path) -> pathlib.Path:
    """A copy of the sources, because a build leaves files behind."""
    copy = target / "source"
    ignore = shutil.ignore_patterns("__pycache__", "build", "*.egg-info")
    return pathlib.Path(shutil.copytree(SOURCE, copy, ignore=ignore))


@pytest.fixture
def source(tmp_path: pathlib.Path) -> pathlib.Path:
    return copy_source(tmp_path)


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
) -> pathlib.Path:
    """Builds a wheel or an sdist."""
    run(
        *(sys.executable, "-m", "build", "--no-isolation", f"--{kind}"),
        str(source),
        ZSEQ_LIBRARY=library,
    )
    (built,) = (source / "dist").iterdir()
    return built


#: Prints the next ID of a cluster, and which files of the library are mapped.
DRAW = """
import sys, zseq
with zseq.Client(sys.argv[1]) as client:
    print(next(client.sequence(sys.argv[2])))
with open("/proc/self/maps") as maps:
    paths = {line.split(None, 5)[-1].strip() for line in maps}
print(*sorted(path for path in paths if ".so" in path), sep="\\n")
"""


def install(wheel: pathlib.Path, target: pathlib.Path) -> None:
    run(
        *(sys.executable, "-m", "pip", "install", "--no-index", "--no-deps"),
        *("--root-user-action", "ignore", "--target", str(target), str(wheel)),
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A wheel that contains the library."""
    if not LIBRARY:
        pytest.skip("ZSEQ_LIBRARY is not set")
    source = copy_source(tmp_path_factory.mktemp("wheel"))
    return build(source, "wheel", LIBRARY)


def test_a_wheel_holds_the_library(
    wheel: pathlib.Path, tmp_path: pathlib.Path, cluster: Cluster, name: str
) -> None:
    assert wheel.name.startswith(f"zseq-{zseq.__version__}-py3-none-linux_")
    target = tmp_path / "installed"
    install(wheel, target)
    assert (target / "zseq/py.typed").exists()
    number, *files = run(
        *(sys.executable, "-P", "-c", DRAW, cluster.uri, name),
        ZSEQ_LIBRARY="",
        PYTHONPATH=str(target),
    ).splitlines()
    assert int(number) >= 1
    assert f"{target}/zseq/libzseq.so.0" in files
    assert f"{target}/zseq/libs/zseq-libzmq.so.5" in files
    #  What is carried is used, and what is not is also on bare systems.
    carried = {file for file in files if file.startswith(str(target))}
    assert len(carried) == 1 + len(list(target.glob("zseq/libs/*.so*")))
    for library in ("zmq", "sodium", "pgm", "norm", "gssapi", "bsd"):
        assert not [x for x in files if f"/lib{library}" in x]


def test_a_wheel_holds_the_licences(wheel: pathlib.Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        texts = {
            pathlib.Path(name).name: archive.read(name).decode()
            for name in archive.namelist()
            if "/licenses/" in name or name.endswith(("PACKAGES", "LICENSE"))
        }
    assert "MIT License" in texts["LICENSE"]
    packages = re.findall(r"^(lib\S+) \d\S+$", texts["PACKAGES"], re.MULTILINE)
    assert {"libzmq5", "libsodium23", "libxxhash-dev"} < set(packages)
    for package in packages:
        referred = re.findall(r"common-licenses/([\w.+-]*\w)", texts[package])
        assert set(referred) < set(texts)


@pytest.fixture
def bare_system() -> Iterator[pathlib.Path]:
    """The root of a Debian that has nothing but pip."""
    with tempfile.TemporaryDirectory(prefix="zseq-bare.") as directory:
        root = pathlib.Path(directory, "root")
        release = platform.freedesktop_os_release()["VERSION_CODENAME"]
        made = subprocess.run(
            ["debootstrap", "--variant=minbase", "--include=python3-pip"]
            + [release, str(root)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if made.returncode:
            pytest.skip("debootstrap: " + made.stdout[-200:])
        yield root


@pytest.mark.skipif(
    "ZSEQ_LONG" not in os.environ, reason="fetches 100 MB: only with --long"
)
@pytest.mark.skipif(os.getuid() != 0, reason="needs root")
def test_a_wheel_works_on_a_bare_system(
    wheel: pathlib.Path, bare_system: pathlib.Path, cluster: Cluster, name: str
) -> None:
    shutil.copy(wheel, bare_system)
    inside = ("chroot", str(bare_system), "/usr/bin/env", "-i")
    run(
        *(*inside, "PATH=/usr/bin:/bin", "pip", "install", "--no-index"),
        *("--break-system-packages", "--root-user-action=ignore"),
        f"/{wheel.name}",
    )
    code = (
        "import sys, zseq\n"
        "for uri in 'mem:', 'file:/ids', 'flake:1', sys.argv[1]:\n"
        "    with zseq.Client(uri) as client:\n"
        "        print(next(client.sequence(sys.argv[2])))\n"
    )
    out = run(*inside, "/usr/bin/python3", "-c", code, cluster.uri, name)
    memory, directory, flake, theirs = map(int, out.split())
    assert (memory, directory) == (1, 1)
    assert flake > 1 << 22
    assert theirs >= 1


def test_a_wheel_without_the_library_uses_the_system_s(
    source: pathlib.Path,
) -> None:
    wheel = build(source, "wheel")
    assert wheel.name == f"zseq-{zseq.__version__}-py3-none-any.whl"
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
    sdist = build(source, "sdist")
    assert sdist.name == f"zseq-{zseq.__version__}.tar.gz"
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path / "unpacked")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    assert "MIT License" in (unpacked / "LICENSE").read_text()
    assert build(unpacked, "wheel").name.endswith("-py3-none-any.whl")
