"""Which files are the user's own: below the project's folder, and not in what tools put there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

_TOOL_FOLDERS = frozenset({"node_modules", "__pycache__", "site-packages", "venv", "env"})


class Project:
    """A folder that holds the user's code.

    `frameworks` are folders that are not the user's even when they lie below it: Fusewire's own sources.
    """

    def __init__(self, root: Path, frameworks: tuple[Path, ...] = ()) -> None:
        self.root = root.resolve()
        self._frameworks = frameworks

    def is_below(self, path: Path) -> bool:
        """Whether `path` lies in the project and in no tool's folder."""
        try:
            parts = path.relative_to(self.root).parts
        except ValueError:
            return False
        return not any(is_tool_folder(part) for part in parts[:-1])

    def owns(self, path: Path) -> bool:
        """Whether `path` is the user's own code, as against an installed package or the framework."""
        return self.is_below(path) and not any(path.is_relative_to(folder) for folder in self._frameworks)

    def short(self, path: Path) -> str:
        """`path` as the user would write it: relative to the project when it lies in it."""
        return str(path.relative_to(self.root)) if path.is_relative_to(self.root) else str(path)

    def folders(self) -> Iterator[Path]:
        """The project's folders, itself first, without those of tools."""
        for folder, names, files in os.walk(self.root):
            if "pyvenv.cfg" in files:
                names.clear()
                continue
            names[:] = [name for name in names if not is_tool_folder(name)]
            yield Path(folder)


def is_tool_folder(name: str) -> bool:
    """Whether a folder of that name belongs to a tool: `.venv`, `.git`, `node_modules`, …"""
    return name.startswith(".") or name in _TOOL_FOLDERS
