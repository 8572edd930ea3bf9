"""Contract to a Python client: a pure function, `render` is the whole of it."""

from fusewire_codegen.python.module import render

__all__ = ["render"]
