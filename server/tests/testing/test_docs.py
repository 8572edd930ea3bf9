"""docs/testing.md does what it says."""

import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs" / "testing.md"


def test_the_example_passes(tmp_path: Path) -> None:
    page = PAGE.read_text()
    example = re.search(r"```python\n(# test_app\.py.*?)```", page, re.DOTALL)
    over_rest = re.search(r"```python\n(import httpx.*?)```", page, re.DOTALL)
    assert example is not None
    assert over_rest is not None
    (tmp_path / "test_app.py").write_text(f"{example[1]}\n\n{over_rest[1]}")
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\nfilterwarnings = error\n"
    )
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "6 passed" in run.stdout
