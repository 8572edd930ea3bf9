"""What each protocol says: how a call looks, and which calls a frame from the server settles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, cast

import msgpack

# Kinds of docs/PROTOCOL.md §1. The generator speaks for itself, so that it is the same for every version of the server.
HELLO, WELCOME, CALL, RESULT, ITEM, END, PING, TOPIC = 1, 2, 3, 4, 5, 6, 12, 15
PONG: bytes = msgpack.packb([13])


class Dialect(Protocol):
    """`greeting` is sent once. `binary`: the kind of its frames."""

    path: str
    subprotocol: str | None
    binary: bool
    greeting: bytes | None

    def call(self, call_id: int) -> bytes: ...

    def join(self, calls: Sequence[bytes]) -> bytes:
        """Several calls as one frame."""
        ...

    def settled(self, payload: bytes) -> Sequence[int]:
        """The ids of the results in a frame. Raises ValueError for anything that is no good answer."""
        ...

    def reply(self, payload: bytes, /) -> bytes | None:
        """What must be said in turn, such as a pong."""
        ...


class Fusewire:
    """Results are joined into frames: messages are counted, and each must be a result of the expected size."""

    path = "/_ws"
    subprotocol: str | None = "fusewire.v1.msgpack"
    binary = True

    def __init__(self, procedure: str, *args: Any, expected: Any, user: str | None = None) -> None:
        credentials = {"token": user} if user else None
        # As the real client does it: with a deadline for every call.
        self.greeting: bytes | None = msgpack.packb([HELLO, None, None, 30_000, credentials])
        self._procedure = procedure
        self._args = list(args)
        self._expected = expected
        self._pinged = False
        # An id below 128 is one byte, so that every result has this size and only byte 2 differs.
        self._tail: bytes = msgpack.packb(expected)
        self._size = 3 + len(self._tail)

    def call(self, call_id: int) -> bytes:
        return cast(bytes, msgpack.packb([CALL, call_id, self._procedure, self._args]))

    def join(self, calls: Sequence[bytes]) -> bytes:
        return b"".join(calls)

    def settled(self, payload: bytes) -> Sequence[int]:
        size = self._size
        ids = payload[2::size]
        if payload[::size] == b"\x93" * len(ids) and payload[1::size] == b"\x04" * len(ids):
            if payload[:2] + payload[3:size] != b"\x93\x04" + self._tail:
                raise ValueError(f"not the expected result: {payload[:200]!r}")
            return ids
        return self._read(payload)

    def reply(self, _payload: bytes, /) -> bytes | None:
        if not self._pinged:
            return None
        self._pinged = False
        return PONG

    def _read(self, payload: bytes) -> list[int]:
        unpacker = msgpack.Unpacker(timestamp=3)
        unpacker.feed(payload)
        ids = []
        for kind, *fields in unpacker:
            if kind == RESULT and fields[1:] == [self._expected]:
                ids.append(fields[0])
            elif kind == PING:
                self._pinged = True
            elif kind not in (WELCOME, TOPIC):
                raise ValueError(f"not the expected result: {kind} {fields}"[:200])
        return ids


class Echo(Fusewire):
    """The frames of Fusewire, sent back by a server that does not read them: each is one message."""

    def __init__(self, procedure: str, *args: Any) -> None:
        super().__init__(procedure, *args, expected=None)
        self.greeting = None

    def settled(self, payload: bytes) -> Sequence[int]:
        return payload[2:3]

    def reply(self, _payload: bytes) -> bytes | None:
        return None
