"""What is made once for the whole corpus."""

from __future__ import annotations

import pytest
from fusewire import Fuse

from tests.corpus.app import build
from tests.corpus.collection import ENTRIES
from tests.corpus.generated import source_of


@pytest.fixture(scope="session")
def fuse() -> Fuse:
    return build(ENTRIES)


@pytest.fixture(scope="session")
def source(fuse: Fuse) -> str:
    return source_of(fuse)
