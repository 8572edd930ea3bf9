"""Which pages may talk to the server (PROTOCOL §2.1): those of its own host, and those of `origins=`."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit


def origin_passes(headers: Mapping[str, str], allowed: frozenset[str]) -> bool:
    """Whether the request comes from a page that may. No Origin means no browser, which is let through."""
    origin = headers.get("origin")
    if origin is None or origin.lower() in allowed:
        return True
    host = _host_of(origin)
    return host is not None and host == _host(headers.get("host", ""), secure=origin.startswith("https:"))


def _host_of(origin: str) -> tuple[str, int] | None:
    try:
        parts = urlsplit(origin)
        if parts.scheme not in ("http", "https") or parts.path:
            return None
        return _host(parts.netloc, secure=parts.scheme == "https")
    except ValueError:
        return None


def _host(netloc: str, *, secure: bool) -> tuple[str, int] | None:
    """Name and port, the scheme's own port when none is said."""
    try:
        parts = urlsplit(f"//{netloc}")
        return (parts.hostname, parts.port or (443 if secure else 80)) if parts.hostname else None
    except ValueError:
        return None
