"""docs/types.md says what the corpus says."""

from __future__ import annotations

from tests.corpus.document import FILE, document


def test_docs_types_is_current() -> None:
    assert FILE.read_text() == document(), "run python -m tests.corpus.document"
