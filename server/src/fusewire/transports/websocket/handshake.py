"""The handshake as the connection that dependencies see."""

from __future__ import annotations

from starlette.requests import HTTPConnection


def with_token(handshake: HTTPConnection, token: str | None) -> HTTPConnection:
    """The handshake with `Authorization` overlaid: a browser cannot set it there, the client's `auth()` sends it in hello."""
    if token is None:
        return handshake
    headers = [
        (name, value) for name, value in handshake.scope["headers"] if name.lower() != b"authorization"
    ]
    headers.append((b"authorization", f"Bearer {token}".encode("latin-1", "replace")))
    return HTTPConnection({**handshake.scope, "headers": headers})
