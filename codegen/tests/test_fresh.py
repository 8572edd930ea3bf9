"""Imports that see the source as it is now."""

from __future__ import annotations

import importlib.util
import os
import py_compile
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fusewire_codegen.fresh import SETTLED_SECONDS, FreshSourceLoader, bytecode_is_certain


@pytest.mark.parametrize(
    ("source_age", "bytecode_age", "certain"),
    [
        (0.0, None, False),
        (60.0, None, True),
        (60.0, 59.9, False),
        (60.0, 60.0 - SETTLED_SECONDS - 1, True),
        (0.0, 60.0, False),
    ],
)
def test_when_bytecode_can_be_trusted(
    tmp_path: Path, source_age: float, bytecode_age: float | None, certain: bool
) -> None:
    now = time.time()
    source = tmp_path / "module.py"
    source.write_text("VALUE = 1\n")
    if bytecode_age is not None:
        cached = Path(py_compile.compile(str(source), doraise=True) or "")
        os.utime(cached, (now - bytecode_age,) * 2)
    os.utime(source, (now - source_age,) * 2)
    assert bytecode_is_certain(source) is certain


def test_stale_bytecode_of_the_same_second_is_not_run(tmp_path: Path) -> None:
    source = tmp_path / "module.py"
    source.write_text("VALUE = 1\n")
    saved = time.time() - 60
    os.utime(source, (saved, saved))
    cached = Path(py_compile.compile(str(source), doraise=True) or "")
    os.utime(cached, (saved, saved))
    source.write_text("VALUE = 2\n")
    os.utime(source, (saved, saved))
    spec = importlib.util.spec_from_file_location("module", source)
    assert spec
    assert spec.loader
    stale = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(stale)
    assert stale.VALUE == 1, "Python itself no longer has the problem: fresh.py can go"
    code = FreshSourceLoader("module", str(source)).get_code("module")
    assert code
    found: dict[str, int] = {}
    exec(code, found)
    assert found["VALUE"] == 2


def test_packages_in_the_projects_environment_keep_pythons_own_loader(tmp_path: Path) -> None:
    installed = tmp_path / ".venv" / "lib" / "site-packages"
    installed.mkdir(parents=True)
    (installed / "a_package.py").touch()
    (tmp_path / "own.py").touch()
    text = (
        "import sys\nfrom pathlib import Path\nfrom fusewire_codegen import fresh\n"
        f"root = Path({str(tmp_path)!r})\nfresh.install(root)\nfresh.install(root)\n"
        f"sys.path[:0] = [str(root), {str(installed)!r}]\n"
        "import own, a_package\n"
        "print(type(own.__loader__).__name__, type(a_package.__loader__).__name__)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout == "FreshSourceLoader SourceFileLoader\n"
