"""How to connect."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from inspect import isawaitable
from ssl import SSLContext
from typing import Any, Literal, TypedDict

from fusewire.client.status import Status

Credentials = Mapping[str, Any] | str | None
"""What the app's identity loader gets as `payload`; a text is the token; None is anonymous."""

Auth = Callable[[], Credentials | Awaitable[Credentials]]


class ConnectOptions(TypedDict, total=False):
    """All of it is optional."""

    auth: Auth
    """Who calls. Asked for every connection, by `reauthenticate()`, and for each call over HTTP. When it raises, the error goes to
    `on_error`, and the client tries again."""
    timeout: float | None
    """The deadline of calls that answer once, in seconds. Default 30; None is none. Streams have none."""
    transport: Literal["websocket", "http"]
    """`http` sends every call over HTTP, and there are no events. Default `websocket`."""
    headers: Mapping[str, str]
    """Of the handshake, and of each HTTP request."""
    ssl: SSLContext
    backoff: Callable[[int], float]
    """Seconds to wait before attempt number n, from 0. Default: full jitter between 0.5 and 20."""
    on_status: Callable[[Status], object]
    """Told about every change of `client.status`."""
    on_error: Callable[[Exception], object]
    """Errors that belong to no call: of handlers, of `auth`, of the connection. Default: the log `fusewire.client`."""
    on_missed: Callable[[str], object]
    """Events of this topic (such as `user:ann`) were missed that the server does not have any more."""
    on_stale: Callable[[str | None], object]
    """The server's contract is another one than this client was generated from; its hash, if it says that. Once for each."""


def asker(auth: Auth | None) -> Callable[[], Awaitable[dict[str, Any] | None]]:
    """Whatever `auth` gives, as the payload."""

    async def ask() -> dict[str, Any] | None:
        told = auth() if auth is not None else None
        credentials = await told if isawaitable(told) else told
        if isinstance(credentials, str):
            return {"token": credentials}
        return None if credentials is None else dict(credentials)

    return ask


def urls(url: str, ws: str, api: str) -> tuple[str, str]:
    """Where the WebSocket and the routes are, for a base URL of either scheme. Raises `ValueError` for another scheme."""
    scheme, _, rest = url.rstrip("/").partition("://")
    secure = {"http": "", "ws": "", "https": "s", "wss": "s"}.get(scheme)
    if secure is None or not rest:
        raise ValueError(f"{url!r} is no base URL: it begins with http://, https://, ws:// or wss://")
    return f"ws{secure}://{rest}{ws}", f"http{secure}://{rest}{api}"
