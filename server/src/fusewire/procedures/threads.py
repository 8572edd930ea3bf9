"""Blocking code, run beside the event loop and never abandoned: a thread cannot be cancelled, so somebody keeps count of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager
from functools import partial
from typing import Any

import anyio.to_thread

from fusewire.procedures.call import current_call

Work = asyncio.Task[Any]

# Tasks that run a thread to its end although their caller was cancelled. A task that nobody holds may be collected.
_running: set[Work] = set()


def start(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Work:
    """Run a function in anyio's threads. The task holds its place among them until the function has returned."""
    loop = asyncio.get_running_loop()
    work = loop.create_task(anyio.to_thread.run_sync(partial(_guarded, partial(function, *args, **kwargs))))
    _running.add(work)
    work.add_done_callback(_finish)
    return work


def _guarded(function: Callable[[], Any]) -> Any:
    try:
        return function()
    except (StopIteration, GeneratorExit, SystemExit, KeyboardInterrupt) as error:
        # A future cannot carry the first (PEP 479 says the same of generators), the second closes whatever awaits it, and a task with
        # one of the others ends the loop.
        raise RuntimeError(f"the function raised {type(error).__name__}") from error


def _finish(work: Work) -> None:
    _running.discard(work)
    if not work.cancelled():
        # Seen here, so that nobody is told of an exception whose caller has left.
        work.exception()


async def call(function: Callable[..., Any], args: list[Any], kwargs: dict[str, Any]) -> Any:
    """Call a plain `def`. Cancelled, its caller leaves at once; the thread goes on, and the call's slot stays counted."""
    work = start(function, *args, **kwargs)
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        if not work.done() and (running := current_call.get()) is not None:
            running.threads += (work,)
        raise


async def finish(work: Work) -> Any:
    """Wait for it whatever happens: what comes next must not run beside it. A cancellation is raised afterwards."""
    cancelled: asyncio.CancelledError | None = None
    while not work.done():
        try:
            await asyncio.wait((work,))
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
    return work.result()


_DONE = object()


async def iterate(generator: Iterator[Any]) -> AsyncIterator[Any]:
    """Pull a sync generator step by step in threads. It is closed in one too, after the step under way: its `finally` may block."""
    try:
        while (item := await finish(start(next, generator, _DONE))) is not _DONE:
            yield item
    finally:
        if close := getattr(generator, "close", None):
            await finish(start(close))


@asynccontextmanager
async def context(manager: AbstractContextManager[Any]) -> AsyncIterator[Any]:
    """A sync context manager. Once entering has begun it is entered, and then left, whatever happens in between."""
    entering = start(manager.__enter__)
    try:
        value = await finish(entering)
    except asyncio.CancelledError as error:
        if entering.exception() is None:
            await finish(start(manager.__exit__, type(error), error, error.__traceback__))
        raise
    try:
        yield value
    except BaseException as error:
        if not await finish(start(manager.__exit__, type(error), error, error.__traceback__)):
            raise
    else:
        await finish(start(manager.__exit__, None, None, None))
