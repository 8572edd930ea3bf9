"""The handshake: who may connect at all (PROTOCOL §2.1)."""

from __future__ import annotations

import logging
from collections.abc import Awaitable

from fastapi import FastAPI
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from fusewire.transports.origins import origin_passes
from fusewire.transports.services import Services
from fusewire.transports.websocket.beats import Beats
from fusewire.transports.websocket.connection import Connection

log = logging.getLogger("fusewire.websocket")

SUBPROTOCOL = "fusewire.v1.msgpack"

DRAIN = "fusewire.drain"
"""The ASGI extension by which a server says that it is stopping (fusewire.serving)."""

TOLD_ORIGINS = 20
"""So many refused origins are named in the log: who makes them up must not fill it."""


def add_endpoint(app: FastAPI, path: str, services: Services) -> None:
    """Serve WebSockets at `path`, as a route of the app.

    An app without middleware of its own answers them before its router: a connection that stays for hours would hold a frame of each of
    starlette's and FastAPI's own layers, 4 KiB in all (measured), and none of them has anything to do for it.
    """
    endpoint = Endpoint(services)
    app.router.add_websocket_route(path, endpoint)  # type: ignore[arg-type]  # an object is routed as an ASGI app (starlette's WebSocketRoute)
    build = app.build_middleware_stack

    def build_middleware_stack() -> ASGIApp:
        stack = build()

        def first(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
            here = scope["type"] == "websocket" and scope["path"] == path and not scope.get("root_path")
            if here and not app.user_middleware:
                scope["router"] = app.router
                return endpoint(scope, receive, send)
            return stack(scope, receive, send)

        return first

    app.build_middleware_stack = build_middleware_stack  # type: ignore[method-assign]  # called once, when all middleware is known


class Endpoint:
    """The WebSocket route of an app, as an ASGI app of its own."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._beats = Beats(services.bounds.heartbeat_seconds)
        self._told: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # The one frame that lies in memory as long as the connection does: what is awaited here is a bare future.
        if not await self._accepts(WebSocket(scope, receive, send)):
            return
        connection = Connection(scope, receive, send, self._services, self._beats)
        if (drain := scope.get("extensions", {}).get(DRAIN)) is not None:
            drain.listen(connection.drain)
        connection.begin()
        try:
            await connection.ended
        finally:
            await connection.finish()

    async def _accepts(self, socket: WebSocket) -> bool:
        if not origin_passes(socket.headers, self._services.origins):
            # Before accept: a page on another site learns nothing, not even that there was a server (RFC 6455 §10.2).
            self._tell(socket.headers["origin"][:200])
            await socket.send_denial_response(PlainTextResponse("Origin not allowed\n", 403))
            return False
        if SUBPROTOCOL not in socket.scope["subprotocols"]:
            answer = PlainTextResponse(f"The subprotocol {SUBPROTOCOL} must be offered\n", 400)
            await socket.send_denial_response(answer)
            return False
        await socket.accept(SUBPROTOCOL)
        return True

    def _tell(self, origin: str) -> None:
        if origin not in self._told and len(self._told) < TOLD_ORIGINS:
            self._told.add(origin)
            log.warning("! a page on %r may not connect; if it is yours: Fuse(app, origins=[...])", origin)
