"""Every type of the corpus through the generated Python client."""

from __future__ import annotations

import pytest
from fusewire import Fuse

from codegen.tests.python import corpus as round_trips
from tests.corpus.collection import ENTRIES
from tests.support.python_client import imported
from tests.support.server import serving

OTHERWISE = {
    # Its serializer makes text of it, and its schema says no more.
    "hexadecimal",
    # Text fits both, and nothing on the wire says which it was.
    "uuid_or_text",
}


@pytest.mark.parametrize("transport", ["websocket", "http"])
async def test_values_survive(corpus: Fuse, corpus_text: str, transport: str) -> None:
    with imported(corpus_text) as module:
        async with serving(corpus.app) as host:
            outcomes = await round_trips.run(module, host, transport, ENTRIES)
    wrong = {name: error for name, error in outcomes.items() if error is not None}
    assert wrong.keys() == OTHERWISE, wrong
