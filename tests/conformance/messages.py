"""The messages of PROTOCOL §1 as plain dicts, written down here once more: what is under test must not check itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgpack

Message = dict[str, Any]
"""`{"kind": "call", "id": 1, "name": "add"}`: the kind by name, and each field that is not nil."""

FIELDS: dict[str, tuple[int, tuple[str, ...]]] = {
    "hello": (1, ("calls", "session", "timeout_ms", "credentials", "positions")),
    "welcome": (2, ("session", "same", "limits", "calls")),
    "call": (3, ("id", "name", "args", "kwargs", "timeout_ms")),
    "result": (4, ("id", "value")),
    "item": (5, ("id", "value", "position")),
    "end": (6, ("id",)),
    "error": (7, ("id", "status", "code", "detail", "data", "error_id")),
    "cancel": (8, ("id",)),
    "credit": (9, ("id", "items", "bytes")),
    "event": (10, ("name", "value", "topic", "previous", "position")),
    "refresh": (11, ("id", "credentials")),
    "ping": (12, ()),
    "pong": (13, ()),
    "goaway": (14, ("drain_ms",)),
    "topic": (15, ("topic", "position", "recovered")),
    "resume": (16, ("id", "stream", "position", "procedure")),
    "stream": (17, ("id", "stream")),
}
_BY_NUMBER = {number: (name, fields) for name, (number, fields) in FIELDS.items()}
_REQUIRED = {"result": 2, "item": 2, "event": 2}
"""A value of nil is a value: it may not be left out."""


def pack(value: Any) -> bytes:
    packed: bytes = msgpack.packb(value, datetime=True)
    return packed


def encode(message: Message, extra: list[Any] | None = None) -> bytes:
    """One message. `extra` are elements behind the last known field."""
    number, fields = FIELDS[message["kind"]]
    assert message.keys() <= {"kind", *fields}, f"{message['kind']} has no such field: {message}"
    values = [message.get(field) for field in fields]
    if extra is not None:
        return pack([number, *values, *extra])
    while len(values) > _REQUIRED.get(message["kind"], 0) and values[-1] is None:
        values.pop()
    return pack([number, *values])


def decode(frame: bytes) -> Iterator[Message]:
    """The messages of a frame from the server; elements behind the known fields are ignored."""
    unpacker = msgpack.Unpacker(timestamp=3, max_buffer_size=len(frame) or 1)
    unpacker.feed(frame)
    assert frame, "the server sent an empty frame"
    while unpacker.tell() < len(frame):
        number, *values = unpacker.unpack()
        kind, fields = _BY_NUMBER[number]
        named = dict(zip(fields, values, strict=False))
        yield {"kind": kind, **{name: value for name, value in named.items() if value is not None}}


def size_of(value: Any) -> int:
    """What an item of this value takes from the credit, in bytes."""
    return len(pack(value))
