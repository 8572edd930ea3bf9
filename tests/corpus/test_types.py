"""Each entry has the TypeScript that it declares: one run of the compiler over all of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from codegen.tests import compiler
from tests.corpus.collection import ENTRIES
from tests.corpus.entry import Entry
from tests.corpus.generated import assertions, blamed

pytestmark = pytest.mark.timeout(120)

_WRONG = Entry(int, "string")
_WRONG.name = "integer"


@pytest.fixture(scope="session")
def complaints(source: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    folder = tmp_path_factory.mktemp("types")
    (folder / "fuse.ts").write_text(source)
    # The last assertions are wrong: that the compiler says so shows that it looks.
    made = assertions([*ENTRIES, _WRONG], source)
    last = max(made.lines)
    made = replace(made, lines=made.lines | {last - 2: "wrong in", last - 1: "wrong out", last: "wrong item"})
    file = folder / "assertions.ts"
    file.write_text(made.text)
    return blamed(compiler.check(folder, folder / "fuse.ts", file), file, made.lines)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_type(entry: Entry, complaints: dict[str, list[str]], source: str) -> None:
    assert complaints.get(entry.name) is None, _of(entry, source)
    for text in entry.shows:
        assert text in source


def test_there_is_nothing_else_to_complain_of(complaints: dict[str, list[str]]) -> None:
    assert complaints.get("") is None


@pytest.mark.parametrize("which", ["in", "out", "item"])
def test_a_wrong_type_is_noticed(complaints: dict[str, list[str]], which: str) -> None:
    assert len(complaints[f"wrong {which}"]) == 1


def test_there_are_enough_entries() -> None:
    assert len(ENTRIES) >= 150


def _of(entry: Entry, source: str) -> str:
    lines = [line.strip() for line in source.splitlines() if f"_{entry.name}(" in line]
    return "\n".join([f"expected in:  {entry.given}", f"expected out: {entry.made}", *lines])
