"""Writing files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from fusewire_codegen import files


def test_folders_are_made_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "fuse.ts"
    assert files.write_if_changed(path, "text\n")
    assert path.read_text() == "text\n"
    assert [entry.name for entry in path.parent.iterdir()] == ["fuse.ts"]


def test_the_same_text_does_not_touch_the_file(tmp_path: Path) -> None:
    path = tmp_path / "fuse.ts"
    files.write_if_changed(path, "text\n")
    os.utime(path, ns=(1, 1))
    assert not files.write_if_changed(path, "text\n")
    assert path.stat().st_mtime_ns == 1
    assert files.write_if_changed(path, "other\n")
    assert path.stat().st_mtime_ns != 1


def test_a_reader_keeps_the_file_that_it_opened(tmp_path: Path) -> None:
    path = tmp_path / "fuse.ts"
    path.write_text("old")
    with path.open() as reader:
        files.write_if_changed(path, "new")
        assert reader.read() == "old"
    assert path.read_text() == "new"


def test_a_failed_write_leaves_the_old_file_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "fuse.ts"
    path.write_text("old")

    def fail(self: Path, target: Path) -> Path:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        files.write_if_changed(path, "new")
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["fuse.ts"]


def test_permissions_are_those_of_the_old_file_or_of_any_new_one(tmp_path: Path) -> None:
    old, new, ordinary = tmp_path / "old", tmp_path / "new", tmp_path / "ordinary"
    old.write_text("")
    old.chmod(0o640)
    ordinary.write_text("")
    files.write_if_changed(old, "text")
    files.write_if_changed(new, "text")
    assert old.stat().st_mode & 0o777 == 0o640
    assert new.stat().st_mode == ordinary.stat().st_mode


def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    link, target = tmp_path / "link.ts", tmp_path / "target.ts"
    target.write_text("old")
    link.symlink_to(target)
    files.write_if_changed(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"


def test_line_ends_are_compared_and_written_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "fuse.ts"
    path.write_bytes(b"a\r\n")
    assert files.write_if_changed(path, "a\n")
    assert path.read_bytes() == b"a\n"


def test_difference_is_short(tmp_path: Path) -> None:
    path = tmp_path / "fuse.ts"
    assert list(files.difference(path, "a\n"))[-1] == "+a"
    path.write_text("".join(f"{n}\n" for n in range(100)))
    assert list(files.difference(path, path.read_text())) == []
    assert "-5" in list(files.difference(path, path.read_text().replace("5\n", "five\n", 1)))
    assert len(list(files.difference(path, ""))) == files.MAX_DIFF_LINES + 1
