"""How a call is stopped: by its deadline, or by somebody who cancels its task."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fusewire.errors import DeadlineExceeded


def asked_to_stop() -> bool:
    """Whether somebody cancels the running task. If not, a `CancelledError` is the user code's own."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


@asynccontextmanager
async def deadline(seconds: float | None) -> AsyncIterator[None]:
    """Cancel the block after so many seconds; None is never. Raises `DeadlineExceeded` when it was.

    Not `asyncio.timeout`: that cancels a second time when the call is being cancelled already, and so interrupts its clean-up.
    """
    task = asyncio.current_task()
    if seconds is None or task is None:
        yield
        return
    expired = False

    def expire() -> None:
        nonlocal expired
        if not task.cancelling():
            expired = True
            task.cancel()

    timer = asyncio.get_running_loop().call_later(seconds, expire)
    try:
        yield
    except asyncio.CancelledError as error:
        if expired and task.uncancel() == 0:
            raise DeadlineExceeded(message="The call's deadline passed") from error
        raise
    else:
        if expired:
            # The procedure swallowed it and returned: what settled first counts.
            task.uncancel()
    finally:
        timer.cancel()
