"""Who reads slowly loses no event that is kept, and only old ones that are not."""

import uuid
from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI
from fusewire import Bounds, Fuse, History, RegistrationError, Router
from fusewire.transports.websocket.connection import Connection
from fusewire.wire import messages as m
from pydantic import BaseModel

from tests.support.apps import fuse_of_users
from tests.support.listening import Listening, listening
from tests.support.peer import Peer, call, connected
from tests.support.server import serving

SIZE = 20_000
ENOUGH = 400
"""Of that size: more than the buffers of a socket take."""


class News(BaseModel):
    n: int
    data: str = ""


class Typing(BaseModel):
    n: int
    data: str = ""


class Cursor(BaseModel):
    who: str
    x: int
    data: str = ""


@pytest.fixture
def fuse(broker_url: str | None) -> Fuse:
    fuse = fuse_of_users(
        broker=broker_url,
        name=uuid.uuid4().hex,
        bounds=Bounds(outgoing_bytes=100_000, ephemeral_bytes=3 * SIZE),
        history=History(broadcast=("60s", 10 * ENOUGH)),
    )
    fuse.rpc.event(News)
    fuse.rpc.event(history=False)(Typing)
    fuse.rpc.event(history=False, slow="coalesce", key="who")(Cursor)

    @fuse.rpc
    async def add(a: int, b: int) -> int:
        return a + b

    return fuse


@pytest.fixture
async def host(fuse: Fuse) -> AsyncIterator[str]:
    async with serving(fuse.app) as host:
        yield host


async def told(fuse: Fuse, watcher: Listening, *events: BaseModel) -> None:
    """Emit, and wait until somebody who reads has them: the worker has done all it does with them."""
    for event in events:
        count = len(watcher.seen)
        await fuse.broadcast().emit(event)
        await watcher.saw(count + 1)


async def stuck(fuse: Fuse, watcher: Listening, peer: Peer) -> None:
    """Until the server cannot write to the peer any more."""
    peer.stop_reading()
    n = 0
    slow = next(member for member in fuse._hub._listeners.members if member.session_id != watcher.session)
    assert isinstance(slow, Connection)
    while slow.outbox.writer is None:
        await told(fuse, watcher, Typing(n=-1, data="x" * SIZE))
        n += 1
        assert n < ENOUGH


async def test_what_is_kept_and_found_no_room_comes_when_it_comes_back(fuse: Fuse, host: str) -> None:
    async with listening(host) as watcher, listening(host, "ann") as ann:
        assert ann._peer is not None
        ann._peer.stop_reading()
        await told(fuse, watcher, *(News(n=n, data="x" * SIZE) for n in range(ENOUGH)))
        ann._peer.read_again()
        assert ann._reading is not None
        await ann._reading
        assert 0 < len(ann.seen) < ENOUGH
        assert await ann._peer.close_code() == (4001, "slow")
        await ann.leave(cut=False)
        while len(ann.seen) < ENOUGH:
            await ann.connect(host)
            await ann.saw(ENOUGH)
        assert [event["n"] for event in ann.seen] == list(range(ENOUGH))
        assert not ann.gaps


async def test_ephemeral_events_push_out_older_ones_and_nothing_else(fuse: Fuse, host: str) -> None:
    async with listening(host) as watcher, connected(host, token="ann") as peer:
        await stuck(fuse, watcher, peer)
        # Its answers wait before anything that may be dropped.
        await peer.send(*(call(call_id, "add", call_id, 1) for call_id in range(1, 50)))
        await told(fuse, watcher, *(Typing(n=n, data="x" * SIZE) for n in range(ENOUGH)))
        await peer.send(*(call(call_id, "add", call_id, 1) for call_id in range(50, 60)))
        peer.read_again()
        seen: list[int] = []
        answered = 0
        while answered < 59 or ENOUGH - 1 not in seen:
            message = await peer.next()
            if isinstance(message, m.Event):
                seen.append(message.value["n"])
            else:
                assert isinstance(message, m.Result)
                answered += 1
        # The two that fit, and those that the sockets had taken.
        assert [n for n in seen if n >= 0] == [ENOUGH - 2, ENOUGH - 1]
        await told(fuse, watcher, Typing(n=7))
        assert (await peer.until(m.Event)).value["n"] == 7


async def test_of_each_key_the_newest_arrives(fuse: Fuse, host: str) -> None:
    async with listening(host) as watcher, connected(host, token="ann") as peer:
        await stuck(fuse, watcher, peer)
        for x in range(100):
            await told(
                fuse, watcher, *(Cursor(who=who, x=x, data="x" * 1000) for who in ("bob", "cat", "dan"))
            )
        peer.read_again()
        seen: list[tuple[str, int]] = []
        while len(seen) < 3:
            message = await peer.until(m.Event)
            if message.name == "Cursor":
                seen.append((message.value["who"], message.value["x"]))
        assert seen == [("bob", 99), ("cat", 99), ("dan", 99)]
        await told(fuse, watcher, Cursor(who="bob", x=100))
        assert (await peer.until(m.Event)).value["x"] == 100


def test_what_cannot_work_is_refused_with_its_place() -> None:
    def refused(message: str, **said: object) -> None:
        rpc = Router()
        rpc.event(**said)(Cursor)  # type: ignore[call-overload]  # the mistakes under test
        with pytest.raises(RegistrationError, match=rf"Cursor: {message}"):
            Fuse(FastAPI()).include_router(rpc)

    refused('slow="coalesce" and key= go together', history=False, slow="coalesce")
    refused('slow="coalesce" and key= go together', history=False, key="who")
    refused("key='y' is none of its fields", history=False, slow="coalesce", key="y")
    refused('slow="coalesce" is for events with history=False', slow="coalesce", key="who")
    refused("slow= is", history=False, slow="drop")
