"""Four kinds of function, told apart once, and each run without ever blocking the event loop."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from enum import Enum, auto
from pathlib import Path
from typing import Any

import anyio.to_thread
from fastapi.concurrency import contextmanager_in_threadpool, run_in_threadpool


class Flavour(Enum):
    ASYNC = auto()
    SYNC = auto()
    ASYNC_GENERATOR = auto()
    GENERATOR = auto()

    @property
    def streams(self) -> bool:
        return self in (Flavour.ASYNC_GENERATOR, Flavour.GENERATOR)


def flavour_of(call: Callable[..., Any]) -> Flavour:
    """Functions, partials, bound methods, classes and objects with `__call__` alike."""
    target = call
    while isinstance(target, functools.partial):
        target = target.func
    if not inspect.isroutine(target) and not inspect.isclass(target):
        target = type(target).__call__
    target = inspect.unwrap(target)
    if inspect.isasyncgenfunction(target):
        return Flavour.ASYNC_GENERATOR
    if inspect.isgeneratorfunction(target):
        return Flavour.GENERATOR
    return Flavour.ASYNC if inspect.iscoroutinefunction(target) else Flavour.SYNC


def place_of(call: Callable[..., Any]) -> str:
    """`function start_job (backend/rpc/jobs.py:12)`: where a person finds it, for messages about it."""
    target = inspect.unwrap(call.func if isinstance(call, functools.partial) else call)
    name = getattr(target, "__qualname__", repr(target))
    code = getattr(target, "__code__", None)
    if code is None:
        return str(name)
    path = Path(code.co_filename)
    shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    return f"{name} ({shown}:{code.co_firstlineno})"


async def run(call: Callable[..., Any], flavour: Flavour, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """Call a plain function. A sync one runs in a thread, which a cancelled caller does not wait for."""
    if flavour is Flavour.ASYNC:
        return await call(*args, **kwargs)
    return await anyio.to_thread.run_sync(functools.partial(call, *args, **kwargs), abandon_on_cancel=True)


def enter(
    call: Callable[..., Any], flavour: Flavour, args: list[Any], kwargs: dict[str, Any]
) -> AbstractAsyncContextManager[Any]:
    """A dependency with `yield`, as a context manager."""
    if flavour is Flavour.ASYNC_GENERATOR:
        return asynccontextmanager(call)(*args, **kwargs)
    return contextmanager_in_threadpool(contextmanager(call)(*args, **kwargs))


_DONE = object()


async def iterate(generator: Iterator[Any]) -> AsyncIterator[Any]:
    """Pull a sync generator in threads, and close it in one: its `finally` may block too."""
    try:
        while (item := await run_in_threadpool(next, generator, _DONE)) is not _DONE:
            yield item
    finally:
        if close := getattr(generator, "close", None):
            with anyio.CancelScope(shield=True):
                await run_in_threadpool(close)
