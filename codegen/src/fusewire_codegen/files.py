"""Files that are written: all at once or not at all, and only when they change."""

from __future__ import annotations

import difflib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

MAX_DIFF_LINES = 24


def read(path: Path) -> str | None:
    """The text of `path`, exactly as stored, or None when there is no such file."""
    try:
        return path.read_bytes().decode("utf-8", "replace")
    except FileNotFoundError:
        return None


def write_if_changed(path: Path, text: str) -> bool:
    """Replace `path` by `text` in one step. Returns False, and touches nothing, when it is that text already.

    A reader (a dev server, a compiler) sees the old file or the new one, never half of one. Missing folders
    are made. Raises `OSError`.
    """
    if read(path) == text:
        return False
    target = path.resolve()  # A symbolic link stays one.
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(text.encode())
        temporary.chmod(_mode(target))
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return True


def difference(path: Path, text: str) -> Iterator[str]:
    """A unified diff from the file to `text`, cut after `MAX_DIFF_LINES` lines; empty when equal."""
    before = read(path)
    if before == text:
        return
    old, new = (before or "").splitlines(), text.splitlines()
    name = "missing" if before is None else "on disk"
    for count, line in enumerate(difflib.unified_diff(old, new, name, "generated", n=1, lineterm="")):
        if count == MAX_DIFF_LINES:
            yield "…"
            return
        yield line


def _mode(path: Path) -> int:
    # mkstemp makes files that only their owner can read; generated sources are as readable as any other.
    if path.exists():
        return path.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
