"""Who imports whom, and what a warm process may have imported."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fusewire_codegen.watch.imports import Imported, Recorder, dependents, fill, hollow
from fusewire_codegen.watch.warmth import MAX_FAILURES, Warmth

SOURCES = {
    "yard/__init__.py": "",
    "yard/base.py": "import json\n",
    "yard/rpc/__init__.py": "from . import jobs, users\nfrom .jobs import ROUTER\n",
    "yard/rpc/jobs.py": "from yard.base import json\nROUTER = 1\n",
    "yard/rpc/users.py": "import importlib\nimportlib.import_module('yard.base')\n",
    "yard/alone.py": "",
    "yard/main.py": "import yard.rpc.jobs\nfrom yard import alone, rpc\n",
}


@pytest.fixture(name="imported")
def fixture_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Imported]]:
    for name, text in SOURCES.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    recorder = Recorder()
    with recorder:
        importlib.import_module("yard.main")
    names = [name for name in sys.modules if name.partition(".")[0] == "yard"]
    files = {name: str(sys.modules[name].__file__) for name in names}
    yield [Imported(name, files[name], sorted(recorder.imports[name])) for name in names]
    for name in names:
        sys.modules.pop(name, None)


def reached(imported: list[Imported], name: str) -> set[str]:
    file = next(module.file for module in imported if module.name == name)
    return {name.removeprefix("yard.") for name in dependents(imported, {file})}


def test_what_a_change_reaches(imported: list[Imported]) -> None:
    assert reached(imported, "yard.main") == {"main"}
    assert reached(imported, "yard.alone") == {"alone", "main"}
    assert reached(imported, "yard.rpc.users") == {"rpc.users", "rpc", "main"}
    assert reached(imported, "yard.rpc.jobs") == {"rpc.jobs", "rpc", "main"}
    assert reached(imported, "yard.base") == {"base", "rpc.jobs", "rpc.users", "rpc", "main"}


def test_a_package_is_entered_for_its_modules_and_filled_later(imported: list[Imported]) -> None:
    for module in imported:
        del sys.modules[module.name]
    importlib.import_module("yard")
    package = hollow("yard.rpc")
    users = importlib.import_module("yard.rpc.users")
    assert not hasattr(package, "ROUTER")
    fill([package])
    assert importlib.import_module("yard.rpc") is package
    assert (package.ROUTER, package.users) == (1, users)


def test_the_plan_leaves_out_what_the_files_saved_last_reach(imported: list[Imported]) -> None:
    warmth = Warmth()
    files = {module.name: module.file for module in imported}
    warmth.changed({files["yard.rpc.jobs"]})
    plan = warmth.plan(imported)
    assert plan == {
        "modules": ["yard", "yard.base", "yard.rpc.users", "yard.alone"],
        "hollow": ["yard.rpc"],
        "left_out": ["yard.main", "yard.rpc.jobs"],
    }
    warmth.changed({files["yard.rpc.jobs"]})
    assert warmth.plan(imported) is None, "the one that there is serves"
    warmth.changed({files["yard.rpc.users"]})
    plan = warmth.plan(imported)
    assert plan is not None
    assert plan["left_out"] == ["yard.main", "yard.rpc", "yard.rpc.jobs", "yard.rpc.users"]
    assert warmth.plan(imported) is None
    warmth.changed(None)
    assert warmth.plan(imported) is not None


def test_before_any_save_the_file_changed_last_is_left_out(imported: list[Imported]) -> None:
    alone = next(module.file for module in imported if module.name == "yard.alone")
    os.utime(alone, (2e9, 2e9))
    plan = Warmth().plan(imported)
    assert plan is not None
    assert plan["left_out"] == ["yard.alone", "yard.main"]


def test_who_was_wrong_too_often_is_not_asked(imported: list[Imported]) -> None:
    warmth = Warmth()
    warmth.ended()
    for _ in range(MAX_FAILURES):
        assert warmth.is_wanted
        warmth.was_wrong()
    assert not warmth.is_wanted
    assert warmth.plan(imported) is None
