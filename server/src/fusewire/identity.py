"""Who is calling: what a loader gets, and what it says."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Transport = Literal["websocket", "http"]


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a caller showed, the same for every transport.

    `payload` is what the client's `auth()` returned (empty over HTTP). `token` is `payload["token"]`, else the bearer token of the
    `Authorization` header. `cookies` and `headers` are the request's, or the handshake's. Its repr shows none of them.
    """

    token: str | None = field(repr=False)
    cookies: Mapping[str, str] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    payload: Mapping[str, Any] = field(repr=False)
    client_ip: str | None
    transport: Transport


@dataclass(frozen=True, slots=True)
class Identity:
    """A known caller. `id` is what events, limits and `active_user()` go by; `data` is the app's own."""

    id: str
    expires_at: datetime | None = None
    scopes: frozenset[str] = frozenset()
    data: Any = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not self.id or type(self.id).__name__ != "str":
            raise TypeError(f"Identity.id must be a non-empty str, not {type(self.id).__name__}")
        if self.expires_at is not None and self.expires_at.tzinfo is None:
            raise ValueError("Identity.expires_at must be an aware datetime")


Loader = (
    Callable[[Credentials], Awaitable["Identity | str | None"]]
    | Callable[[Credentials], "Identity | str | None"]
)
"""The app's loader. None is anonymous; raising refuses the caller."""


def bearer_token(payload: Mapping[str, Any], headers: Mapping[str, str]) -> str | None:
    """The token of `Credentials`: the payload's, else the bearer token of the `Authorization` header (RFC 6750 §2.1)."""
    token = payload.get("token")
    if isinstance(token, str):
        return token
    scheme, _, value = headers.get("authorization", "").partition(" ")
    return value.strip() or None if scheme.lower() == "bearer" else None
