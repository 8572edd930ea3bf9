"""Sessions: whose they are, and a store that does not answer."""

from typing import Any

import pytest
from fusewire.broker import BrokerError, MemoryStore
from fusewire.hub import Sessions

pytestmark = pytest.mark.timeout(20)


class Store(MemoryStore):
    silent = False

    async def change_fields(self, *args: Any, **options: Any) -> dict[str, bytes] | None:
        if self.silent:
            raise BrokerError("away")
        return await super().change_fields(*args, **options)


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
async def sessions(store: Store) -> Sessions:
    sessions = Sessions(store, 60)
    await sessions.enter("known", "ann", "room:lobby", None)
    return sessions


async def test_its_own_session_is_found(sessions: Sessions) -> None:
    found = await sessions.open("known", "ann")
    assert found.id == "known"
    assert list(found.topics or ()) == ["room:lobby"]


async def test_somebody_else_s_session_is_not_found(sessions: Sessions) -> None:
    assert (await sessions.open("known", "bob")).id != "known"


async def test_calls_need_no_session(sessions: Sessions, store: Store) -> None:
    """Who cannot be looked up starts afresh."""
    store.silent = True
    found = await sessions.open("known", "ann")
    assert found.id != "known"
    assert not found.topics


async def test_who_was_removed_stays_out_for_as_long_as_the_session_lives() -> None:
    now = 0.0
    week = 7 * 86_400.0
    sessions = Sessions(MemoryStore(clock=lambda: now), week)
    await sessions.enter("s", "ann", "room:lobby", None)
    await sessions.removals.note("lobby", "ann")
    now = week
    found = await sessions.open("s", "ann")
    assert found.id == "s"
    assert not found.topics
