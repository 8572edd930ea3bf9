"""Work that goes on beside a block, and ends with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any


@asynccontextmanager
async def beside(*works: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Each is cancelled when the block ends. One that fails is reported then at the latest, and what the block raises is raised as it is:

    a `TaskGroup` would wrap it, and nobody expects a group from a lifespan.
    """
    tasks = [asyncio.create_task(work) for work in works]  # noqa: TID251  # waited for below
    for task in tasks:
        task.add_done_callback(_report)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


def _report(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        task.get_loop().call_exception_handler(
            {"message": "what runs beside an app failed", "exception": error, "task": task}
        )
