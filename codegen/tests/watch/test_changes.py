"""Which changes matter."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from fusewire_codegen.project import Project
from fusewire_codegen.watch.changes import Batch, FolderFilter, Kind, changes
from watchfiles import Change


@pytest.mark.parametrize(
    ("change", "name", "matters"),
    [
        (Change.modified, "a.py", True),
        (Change.added, "a.py", True),
        (Change.deleted, "a.py", True),
        (Change.modified, "uv.lock", True),
        (Change.modified, "pyproject.toml", True),
        (Change.modified, "fuse.ts", False),
        (Change.added, ".fuse.ts.abc.tmp", False),
        (Change.added, "folder", True),
        (Change.modified, "folder", False),
        (Change.added, "__pycache__", False),
        (Change.deleted, "watched", True),
        (Change.deleted, "other", False),
    ],
)
def test_filter(tmp_path: Path, change: Change, name: str, matters: bool) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "__pycache__").mkdir()
    watched = FolderFilter(frozenset({tmp_path / "watched"}))
    assert watched(change, str(tmp_path / name)) is matters


async def test_batches(tmp_path: Path) -> None:
    stop = asyncio.Event()
    batches = changes(Project(tmp_path), stop)
    async with asyncio.timeout(20):
        assert await anext(batches) == Batch(Kind.WATCHING)
        file = tmp_path / "a.py"
        file.write_text("")
        assert await anext(batches) == Batch(Kind.SOURCES, frozenset({file}))
        (tmp_path / "uv.lock").write_text("")
        assert await anext(batches) == Batch(Kind.PACKAGES)
        (tmp_path / "folder").mkdir()
        assert await anext(batches) == Batch(Kind.WATCHING)
        inner = tmp_path / "folder" / "b.py"
        inner.write_text("")
        assert await anext(batches) == Batch(Kind.SOURCES, frozenset({inner}))
        stop.set()
        assert [batch async for batch in batches] == []
