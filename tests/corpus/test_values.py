"""Each sample goes from Python to TypeScript and back, and to a caller of each REST form and back, and is the same."""

from __future__ import annotations

import asyncio

import pytest
from fusewire import Fuse

from tests.corpus import round_trips
from tests.corpus.collection import ENTRIES
from tests.corpus.entry import Entry
from tests.corpus.round_trips import TRANSPORTS, Outcomes

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="session")
def outcomes(fuse: Fuse, source: str, tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    return asyncio.run(round_trips.run(fuse, ENTRIES, source, tmp_path_factory.mktemp("values")))


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_values(entry: Entry, transport: str, outcomes: Outcomes) -> None:
    error = outcomes[transport, entry.name]
    assert error is None, error


def test_every_entry_has_a_sample() -> None:
    assert [entry.name for entry in ENTRIES if not entry.samples] == []
