"""The version of this package; it goes with the library's."""

__version__ = "0.1.0"
