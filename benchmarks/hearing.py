"""Connections that are told events, and count them."""

from __future__ import annotations

from collections.abc import Sequence

import msgpack

from benchmarks.dialects import CALL, HELLO, PING, PONG

NAME = b"Tick"
"""Every event of the apps in `benchmarks.servers` has it, once."""
_PING = msgpack.packb([PING])


class Hearing:
    """`ours`: not the raw ceiling's. `heard`: events so far; `size`: bytes of the last one's frame."""

    path = "/_ws"
    binary = True

    def __init__(self, *, ours: bool, user: str | None = None) -> None:
        credentials = {"token": user} if user else None
        self.subprotocol: str | None = "fusewire.v1.msgpack" if ours else None
        self.greeting: bytes | None = (
            msgpack.packb([HELLO, None, None, 30_000, credentials]) if ours else None
        )
        self.heard = 0
        self.size = 0
        self.welcomed = not ours

    def call(self, call_id: int) -> bytes:  # noqa: ARG002  # it is asked for before anything is known
        # Nothing is called by the socket itself.
        return b""

    def join(self, calls: Sequence[bytes]) -> bytes:
        return b"".join(calls)

    def settled(self, payload: bytes) -> Sequence[int]:
        if events := payload.count(NAME):
            self.heard += events
            self.size = len(payload)
        self.welcomed = True
        return ()

    def reply(self, payload: bytes, /) -> bytes | None:
        return PONG if payload == _PING else None


def call(call_id: int, name: str, *args: object) -> bytes:
    """A call, as the message that it is."""
    message: bytes = msgpack.packb([CALL, call_id, name, list(args)])
    return message
