"""Who is in a room now, and who comes and goes: across workers, and when one of them dies."""

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from fusewire import Fuse
from fusewire.hub.presence import Timing

from tests.support.apps import Workers, fuse_of_users
from tests.support.callers import calling
from tests.support.listening import Listening, listening
from tests.support.lobby import add_lobby, worker_process
from tests.support.server import serving
from tests.support.valkey import ValkeyServer

QUICK = Timing(grace=0.2, lease=0.4, tick=0.05)
PATIENT = Timing(grace=20, lease=20, tick=0.05)
GONE_SECONDS, TOLD_SECONDS = 6.0, 2.0
"""What docs/events.md says of a worker that is killed."""
BUSY_SECONDS = 2.0
"""A machine that runs other things may be late by so much."""
Make = Callable[..., Fuse]


@pytest.fixture
def make(broker_url: str | None) -> Make:
    """In memory there is only one worker."""

    worker = Workers(broker_url, add_lobby)

    def make(timing: Timing = QUICK) -> Fuse:
        fuse = worker()
        fuse._hub.presence.timing = timing
        return fuse

    return make


@asynccontextmanager
async def workers(*fuses: Fuse) -> AsyncIterator[list[str]]:
    async with AsyncExitStack() as stack:
        hosts: dict[Fuse, str] = {}
        for fuse in fuses:
            if fuse not in hosts:
                hosts[fuse] = await stack.enter_async_context(serving(fuse.app))
        yield [hosts[fuse] for fuse in fuses]


@asynccontextmanager
async def entered(host: str, user: str | None = None) -> AsyncIterator[Listening]:
    """Somebody in the lobby."""
    async with listening(host, user) as listener:
        await listener.call("enter", "lobby")
        yield listener


async def in_lobby(fuse: Fuse) -> list[str | None]:
    return [present.user for present in await fuse.room("lobby").presence()]


def heard(listener: Listening) -> list[tuple[str, Any]]:
    """What it was told: a change has the name of the user, or of the guest."""
    return [
        (kind, value["user"] or value["member"])
        for kind, value in zip(listener.kinds, listener.seen, strict=True)
    ]


async def test_a_snapshot_and_who_comes_and_goes(make: Make) -> None:
    one, two = make(), make()
    async with workers(one, two) as (here, there), listening(here, "ann") as ann:
        (first,) = await ann.call("enter", "lobby")
        assert (first["member"], first["user"]) == ("user:ann", "ann")
        async with listening(there, "bob") as bob:
            assert [one["user"] for one in await bob.call("enter", "lobby")] == ["ann", "bob"]
            await ann.saw(2)
            await bob.call("leave", "lobby")
            await ann.saw(3)
        assert heard(ann) == [("Joined", "ann"), ("Joined", "bob"), ("Left", "bob")]
        assert ann.seen[1]["since"] == ann.seen[2]["since"]
        assert ann.seen[1]["room"] == "lobby"
        assert await in_lobby(two) == ["ann"]
        assert await two.room("kitchen").presence() == []


async def test_it_is_asked_over_http_as_well(make: Make) -> None:
    fuse = make()
    async with (
        workers(fuse) as (host,),
        entered(host, "ann"),
        calling("http-json", host, fuse.contract()) as caller,
    ):
        assert await caller.call("who", "lobby") == ["ann"]


async def test_a_user_with_two_devices_joins_once_and_leaves_with_the_last(make: Make) -> None:
    one, two = make(), make()
    async with (
        workers(one, two) as (here, there),
        entered(here, "ann") as ann,
        entered(here, "bob") as phone,
        entered(there, "bob") as desk,
    ):
        assert await in_lobby(one) == ["ann", "bob"]
        await phone.call("leave", "lobby")
        await desk.leave()
        await ann.until(lambda: "Left" in ann.kinds)
        assert heard(ann) == [("Joined", "ann"), ("Joined", "bob"), ("Left", "bob")]


async def test_all_at_once_is_each_once(make: Make) -> None:
    one, two = make(), make()
    async with workers(one, two) as (here, there), entered(here, "ann") as ann, AsyncExitStack() as stack:
        devices = [
            await stack.enter_async_context(listening(host, "bob"))
            for host in (here, there)
            for _ in range(5)
        ]
        for _ in range(3):
            await asyncio.gather(*(device.call("enter", "lobby") for device in devices))
            await asyncio.gather(*(device.call("leave", "lobby") for device in devices))
        await ann.until(lambda: ann.kinds.count("Left") == 3)
        assert heard(ann) == [("Joined", "ann"), *[("Joined", "bob"), ("Left", "bob")] * 3]


async def test_guests_are_told_apart_and_their_sessions_are_not_told(make: Make) -> None:
    fuse = make()
    async with workers(fuse) as (host,), listening(host) as one, listening(host) as other:
        await one.call("enter", "lobby")
        present = await other.call("enter", "lobby")
        assert [guest["user"] for guest in present] == [None, None]
        assert len({guest["member"] for guest in present}) == 2
        for session in (one.session, other.session):
            assert session is not None
            assert session not in str(present)


async def test_who_reconnects_in_time_never_left(make: Make) -> None:
    one, two = make(PATIENT), make(PATIENT)
    async with (
        workers(one, two) as (here, there),
        entered(here, "ann") as ann,
        entered(here, "bob") as bob,
    ):
        for host in (there, here, there):
            await bob.leave()
            assert await in_lobby(one) == ["ann", "bob"]
            await bob.connect(host)
        await bob.call("leave", "lobby")
        await ann.until(lambda: "Left" in ann.kinds)
        assert heard(ann) == [("Joined", "ann"), ("Joined", "bob"), ("Left", "bob")]


async def test_who_does_not_come_back_leaves(make: Make) -> None:
    fuse = make()
    async with workers(fuse) as (host,), entered(host, "ann") as ann, entered(host, "bob") as bob:
        await bob.leave()
        await ann.until(lambda: "Left" in ann.kinds)
        assert heard(ann) == [("Joined", "ann"), ("Joined", "bob"), ("Left", "bob")]


async def test_who_is_removed_left_once(make: Make) -> None:
    one, two = make(), make()
    async with (
        workers(one, two) as (here, there),
        entered(here, "ann") as ann,
        entered(there, "bob") as bob,
    ):
        await one.room("lobby").remove("bob")
        await bob.until(lambda: "room:lobby" not in bob.positions)
        assert await in_lobby(one) == ["ann"]
        await bob.call("enter", "lobby")
        await ann.saw(4)
        assert heard(ann) == [("Joined", "ann"), ("Joined", "bob"), ("Left", "bob"), ("Joined", "bob")]


@pytest.mark.parametrize("broker_url", ["redis"], indirect=True)
async def test_the_members_of_a_worker_that_died_are_gone_and_it_is_told_once(make: Make) -> None:
    """In memory there is no other worker."""
    one, two, three = make(), make(), make()
    async with (
        workers(one, two) as (here, there),
        entered(here, "ann") as ann,
        entered(there, "eve") as eve,
    ):
        # Ending does no more than dying would: nothing is written down any more.
        async with serving(three.app) as host, entered(host, "bob"), entered(host, "cat") as cat:
            await ann.saw(4)
        await cat.connect(there)
        await ann.until(lambda: "Left" in ann.kinds)
        assert await in_lobby(one) == ["ann", "eve", "cat"]
        await eve.call("leave", "lobby")
        await ann.until(lambda: ann.kinds.count("Left") == 2)
        assert heard(ann)[4:] == [("Left", "bob"), ("Left", "eve")]
        await cat.leave()


async def test_a_worker_process_is_killed(valkey: ValkeyServer) -> None:
    """With the timing that apps have: the list is right in the documented time, and the survivors together tell of each member once."""
    name = uuid.uuid4().hex
    one, two = (fuse_of_users(broker=valkey.url, name=name) for _ in range(2))
    for fuse in (one, two):
        add_lobby(fuse)
    users = [f"user {n}" for n in range(30)]
    async with (
        workers(one, two) as (here, there),
        worker_process(valkey.url, name) as (process, host),
        entered(here, "ann") as ann,
        entered(there, "eve") as eve,
        AsyncExitStack() as stack,
    ):
        for user in users:
            await stack.enter_async_context(entered(host, user))
        # Another device of somebody who stays.
        await stack.enter_async_context(entered(host, "eve"))
        assert await in_lobby(one) == ["ann", "eve", *users]
        process.kill()
        killed = time.monotonic()
        await process.wait()
        for fuse in (one, two):
            asked = killed
            while await in_lobby(fuse) != ["ann", "eve"]:
                assert asked - killed < GONE_SECONDS
                await asyncio.sleep(0.05)
                asked = time.monotonic()
        await ann.until(lambda: ann.kinds.count("Left") == len(users))
        assert time.monotonic() - killed < GONE_SECONDS + TOLD_SECONDS + BUSY_SECONDS
        # Behind whatever else there might be.
        await eve.call("leave", "lobby")
        await ann.until(lambda: ("Left", "eve") in heard(ann))
        joined = Counter(user for kind, user in heard(ann) if kind == "Joined")
        assert joined == Counter(["ann", "eve", *users])
        left = [user for kind, user in heard(ann) if kind == "Left"]
        assert Counter(left) == Counter(["eve", *users])
        assert left[-1] == "eve"
        assert await in_lobby(two) == ["ann"]
