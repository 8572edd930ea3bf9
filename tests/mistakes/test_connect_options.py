"""The page about clients lists each option of TypeScript's `connect()`."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOR_TESTS = {"environment"}


def test_the_page_lists_each_option() -> None:
    source = (ROOT / "client-ts" / "src" / "options.ts").read_text()
    interface = source.partition("export interface ConnectOptions {")[2].partition("\n}")[0]
    options = set(re.findall(r"^  readonly (\w+)\?:", interface, re.MULTILINE)) - FOR_TESTS
    page = (ROOT / "docs" / "frontend.md").read_text()
    table = page.partition("## Options of `connect()`")[2].partition("\n## ")[0]
    assert options
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == options
