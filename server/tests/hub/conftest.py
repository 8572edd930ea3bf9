"""What the tests of who is in a room share."""

import pytest
from fusewire.hub import burying

from server.tests.hub.support import World


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(burying, "AT_A_TIME", 8)
    return World()
