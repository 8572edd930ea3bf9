"""The calls of the peers, as their own clients write them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, cast

import msgpack


class Ephaptic:
    """ephaptic 0.5.0: a map per frame."""

    path = "/_ephaptic"
    subprotocol: str | None = None
    binary = True

    def __init__(self, procedure: str, *args: Any, expected: Any) -> None:
        self.greeting: bytes | None = msgpack.packb({"type": "init"})
        self._call = {"type": "rpc", "name": procedure, "args": list(args)}
        self._tail: bytes = msgpack.packb("result") + msgpack.packb(expected)

    def call(self, call_id: int) -> bytes:
        return cast(bytes, msgpack.packb({**self._call, "id": call_id}))

    def join(self, calls: Sequence[bytes]) -> bytes:
        # Their protocol has no batches, so no row asks for one.
        raise AssertionError(f"one call a frame, not {len(calls)}")

    def settled(self, payload: bytes) -> Sequence[int]:
        # {"id": id, "result": …}, with an id of one byte
        if payload[5:] != self._tail or payload[:4] != b"\x82\xa2id":
            raise ValueError(f"not the expected result: {payload[:200]!r}")
        return payload[4:5]

    def reply(self, _payload: bytes, /) -> bytes | None:
        return None


class Trpc:
    """tRPC 11 over WebSocket: a JSON object per frame."""

    path = "/"
    subprotocol: str | None = None
    binary = False
    greeting: bytes | None = None

    def __init__(self, procedure: str, given: dict[str, Any], *, expected: Any) -> None:
        self._params = {"path": procedure, "input": given}
        self._tail = _compact({"result": {"type": "data", "data": expected}})[1:]

    def call(self, call_id: int) -> bytes:
        return _compact({"id": call_id, "method": "query", "params": self._params})

    def join(self, calls: Sequence[bytes]) -> bytes:
        return b"[" + b",".join(calls) + b"]"

    def settled(self, payload: bytes) -> Sequence[int]:
        head, _, tail = payload.partition(b",")
        if tail != self._tail:
            raise ValueError(f"not the expected result: {payload[:200]!r}")
        return (int(head.removeprefix(b'{"id":')),)

    def reply(self, _payload: bytes, /) -> bytes | None:
        return None


def _compact(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
