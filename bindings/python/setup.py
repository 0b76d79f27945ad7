"""Builds wheels; pyproject.toml holds the rest.

With ZSEQ_LIBRARY=.../libzseq.so the wheel contains that library, and is for
this platform. Without it, the wheel is for any platform, and uses the
system's library.
"""

import os
import pathlib
import shutil
from typing import Any

from setuptools import setup
from setuptools.command.build_py import build_py
from wheel.bdist_wheel import bdist_wheel

library = os.environ.get("ZSEQ_LIBRARY")


class BuildWithLibrary(build_py):
    """Puts the shared library next to the modules."""

    def run(self) -> None:
        super().run()
        if library:
            package = pathlib.Path(self.build_lib, "zseq")
            shutil.copy(library, package / "libzseq.so.0")


class WheelOfAnyPython(bdist_wheel):
    """ctypes calls the library, so the wheel fits any version of Python."""

    def finalize_options(self) -> None:
        super().finalize_options()
        self.root_is_pure = not library

    def get_tag(self) -> Any:
        _, _, platform = super().get_tag()
        return "py3", "none", platform


setup(cmdclass={"build_py": BuildWithLibrary, "bdist_wheel": WheelOfAnyPython})
