"""The bound on rooms, where no connection shows what a session is in."""

from __future__ import annotations

import pytest
from fusewire.broker import MemoryBroker, MemoryStore
from fusewire.errors import TooManyRooms
from fusewire.events import EventRegistry
from fusewire.hub import History, Hub, Sessions
from fusewire.hub.places import Places
from fusewire.hub.topics import room_of


async def rooms(sessions: Sessions) -> set[str | None]:
    record = await sessions.read("s")
    assert record is not None
    return {room_of(topic) for topic in record.topics}


async def test_a_session_whose_connection_is_gone_keeps_to_the_bound() -> None:
    sessions = Sessions(MemoryStore(), 60)
    hub = Hub(MemoryBroker(), EventRegistry(), History(), sessions, rooms=2)
    for room in ("a", "b", "a"):
        await hub.rooms.join("s", "ann", room)
    with pytest.raises(TooManyRooms):
        await hub.rooms.join("s", "ann", "c")
    assert await rooms(sessions) == {"a", "b"}
    await hub.rooms.leave("s", "ann", "a")
    await hub.rooms.join("s", "ann", "c")
    assert await rooms(sessions) == {"b", "c"}


def test_places_are_given_back() -> None:
    places = Places(2)
    with places.take("s", "a", {"x"}), places.take("other", "a", {"x"}):
        with pytest.raises(TooManyRooms), places.take("s", "b", {"x"}):
            pass
        with places.take("s", "x", {"x"}), places.take("s", "a", {"x"}):
            pass
    with pytest.raises(ValueError, match="on its way"), places.take("s", "b", {"x"}):
        raise ValueError("on its way")
    with places.take("s", "c", {"x"}):
        pass
