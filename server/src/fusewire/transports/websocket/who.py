"""Who is at the other end: set by hello, changed by refresh, over when it expires (PROTOCOL §2.3, §2.5)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from starlette.types import Scope

from fusewire.calls import credentials_of, identify
from fusewire.errors import TooManyCalls, Unavailable
from fusewire.identity import Identity
from fusewire.procedures.call import Caller
from fusewire.transports.services import Services
from fusewire.transports.websocket.handshake import Handshake
from fusewire.transports.websocket.line import Line
from fusewire.wire.close import CloseCode

PRESET = "fusewire.identity"
"""The key of an ASGI scope under which an in-process test client says who it is. No network peer can set it."""


class Who:
    """`line` is closed when the identity has run out."""

    __slots__ = ("_expiry", "_line", "_refreshes", "_services", "_turn", "caller", "identity")

    def __init__(self, scope: Scope, services: Services, line: Line) -> None:
        self._services = services
        self._line = line
        self._expiry: asyncio.TimerHandle | None = None
        self._refreshes = 0
        self._turn: asyncio.Lock | None = None
        self.identity: Identity | None = None
        self.caller = Caller("websocket", Handshake(scope, None), services.hub)

    @property
    def id(self) -> str | None:
        return None if self.identity is None else self.identity.id

    @property
    def expires_ms(self) -> int | None:
        """How long the identity still holds; None for ever. A client asks for a new one before that."""
        moment = None if self.identity is None else self.identity.expires_at
        if moment is None:
            return None
        return max(0, int((moment - datetime.now(UTC)).total_seconds() * 1000))

    def enter(self, session_id: str) -> None:
        """Which session the connection is of."""
        self.caller = Caller("websocket", self.caller.connection, self.caller.hub, session_id)

    async def take(self, payload: dict[str, Any]) -> None:
        """Ask the app's loader. Raises `Unauthenticated` when it refuses, `Unavailable` when it does not answer in time."""
        handshake = self.caller.connection
        credentials = credentials_of(Handshake(handshake.scope, None), payload, "websocket")
        try:
            async with asyncio.timeout(self._services.bounds.identify_seconds):
                self.identity = await self._identity(credentials)
        except TimeoutError as error:
            raise Unavailable(message="The identity could not be loaded in time") from error
        self._expire_at(self.identity.expires_at if self.identity is not None else None)
        # A new one: calls under way keep what they began with.
        seen = Handshake(handshake.scope, credentials.token)
        self.caller = Caller("websocket", seen, self.caller.hub, self.caller.session_id)

    async def _identity(self, credentials: Any) -> Identity | None:
        scope = self.caller.connection.scope
        if PRESET in scope:
            # For hello alone: new credentials are the loader's to judge.
            preset: Identity | None = scope.pop(PRESET)
            return preset
        return await identify(self._services.loader, credentials)

    async def refresh(self, payload: dict[str, Any], move: Callable[..., Any]) -> None:
        """Take new credentials, one after the other: the last one sent is the one that holds. `move` is told the old and the new id.

        Raises `TooManyCalls` when too many wait already, and what `take` raises.
        """
        if self._refreshes > self._services.bounds.refreshes:
            raise TooManyCalls(message="Too many changes of identity at once")
        self._refreshes += 1
        try:
            if self._turn is None:
                self._turn = asyncio.Lock()
            async with self._turn:
                old = self.id
                await self.take(payload)
                await move(old, self.id)
        finally:
            self._refreshes -= 1

    def forget(self) -> None:
        """The connection is over."""
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None

    def _expire_at(self, moment: datetime | None) -> None:
        """With its identity a connection ends: its streams and events were that identity's too."""
        self.forget()
        if moment is not None:
            left = max(0.0, (moment - datetime.now(UTC)).total_seconds())
            self._expiry = asyncio.get_running_loop().call_later(
                left, self._line.shut, CloseCode.IDENTITY_EXPIRED
            )
