"""Sessions, and a store that does not answer at the moment."""

import pytest
from fusewire.broker import BrokerError, MemoryStore
from fusewire.hub import Sessions
from fusewire.hub import sessions as module

pytestmark = pytest.mark.timeout(20)


class Store(MemoryStore):
    silent = 0
    """How often it does not answer."""

    async def fields(self, key: str) -> dict[str, bytes]:
        if self.silent:
            self.silent -= 1
            raise BrokerError("away")
        return await super().fields(key)


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
async def sessions(store: Store) -> Sessions:
    sessions = Sessions(store, 60)
    await sessions.enter("known", "ann", "lobby")
    return sessions


async def test_a_store_that_is_away_for_a_moment_is_asked_again(sessions: Sessions, store: Store) -> None:
    store.silent = 3
    found = await sessions.open("known", "ann")
    assert found.id == "known"
    assert list(found.rooms) == ["lobby"]


async def test_nobody_waits_for_a_store_that_is_away_for_long(
    sessions: Sessions, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calls need no session."""
    monkeypatch.setattr(module, "LOOK_UP_SECONDS", 0.0)
    store.silent = 2
    assert (await sessions.open("known", "ann")).id != "known"
    assert store.silent == 1


async def test_somebody_else_s_session_is_not_found(sessions: Sessions) -> None:
    assert (await sessions.open("known", "bob")).id != "known"
