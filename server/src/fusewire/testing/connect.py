"""`connect`: a client and the app it calls, in one event loop."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from starlette.types import ASGIApp, Scope

from fusewire.app import Fuse
from fusewire.client import Client, open_connection, payload_of
from fusewire.identity import Identity
from fusewire.testing.lifespan import running
from fusewire.testing.socket import open_socket
from fusewire.transports.websocket import SUBPROTOCOL

IDENTITY_KEY = "fusewire.identity"
"""In the scope of a WebSocket: who is calling, instead of what the loader says. Only what runs the app can set it."""


@asynccontextmanager
async def connect(
    app: ASGIApp,
    *,
    user: str | Identity | None = None,
    token: str | None = None,
    credentials: dict[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
    cookies: Mapping[str, str] | None = None,
    client_ip: str = "127.0.0.1",
    timeout: float | None = 30.0,  # noqa: ASYNC109  # of the calls, not of connecting
) -> AsyncIterator[Client]:
    """A client of this app over the real protocol, without a network. At the end of the block everything it started has ended.

    `app` is the FastAPI app, or ASGI middleware around it (with the inner app as `.app`). Its lifespan runs while any client is
    connected. `user` is who calls, past the identity loader; `token`, or any `credentials`, go to the loader instead, as do
    `headers` and `cookies`. With none of them the loader sees a caller who shows nothing. `timeout` is the deadline of unary calls,
    in seconds.

    Raises `TypeError` for an app without a `Fuse`, `ValueError` for `user` together with `token` or `credentials`, `RpcError` when the
    identity was refused, `ConnectionLost` when the handshake was, and whatever the app's lifespan raises.
    """
    payload = payload_of(token, credentials)
    if user is not None and payload is not None:
        raise ValueError("user= goes past the identity loader, token= and credentials= go to it: give one")
    fuse = _fuse_of(app)
    async with running(app) as state:
        contract = fuse.contract()
        scope = _scope(contract["ws_path"], headers or {}, cookies or {}, client_ip)
        scope["state"] = dict(state)
        if user is not None:
            scope[IDENTITY_KEY] = Identity(user) if isinstance(user, str) else user
        async with (
            open_socket(app, scope) as socket,
            open_connection(
                socket, calls=contract["calls"], credentials=payload, timeout=timeout
            ) as connection,
        ):
            yield Client(connection)


def _fuse_of(app: Any) -> Fuse:
    layer = app
    while layer is not None:
        fuse = getattr(getattr(layer, "state", None), "fusewire", None)
        if isinstance(fuse, Fuse):
            return fuse
        layer = getattr(layer, "app", None)
    raise TypeError(f"{app!r} has no Fuse: pass the app that was given to Fuse(...)")


def _scope(path: str, headers: Mapping[str, str], cookies: Mapping[str, str], client_ip: str) -> Scope:
    told = {"host": "testserver", **{name.lower(): value for name, value in headers.items()}}
    if cookies:
        told["cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
    return {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": "ws",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in told.items()],
        "client": (client_ip, 50000),
        "server": ("testserver", 80),
        "subprotocols": [SUBPROTOCOL],
        "extensions": {"websocket.http.response": {}},
    }
