"""Credentials are renewed before they expire, so that no connection is closed because of that."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

from fusewire.client.connection import Connection
from fusewire.client.errors import ConnectionLost
from fusewire.errors import Unauthenticated

REFRESH_BEFORE_SECONDS = 60.0
"""How long before an identity expires another one is asked for, at most; or a fifth of its life."""


async def keep(
    connection: Connection,
    auth: Callable[[], Awaitable[dict[str, Any] | None]],
    *,
    backoff: Callable[[int], float],
    on_error: Callable[[Exception], None],
) -> None:
    """Refresh whenever it is time (PROTOCOL §2.5), until the connection is left or somebody is known by other means.

    When `auth` raises, `on_error` hears of it, and it is asked again after a pause of `backoff`.
    """
    failures = 0
    due = _due(connection)
    while not connection.left.is_set():
        connection.renewed.clear()
        try:
            async with asyncio.timeout_at(due):
                await connection.renewed.wait()
        except TimeoutError:
            try:
                credentials = await auth()
                if credentials is None:  # It is the handshake that says who is there.
                    return
                if not connection.left.is_set():
                    await connection.refresh(credentials)
            except (ConnectionLost, Unauthenticated):
                return
            except Exception as error:  # noqa: BLE001  # of the app's `auth`
                on_error(error)
                due = connection.loop.time() + backoff(failures)
                failures += 1
                continue
        failures, due = 0, _due(connection)


def _due(connection: Connection) -> float | None:
    """When to ask, on the loop's clock. Those who came together do not ask together."""
    if connection.expires_at is None:
        return None
    left = max(0.0, connection.expires_at - connection.loop.time())
    before = min(left / 5, REFRESH_BEFORE_SECONDS) * (1 - random.random() / 2)  # noqa: S311  # not a secret
    return connection.expires_at - before
