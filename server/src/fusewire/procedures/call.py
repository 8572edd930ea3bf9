"""The call that is running: what user code may ask about it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from starlette.requests import HTTPConnection

from fusewire.identity import Identity, Transport


class Caller:
    """Who calls, from where: shared by all calls of one connection, or of one request. `hub` is where `emit()` goes."""

    __slots__ = ("connection", "hub", "session_id", "transport")

    def __init__(
        self, transport: Transport, connection: HTTPConnection, hub: Any, session_id: str | None = None
    ) -> None:
        self.transport = transport
        self.connection = connection
        """The request, or the handshake."""
        self.hub = hub
        self.session_id = session_id


class Call:
    """One call of a procedure, on whatever transport. Take it as a parameter (`call: Call`) to have it injected."""

    __slots__ = ("_caller", "_key", "deadline", "identity", "key", "procedure", "threads")

    def __init__(
        self,
        key: str | int,
        procedure: str,
        caller: Caller,
        identity: Identity | None,
        deadline: float | None,
        retry_key: str | None = None,
    ) -> None:
        self._key = key
        self.key = retry_key
        """Chosen by the caller, the same for each attempt at one call; None without one."""
        self._caller = caller
        self.procedure = procedure
        self.identity = identity
        self.deadline = deadline
        """On the clock of `time.monotonic()`, in seconds; None without one."""
        self.threads: tuple[asyncio.Task[Any], ...] = ()
        """Threads of this call that a cancelled caller left behind."""

    def __repr__(self) -> str:
        return f"<Call {self.id} {self.procedure} over {self.transport}>"

    @property
    def id(self) -> str:
        """Unique among the calls of this process."""
        session = self._caller.session_id
        return str(self._key) if session is None else f"{session}.{self._key}"

    @property
    def transport(self) -> Transport:
        return self._caller.transport

    @property
    def client_ip(self) -> str | None:
        """None when the server does not know it."""
        client = self._caller.connection.client
        return client.host if client is not None else None

    @property
    def session_id(self) -> str | None:
        """None over HTTP."""
        return self._caller.session_id

    @property
    def headers(self) -> Mapping[str, str]:
        """The request's, or the handshake's."""
        return self._caller.connection.headers

    @property
    def connection(self) -> HTTPConnection:
        """The request, or the handshake."""
        return self._caller.connection

    @property
    def hub(self) -> Any:
        return self._caller.hub

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
