"""How many rooms a session may be in, and how long their names may be."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fusewire import Bounds, Emitter, Fuse
from fusewire.errors import TooLarge
from fusewire.wire import messages as m
from fusewire.wire.codec import write
from pydantic import BaseModel

from tests.support.apps import Workers, add_rooms
from tests.support.listening import listening
from tests.support.peer import Peer, call, connected
from tests.support.server import serving

MOST = 3
LONGEST = 128


class News(BaseModel):
    n: int


Make = Callable[..., Fuse]


@pytest.fixture
def make(broker_url: str | None) -> Make:
    def define(fuse: Fuse) -> None:
        fuse.rpc.event(News)
        add_rooms(fuse)

    def made(**options: object) -> Fuse:
        return Workers(broker_url, define, **options)()

    return made


async def enter(peer: Peer, *rooms: str) -> list[str | None]:
    """Join them with one frame; the code that each was refused with."""
    await peer.send(*(call(number, "enter", room) for number, room in enumerate(rooms, 1)))
    codes: dict[int, str | None] = {}
    while len(codes) < len(rooms):
        answer = await peer.next()
        if isinstance(answer, m.Error):
            assert answer.id is not None
            codes[answer.id] = answer.code
        elif isinstance(answer, m.Result):
            codes[answer.id] = None
    return [codes[number] for number in range(1, len(rooms) + 1)]


async def test_a_session_is_in_so_many_rooms_and_no_more(make: Make) -> None:
    async with serving(make(bounds=Bounds(rooms=MOST)).app) as host, connected(host, token="ann") as ann:
        assert await enter(ann, "a", "b", "c") == [None, None, None]
        error = await ann.error(call(1, "enter", "d"))
        assert (error.code, error.status) == ("TOO_MANY_ROOMS", 429)
        # It is in the others as before, may say so again, and has a place for each that it leaves.
        assert await enter(ann, "a") == [None]
        await ann.result(call(1, "leave", "b"))
        assert await enter(ann, "d", "b") == [None, "TOO_MANY_ROOMS"]
        async with connected(host, token="ann") as other:
            assert await enter(other, "e") == [None]


async def test_calls_that_join_at_once_keep_to_the_bound_together(make: Make) -> None:
    async with serving(make(bounds=Bounds(rooms=MOST)).app) as host, connected(host, token="ann") as ann:
        codes = await enter(ann, *(f"room {n}" for n in range(3 * MOST)))
        assert codes.count(None) == MOST
        assert codes.count("TOO_MANY_ROOMS") == 2 * MOST


async def test_the_bound_is_the_sessions_and_not_the_connections(make: Make) -> None:
    async with serving(make(bounds=Bounds(rooms=MOST)).app) as host, listening(host, "ann") as ann:
        for room in ("a", "b", "c"):
            await ann.call("enter", room)
        await ann.leave()
        hello = m.Hello(None, ann.session, None, {"token": "ann"}, ann.positions)
        async with connected(host, hello=hello) as again:
            assert await enter(again, "d", "a") == ["TOO_MANY_ROOMS", None]


async def test_the_most_rooms_with_the_longest_names_are_come_back_to(make: Make) -> None:
    rooms = [f"{n:03d}".ljust(LONGEST, "x") for n in range(Bounds().rooms)]
    async with serving(make().app) as host, listening(host, "ann") as ann:
        for room in rooms:
            await ann.call("enter", room)
        await ann.until(lambda: len(ann.positions) >= len(rooms))
        await ann.leave()
        # All of them are named in the first frame, with room for what else is in it.
        hello = m.Hello(None, ann.session, None, {"token": "x" * 16_000}, ann.positions)
        assert len(write(hello)) < Bounds().held_bytes
        await ann.connect(host)
        await ann.until(lambda: len(ann.recovered) >= len(rooms))
        assert all(ann.recovered[f"room:{room}"] for room in rooms)


@pytest.mark.parametrize("name", ["x" * (LONGEST + 1), "ü" * (LONGEST // 2 + 1), "x" * 100_000])
async def test_a_name_that_is_too_long_is_refused(make: Make, name: str) -> None:
    fuse = make()
    async with serving(fuse.app) as host, connected(host, token="ann") as ann:
        error = await ann.error(call(1, "enter", name))
        assert (error.code, error.status) == ("TOO_LARGE", 413)
        assert await enter(ann, "x" * LONGEST, "ü" * (LONGEST // 2)) == [None, None]
    with pytest.raises(TooLarge):
        fuse.room(name)


async def test_it_is_refused_by_an_emitter_too() -> None:
    async with Emitter("redis://localhost:1", events=[News]) as emitter:
        with pytest.raises(TooLarge):
            emitter.room("x" * (LONGEST + 1))
        with pytest.raises(ValueError, match="has a name"):
            emitter.room("")
