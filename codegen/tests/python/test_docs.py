"""docs/python-client.md does what it says."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from codegen.tests.projects import COMMAND
from tests.support.server import serving

PAGE = Path(__file__).parents[3] / "docs" / "python-client.md"
PRINTED = """\
9.90 1
0.50
3.5
id=3 price=Decimal('1') tags=[]
"""


@pytest.fixture(name="modules")
def fixture_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[ModuleType]]:
    """The app and the program of the page, with the client generated between them."""
    for name in ("shop", "program"):
        found = re.search(rf"```python\n(# {name}\.py.*?)```", PAGE.read_text(), re.DOTALL)
        assert found is not None
        (tmp_path / f"{name}.py").write_text(found[1])
    generate = [str(COMMAND), "generate", "shop:app", "-o", "shop_client.py"]
    subprocess.run(generate, cwd=tmp_path, check=True, capture_output=True, timeout=50)
    monkeypatch.syspath_prepend(tmp_path)
    yield [importlib.import_module(name) for name in ("shop", "program")]
    for name in ("shop", "program", "shop_client"):
        del sys.modules[name]


async def test_the_example_runs(modules: list[ModuleType], capsys: pytest.CaptureFixture[str]) -> None:
    shop, program = modules
    async with serving(shop.app) as host:
        await program.main(f"http://{host}")
    assert capsys.readouterr().out == PRINTED
