"""A TaskGroup for a context manager that others write their code in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


@asynccontextmanager
async def owned_tasks() -> AsyncIterator[asyncio.TaskGroup]:
    """Tasks that end with the block. What the block raises leaves as it is, and not inside an ExceptionGroup."""
    failure: BaseException | None = None
    async with asyncio.TaskGroup() as tasks:
        try:
            yield tasks
        except BaseException as error:  # noqa: BLE001  # raised again below, cancellation too
            failure = error
    if failure is not None:
        raise failure
