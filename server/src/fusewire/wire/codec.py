"""Frames to messages and back. Nothing here waits, and nothing here trusts its input.

A frame holds messages back to back. Reading one yields, for each, either the message or a `Fault`: what was wrong, and
the id to answer if one could be read. A fault in one message does not touch the next, as long as its length can be walked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import msgpack

from fusewire.wire import messages as m
from fusewire.wire.messages import MAX_ID, Kind, Message, Packed


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large and how deep an inbound message may be (bytes, levels, elements in all)."""

    message_bytes: int = 2**20
    depth: int = 32
    elements: int = 10_000


@dataclass(frozen=True, slots=True)
class Fault:
    """A message that could not be taken. `code` is `MALFORMED` or `TOO_LARGE`; `id` is None when none could be read."""

    code: str
    detail: str
    id: int | None = None


@dataclass(frozen=True, slots=True)
class Received:
    """A message and its size in bytes on the wire."""

    message: Message
    size: int


class _ShapeError(Exception):
    pass


def pack(value: Any, default: Callable[[Any], Any] | None = None) -> Packed:
    """Encode one value. An aware `datetime` becomes the timestamp extension; `default` turns other objects into plain ones.

    Raises `ValueError` for a naive datetime and `TypeError` for what neither msgpack nor `default` knows.
    """
    return Packed(msgpack.packb(value, default=default, datetime=True))


def unpack(data: bytes, sizes: Sizes) -> Any:
    """Decode exactly one value, such as an HTTP body. Raises `ValueError` when it is not one, or is over `sizes`."""
    if len(data) > sizes.message_bytes:
        raise ValueError(f"more than {sizes.message_bytes} bytes")
    unpacker = _unpacker(len(data))
    unpacker.feed(data)
    try:
        value = unpacker.unpack()
    except _UNREADABLE as error:
        raise ValueError(f"not msgpack: {_describe(error)}") from error
    if unpacker.tell() != len(data):
        raise ValueError("more than one msgpack value")
    if fault := measure(value, sizes):
        raise ValueError(fault)
    return value


def read_frame(frame: bytes, sizes: Sizes) -> Iterator[Received | Fault]:
    """Yield what a frame holds, in order. After bytes that are not msgpack the rest of the frame cannot be found."""
    if not frame:
        yield Fault("MALFORMED", "an empty frame")
        return
    offset = 0
    while offset < len(frame):
        unpacker = _unpacker(len(frame))
        unpacker.feed(memoryview(frame)[offset:])
        start = offset
        try:
            while start < len(frame):
                value = unpacker.unpack()
                end = offset + unpacker.tell()
                yield _read(value, end - start, sizes)
                start = end
            return
        except _UNREADABLE as error:
            # One message's strings, keys or timestamps do not decode. Its length may still be walked.
            step = _length(frame, start)
            if isinstance(error, msgpack.exceptions.StackError):
                yield Fault("TOO_LARGE", f"nested deeper than {sizes.depth}", _id_of(frame, start))
            if step is None:
                yield Fault("MALFORMED", f"not msgpack: {_describe(error)}")
                return
            yield Fault("MALFORMED", f"not readable: {_describe(error)}", _id_of(frame, start))
            offset = start + step


def write(message: Message) -> bytes:
    """Encode one message. A `Packed` value is put in as it is."""
    kind, fields = _PARTS[type(message)]
    values = [getattr(message, name) for name in fields]
    while values and values[-1] in _ABSENT.get(fields[len(values) - 1], ()):
        values.pop()
    head: bytes = _PACKER.pack_array_header(len(values) + 1) + _PACKER.pack(int(kind))
    return head + b"".join(value if isinstance(value, bytes) else _PACKER.pack(value) for value in values)


_PACKER = msgpack.Packer(datetime=True)

# Text that is not UTF-8 and keys that are not text are ValueErrors, timestamps beyond datetime's years are OverflowErrors.
_UNREADABLE = (ValueError, OverflowError, msgpack.exceptions.UnpackException)

# Trailing fields that may be left out, and the value that stands for "absent".
_ABSENT: dict[str, tuple[Any, ...]] = {
    "calls": (None,),
    "session": (None,),
    "timeout_ms": (None,),
    "credentials": (None,),
    "args": ([],),
    "kwargs": ({},),
    "data": (None,),
    "error_id": (None,),
}


def _unpacker(size: int) -> msgpack.Unpacker:
    return msgpack.Unpacker(raw=False, timestamp=3, ext_hook=_no_extension, max_buffer_size=max(size, 1))


def _no_extension(code: int, _data: bytes) -> None:
    raise ValueError(f"extension {code} is none of this protocol's")


def _describe(error: Exception) -> str:
    # Exceptions of the decoder can carry the bytes they failed on; only their kind is told to the peer.
    return type(error).__name__


def _length(frame: bytes, start: int) -> int | None:
    walker = _unpacker(len(frame))
    walker.feed(memoryview(frame)[start:])
    try:
        walker.skip()
    except (*_UNREADABLE, _ShapeError):
        return None
    return int(walker.tell())


def _id_of(frame: bytes, start: int) -> int | None:
    reader = _unpacker(len(frame))
    reader.feed(memoryview(frame)[start:])
    try:
        if reader.read_array_header() < 2:
            return None
        kind, value = reader.unpack(), reader.unpack()
        return _id(value) if type(kind) is int and kind in _WITH_ID else None
    except (*_UNREADABLE, _ShapeError):
        return None


def _read(value: Any, size: int, sizes: Sizes) -> Received | Fault:
    if type(value) is not list or not value or type(value[0]) is not int:
        return Fault("MALFORMED", "a message is an array that starts with its kind")
    kind, *rest = value
    answer = _answerable(kind, rest)
    if size > sizes.message_bytes:
        return Fault("TOO_LARGE", f"a message of {size} bytes: at most {sizes.message_bytes}", answer)
    # A container costs a byte and so does each element: a message this short cannot be too deep or too many.
    if size > sizes.depth and (fault := measure(value, sizes)):
        return Fault("TOO_LARGE", fault, answer)
    reader = _READERS.get(kind)
    if reader is None:
        return Fault("MALFORMED", f"no message kind {kind}"[:80], None)
    try:
        return Received(reader(rest), size)
    except _ShapeError as error:
        return Fault("MALFORMED", f"{Kind(kind).name.lower()}: {error}", answer)


def _answerable(kind: int, rest: list[Any]) -> int | None:
    if kind not in _WITH_ID or not rest:
        return None
    try:
        return _id(rest[0])
    except _ShapeError:
        return None


def measure(value: Any, sizes: Sizes) -> str | None:
    """Count levels and elements without recursion: the peer chose the depth."""
    level, depth, elements = [value], 0, 0
    while level:
        below: list[Any] = []
        for container in level:
            if type(container) is list:
                elements += len(container)
                below += [item for item in container if type(item) is list or type(item) is dict]
            elif type(container) is dict:
                elements += len(container)
                below += [item for item in container.values() if type(item) is list or type(item) is dict]
        if elements > sizes.elements:
            return f"more than {sizes.elements} elements"
        if below:
            depth += 1
            # The message's own array is no level of the caller's value.
            if depth > sizes.depth:
                return f"nested deeper than {sizes.depth}"
        level = below
    return None


def _id(value: Any) -> int:
    if type(value) is not int or not 1 <= value <= MAX_ID:
        raise _ShapeError("id must be an integer from 1 to 2^32-1")
    return value


def _id_or_zero(value: Any) -> int:
    # Over HTTP there is one stream per response, and its id is 0 (PROTOCOL §8).
    return 0 if type(value) is int and value == 0 else _id(value)


def _id_or_nil(value: Any) -> int | None:
    return None if value is None else _id_or_zero(value)


def _any(value: Any) -> Any:
    return value


def _typed(kind: type, what: str) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if type(value) is not kind:
            raise _ShapeError(f"{what} expected")
        return value

    return check


def _optional(check: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else check(value)


def _natural(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise _ShapeError("a non-negative integer expected")
    return value


def _str_keys(value: Any) -> dict[str, Any]:
    if type(value) is not dict or not all(type(key) is str for key in value):
        raise _ShapeError("a map with string keys expected")
    return value


def _limits(value: Any) -> dict[str, int]:
    return {key: _natural(limit) for key, limit in _str_keys(value).items()}


def _args(value: Any) -> list[Any]:
    if value is None:
        return []
    if type(value) is not list:
        raise _ShapeError("args must be an array")
    return value


def _kwargs(value: Any) -> dict[str, Any]:
    return {} if value is None else _str_keys(value)


_str = _typed(str, "a string")
_bool = _typed(bool, "a bool")

# Kind -> its class, its fields in wire order with their checks, and how many of them must be there.
_SHAPES: dict[Kind, tuple[Any, dict[str, Callable[[Any], Any]], int]] = {
    Kind.HELLO: (
        m.Hello,
        {
            "calls": _optional(_str),
            "session": _optional(_str),
            "timeout_ms": _optional(_natural),
            "credentials": _optional(_str_keys),
        },
        0,
    ),
    Kind.WELCOME: (m.Welcome, {"session": _str, "same": _bool, "limits": _limits}, 3),
    Kind.CALL: (
        m.Call,
        {"id": _id, "name": _str, "args": _args, "kwargs": _kwargs, "timeout_ms": _optional(_natural)},
        2,
    ),
    Kind.RESULT: (m.Result, {"id": _id_or_zero, "value": _any}, 2),
    Kind.ITEM: (m.Item, {"id": _id_or_zero, "value": _any}, 2),
    Kind.END: (m.End, {"id": _id_or_zero}, 1),
    Kind.ERROR: (
        m.Error,
        {
            "id": _id_or_nil,
            "status": _natural,
            "code": _str,
            "detail": _any,
            "data": _any,
            "error_id": _optional(_str),
        },
        4,
    ),
    Kind.CANCEL: (m.Cancel, {"id": _id}, 1),
    Kind.CREDIT: (m.Credit, {"id": _id, "items": _natural, "bytes": _natural}, 3),
    Kind.EVENT: (m.Event, {"name": _str, "value": _any}, 2),
    Kind.REFRESH: (m.Refresh, {"id": _id, "credentials": _optional(_str_keys)}, 1),
    Kind.PING: (m.Ping, {}, 0),
    Kind.PONG: (m.Pong, {}, 0),
    Kind.GOAWAY: (m.GoAway, {"drain_ms": _natural}, 1),
}

_WITH_ID = frozenset(kind for kind, (_, fields, _n) in _SHAPES.items() if "id" in fields)
_PARTS = {cls: (kind, tuple(fields)) for kind, (cls, fields, _n) in _SHAPES.items()}


def _reader(
    cls: Any, fields: dict[str, Callable[[Any], Any]], required: int
) -> Callable[[list[Any]], Message]:
    checks = tuple(fields.values())

    def read(rest: list[Any]) -> Message:
        if len(rest) < required:
            raise _ShapeError(f"{required} fields expected, {len(rest)} found")
        # zip stops at the last known field: what follows is a newer peer's.
        message: Message = cls(*[check(value) for check, value in zip(checks, rest, strict=False)])
        return message

    return read


_READERS: dict[int, Callable[[list[Any]], Message]] = {
    int(kind): _reader(*shape) for kind, shape in _SHAPES.items()
}
