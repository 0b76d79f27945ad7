"""Builds wheels; pyproject.toml holds the rest.

With ZSEQ_LIBRARY=.../libzseq.so the wheel contains that library and those
that it needs, and is for this platform; patchelf and Debian's dpkg are needed
to make it. Without it, the wheel is for any platform, and uses the system's
library.
"""

import os
import pathlib
import re
import shutil
import subprocess
from typing import Any

from setuptools import setup
from setuptools.command.build_py import build_py
from wheel.bdist_wheel import bdist_wheel

library = os.environ.get("ZSEQ_LIBRARY")

#: Packages whose libraries stay outside, as every Linux with glibc has them,
#: and as a process can hold only one copy of them.
OUTSIDE = {"libc6", "libgcc-s1", "libstdc++6"}
#: Packages whose headers the library has inlined.
INLINED = ("libbsd-dev", "libmsgpack-dev", "libxxhash-dev")

PACKAGES = """\
The libraries here are those of the Debian packages below. patchelf has given
them names of their own, so that they do not meet others of the same process,
and lets them find each other here; nothing else was changed. libzseq.so.0 has
inlined functions of the headers of packages with -dev. The directory licenses
holds the licences of all. https://snapshot.debian.org has their sources.

"""


def output(*command: str) -> str:
    """What a command prints."""
    try:
        return subprocess.run(
            command, check=True, stdout=subprocess.PIPE, text=True
        ).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise SystemExit(f"a wheel with the library: {error}") from None


def find_needed(path: str) -> list[tuple[str, str, str]]:
    """What a library needs: names, files, Debian packages."""
    found = re.findall(r"(\S+) => (/\S+)", output("ldd", path))
    #  Some packages name what is now in /usr/lib by /lib.
    files = {
        file: "*" + os.path.realpath(file).removeprefix("/usr")
        for _, file in found
    }
    owned = output("dpkg-query", "--search", *files.values())
    packages = {
        "*" + file.removeprefix("/usr"): package
        for package, file in re.findall(r"^([^:]+):.* (/.*)", owned, re.M)
    }
    return [(name, file, packages[files[file]]) for name, file in found]


def put_licence(package: str, target: pathlib.Path) -> None:
    """Copies a package's licence, and the texts to which it refers."""
    text = pathlib.Path("/usr/share/doc", package, "copyright").read_text()
    (target / package).write_text(text)
    common = "/usr/share/common-licenses/"
    for name in re.findall(common + r"([\w.+-]*\w)", text):
        shutil.copy(common + name, target)


def put_library(path: str, target: pathlib.Path) -> None:
    """Copies a library to target/libzseq.so.0, and what it needs to
    target/libs, with the licences.
    """
    libs = target / "libs"
    shutil.rmtree(libs, ignore_errors=True)
    licences = libs / "licenses"
    licences.mkdir(parents=True)
    copies = {target / "libzseq.so.0": "$ORIGIN/libs"}
    shutil.copy(path, target / "libzseq.so.0")
    renamed: dict[str, str] = {}
    packages = set(INLINED)
    for name, file, package in find_needed(path):
        if package not in OUTSIDE:
            packages.add(package)
            renamed[name] = f"zseq-{name}"
            copy = libs / renamed[name]
            copies[copy] = "$ORIGIN"
            shutil.copy(file, copy)
            output("patchelf", "--set-soname", copy.name, str(copy))
    #  patchelf 0.14 damages a file if asked for several changes at once.
    for copy, path in copies.items():
        output("patchelf", "--set-rpath", path, str(copy))
        for name in output("patchelf", "--print-needed", str(copy)).split():
            if name in renamed:
                change = ("--replace-needed", name, renamed[name])
                output("patchelf", *change, str(copy))
    for package in packages:
        put_licence(package, licences)
    listed = output(
        *("dpkg-query", "--show", "--showformat=${Package} ${Version}\\n"),
        *sorted(packages),
    )
    (libs / "PACKAGES").write_text(PACKAGES + listed)


class BuildWithLibrary(build_py):
    """Puts the shared library next to the modules."""

    def run(self) -> None:
        super().run()
        if library:
            put_library(library, pathlib.Path(self.build_lib, "zseq"))


class WheelOfAnyPython(bdist_wheel):
    """ctypes calls the library, so the wheel fits any version of Python."""

    def finalize_options(self) -> None:
        super().finalize_options()
        self.root_is_pure = not library

    def get_tag(self) -> Any:
        _, _, platform = super().get_tag()
        return "py3", "none", platform


setup(cmdclass={"build_py": BuildWithLibrary, "bdist_wheel": WheelOfAnyPython})
