"""A session has one owner and one connection at a time, and lasts as long as that one: at whatever worker its calls run."""

import asyncio
from collections.abc import Callable

import pytest
from fusewire import Fuse, History
from pydantic import BaseModel

from tests.support.apps import Workers, add_rooms
from tests.support.listening import listening
from tests.support.server import serving


class News(BaseModel):
    n: int


Make = Callable[[], Fuse]

SHORT = History(user=("1s", 20), room=("1s", 20), broadcast=("1s", 20))


@pytest.fixture
def make_short(broker_url: str | None) -> Make:
    def define(fuse: Fuse) -> None:
        fuse.rpc.event(News)
        add_rooms(fuse)

    return Workers(broker_url, define, history=SHORT)


@pytest.mark.parametrize("half_open", [False, True])
async def test_a_connected_session_outlasts_the_time_it_is_kept(make_short: Make, half_open: bool) -> None:
    """`half_open`: its older connection was still there when it came back."""
    fuse = make_short()
    async with serving(fuse.app) as host, listening(host, "ann") as ann, listening(host, "ann") as old:
        await old.call("enter", "lobby")
        await old.until(lambda: "room:lobby" in old.positions)
        if not half_open:
            await old.leave()
        ann.positions = dict(old.positions)
        await ann.leave()
        await ann.connect(host, session=old.session)
        assert ann.session == old.session
        await old.leave()
        # Longer than its record lasts by itself: 1.33 s.
        await asyncio.sleep(1.7)
        await fuse.room("lobby").emit(News(n=1))
        assert await ann.saw(1) == [{"n": 1}]
        await ann.leave()
        await ann.connect(host)
        assert ann.session == old.session
        assert not ann.gaps
