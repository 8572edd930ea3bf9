"""Who may read a stream on: the identity that called, for as long as it might call."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator

import httpx
from fastapi import FastAPI
from fusewire import Credentials, Fuse, Identity
from fusewire.wire import messages as m

from tests.support.resuming import Reader
from tests.support.server import serving


def app_of(broker_url: str | None, rights: set[str]) -> FastAPI:
    """`secrets` needs the scope `secret`; whoever calls has the scopes in `rights`."""
    fuse = Fuse(FastAPI(), broker=broker_url, name=uuid.uuid4().hex, drain_seconds=0.2)

    @fuse.identity
    async def identify(credentials: Credentials) -> Identity | None:
        return Identity(credentials.token, scopes=frozenset(rights)) if credentials.token else None

    @fuse.rpc.get("/secrets", resume="1m", scopes=["secret"])
    async def secrets() -> AsyncIterator[int]:
        for each in range(3):
            yield each
        await asyncio.Event().wait()

    @fuse.rpc.get("/others", resume="1m")
    async def others() -> AsyncIterator[str]:
        yield "other"

    return fuse.app


async def test_who_has_lost_the_scope_reads_no_further(broker_url: str | None) -> None:
    rights = {"secret"}
    async with serving(app_of(broker_url, rights)) as host, Reader([host]) as reader:
        await reader.call("secrets")
        await reader.read(1)
        await reader.cut()
        rights.clear()
        await reader.resume()
        await reader.read()
        assert isinstance(reader.ended, m.Error)
        assert reader.ended.code == "FORBIDDEN"
        assert reader.got == [0]


async def test_server_sent_events_go_on_for_who_may_call_and_at_their_own_url(broker_url: str | None) -> None:
    rights = {"secret"}
    asked = {"accept": "text/event-stream", "authorization": "Bearer ann"}
    async with (
        serving(app_of(broker_url, rights)) as host,
        httpx.AsyncClient(base_url=f"http://{host}/api", headers=asked, timeout=10) as client,
    ):
        async with client.stream("GET", "/secrets") as response:
            ids = (
                line.removeprefix("id: ") async for line in response.aiter_lines() if line.startswith("id: ")
            )
            last = await anext(ids)
        wrong = await client.get("/others", headers={"last-event-id": last})
        assert (wrong.status_code, wrong.json()["code"]) == (404, "STREAM_UNKNOWN")
        rights.clear()
        refused = await client.get("/secrets", headers={"last-event-id": last})
        assert (refused.status_code, refused.json()["code"]) == (403, "FORBIDDEN")
