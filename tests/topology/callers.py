"""Callers that come through the gateway."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
from fusewire.wire import messages as m

from tests.support.peer import Peer, call, connected
from tests.topology.native import Topology


def client(host: str, *, address: str = "127.0.0.1", **options: Any) -> httpx.AsyncClient:
    """A client that comes from an address of its own: all of 127.0.0.0/8 is this machine."""
    transport = httpx.AsyncHTTPTransport(local_address=address)
    return httpx.AsyncClient(base_url=f"http://{host}", transport=transport, timeout=15, **options)


call_ids = itertools.count(1)


async def settled(peer: Peer, name: str, *args: object) -> m.Result | m.Error:
    call_id = next(call_ids)
    await peer.send(call(call_id, name, *args))
    while True:
        message = await peer.next()
        if isinstance(message, m.Result | m.Error) and message.id == call_id:
            return message


async def called(peer: Peer, name: str, *args: object) -> Any:
    result = await settled(peer, name, *args)
    assert isinstance(result, m.Result), result
    return result.value


@asynccontextmanager
async def on_both_workers(gateway: Topology, *, token: str | None = None) -> AsyncIterator[dict[int, Peer]]:
    """A connection to each of the two workers, by pid. Those opened on the way stay open: whatever nginx keeps towards
    one worker gets used up, and the kernel chooses between the two."""
    async with AsyncExitStack() as stack:
        peers: dict[int, Peer] = {}
        async with asyncio.timeout(20):
            while len(peers) < 2:
                peer = await stack.enter_async_context(connected(gateway.host, token=token))
                peers.setdefault(await called(peer, "worker"), peer)
        yield peers
