"""Imports that see the source as it is now.

Python takes a cached bytecode file for current when the source's size and its time *in whole seconds* are
those recorded in it. Of two saves in one second that leave the size alone (`name: str` to `mail: str`), the
second may therefore run as the first.
"""

from __future__ import annotations

import sys
import time
from importlib.machinery import (
    BYTECODE_SUFFIXES,
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    SourceFileLoader,
    SourcelessFileLoader,
)
from importlib.util import cache_from_source
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.importlib import PathEntryFinderProtocol

SETTLED_SECONDS = 2.0
"""Bytecode this much younger than its source cannot hold an earlier text of the same second."""


class FreshSourceLoader(SourceFileLoader):
    """Python's own loader; bytecode that could be that of another save is neither read nor written."""

    def get_code(self, fullname: str) -> CodeType | None:
        """The module's code, from bytecode only when the source had settled before that was written."""
        path = self.get_filename(fullname)
        if bytecode_is_certain(Path(path)):
            return super().get_code(fullname)
        return self.source_to_code(self.get_data(path), path)


def bytecode_is_certain(source: Path) -> bool:
    """Whether reading or writing the bytecode of `source` is free of the race described above."""
    changed = source.stat().st_mtime
    if time.time() - changed < SETTLED_SECONDS:
        return False
    cached = Path(cache_from_source(str(source)))
    return not cached.exists() or cached.stat().st_mtime - changed >= SETTLED_SECONDS


def install(root: Path) -> None:
    """Use that loader for modules below `root`, in this process. Installing it twice does nothing."""
    if any(getattr(hook, "root", None) == root for hook in sys.path_hooks):
        return
    sys.path_hooks.insert(0, _Hook(root))
    for entry in [entry for entry in sys.path_importer_cache if Path(entry).is_relative_to(root)]:
        del sys.path_importer_cache[entry]


class _Hook:
    def __init__(self, root: Path) -> None:
        self.root = root
        self._finder_for = FileFinder.path_hook(
            (ExtensionFileLoader, EXTENSION_SUFFIXES),
            (FreshSourceLoader, SOURCE_SUFFIXES),
            (SourcelessFileLoader, BYTECODE_SUFFIXES),
        )

    def __call__(self, entry: str) -> PathEntryFinderProtocol:
        # A project's environment usually lies inside it: what is installed there keeps its bytecode.
        if "site-packages" in entry or not Path(entry).resolve().is_relative_to(self.root):
            raise ImportError(f"{entry} is not below {self.root}")
        return self._finder_for(entry)
