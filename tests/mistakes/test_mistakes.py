"""A page with twenty deliberate mistakes: `tsc --strict` finds each on its line, and nothing else; nor anything in the documentation."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from shutil import copy

import pytest
from fusewire_codegen.contract import validate
from fusewire_codegen.typescript import render

from tests.mistakes.main import fuse
from tests.support.typescript import OPTIONS, ROOT, TSC, need_typescript

HERE = Path(__file__).parent
MISTAKE = "// mistake: "


def documented() -> str:
    """The examples of the page about errors, each in a function of its own."""
    blocks = re.findall(
        r"^```ts\n(.*?)^```", (ROOT / "docs" / "errors.md").read_text(), re.MULTILINE | re.DOTALL
    )
    lines = "\n".join(blocks).splitlines()
    imports = [line.replace("$lib/fuse", "./fuse") for line in lines if line.startswith("import ")]
    names = ("show", "append")
    head = [
        *imports,
        *(f"declare function {name}(text: string): void;" for name in names),
        "const client = connect();",
    ]
    functions = [
        f"export async function example{number}() {{\n{re.sub(r'^import .*$', '', block, flags=re.MULTILINE)}\n}}"
        for number, block in enumerate(blocks)
    ]
    return "\n".join([*head, *functions])


@pytest.fixture(name="complaints", scope="module")
def fixture_complaints(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, int, str]]:
    """File, line and text of each error in the pages or the generated file, of one run over both pages."""
    need_typescript()
    folder = tmp_path_factory.mktemp("mistakes")
    (folder / "fuse.ts").write_text(render(validate(fuse.contract()), "tests.mistakes.main:fuse"))
    pages = ["page.ts", "corrected.ts", "documented.ts"]
    for page in pages[:2]:
        copy(HERE / page, folder)
    (folder / pages[2]).write_text(documented())
    (folder / "tsconfig.json").write_text(json.dumps({"compilerOptions": OPTIONS, "files": pages}))
    done = subprocess.run(
        [TSC, "-p", folder], cwd=folder, capture_output=True, text=True, timeout=50, check=False
    )
    ours = (line for line in done.stdout.splitlines() if "client-ts/src" not in line)
    lines = [line for line in ours if line and not line[0].isspace()]
    found = [re.fullmatch(r"(.+)\((\d+),\d+\): error (.*)", line) for line in lines]
    assert all(found), lines
    return [(match[1], int(match[2]), match[3]) for match in found if match]


def test_the_compiler_finds_every_mistake_and_nothing_else(complaints: list[tuple[str, int, str]]) -> None:
    text = (HERE / "page.ts").read_text().splitlines()
    marked = [line for line, content in enumerate(text, 1) if MISTAKE in content]
    assert len(marked) == 20
    assert [(file, line) for file, line, _ in complaints] == [("page.ts", line) for line in marked], (
        complaints
    )


def test_the_corrected_page_is_the_same_page() -> None:
    pages = [(HERE / page).read_text().splitlines()[1:] for page in ("page.ts", "corrected.ts")]
    for wrong, right in zip(*pages, strict=True):
        assert wrong == right or MISTAKE in wrong or "// left out: " in wrong
    assert "mistake" not in "\n".join(pages[1])
