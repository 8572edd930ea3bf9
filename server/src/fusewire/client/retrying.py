"""Calls that may be sent again: those of procedures that are idempotent, or that the server executes once for each key."""

from __future__ import annotations

import random
import secrets
from collections.abc import Awaitable, Callable
from typing import TypeVar

from fusewire.client.errors import ConnectionLost
from fusewire.errors import RpcError

T = TypeVar("T")

MAX_RETRIES = 3
"""How often a call is sent again to which no answer came."""
FIRST_PAUSE_SECONDS = 0.5
"""The shortest pause before the first retry over HTTP. It doubles, and chance makes it up to twice as long."""


async def retried(
    attempt: Callable[[], Awaitable[T]], pause: Callable[[int], Awaitable[None]] | None = None
) -> T:
    """What `attempt` gives, in the end. `pause` waits before retry number n, from 0.

    Raises what the last attempt failed with: `ConnectionLost` with `maybe_executed` if that is true of any of them; another error
    with the attempt before it, of which nobody knows what it did, as its cause.
    """
    lost: ConnectionLost | None = None
    for number in range(MAX_RETRIES + 1):
        try:
            if lost is not None and pause is not None:
                await pause(number - 1)
            return await attempt()
        except ConnectionLost as error:
            lost = _worse(lost, error)
        except RpcError as error:
            if lost is None:
                raise
            raise error from lost
    assert lost is not None
    raise lost


def pause_seconds(number: int) -> float:
    """The wait before retry `number`, from 0."""
    # Chance spreads load here, and keeps no secret.
    return FIRST_PAUSE_SECONDS * 2.0**number * (1 + random.random())  # noqa: S311


def new_key() -> str:
    """What names one call over all its attempts (PROTOCOL §3); nobody guesses it."""
    return secrets.token_urlsafe(18)


def _worse(before: ConnectionLost | None, error: ConnectionLost) -> ConnectionLost:
    if before is None or error.maybe_executed or not before.maybe_executed:
        return error
    told = ConnectionLost(str(error), maybe_executed=True)
    told.__cause__ = error
    return told
