"""What ./dev.sh says when something is wrong."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from scripts.reload import ROOT, described

SAVED = ROOT / "app" / "backend" / "saved.py"


@pytest.mark.parametrize("port", ["abc", "0", "65536", "-1", "٣"])
def test_a_port_that_is_none_is_told_in_one_line(port: str) -> None:
    run = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "dev.py")],
        env=os.environ | {"PORT": port},
        capture_output=True,
        encoding="utf-8",
        timeout=30,
        check=False,
    )
    assert (run.returncode, run.stderr) == (1, "")
    assert run.stdout == f"PORT must be a number from 1 to 65535, not {port!r}\n"


def test_a_syntax_error_is_not_buried_under_the_lines_of_packages() -> None:
    with pytest.raises(SyntaxError) as raised:
        compile("def broken(:\n", str(SAVED), "exec")
    assert described(raised.value).splitlines()[-4:] == [
        f'  File "{SAVED}", line 1',
        "    def broken(:",
        "               ^",
        "SyntaxError: invalid syntax",
    ]
    assert __file__ not in described(raised.value)


def test_of_an_exception_the_apps_lines_are_shown_and_so_is_its_cause() -> None:
    source = "import json\ntry:\n    json.loads('{')\nexcept ValueError as error:\n    raise KeyError('x') from error"
    with pytest.raises(KeyError) as raised:
        exec(compile(source, str(SAVED), "exec"), {})
    told = described(raised.value)
    assert [line for line in told.splitlines() if line.startswith("  File")] == [
        f'  File "{SAVED}", line 3, in <module>',
        f'  File "{SAVED}", line 5, in <module>',
    ]
    assert "JSONDecodeError" in told
    assert told.endswith("KeyError: 'x'\n")


def test_of_an_exception_that_never_was_in_the_app_all_is_shown() -> None:
    with pytest.raises(ValueError, match="literal") as raised:
        int("x")
    assert __file__ in described(raised.value)
