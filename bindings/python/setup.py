"""Builds wheels; pyproject.toml says the rest.

With ZSEQ_LIBRARY=.../libzseq.so that library goes into the wheel, which is
then of this platform. Without, the wheel is of any, and uses the system's.
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
    """The library is called by ctypes: it belongs to no version of Python."""

    def finalize_options(self) -> None:
        super().finalize_options()
        self.root_is_pure = not library

    def get_tag(self) -> Any:
        _, _, platform = super().get_tag()
        return "py3", "none", platform


setup(cmdclass={"build_py": BuildWithLibrary, "bdist_wheel": WheelOfAnyPython})
