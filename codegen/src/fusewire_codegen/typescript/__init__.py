"""Contract to TypeScript: pure functions, `render` is the whole of it."""

from fusewire_codegen.typescript.module import render

__all__ = ["render"]
