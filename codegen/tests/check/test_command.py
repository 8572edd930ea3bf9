"""`fusewire check`, run as users run it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from codegen.tests.contracts import contract, param, procedure
from codegen.tests.projects import COMMAND, ENVIRONMENT

OLD = contract(procedures={"add": procedure(param("a"))})
WIDER = contract(procedures={"add": procedure(param("a"), param("b", required=False))})
NARROWER = contract(procedures={"add": procedure(param("a"), param("b"))})


@pytest.fixture(name="folder")
def fixture_folder(tmp_path: Path) -> Path:
    """Where the contracts are."""
    for name, made in (("old", OLD), ("wider", WIDER), ("narrower", NARROWER)):
        (tmp_path / f"{name}.json").write_text(json.dumps(made))
    return tmp_path


def _run(folder: Path, *arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [str(COMMAND), "check", *arguments]
    return subprocess.run(
        command,
        cwd=folder,
        env=ENVIRONMENT,
        input=given,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_equal_contracts(folder: Path) -> None:
    done = _run(folder, "old.json", "old.json")
    assert (done.returncode, done.stdout, done.stderr) == (0, "no difference\n", "")


def test_compatible_changes_are_told_of(folder: Path) -> None:
    done = _run(folder, "old.json", "wider.json")
    assert done.returncode == 0
    assert done.stdout == (
        "compatible  procedures.add.params.b: is new and may be left out\n0 breaking, 1 compatible\n"
    )


def test_breaking_changes_say_for_whom_and_why(folder: Path) -> None:
    done = _run(folder, "old.json", "narrower.json")
    assert done.returncode == 1
    assert done.stdout == (
        "breaking    procedures.add.params.b: is new and required. For callers: calls without it are refused.\n"
        "1 breaking, 0 compatible\n"
    )


def test_json_for_machines(folder: Path) -> None:
    done = _run(folder, "--json", "old.json", "narrower.json")
    assert done.returncode == 1
    said: Any = json.loads(done.stdout)
    assert said["breaking"] is True
    assert said["changes"] == [
        {
            "place": "procedures.add.params.b",
            "what": "is new and required",
            "breaking": True,
            "for": ["callers"],
            "why": "calls without it are refused",
        }
    ]


@pytest.mark.parametrize("order", [("-", "narrower.json"), ("old.json", "-")])
def test_one_may_come_from_standard_input(folder: Path, order: tuple[str, str]) -> None:
    given = OLD if order[0] == "-" else NARROWER
    assert _run(folder, *order, given=json.dumps(given)).returncode == 1


def test_what_git_has_is_compared_with_the_file(folder: Path) -> None:
    def git(*arguments: str) -> None:
        who = ("-c", "user.name=t", "-c", "user.email=t@example.com")
        subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True, timeout=30)

    git("init", "--initial-branch", "main")
    git("add", "old.json")
    git("commit", "-m", "a contract")
    assert _run(folder, "--git", "main", "old.json").stdout == "no difference\n"
    (folder / "old.json").write_text(json.dumps(NARROWER))
    assert _run(folder, "--git", "main", "old.json").returncode == 1
    done = _run(folder, "--git", "nowhere", "old.json")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("old.json at nowhere: fatal: ")
    assert "old.json at --help: " in _run(folder, "--git=--help", "old.json").stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("old.json", "none.json"), "none.json: "),
        (("old.json", "."), ".: "),
        (("old.json", "text.json"), "text.json: the contract is not usable: line 1: not JSON"),
        (
            ("empty.json", "old.json"),
            "empty.json: the contract is not usable: fusewire: this version reads format 1",
        ),
        (("old.json",), "check takes two contracts, or one with --git"),
        (("old.json", "old.json", "--git", "main"), "check takes two contracts, or one with --git"),
    ],
)
def test_what_cannot_be_read(folder: Path, arguments: tuple[str, ...], said: str) -> None:
    (folder / "text.json").write_text("{")
    (folder / "empty.json").write_text("{}")
    done = _run(folder, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
