"""Who imports whom, and what a warm process may have imported."""

from __future__ import annotations

import importlib
import math
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fusewire_codegen.watch.imports import Graph, Imported, Recorder, fill, hollow, stage
from fusewire_codegen.watch.warmth import MAX_FAILURES, MAX_LEVELS, RESERVE_SECONDS, Warmth

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
    return {name.removeprefix("yard.") for name in Graph(imported).reached({file})}


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
    plan = warmth.plan(imported, seconds=0.0)
    assert plan == {
        "order": [
            "yard",
            "yard.base",
            "yard.rpc.jobs",
            "yard.rpc.users",
            "yard.rpc",
            "yard.alone",
            "yard.main",
        ],
        "left_out": [["yard.main", "yard.rpc", "yard.rpc.jobs"]],
    }
    assert stage(plan["order"], plan["left_out"][0]) == (
        ["yard", "yard.base", "yard.rpc.users", "yard.alone"],
        frozenset({"yard.rpc"}),
    )
    warmth.changed({files["yard.rpc.jobs"]})
    assert warmth.plan(imported, seconds=0.0) is None, "the one that there is serves"
    warmth.changed({files["yard.rpc.users"]})
    plan = warmth.plan(imported, seconds=0.0)
    assert plan is not None
    assert plan["left_out"] == [["yard.main", "yard.rpc", "yard.rpc.jobs", "yard.rpc.users"]]
    assert warmth.plan(imported, seconds=0.0) is None
    warmth.changed(None)
    assert warmth.plan(imported, seconds=0.0) is not None


def test_before_any_save_the_file_changed_last_is_left_out(imported: list[Imported]) -> None:
    alone = next(module.file for module in imported if module.name == "yard.alone")
    os.utime(alone, (2e9, 2e9))
    plan = Warmth().plan(imported, seconds=0.0)
    assert plan is not None
    assert plan["left_out"] == [["yard.alone", "yard.main"]]


def app_of(modules: int) -> list[Imported]:
    """`main` imports so many that import `base`."""
    names = [f"part{number}" for number in range(modules)]
    parts = [Imported(name, f"/{name}.py", ["base"]) for name in names]
    return [Imported("base", "/base.py", []), *parts, Imported("main", "/main.py", ["base", *names])]


def test_every_file_that_little_depends_on_has_a_reserve() -> None:
    warmth = Warmth()
    warmth.changed({"/part3.py"})
    plan = warmth.plan(app_of(30), seconds=0.1)
    assert plan is not None
    main, *reserves = [set(names) for names in plan["left_out"]]
    assert main == {"part3", "main"}
    assert len(reserves) == 2**MAX_LEVELS - 1
    assert all(main < names for names in reserves)
    others = [names - main for names in reserves]
    assert sorted(name for names in others for name in names) == sorted(
        f"part{number}" for number in range(30) if number != 3
    ), "base is in none: with it goes all"
    assert max(map(len, others)) - min(map(len, others)) <= 1


@pytest.mark.parametrize(
    ("seconds", "reserves"), [(0.01, 0), (0.1, 7), (1.6, 7), (1.7, 3), (2.5, 3), (2.6, 0)]
)
def test_reserves_take_no_longer_than_they_may(seconds: float, reserves: int) -> None:
    warmth = Warmth()
    warmth.changed({"/part3.py"})
    plan = warmth.plan(app_of(30), seconds)
    assert plan is not None
    assert len(plan["left_out"]) == 1 + reserves
    assert seconds * math.log2(reserves + 1) <= RESERVE_SECONDS


def test_who_was_wrong_too_often_is_not_asked(imported: list[Imported]) -> None:
    warmth = Warmth()
    warmth.ended()
    for _ in range(MAX_FAILURES):
        assert warmth.is_wanted
        warmth.was_wrong()
    assert not warmth.is_wanted
    assert warmth.plan(imported, seconds=0.1) is None
