"""The call that is running: what user code may ask about it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from fusewire.identity import Identity, Transport


@dataclass(slots=True, eq=False)
class Call:
    """One call of a procedure, on whatever transport. Take it as a parameter (`call: Call`) to have it injected.

    `client_ip` is None when the server does not know it; `session_id` is None over HTTP.
    """

    id: str
    procedure: str
    transport: Transport
    identity: Identity | None
    client_ip: str | None = None
    session_id: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    deadline: float | None = None
    """On the clock of `time.monotonic()`, in seconds."""
    hub: Any = field(default=None, repr=False)
    """Where `emit()` goes; set by the app."""
    threads: list[asyncio.Task[Any]] = field(default_factory=list, repr=False)
    """Threads of this call that a cancelled caller left behind."""

    @property
    def remaining_seconds(self) -> float | None:
        """Time left until the deadline, never below 0; None without a deadline."""
        return None if self.deadline is None else max(0.0, self.deadline - time.monotonic())


current_call: ContextVar[Call | None] = ContextVar("fusewire_call", default=None)


def active_user() -> str | None:
    """The id of the caller's identity; None for an anonymous caller and outside a call."""
    call = current_call.get()
    return None if call is None or call.identity is None else call.identity.id


def is_rpc() -> bool:
    """Whether the call came over WebSocket."""
    call = current_call.get()
    return call is not None and call.transport == "websocket"


def is_http() -> bool:
    """Whether the call came over HTTP."""
    call = current_call.get()
    return call is not None and call.transport == "http"
