"""Fixtures."""

from __future__ import annotations

from pathlib import Path

import pytest

from codegen.tests.projects import Project


@pytest.fixture(name="project")
def fixture_project(tmp_path: Path) -> Project:
    """A small project that generates."""
    return Project(tmp_path / "project")
