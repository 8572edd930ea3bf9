"""For a uvicorn that is a process of its own: `uvicorn server.tests.serving.apps:stubborn`."""

from __future__ import annotations

import asyncio

from starlette.types import Receive, Scope, Send


async def stubborn(scope: Scope, receive: Receive, send: Send) -> None:
    """Tells the peer that the server wants to stop, and stays."""
    if scope["type"] != "websocket":
        return
    told = asyncio.Event()
    scope["extensions"]["fusewire.drain"].listen(told.set)
    await receive()
    await send({"type": "websocket.accept"})
    await told.wait()
    await send({"type": "websocket.send", "bytes": b"draining"})
    await asyncio.Event().wait()
