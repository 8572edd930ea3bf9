"""Who is in a room, as two workers have it that do nothing by themselves."""

import pytest
from fusewire.broker import MemoryStore
from fusewire.hub import Joined, Left, Sessions
from fusewire.hub.presence import Presence

pytestmark = pytest.mark.timeout(20)


@pytest.fixture
def told() -> list[tuple[str, str | None]]:
    return []


@pytest.fixture
def workers(told: list[tuple[str, str | None]]) -> tuple[Presence, Presence]:
    sessions = Sessions(MemoryStore(), 60)

    async def tell(change: Joined | Left) -> None:
        told.append((type(change).__name__, change.user))

    def withdraw(session: str, room: str) -> None:
        raise AssertionError("nobody is removed")

    return Presence(sessions, tell=tell, withdraw=withdraw), Presence(sessions, tell=tell, withdraw=withdraw)


async def test_who_comes_back_elsewhere_and_leaves_at_once_has_left(
    workers: tuple[Presence, Presence], told: list[tuple[str, str | None]]
) -> None:
    """Before its new worker has written down that it is there."""
    here, there = workers
    await here.enter("s", "lobby", "ann", b"")
    here.away("s", "lobby")
    there.back("s", "lobby", "ann", b"")
    await there.exit("s", "lobby")
    assert told == [("Joined", "ann"), ("Left", "ann")]
    assert await here.present("lobby") == []


async def test_who_is_lost_here_and_back_elsewhere_has_not_left(
    workers: tuple[Presence, Presence], told: list[tuple[str, str | None]]
) -> None:
    here, there = workers
    await here.enter("s", "lobby", "ann", b"")
    here.away("s", "lobby")
    await there.enter("s", "lobby", "ann", b"")
    here._forget("s", "lobby")
    await here._settle(*here._unsettled)
    assert told == [("Joined", "ann")]
    assert [present.user for present in await here.present("lobby")] == ["ann"]
