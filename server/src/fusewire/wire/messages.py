"""The messages of PROTOCOL §1 as frozen values, one class per kind.

`value`, `data` and `detail` are plain Python data on the way in. On the way out they are `Packed`: bytes that already are one
msgpack value, so that a result is encoded once, where its type is known, and can be sent to many.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, NewType

Packed = NewType("Packed", bytes)

MAX_ID = 2**32 - 1


class Kind(IntEnum):
    HELLO = 1
    WELCOME = 2
    CALL = 3
    RESULT = 4
    ITEM = 5
    END = 6
    ERROR = 7
    CANCEL = 8
    CREDIT = 9
    EVENT = 10
    REFRESH = 11
    PING = 12
    PONG = 13
    GOAWAY = 14


@dataclass(frozen=True, slots=True)
class Hello:
    calls: str | None = None
    session: str | None = None
    timeout_ms: int | None = None
    credentials: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Welcome:
    session: str
    same: bool
    limits: dict[str, int]


@dataclass(frozen=True, slots=True)
class Call:
    id: int
    name: str
    args: list[Any] = field(default_factory=list)
    kwargs: dict[str, Any] = field(default_factory=dict)
    timeout_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Result:
    id: int
    value: Any


@dataclass(frozen=True, slots=True)
class Item:
    id: int
    value: Any


@dataclass(frozen=True, slots=True)
class End:
    id: int


@dataclass(frozen=True, slots=True)
class Error:
    id: int | None
    status: int
    code: str
    detail: Any
    data: Any = None
    error_id: str | None = None


@dataclass(frozen=True, slots=True)
class Cancel:
    id: int


@dataclass(frozen=True, slots=True)
class Credit:
    id: int
    items: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Event:
    name: str
    value: Any


@dataclass(frozen=True, slots=True)
class Refresh:
    id: int
    credentials: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Ping:
    pass


@dataclass(frozen=True, slots=True)
class Pong:
    pass


@dataclass(frozen=True, slots=True)
class GoAway:
    drain_ms: int


ClientMessage = Hello | Call | Cancel | Credit | Refresh | Ping | Pong
ServerMessage = Welcome | Result | Item | End | Error | Event | Ping | Pong | GoAway
Message = ClientMessage | ServerMessage
