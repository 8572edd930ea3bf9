"""What a connection runs over: frames out, frames in."""

from __future__ import annotations

from typing import Protocol


class DuplexClosed(Exception):
    """The other side is gone. `code` is the WebSocket close code, 1006 when there was none."""

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(f"closed ({code}{', ' if reason else ''}{reason})")
        self.code = code
        self.reason = reason


class Duplex(Protocol):
    """An open WebSocket, or anything that carries whole frames in order. One task sends, another receives."""

    async def send(self, data: bytes) -> None:
        """Waits for room. Raises `DuplexClosed`."""

    async def recv(self) -> bytes:
        """The next frame. Raises `DuplexClosed` once everything that came before the end has been taken."""

    async def close(self, code: int = 1000) -> None:
        """Close from this side; may be called twice."""
