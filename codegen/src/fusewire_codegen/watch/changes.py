"""Which changes on disk matter, as a stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from watchfiles import Change, awatch

from fusewire_codegen.project import Project, is_tool_folder

STEP_MS = 10
"""How long the disk must be quiet before a change is told. An editor truncates and writes within less."""
DEBOUNCE_MS = 150
"""The longest that a change is held back while others keep coming."""
IDLE_MS = 500
"""How often an idle watch says so; the first time tells that the watches are in place."""
PACKAGE_FILES = frozenset({"pyproject.toml", "uv.lock"})


class Kind(Enum):
    """What a batch of changes asks for."""

    SOURCES = "sources"
    """The user's code may have changed."""
    PACKAGES = "packages"
    """What is installed may have changed."""
    WATCHING = "watching"
    """Watching has (re)started; something may have been saved just before."""


@dataclass(frozen=True)
class Batch:
    """What changed together; `paths` are the Python files."""

    kind: Kind
    paths: frozenset[Path] = frozenset()


class FolderFilter:
    """Lets through Python files but those in `written`, package files, and folders of the project that came or went."""

    def __init__(self, folders: frozenset[Path], written: frozenset[Path] = frozenset()) -> None:
        self._folders = folders
        self._written = written

    def __call__(self, change: Change, name: str) -> bool:
        """Whether the change of the file or folder `name` matters."""
        path = Path(name)
        if path.suffix == ".py" or path.name in PACKAGE_FILES:
            return path not in self._written
        if change is Change.deleted:
            return path in self._folders
        return change is Change.added and not is_tool_folder(path.name) and path.is_dir()


async def changes(
    project: Project, stop: asyncio.Event, written: frozenset[Path] = frozenset()
) -> AsyncGenerator[Batch]:
    """Batches of changes in the project until `stop` is set, beginning with a `WATCHING` one.

    Changes of the files in `written` are none: a Python client is a Python file that the watcher itself writes.
    Only the project's own folders are watched, one by one: a recursive watch would include every folder of
    `node_modules`, which takes seconds and fills the kernel's table of watches.
    A new folder starts it anew.
    """
    packages = _package_stamps(project.folders())
    while not stop.is_set():
        folders = frozenset(project.folders())
        is_first = True
        turns = awatch(
            *folders,
            watch_filter=FolderFilter(folders, written),
            stop_event=stop,
            step=STEP_MS,
            debounce=DEBOUNCE_MS,
            rust_timeout=IDLE_MS,
            yield_on_timeout=True,
            recursive=False,
        )
        async with aclosing(turns):
            async for found in turns:
                paths = frozenset(Path(name) for _, name in found)
                if is_first:
                    before, packages = packages, _package_stamps(folders)
                    yield Batch(Kind.WATCHING if before == packages else Kind.PACKAGES)
                is_first = False
                for batch in _batches(paths):
                    if batch.kind is Kind.PACKAGES:
                        packages = _package_stamps(folders)
                    yield batch
                if any(path in folders or path.is_dir() for path in paths):
                    break


def _package_stamps(folders: Iterable[Path]) -> dict[Path, int]:
    """When each package file was changed last: one may be saved before the watches are in place."""
    files = [folder / name for folder in folders for name in PACKAGE_FILES]
    return {file: file.stat().st_mtime_ns for file in files if file.exists()}


def _batches(paths: frozenset[Path]) -> list[Batch]:
    batches = []
    if any(path.name in PACKAGE_FILES for path in paths):
        batches.append(Batch(Kind.PACKAGES))
    if sources := frozenset(path for path in paths if path.suffix == ".py"):
        batches.append(Batch(Kind.SOURCES, sources))
    return batches
