"""A session has one owner and one connection at a time, and lasts as long as that one: at whatever worker its calls run."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from fusewire import Fuse, History, emit
from fusewire.wire import messages as m
from pydantic import BaseModel

from tests.support.apps import Workers, add_rooms
from tests.support.listening import Listening, listening
from tests.support.server import serving


class News(BaseModel):
    n: int


Make = Callable[[], Fuse]

SHORT = History(user=("1s", 20), room=("1s", 20), broadcast=("1s", 20))


class Gate:
    """Calls wait here until it is opened. `reached`: one of them has come."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()

    async def passed(self) -> None:
        self.reached.set()
        await self.opened.wait()


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def define(gate: Gate) -> Callable[[Fuse], None]:
    def define(fuse: Fuse) -> None:
        fuse.rpc.event(News)
        add_rooms(fuse)

        @fuse.rpc
        async def enter_later(room: str) -> None:
            await gate.passed()
            await fuse.room(room).join()

        @fuse.rpc
        async def leave_later(room: str) -> None:
            await gate.passed()
            await fuse.room(room).leave()

        @fuse.rpc
        async def tell_me_later(n: int) -> None:
            await gate.passed()
            await emit(News(n=n))

    return define


@pytest.fixture
def make(broker_url: str | None, define: Callable[[Fuse], None]) -> Make:
    return Workers(broker_url, define)


@pytest.fixture
def make_short(broker_url: str | None, define: Callable[[Fuse], None]) -> Make:
    return Workers(broker_url, define, history=SHORT)


@asynccontextmanager
async def gone_on(old: Listening, host: str) -> AsyncIterator[Listening]:
    """The session goes on with another connection, at whatever worker, while calls of the old one are under way."""
    new = Listening(old.token)
    new.session, new.positions = old.session, dict(old.positions)
    await new.connect(host)
    assert new.session == old.session
    try:
        yield new
    finally:
        await new.leave()


async def test_a_call_that_began_as_somebody_else_joins_nothing(make: Make, gate: Gate) -> None:
    fuse = make()
    async with serving(fuse.app) as host, listening(host, "boss") as client:
        # Something is written down of this session.
        await client.call("enter", "lobby")
        joining = await client.send("enter_later", "board")
        await gate.reached.wait()
        await client.become("eve")
        gate.opened.set()
        error = await client.answer(joining)
        assert isinstance(error, m.Error)
        assert (error.code, error.status) == ("IDENTITY_CHANGED", 409)
        await fuse.room("board").emit(News(n=1))
        await fuse.room("lobby").emit(News(n=2))
        await fuse.to("eve").emit(News(n=3))
        assert await client.saw(1) == [{"n": 3}]
        assert await fuse.room("board").presence() == []
        # The session is eve's, and nobody else's.
        session = client.session
        await client.leave()
        await client.connect(host)
        assert client.session == session
        assert client.positions.keys() == {"user:eve", "all"}


async def test_a_call_that_began_as_somebody_else_leaves_nothing(make: Make, gate: Gate) -> None:
    fuse = make()
    async with serving(fuse.app) as host, listening(host, "boss") as client:
        await client.call("enter", "lobby")
        leaving = await client.send("leave_later", "lobby")
        await gate.reached.wait()
        await client.become("eve")
        await client.call("enter", "lobby")
        gate.opened.set()
        assert isinstance(await client.answer(leaving), m.Result)
        await fuse.room("lobby").emit(News(n=1))
        assert await client.saw(1) == [{"n": 1}]
        assert [one.user for one in await fuse.room("lobby").presence()] == ["eve"]
        await client.leave()
        await client.connect(host)
        await fuse.room("lobby").emit(News(n=2))
        assert await client.saw(2) == [{"n": 1}, {"n": 2}]


async def test_who_becomes_somebody_else_is_out_at_once_though_calls_are_joining(make: Make) -> None:
    fuse = make()
    async with serving(fuse.app) as host, listening(host, "boss") as client:
        await client.call("enter", "lobby")
        await client.until(lambda: "room:lobby" in client.positions)
        # As long as a call that joins waits for the store.
        async with asyncio.TaskGroup() as tasks, fuse._hub.rooms.turn(client.session):
            tasks.create_task(client.become("eve"))
            await client.until(lambda: client.positions.keys() == {"all"})
        await client.until(lambda: client.positions.keys() == {"user:eve", "all"})


async def test_what_an_anonymous_call_emits_is_not_for_who_came_after(make: Make, gate: Gate) -> None:
    fuse = make()
    async with serving(fuse.app) as host, listening(host) as client:
        telling = await client.send("tell_me_later", 1)
        await gate.reached.wait()
        await client.become("eve")
        gate.opened.set()
        assert isinstance(await client.answer(telling), m.Result)
        await fuse.to("eve").emit(News(n=2))
        assert await client.saw(1) == [{"n": 2}]
        assert client.positions.keys() == {"user:eve", "all"}


async def test_an_anonymous_sessions_own_events_end_with_it(make: Make, gate: Gate) -> None:
    fuse = make()
    gate.opened.set()
    async with serving(fuse.app) as host, listening(host) as client:
        await client.call("tell_me_later", 1)
        await client.saw(1)
        await client.become("eve")
        await client.until(lambda: client.positions.keys() == {"user:eve", "all"})


async def test_what_a_call_at_the_old_worker_joins_and_leaves_the_session_does(
    make: Make, gate: Gate
) -> None:
    one, two = make(), make()
    async with serving(one.app) as here, serving(two.app) as there, listening(here, "ann") as old:
        await old.call("enter", "first")
        await old.until(lambda: "room:first" in old.positions)
        calls = [await old.send("enter_later", "lobby"), await old.send("leave_later", "first")]
        await gate.reached.wait()
        async with gone_on(old, there) as new:
            gate.opened.set()
            for call in calls:
                assert isinstance(await old.answer(call), m.Result)
            # At once, and whether or not the other worker has heard of it.
            await one.room("lobby").emit(News(n=1))
            assert await new.saw(1) == [{"n": 1}]
            assert [one.user for one in await two.room("lobby").presence()] == ["ann"]
            await new.until(lambda: "room:first" not in new.positions)
            await one.room("first").emit(News(n=2))
            await two.room("lobby").emit(News(n=3))
            assert await new.saw(2) == [{"n": 1}, {"n": 3}]
            assert await two.room("first").presence() == []
            assert not new.gaps


async def test_what_an_anonymous_call_at_the_old_worker_emits_reaches_the_session(
    make: Make, gate: Gate
) -> None:
    one, two = make(), make()
    async with serving(one.app) as here, serving(two.app) as there, listening(here) as old:
        # A session of which nothing is written down does not go on anywhere.
        await old.call("enter", "lobby")
        telling = await old.send("tell_me_later", 1)
        await gate.reached.wait()
        async with gone_on(old, there) as new:
            gate.opened.set()
            assert isinstance(await old.answer(telling), m.Result)
            assert await new.saw(1) == [{"n": 1}]


async def test_a_connection_whose_session_goes_on_elsewhere_gets_no_more_events(make: Make) -> None:
    one, two = make(), make()
    async with serving(one.app) as here, serving(two.app) as there, listening(here, "ann") as old:
        await old.call("enter", "lobby")
        await old.until(lambda: "room:lobby" in old.positions)
        async with gone_on(old, there) as new, listening(here, "bob") as bob:
            hub = one._hub
            async with asyncio.timeout(5):
                while hub._listeners.of(str(old.session)) is not None and one is not two:  # noqa: ASYNC110  # there is no event
                    await asyncio.sleep(0.01)
            await two.room("lobby").emit(News(n=1))
            await two.to("ann").emit(News(n=2))
            await two.broadcast().emit(News(n=3))
            await new.saw(3)
            assert await bob.saw(1) == [{"n": 3}]
            # Its calls are answered all the same.
            await old.call("enter", "other")
            assert old.seen == []
            await new.until(lambda: "room:other" in new.positions)


async def test_a_worker_that_could_not_hear_it_catches_up(make: Make, gate: Gate) -> None:
    one, two = make(), make()
    async with serving(one.app) as here, serving(two.app) as there, listening(here, "ann") as old:
        await old.call("enter", "first")
        await old.until(lambda: "room:first" in old.positions)
        calls = [await old.send("enter_later", "lobby"), await old.send("leave_later", "first")]
        await gate.reached.wait()
        async with gone_on(old, there) as new:
            # Nothing that is said to it reaches it.
            two._shared.broker.unsubscribe(f"worker:{two._hub.sessions.worker}")
            gate.opened.set()
            for call in calls:
                assert isinstance(await old.answer(call), m.Result)
            await one.room("lobby").emit(News(n=1))
            assert await new.saw(1) == [{"n": 1}]
            await new.until(lambda: "room:first" not in new.positions)


async def test_a_worker_that_was_to_have_a_session_and_never_got_its_connection_takes_nothing_away(
    make: Make,
) -> None:
    """Somebody said hello there, and was gone before the answer."""
    one, two = make(), make()
    async with serving(one.app) as host, listening(host, "ann") as ann:
        await ann.call("enter", "lobby")
        await ann.until(lambda: "room:lobby" in ann.positions)
        assert (await two._hub.sessions.open(ann.session, "ann")).id == ann.session
        await ann.call("enter", "kitchen")
        await ann.call("leave", "lobby")
        await one.room("lobby").emit(News(n=1))
        await one.room("kitchen").emit(News(n=2))
        assert await ann.saw(1) == [{"n": 2}]
        await ann.become("eve")
        await ann.call("enter", "hall")
        await one.room("hall").emit(News(n=3))
        assert await ann.saw(2) == [{"n": 2}, {"n": 3}]


async def test_what_was_joined_while_nobody_was_connected_is_told_from_there_on(
    make: Make, gate: Gate
) -> None:
    one, two = make(), make()
    async with serving(one.app) as here, serving(two.app) as there, listening(here, "ann") as ann:
        await ann.call("enter", "first")
        await ann.until(lambda: "room:first" in ann.positions)
        joining = await ann.send("enter_later", "lobby")
        await gate.reached.wait()
        async with gone_on(ann, there) as new:
            await new.leave()
            await two.room("lobby").emit(News(n=0))
            gate.opened.set()
            assert isinstance(await ann.answer(joining), m.Result)
            await one.room("lobby").emit(News(n=1))
            await new.connect(there)
            await one.room("lobby").emit(News(n=2))
            assert await new.saw(2) == [{"n": 1}, {"n": 2}]
            assert not new.gaps


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
