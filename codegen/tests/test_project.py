"""Which files are the user's."""

from __future__ import annotations

from pathlib import Path

import pytest
from fusewire_codegen.project import Project


@pytest.mark.parametrize(
    ("path", "below", "owned"),
    [
        ("main.py", True, True),
        ("app/backend/rpc/jobs.py", True, True),
        (".venv/lib/python3.11/site-packages/fastapi/routing.py", False, False),
        ("venv/lib/x.py", False, False),
        ("web/node_modules/x.py", False, False),
        ("app/__pycache__/x.py", False, False),
        (".hidden.py", True, True),
        ("server/src/fusewire/app.py", True, False),
        ("../elsewhere/x.py", False, False),
        ("<string>", True, True),
    ],
)
def test_owner(tmp_path: Path, path: str, below: bool, owned: bool) -> None:
    project = Project(tmp_path, frameworks=(tmp_path / "server/src/fusewire",))
    file = Path(f"{tmp_path}/{path}").resolve()
    assert (project.is_below(file), project.owns(file)) == (below, owned)


def test_a_name_that_is_no_file_belongs_to_nobody(tmp_path: Path) -> None:
    assert not Project(tmp_path).owns(Path("<frozen importlib._bootstrap>"))


def test_short_names(tmp_path: Path) -> None:
    project = Project(tmp_path)
    assert project.short(tmp_path.resolve() / "a" / "b.py") == "a/b.py"
    assert project.short(Path("/usr/lib/x.py")) == "/usr/lib/x.py"


def test_folders_leave_out_those_of_tools(tmp_path: Path) -> None:
    for name in ("app/backend", ".venv/lib", "web/node_modules/x", "app/__pycache__", "python/lib"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "python" / "pyvenv.cfg").touch()
    found = {str(folder.relative_to(tmp_path.resolve())) for folder in Project(tmp_path).folders()}
    assert found == {".", "app", "app/backend", "web"}
