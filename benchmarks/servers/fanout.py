"""The ceiling of a fan-out: every connection is sent the same frame, by nothing but `send` in a loop.

`b"<times> <bytes>"` from any connection begins it. What it sends has as many bytes as an event of ours.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]

NAME = b"Tick"
_sends: set[Send] = set()


async def app(scope: Message, receive: Callable[[], Awaitable[Message]], send: Send) -> None:
    if scope["type"] != "websocket":
        # How an ASGI app says that it has no lifespan; the server goes on without (ASGI lifespan specification).
        raise RuntimeError(f"no {scope['type']} here")
    await receive()
    await send({"type": "websocket.accept"})
    _sends.add(send)
    try:
        while (message := await receive())["type"] == "websocket.receive":
            times, size = map(int, message["bytes"].split())
            await _send_all(times, NAME.ljust(size, b"."))
    finally:
        _sends.discard(send)


async def _send_all(times: int, payload: bytes) -> None:
    for _ in range(times):
        for send in _sends:
            await send({"type": "websocket.send", "bytes": payload})
        # As whoever emits does: who reads has a turn.
        await asyncio.sleep(0)
