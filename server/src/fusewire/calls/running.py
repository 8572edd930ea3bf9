"""A call in a task: run where the frame was read until it first waits, and from then on in a task of its own.

Most calls never wait for anything, and a task for each would cost more than the call. So the task that reads a connection begins each call
itself. One that finishes without waiting cost no task; one that waits keeps the task, which from then on is its alone, and another one
goes on reading (docs/adr/0005). Either way the call runs in a real task, with a context of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextvars import copy_context
from types import coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


class Running:
    """Await it to run what `begin` makes. Once it waits it can be stopped: `waits` is called then, at most once.

    `seconds`: how long it may take from then on; None is for ever. A call that never waits cannot be stopped by anybody.
    """

    __slots__ = ("_begin", "_seconds", "_stopped", "_timer", "_waits", "expired", "task")

    def __init__(
        self, begin: Callable[[], Coroutine[Any, Any, None]], waits: Callable[[], None], seconds: float | None
    ) -> None:
        self._begin = begin
        self._waits = waits
        self._seconds = seconds
        self._timer: asyncio.TimerHandle | None = None
        # Not `task.cancelling()`: Python 3.11 leaves that at 1 behind a TaskGroup whose child failed.
        self._stopped = False
        self.task: asyncio.Task[Any] | None = None
        """The call's own task, once it has waited."""
        self.expired = False
        """Whether its deadline has stopped it."""

    def __await__(self) -> Generator[Any, Any, None]:
        run, work = copy_context().run, self._begin()
        try:
            waits_for = run(work.send, None)
        except StopIteration:
            return
        self._keep_task()
        self._waits()
        try:
            while True:
                try:
                    sent = yield waits_for
                except BaseException as error:  # noqa: BLE001  # whatever is thrown into the task is thrown into the call
                    waits_for = run(work.throw, error)
                else:
                    waits_for = run(work.send, sent)
        except StopIteration:
            return
        finally:
            self.disarm()

    def _keep_task(self) -> None:
        self.task = asyncio.current_task()
        if self._seconds is not None:
            self._timer = asyncio.get_running_loop().call_later(self._seconds, self._expire)

    def stop(self) -> None:
        """Cancel it, once: a second cancellation would interrupt the clean-up that the first one started."""
        if self.task is not None and not self._stopped:
            self._stopped = True
            self.task.cancel()

    def disarm(self) -> None:
        """It is settled: its deadline does not count for what comes afterwards."""
        self._seconds = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _expire(self) -> None:
        if not self._stopped:
            self.expired = True
            self.stop()


@coroutine
def resumed(work: Coroutine[Any, Any, Result], waits_for: Any) -> Generator[Any, Any, Result]:
    """The rest of a coroutine whose first step was taken already, and which waits for that since."""
    try:
        while True:
            try:
                sent = yield waits_for
            except BaseException as error:  # noqa: BLE001  # as it was thrown in, it is thrown on
                waits_for = work.throw(error)
            else:
                waits_for = work.send(sent)
    except StopIteration as done:
        result: Result = done.value
        return result


def asked_to_stop() -> bool:
    """Whether somebody cancels the running task. If not, a `CancelledError` is the user code's own."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
