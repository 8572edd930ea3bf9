"""What a frame means to the client's shell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fusewire.wire import messages as m
from fusewire.wire.close import CloseCode


@dataclass(frozen=True, slots=True)
class Send:
    """Bytes that answer the server at once."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Shut:
    """The connection must be closed with this code; nothing that arrives later counts."""

    code: CloseCode


@dataclass(frozen=True, slots=True)
class Arrived:
    """An item of a stream, the bytes of credit that it took, and where a stream that can be resumed stands behind it."""

    id: int
    value: Any
    size: int
    position: str | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """The last word about a call; its id is free again."""

    id: int
    message: m.Result | m.End | m.Error


@dataclass(frozen=True, slots=True)
class Named:
    """The stream can be resumed under this name."""

    id: int
    stream: str


@dataclass(frozen=True, slots=True)
class Granted:
    """The upload of this call may go on."""

    id: int


@dataclass(frozen=True, slots=True)
class Reported:
    """An error that belongs to no call: why there is no welcome, or why the connection is about to close."""

    error: m.Error


Incoming = (
    m.Welcome | m.Event | m.Topic | m.GoAway | Arrived | Named | Settled | Granted | Reported | Send | Shut
)
"""What the shell acts on."""
