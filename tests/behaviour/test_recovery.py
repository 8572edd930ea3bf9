"""Who comes back misses nothing, or is told so: over every broker, and at whatever worker."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from fusewire import Fuse, History, emit
from fusewire.events import EventRegistry
from pydantic import BaseModel, create_model

from tests.support.apps import Workers, add_rooms
from tests.support.listening import Listening, listening
from tests.support.server import serving


class News(BaseModel):
    n: int


class Typing(BaseModel):
    who: str


HISTORY = History(user=("30s", 20), room=("30s", 20), broadcast=("30s", 1_000))
Make = Callable[[], Fuse]


@pytest.fixture
def make(broker_url: str | None) -> Make:
    def define(fuse: Fuse) -> None:
        fuse.rpc.event(News)
        fuse.rpc.event(history=False)(Typing)
        add_rooms(fuse)

        @fuse.rpc
        async def tell_me(n: int) -> None:
            await emit(News(n=n))

    return Workers(broker_url, define, history=HISTORY)


@pytest.fixture
def fuse(make: Make) -> Fuse:
    return make()


@pytest.fixture
async def host(fuse: Fuse) -> AsyncIterator[str]:
    async with serving(fuse.app) as host:
        yield host


def news(*numbers: int) -> list[dict[str, int]]:
    return [{"n": n} for n in numbers]


async def test_what_was_missed_comes_once_and_in_order_before_what_is_new(fuse: Fuse, host: str) -> None:
    async with listening(host, "ann") as ann:
        await fuse.to("ann").emit(News(n=1))
        await fuse.broadcast().emit(News(n=2))
        await ann.saw(2)
        await ann.leave()
        for n in range(3, 8):
            await fuse.to("ann").emit(News(n=n))
        await ann.connect(host)
        await fuse.to("ann").emit(News(n=8))
        assert await ann.saw(8) == news(1, 2, 3, 4, 5, 6, 7, 8)
        assert ann.recovered == {"user:ann": True, "all": True}
        assert not ann.gaps


async def test_another_worker_knows_it_as_well(broker_url: str | None, make: Make) -> None:
    one, two = make(), make()
    async with serving(one.app) as here, serving(two.app) as there, listening(here, "ann") as ann:
        await ann.call("enter", "lobby")
        await two.to("ann").emit(News(n=1))
        await two.room("lobby").emit(News(n=2))
        await ann.saw(2)
        await ann.leave()
        await one.room("lobby").emit(News(n=3))
        await one.to("ann").emit(News(n=4))
        session = ann.session
        await ann.connect(there)
        await ann.saw(4)
        assert ann.session == session
        await two.room("lobby").emit(News(n=5))
        assert sorted(event["n"] for event in await ann.saw(5)) == [1, 2, 3, 4, 5]
        assert not ann.gaps


async def test_nobody_is_told_of_more_than_history_keeps_and_never_in_part(fuse: Fuse, host: str) -> None:
    async with listening(host, "ann") as ann:
        await ann.leave()
        for n in range(21):
            await fuse.to("ann").emit(News(n=n))
        await ann.connect(host)
        await ann.until(lambda: ann.gaps)
        await fuse.to("ann").emit(News(n=99))
        assert await ann.saw(1) == news(99)
        assert ann.gaps == ["user:ann"]


@pytest.mark.parametrize("position", ["1-1", "999999999999999-0", "nonsense", ""])
async def test_a_position_that_the_topic_never_had_is_a_gap(fuse: Fuse, host: str, position: str) -> None:
    ann = Listening("ann")
    ann.positions["user:ann"] = position
    await fuse.to("ann").emit(News(n=1))
    await ann.connect(host)
    try:
        await ann.until(lambda: ann.gaps)
        await fuse.to("ann").emit(News(n=2))
        assert await ann.saw(1) == news(2)
    finally:
        await ann.leave()


async def test_positions_open_nobody_elses_topics(fuse: Fuse, host: str) -> None:
    async with listening(host, "bob") as bob:
        await bob.call("enter", "secret")
        eve = Listening("eve")
        eve.positions = {**bob.positions, "session:x": "1-1", "nonsense": "1-1"}
        await fuse.to("bob").emit(News(n=1))
        await fuse.room("secret").emit(News(n=2))
        await bob.saw(2)
        await eve.connect(host, session=bob.session)
        try:
            await eve.until(lambda: eve.positions.keys() == {"user:eve", "all"})
            await fuse.to("bob").emit(News(n=3))
            await fuse.room("secret").emit(News(n=4))
            await fuse.broadcast().emit(News(n=5))
            assert await eve.saw(1) == news(5)
            assert eve.session != bob.session
        finally:
            await eve.leave()


async def test_a_room_that_was_lost_with_the_session_is_told(fuse: Fuse, host: str) -> None:
    async with listening(host, "ann") as ann:
        await ann.call("enter", "lobby")
        await ann.until(lambda: "room:lobby" in ann.positions)
        await ann.leave()
        await fuse.room("lobby").emit(News(n=1))
        await ann.connect(host, session="of another time")
        await ann.until(lambda: "room:lobby" not in ann.positions)
        assert ann.gaps == ["room:lobby"]


async def test_a_room_that_was_left_stays_left(fuse: Fuse, host: str) -> None:
    async with listening(host, "ann") as ann:
        await ann.call("enter", "lobby")
        await fuse.room("lobby").emit(News(n=1))
        await ann.saw(1)
        await ann.call("leave", "lobby")
        await ann.until(lambda: "room:lobby" not in ann.positions)
        await ann.leave()
        await ann.connect(host)
        await fuse.room("lobby").emit(News(n=2))
        await fuse.broadcast().emit(News(n=3))
        assert await ann.saw(2) == news(1, 3)


async def test_an_anonymous_session_has_events_of_its_own(fuse: Fuse, host: str) -> None:
    async with listening(host) as somebody, listening(host) as other:
        await somebody.call("tell_me", 1)
        assert await somebody.saw(1) == news(1)
        session = somebody.session
        await somebody.leave()
        await somebody.connect(host)
        assert somebody.session == session
        await somebody.call("tell_me", 2)
        assert await somebody.saw(2) == news(1, 2)
        await fuse.broadcast().emit(News(n=3))
        assert await other.saw(1) == news(3)


async def test_ephemeral_events_are_not_kept(fuse: Fuse, host: str) -> None:
    async with listening(host, "ann") as ann:
        await fuse.to("ann").emit(Typing(who="bob"))
        assert await ann.saw(1) == [{"who": "bob"}]
        await ann.leave()
        await fuse.to("ann").emit(Typing(who="eve"))
        await ann.connect(host)
        await fuse.to("ann").emit(News(n=1))
        assert await ann.saw(2) == [{"who": "bob"}, {"n": 1}]
        assert not ann.gaps


async def test_the_newer_connection_of_a_session_gets_the_events(fuse: Fuse, host: str) -> None:
    async with listening(host, "ann") as old:
        await old.call("enter", "lobby")
        new = Listening("ann")
        new.session, new.positions = old.session, dict(old.positions)
        await new.connect(host)
        try:
            await fuse.room("lobby").emit(News(n=1))
            assert await new.saw(1) == news(1)
            # Its calls are answered all the same, and what they join the session joins.
            await old.call("enter", "other")
            await new.until(lambda: "room:other" in new.positions)
            assert old.seen == []
        finally:
            await new.leave()


async def test_coming_back_again_and_again_while_events_come(fuse: Fuse, host: str) -> None:
    """No number is missed and none comes twice, wherever in a replay the connection is cut and new ones come."""
    ann = Listening("ann")
    count = 300

    async def tell() -> None:
        for n in range(count):
            await fuse.broadcast().emit(News(n=n))
            await asyncio.sleep(0.002)

    await ann.connect(host)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(tell())
        while len(ann.seen) < count - 7:
            await ann.saw(len(ann.seen) + 7)
            await ann.leave()
            await ann.connect(host)
    assert [event["n"] for event in await ann.saw(count)] == list(range(count))
    assert not ann.gaps
    await ann.leave()


async def test_what_does_not_fit_this_version_of_the_app_is_a_gap(fuse: Fuse, host: str) -> None:
    def by_another_version(**fields: object) -> bytes:
        events = EventRegistry()
        model = create_model("News", **{name: (type(value), value) for name, value in fields.items()})  # type: ignore[call-overload]  # typed by its arguments
        events.add(model, history=True)
        return events.store(model())

    broker = fuse._shared.broker
    retention = HISTORY.of("user:ann")
    async with listening(host, "ann") as ann:
        # What fits is taken, whoever wrote it.
        await broker.publish("user:ann", by_another_version(n=1, more="x"), retention)
        assert await ann.saw(1) == news(1)
        await broker.publish("user:ann", by_another_version(text="x"), retention)
        await ann.until(lambda: ann.gaps == ["user:ann"])
        await fuse.to("ann").emit(News(n=2))
        assert await ann.saw(2) == news(1, 2)
        await ann.leave()
        await broker.publish("user:ann", by_another_version(text="x"), retention)
        await fuse.to("ann").emit(News(n=3))
        await ann.connect(host)
        await ann.until(lambda: ann.gaps == ["user:ann", "user:ann"])
        await fuse.to("ann").emit(News(n=4))
        assert await ann.saw(3) == news(1, 2, 4)


async def test_who_becomes_somebody_else_takes_no_room_along(fuse: Fuse, host: str) -> None:
    async with listening(host, "ann") as ann:
        await ann.call("enter", "lobby")
        await ann.until(lambda: "room:lobby" in ann.positions)
        await ann.become("bob")
        await ann.until(lambda: ann.positions.keys() == {"user:bob", "all"})
        await fuse.room("lobby").emit(News(n=1))
        await fuse.to("ann").emit(News(n=2))
        await fuse.to("bob").emit(News(n=3))
        assert await ann.saw(1) == news(3)
        session = ann.session
        await ann.leave()
        await ann.connect(host)
        assert ann.session == session
        assert ann.positions.keys() == {"user:bob", "all"}
