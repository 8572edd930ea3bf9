"""A duplex over a real WebSocket."""

from __future__ import annotations

from collections.abc import Mapping
from ssl import SSLContext

from websockets import ConnectionClosed, Subprotocol
from websockets.asyncio.client import ClientConnection, connect

from fusewire.client.duplex import DuplexClosed
from fusewire.wire.close import CloseCode

SUBPROTOCOL = "fusewire.v1.msgpack"
MAX_FRAME_BYTES = 2**26
"""More than a server sends: a result or an item has at most 16 MiB."""
CLOSE_SECONDS = 1.0
"""For the closing handshake."""
ABNORMAL = 1006


async def open_websocket(
    url: str, *, headers: Mapping[str, str], ssl: SSLContext | None = None
) -> WebSocketDuplex:
    """Connect. Raises `OSError` or `websockets.WebSocketException` when there is no server or it refuses."""
    socket = await connect(
        url,
        subprotocols=[Subprotocol(SUBPROTOCOL)],
        additional_headers=headers,
        ssl=ssl,
        compression=None,
        max_size=MAX_FRAME_BYTES,
        # The protocol has heartbeats of its own, and the session its own time for the handshake.
        ping_interval=None,
        open_timeout=None,
        close_timeout=CLOSE_SECONDS,
    )
    return WebSocketDuplex(socket)


class WebSocketDuplex:
    """`Duplex` over an open connection of the `websockets` package."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    async def send(self, data: bytes) -> None:
        try:
            await self._socket.send(data)
        except ConnectionClosed as closed:
            raise _ending(closed) from closed

    async def recv(self) -> bytes:
        try:
            frame = await self._socket.recv()
        except ConnectionClosed as closed:
            raise _ending(closed) from closed
        if isinstance(frame, str):
            await self._socket.close(CloseCode.PROTOCOL_ERROR)
            raise DuplexClosed(CloseCode.PROTOCOL_ERROR, "a text frame")
        return frame

    async def close(self, code: int = 1000) -> None:
        await self._socket.close(code)


def _ending(closed: ConnectionClosed) -> DuplexClosed:
    received = closed.rcvd
    return DuplexClosed(ABNORMAL) if received is None else DuplexClosed(received.code, received.reason)
