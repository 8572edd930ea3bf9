"""Close codes (PROTOCOL §6). 4000-4499 may reconnect, 4500-4999 must not by themselves, anything else may."""

from __future__ import annotations

from enum import IntEnum


class CloseCode(IntEnum):
    GOING_AWAY = 4000
    SLOW = 4001
    HEARTBEAT = 4002
    HELLO_TIMEOUT = 4003
    IDENTITY_EXPIRED = 4004
    PROTOCOL_ERROR = 4500
    UNAUTHENTICATED = 4501
    FRAME_TOO_LARGE = 4502
    FLOOD = 4503

    @property
    def reason(self) -> str:
        """The name that travels as the WebSocket close reason."""
        return self.name.lower()


def reconnectable(code: int) -> bool:
    return not 4500 <= code <= 4999
