"""Work that outlives the call that asked for it, owned by the app's lifespan."""

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

log = logging.getLogger(__name__)


class Background:
    """At most `max_tasks` tasks, one per key. All are cancelled and waited for when the app stops."""

    def __init__(self, *, max_tasks: int = 100) -> None:
        self._max_tasks = max_tasks
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._group = asyncio.TaskGroup()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self._group)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks.values():
            task.cancel()
        await self._stack.__aexit__(kind, error, trace)

    def __contains__(self, key: str) -> bool:
        return key in self._tasks

    @property
    def full(self) -> bool:
        return len(self._tasks) >= self._max_tasks

    def start(self, key: str, work: Coroutine[object, object, None]) -> None:
        task = self._group.create_task(self._contained(work), name=key)
        self._tasks[key] = task
        task.add_done_callback(lambda _task: self._forget(key, work))

    def _forget(self, key: str, work: Coroutine[object, object, None]) -> None:
        del self._tasks[key]
        work.close()  # a task that is cancelled before its first step never began the work

    async def _contained(self, work: Coroutine[object, object, None]) -> None:
        # One failure would cancel the whole group, and every other person's work with it.
        try:
            await work
        except Exception:
            log.exception("background work failed")
