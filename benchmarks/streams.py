"""Readers of streams: every item is counted, and granted anew to a server that wants credit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import msgpack

from benchmarks.dialects import CALL, END, HELLO, ITEM, PING, PONG, TOPIC, WELCOME

CREDIT = 9


class FusewireStream:
    """Settles a stream at its *end*; `items` counts what came before. One per connection: it keeps the credit."""

    path = "/_ws"
    subprotocol: str | None = "fusewire.v1.msgpack"
    binary = True

    def __init__(self, procedure: str, *args: Any) -> None:
        self.greeting: bytes | None = msgpack.packb([HELLO, None, None, 30_000])
        self.items = 0
        self._call = [procedure, list(args)]
        self._taken: dict[int, int] = {}
        self._half = 1
        self._replies: list[bytes] = []

    def call(self, call_id: int) -> bytes:
        return cast(bytes, msgpack.packb([CALL, call_id, *self._call]))

    def join(self, calls: Sequence[bytes]) -> bytes:
        return b"".join(calls)

    def settled(self, payload: bytes) -> Sequence[int]:
        unpacker = msgpack.Unpacker()
        unpacker.feed(payload)
        ended = []
        taken = self._taken
        for message in unpacker:
            kind = message[0]
            if kind == ITEM:
                self.items += 1
                number = message[1]
                count = taken[number] = taken.get(number, 0) + 1
                if count == self._half:
                    self._grant(number, count)
            elif kind == END:
                ended.append(message[1])
                taken.pop(message[1], None)
            elif kind == WELCOME:
                self._half = message[3]["stream_items"] // 2
            elif kind == PING:
                self._replies.append(PONG)
            elif kind != TOPIC:
                raise ValueError(f"neither item nor end: {message}")
        return ended

    def reply(self, _payload: bytes, /) -> bytes | None:
        if not self._replies:
            return None
        joined = b"".join(self._replies)
        self._replies.clear()
        return joined

    def _grant(self, number: int, items: int) -> None:
        self._taken[number] = 0
        # As many bytes as such items can have had: what is above the window is not kept.
        self._replies.append(msgpack.packb([CREDIT, number, items, 9 * items]))


class EphapticStream:
    """A frame per item; there is no credit to give."""

    path = "/_ephaptic"
    subprotocol: str | None = None
    binary = True

    def __init__(self, procedure: str, *args: Any) -> None:
        self.greeting: bytes | None = msgpack.packb({"type": "init"})
        self.items = 0
        self._call = {"type": "rpc", "name": procedure, "args": list(args)}

    def call(self, call_id: int) -> bytes:
        return cast(bytes, msgpack.packb({**self._call, "id": call_id}))

    def join(self, calls: Sequence[bytes]) -> bytes:
        # Their protocol has no batches, so no row asks for one.
        raise AssertionError(f"one call a frame, not {len(calls)}")

    def settled(self, payload: bytes) -> Sequence[int]:
        message = msgpack.unpackb(payload)
        if "chunk" in message:
            self.items += 1
            return ()
        if "done" in message:
            return (message["id"],)
        if "stream" in message:
            return ()
        raise ValueError(f"neither item nor end: {message}")

    def reply(self, _payload: bytes, /) -> bytes | None:
        return None
