"""The first step of every call: who is it?"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from fusewire.calls.running import asked_to_stop
from fusewire.errors import RpcError, Unauthenticated
from fusewire.identity import Credentials, Identity, Loader, Transport, bearer_token
from fusewire.procedures.callables import flavour_of, run

log = logging.getLogger("fusewire.identity")


def credentials_of(
    connection: HTTPConnection, payload: Mapping[str, Any], transport: Transport
) -> Credentials:
    """What a request or a handshake shows, with the client's own payload."""
    headers = connection.headers
    return Credentials(
        token=bearer_token(payload, headers),
        cookies=connection.cookies,
        headers=headers,
        payload=payload,
        client_ip=connection.client.host if connection.client else None,
        transport=transport,
    )


async def identify(loader: Loader | None, credentials: Credentials) -> Identity | None:
    """Ask the app's loader. None is anonymous; without a loader everybody is.

    Raises `Unauthenticated` when the loader raised: a caller whose token is bad is refused, never served as anonymous.
    """
    if loader is None:
        return None
    try:
        return _identity(await run(loader, _flavour_of(loader), [credentials], {}))
    except (RpcError, HTTPException) as error:
        raise Unauthenticated(message="The identity was refused") from error
    except BaseException as error:
        if isinstance(error, asyncio.CancelledError) and asked_to_stop():
            raise
        log.exception("! the identity loader failed; the caller is refused")
        raise Unauthenticated(message="The identity was refused") from error


_flavour_of = lru_cache(maxsize=64)(flavour_of)
"""To find out takes longer than most loaders; an app has one."""


def _identity(found: Any) -> Identity | None:
    if found is None or isinstance(found, Identity):
        return found
    if isinstance(found, str):
        return Identity(found)
    raise TypeError(f"the identity loader returned {type(found).__name__}, not an Identity, a str or None")
