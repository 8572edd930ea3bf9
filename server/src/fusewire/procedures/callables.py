"""Four kinds of function, told apart once, and each run without ever blocking the event loop."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from enum import Enum, auto
from pathlib import Path
from typing import Any

from fusewire.procedures import threads


class Flavour(Enum):
    ASYNC = auto()
    SYNC = auto()
    ASYNC_GENERATOR = auto()
    GENERATOR = auto()

    @property
    def streams(self) -> bool:
        return self in (Flavour.ASYNC_GENERATOR, Flavour.GENERATOR)


def flavour_of(call: Callable[..., Any]) -> Flavour:
    """Functions, partials, bound methods, classes, objects with `__call__`, and decorated ones."""
    target = call
    while isinstance(target, functools.partial):
        target = target.func
    if not inspect.isroutine(target) and not inspect.isclass(target):
        target = type(target).__call__
    # The function that is called decides; a plain wrapper may still hand on the coroutine of what it wraps.
    if inspect.isasyncgenfunction(target):
        return Flavour.ASYNC_GENERATOR
    if inspect.isgeneratorfunction(target):
        return Flavour.GENERATOR
    awaited = inspect.iscoroutinefunction(target) or inspect.iscoroutinefunction(inspect.unwrap(target))
    return Flavour.ASYNC if awaited else Flavour.SYNC


def place_of(call: Callable[..., Any]) -> str:
    """`start_job (backend/rpc/jobs.py:12)`: where a person finds it, for messages about it."""
    target = inspect.unwrap(call.func if isinstance(call, functools.partial) else call)
    name = getattr(target, "__qualname__", repr(target))
    code = getattr(target, "__code__", None)
    if code is None:
        return str(name)
    path = Path(code.co_filename)
    shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    return f"{name} ({shown}:{code.co_firstlineno})"


async def run(call: Callable[..., Any], flavour: Flavour, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """Call a plain function; a sync one in a thread."""
    if flavour is Flavour.ASYNC:
        return await call(*args, **kwargs)
    return await threads.call(call, args, kwargs)


def enter(
    call: Callable[..., Any], flavour: Flavour, args: list[Any], kwargs: dict[str, Any]
) -> AbstractAsyncContextManager[Any]:
    """A dependency with `yield`, as a context manager."""
    if flavour is Flavour.ASYNC_GENERATOR:
        return asynccontextmanager(call)(*args, **kwargs)
    return threads.context(contextmanager(call)(*args, **kwargs))
