"""What each kind of message must look like: from plain msgpack data to the message, or to what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fusewire.wire import messages as m
from fusewire.wire.messages import MAX_ID, Kind, Message


@dataclass(frozen=True, slots=True)
class Fault:
    """A message that could not be taken. `code` is `MALFORMED` or `TOO_LARGE`; `id` and `kind` are None when they could not be read."""

    code: str
    detail: str
    id: int | None = None
    kind: int | None = None


class _ShapeError(Exception):
    pass


def read_message(value: Any) -> Message | Fault:
    """The message that a decoded msgpack value is."""
    if type(value) is not list or not value or type(value[0]) is not int:
        return Fault("MALFORMED", "a message is an array that starts with its kind")
    reader = _READERS.get(value[0])
    if reader is None:
        return Fault("MALFORMED", f"no message kind {value[0]}"[:80])
    try:
        return reader(value)
    except _ShapeError as error:
        return Fault("MALFORMED", f"{Kind(value[0]).name.lower()}: {error}", id_of(value), value[0])


def id_of(value: Any) -> int | None:
    """The id that an answer to this message goes to; None when it has none that is usable."""
    if type(value) is not list or len(value) < 2 or type(value[0]) is not int or value[0] not in WITH_ID:
        return None
    try:
        return _id(value[1])
    except _ShapeError:
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


def _texts(value: Any) -> dict[str, str]:
    if not all(type(text) is str for text in _str_keys(value).values()):
        raise _ShapeError("a map of strings expected")
    texts: dict[str, str] = value
    return texts


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
            "positions": _optional(_texts),
        },
        0,
    ),
    Kind.WELCOME: (
        m.Welcome,
        {"session": _str, "same": _bool, "limits": _limits, "calls": _optional(_str)},
        3,
    ),
    Kind.CALL: (
        m.Call,
        {
            "id": _id,
            "name": _str,
            "args": _args,
            "kwargs": _kwargs,
            "timeout_ms": _optional(_natural),
            "key": _optional(_str),
        },
        2,
    ),
    Kind.RESULT: (m.Result, {"id": _id_or_zero, "value": _any}, 2),
    Kind.ITEM: (m.Item, {"id": _id_or_zero, "value": _any, "position": _optional(_str)}, 2),
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
    Kind.EVENT: (
        m.Event,
        {
            "name": _str,
            "value": _any,
            "topic": _optional(_str),
            "previous": _optional(_str),
            "position": _optional(_str),
        },
        2,
    ),
    Kind.REFRESH: (m.Refresh, {"id": _id, "credentials": _optional(_str_keys)}, 1),
    Kind.PING: (m.Ping, {}, 0),
    Kind.PONG: (m.Pong, {}, 0),
    Kind.GOAWAY: (m.GoAway, {"drain_ms": _natural}, 1),
    Kind.TOPIC: (
        m.Topic,
        {"topic": _str, "position": _optional(_str), "recovered": _optional(_bool)},
        1,
    ),
    Kind.RESUME: (
        m.Resume,
        {"id": _id, "stream": _str, "position": _optional(_str), "procedure": _optional(_str)},
        2,
    ),
    Kind.STREAM: (m.Stream, {"id": _id, "stream": _str}, 2),
}

WITH_ID = frozenset(int(kind) for kind, (_, fields, _n) in _SHAPES.items() if "id" in fields)
PARTS = {cls: (kind, tuple(fields)) for kind, (cls, fields, _n) in _SHAPES.items()}
"""Of each class its kind, and its fields in wire order."""


def _reader(
    cls: Any, fields: dict[str, Callable[[Any], Any]], required: int
) -> Callable[[list[Any]], Message]:
    checks = tuple(fields.values())

    def read(value: list[Any]) -> Message:
        if len(value) <= required:
            raise _ShapeError(f"{required} fields expected, {len(value) - 1} found")
        # zip stops at the last known field: what follows is a newer peer's.
        message: Message = cls(*[check(part) for check, part in zip(checks, value[1:], strict=False)])
        return message

    return read


def _call(value: list[Any]) -> Message:
    """What the generic reader would do, for the one kind of which there are thousands a second."""
    size = len(value)
    if size == 4 and type(value[1]) is int and 0 < value[1] <= MAX_ID and type(value[2]) is str:
        args = value[3]
        if type(args) is list:
            return m.Call(value[1], value[2], args, {}, None)
    if size < 3:
        raise _ShapeError(f"2 fields expected, {size - 1} found")
    return m.Call(
        _id(value[1]),
        _str(value[2]),
        _args(value[3]) if size > 3 else [],
        _kwargs(value[4]) if size > 4 else {},
        _timeout(value[5]) if size > 5 else None,
        _key(value[6]) if size > 6 else None,
    )


_timeout = _optional(_natural)
_key = _optional(_str)

_READERS: dict[int, Callable[[list[Any]], Message]] = {
    **{int(kind): _reader(*shape) for kind, shape in _SHAPES.items()},
    int(Kind.CALL): _call,
}
