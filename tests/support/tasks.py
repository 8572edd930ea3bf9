"""Tasks that a procedure might begin."""

import asyncio


async def failing_group() -> None:
    """One of its tasks raises `ZeroDivisionError`, and the other is cancelled for it."""

    async def fails() -> None:
        await asyncio.sleep(0)
        raise ZeroDivisionError

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(asyncio.Event().wait())
        tasks.create_task(fails())
