"""Who is in a room stays in it, and who was removed is out: at every worker, connected or not."""

from collections.abc import Callable

import httpx
import pytest
from fusewire import Fuse
from pydantic import BaseModel

from tests.support.apps import Workers, add_rooms
from tests.support.listening import Listening, listening
from tests.support.server import serving


class News(BaseModel):
    n: int


Make = Callable[[], Fuse]


@pytest.fixture
def make(broker_url: str | None) -> Make:
    def define(fuse: Fuse) -> None:
        fuse.rpc.event(News)
        add_rooms(fuse)

    return Workers(broker_url, define)


def out_of(listener: Listening, room: str) -> Callable[[], bool]:
    return lambda: f"room:{room}" not in listener.positions


async def test_who_is_removed_is_out_on_every_device_at_every_worker(make: Make) -> None:
    one, two = make(), make()
    async with (
        serving(one.app) as here,
        serving(two.app) as there,
        listening(here, "ann") as phone,
        listening(there, "ann") as desk,
        listening(there, "bob") as bob,
    ):
        for somebody in (phone, desk, bob):
            await somebody.call("enter", "lobby")
        await one.room("lobby").remove("ann")
        await phone.until(out_of(phone, "lobby"))
        await desk.until(out_of(desk, "lobby"))
        await two.room("lobby").emit(News(n=1))
        assert await bob.saw(1) == [{"n": 1}]
        await one.broadcast().emit(News(n=2))
        assert await phone.saw(1) == await desk.saw(1) == [{"n": 2}]


async def test_who_is_removed_while_away_does_not_come_back_into_the_room(make: Make) -> None:
    one, two = make(), make()
    async with serving(one.app) as here, serving(two.app) as there, listening(here, "ann") as ann:
        await ann.call("enter", "lobby")
        await ann.call("enter", "kitchen")
        await ann.leave()
        await two.room("lobby").emit(News(n=1))
        await two.room("lobby").remove("ann")
        await two.room("kitchen").emit(News(n=2))
        session = ann.session
        await ann.connect(there)
        assert await ann.saw(1) == [{"n": 2}]
        assert ann.session == session
        await ann.until(out_of(ann, "lobby"))


async def test_who_was_removed_may_be_let_in_again(make: Make) -> None:
    one, two = make(), make()
    async with serving(one.app) as here, serving(two.app) as there, listening(here, "ann") as ann:
        await ann.call("enter", "lobby")
        await one.room("lobby").remove("ann")
        await ann.until(out_of(ann, "lobby"))
        await ann.call("enter", "lobby")
        await two.room("lobby").emit(News(n=1))
        assert await ann.saw(1) == [{"n": 1}]
        await ann.leave()
        await ann.connect(there)
        await two.room("lobby").emit(News(n=2))
        assert await ann.saw(2) == [{"n": 1}, {"n": 2}]


async def test_a_worker_that_was_not_told_of_a_removal_finds_it(make: Make) -> None:
    fuse = make()
    async with serving(fuse.app) as host, listening(host, "ann") as ann:
        await ann.call("enter", "lobby")
        # All that a removal writes down, without the word to the workers.
        await fuse._hub.sessions.removals.note("lobby", "ann")
        await ann.until(out_of(ann, "lobby"))


@pytest.mark.parametrize("broker_url", ["memory"], indirect=True)
async def test_over_http_there_is_no_session_to_join_or_leave(make: Make) -> None:
    async with serving(make().app) as host, httpx.AsyncClient(base_url=f"http://{host}") as http:
        for name, verb in (("enter", "join()"), ("leave", "leave()")):
            answer = await http.post(f"/api/{name}", json={"room": "lobby"})
            assert answer.status_code == 400
            assert answer.json() == {
                "code": "NO_SESSION",
                "detail": f"{verb} over HTTP: only a session on a WebSocket can be in a room",
            }
