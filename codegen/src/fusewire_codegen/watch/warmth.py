"""What the warm process is to have imported: all that the files saved last do not reach."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from fusewire_codegen.watch.frames import Message
from fusewire_codegen.watch.imports import Imported, dependents

MAX_FILES = 4
"""So many files, those saved last, are left out: who changes one of them again, or another of them, has an answer soon."""
MAX_FAILURES = 3
"""After so many there is no warm process any more: the app depends on the order of its imports, or starts threads."""


class Warmth:
    """Decides when a warm process is needed, and with what in it."""

    def __init__(self) -> None:
        self._recent: dict[str, None] = {}
        self._files: frozenset[str] | None = None
        """What the warm process has imported; None: there is none."""
        self._failures = 0

    @property
    def is_wanted(self) -> bool:
        """Whether quick answers were right so far."""
        return self._failures < MAX_FAILURES

    def changed(self, files: Collection[str] | None) -> None:
        """These files were saved; None: any may have been."""
        for file in files or ():
            self._recent.pop(file, None)
            self._recent[file] = None
        while len(self._recent) > MAX_FILES:
            del self._recent[next(iter(self._recent))]
        if files is None or (self._files and not self._files.isdisjoint(files)):
            self._files = None

    def gone(self) -> None:
        """The warm process went with its zygote."""
        self._files = None

    def ended(self) -> None:
        """The warm process did not start, or ended by itself."""
        if self._files is not None:  # else something was saved meanwhile that it had begun to import
            self._failures += 1

    def was_wrong(self) -> None:
        """A whole run gave another contract than the quick one before it."""
        self._failures += 1

    def plan(self, imported: Sequence[Imported]) -> Message | None:
        """What to import, from what a whole run did import; None when nothing is to be done."""
        if not self.is_wanted or self._files is not None or not imported:
            return None
        files = set(self._recent) or {max((module.file for module in imported), key=_changed_at)}
        left_out = dependents(imported, files)
        kept = [module for module in imported if module.name not in left_out]
        # A package whose `__init__` is left out is entered for the modules in it.
        inside = {name for module in kept for name in _packages(module.name)}
        hollow = left_out & inside
        self._files = frozenset(module.file for module in kept)
        if not kept:
            return None
        return {
            "modules": [module.name for module in kept],
            "hollow": [module.name for module in imported if module.name in hollow],
            "left_out": sorted(left_out - hollow),
        }


def _packages(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:depth]) for depth in range(1, len(parts))]


def _changed_at(file: str) -> float:
    try:
        return Path(file).stat().st_mtime
    except OSError:
        return 0.0
