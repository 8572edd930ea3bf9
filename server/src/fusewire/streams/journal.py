"""What is kept of a stream: a topic of its own on the broker, with a record for each item and one for its end."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple, Protocol

import msgpack

from fusewire.broker.port import Retention
from fusewire.broker.positions import after
from fusewire.errors import RpcError
from fusewire.identity import Identity

UNREAD_ITEMS = 10_000
UNREAD_BYTES = 1024 * 1024
"""A journal that holds so much which no reader has taken makes its generator wait."""

KEPT_ITEMS = UNREAD_ITEMS + 1_000
KEPT_BYTES = 2 * UNREAD_BYTES
"""So much is kept in all: what a reader took may not have arrived, and it asks for that again."""

ON_ITS_WAY_BYTES = 256 * 1024
LATEST = 2
"""What was taken and may not have arrived: a connection's window, the item that went beyond it, and the one that waits for room. It is
kept whatever comes behind it, and however large it is."""

LATE_SECONDS = 10.0
"""So much longer than a stream waits for a reader its journal is kept: until it is surely known that nobody reads."""

PREFIX = "stream:"


class Kind(Enum):
    BEGIN = b"b"
    ITEM = b"i"
    END = b"e"
    ERROR = b"x"
    CLAIM = b"c"
    """Of a reader that goes on with the stream; not kept."""


class Record(NamedTuple):
    kind: Kind
    body: bytes
    position: str


class Form(Protocol):
    """How what a procedure yields is written into a journal. Whoever resumes reads the same form: `name` says which."""

    name: str

    def item(self, value: Any) -> bytes:
        """Raises `RpcError` for what cannot be sent."""
        ...

    def error(self, error: RpcError[Any]) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Stream:
    """What every worker knows of a stream. `start`: the position before its first item. `seconds`: for how long it waits for a reader."""

    id: str
    procedure: str
    owner: bytes
    form: str
    worker: str
    seconds: float
    start: str

    @property
    def topic(self) -> str:
        return PREFIX + self.id

    @property
    def retention(self) -> Retention:
        return retention(self.seconds, KEPT_ITEMS)

    @property
    def key(self) -> str:
        return f"stream:{self.id}"

    @property
    def lease(self) -> str:
        """There while the worker that runs it lives."""
        return f"stream-lease:{self.id}"

    @property
    def stopped(self) -> str:
        """There when it is to end, for the worker that runs it to find."""
        return f"stream-stopped:{self.id}"

    def packed(self) -> bytes:
        written: bytes = msgpack.packb(
            (self.procedure, self.owner, self.form, self.worker, self.seconds, self.start)
        )
        return written

    @classmethod
    def read(cls, stream_id: str, packed: bytes) -> Stream:
        return cls(stream_id, *msgpack.unpackb(packed))


def owner_of(identity: Identity | None) -> bytes:
    """Whose a stream is."""
    return b"anonymous" if identity is None else b"user:" + identity.id.encode()


def retention(seconds: float, count: int) -> Retention:
    """`count` bounds it as long as it is written or read; `seconds` count when neither is so."""
    return Retention(seconds + LATE_SECONDS, count, together=True)


class Unread:
    """What a journal holds: what no reader has taken, and how much is kept behind that."""

    __slots__ = ("_size", "_taken", "_taken_size", "_waiting")

    def __init__(self) -> None:
        self._waiting: deque[tuple[str, int]] = deque()
        self._size = 0
        self._taken: deque[int] = deque()
        self._taken_size = 0

    @property
    def full(self) -> bool:
        return self._size >= UNREAD_BYTES or len(self._waiting) >= UNREAD_ITEMS

    def keep(self, size: int) -> int:
        """One more record is about to be written: how many are to be kept, it included."""
        while self._surplus(size):
            self._taken_size -= self._taken.popleft()
        return len(self._taken) + len(self._waiting) + 1

    def _surplus(self, size: int) -> bool:
        """Whether the oldest that was taken is too much, and has surely arrived: not all that was taken since can be on its way."""
        if len(self._taken) <= LATEST:
            return False
        if len(self._taken) + len(self._waiting) >= KEPT_ITEMS:
            return True
        if self._taken_size + self._size + size <= KEPT_BYTES:
            return False
        newest = sum(self._taken[-n] for n in range(1, LATEST + 1))
        return self._taken_size - newest >= ON_ITS_WAY_BYTES

    def add(self, position: str, size: int) -> None:
        self._waiting.append((position, size))
        self._size += size

    def taken(self, position: str) -> None:
        """A reader has everything up to there."""
        while self._waiting and not after(self._waiting[0][0], position):
            size = self._waiting.popleft()[1]
            self._size -= size
            self._taken.append(size)
            self._taken_size += size
