"""What a session is told and tells."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from fusewire.client.backoff import backoff_seconds
from fusewire.client.duplex import Duplex
from fusewire.client.status import Status
from fusewire.errors import RpcError
from fusewire.wire import messages as m


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOptions:
    """What a session needs from outside. No hook may raise."""

    dial: Callable[[], Awaitable[Duplex]]
    """Opens a socket."""
    calls: str
    """The hash of the call shapes, for hello."""
    auth: Callable[[], Awaitable[dict[str, Any] | None]]
    timeout: float | None
    """The deadline of unary calls that name none, in seconds."""
    on_event: Callable[[m.Event], None]
    on_missed: Callable[[str], None]
    """Events of this topic are gone that cannot be had any more."""
    on_failure: Callable[[RpcError], None]
    """It has stopped for good: nothing more will come."""
    on_status: Callable[[Status], None]
    on_error: Callable[[Exception], None]
    on_stale: Callable[[str | None], None]
    """The server has another contract, of that hash."""
    backoff: Callable[[int], float] = backoff_seconds
