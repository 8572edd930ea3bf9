"""Events that were sent while a client was away, from a real server."""

import asyncio

from fastapi import FastAPI
from fusewire import Fuse
from fusewire.client.typed import App, Event, open_client
from pydantic import BaseModel

from tests.support.server import serving

from .conftest import Client


class News(Event):
    n: int


async def test_what_was_sent_while_away_arrives_once_and_in_order() -> None:
    fuse = Fuse(FastAPI())

    class Told(BaseModel):
        n: int

    Told.__name__ = "News"
    fuse.rpc.event(Told)
    app = App(calls=fuse.contract()["calls"], ws="/_ws", api="/api", events={News: "News"})
    away = asyncio.Event()

    async def auth() -> None:
        if away.is_set():
            for n in range(1, 4):
                await fuse.broadcast().emit(Told(n=n))
            away.clear()

    async with (
        serving(fuse.app) as host,
        open_client(Client, app, f"http://{host}", auth=auth, backoff=lambda _: 0.0) as client,
        client.events(News) as news,
    ):
        await _until_connected(client)
        await fuse.broadcast().emit(Told(n=0))
        assert (await anext(news)).n == 0
        away.set()
        session = client._fuse.core.session
        assert session is not None
        assert session._current is not None
        session._current._duplex._socket.transport.abort()  # type: ignore[attr-defined]  # the network is gone
        assert [(await anext(news)).n for _ in range(3)] == [1, 2, 3]


async def _until_connected(client: Client) -> None:
    session = client._fuse.core.session
    assert session is not None
    while client.status.state != "connected":
        await session._changed.wait()
