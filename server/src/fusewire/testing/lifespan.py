"""An app that runs while somebody is connected to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from starlette.types import ASGIApp, Message

from fusewire.client.tasks import owned_tasks
from fusewire.testing.pipe import Pipe, PipeClosed

_running: dict[tuple[int, int], RunningApp] = {}
"""By app and event loop, while anybody uses it. Its lifespan must be one however many connect."""


@asynccontextmanager
async def running(app: ASGIApp) -> AsyncIterator[dict[str, Any]]:
    """The app's lifespan: started by whoever comes first, stopped by whoever leaves last. Yields the lifespan's state.

    Raises what the app's startup or shutdown raised.
    """
    key = id(app), id(asyncio.get_running_loop())
    shared = _running.setdefault(key, RunningApp(app))
    # Before the first await: from here on nobody else may make a second one.
    shared.interested += 1
    try:
        await shared.enter()
        try:
            yield shared.state
        finally:
            await shared.leave()
    finally:
        shared.interested -= 1
        if not shared.interested:
            del _running[key]


class RunningApp:
    """One lifespan at a time, in a task of its own: who starts it need not be who stops it."""

    def __init__(self, app: ASGIApp) -> None:
        self.interested = 0
        self.state: dict[str, Any] = {}
        self._app = app
        self._users = 0
        self._changing = asyncio.Lock()
        self._resources = AsyncExitStack()

    async def enter(self) -> None:
        async with self._changing:
            if not self._users:
                self.state = {}
                await self._resources.enter_async_context(_lifespan(self._app, self.state))
            self._users += 1

    async def leave(self) -> None:
        async with self._changing:
            self._users -= 1
            if not self._users:
                await self._resources.aclose()


@asynccontextmanager
async def _lifespan(app: ASGIApp, state: dict[str, Any]) -> AsyncIterator[None]:
    async with owned_tasks() as tasks:
        life = _Life()
        task = tasks.create_task(life.run(app, state))
        try:
            await life.said("lifespan.startup")
            yield
            await life.said("lifespan.shutdown")
        finally:
            task.cancel()


class _Life:
    """The ASGI lifespan protocol from the server's side."""

    def __init__(self) -> None:
        self._to_app: Pipe[Message] = Pipe(1)
        self._from_app: Pipe[Message] = Pipe(1)
        self._error: Exception | None = None

    async def run(self, app: ASGIApp, state: dict[str, Any]) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": state}
        try:
            await app(scope, self._to_app.get, self._from_app.put)
        except Exception as error:  # noqa: BLE001  # raised by `said`, where somebody waits for it
            self._error = error
        finally:
            self._from_app.close()

    async def said(self, step: str) -> None:
        """Tell the app to go on, and wait until it has. Raises what it raised."""
        await self._to_app.put({"type": step})
        try:
            answer = await self._from_app.get()
            if answer["type"] == f"{step}.complete":
                return
            # It says that it failed, and then raises what it failed with.
            await self._from_app.get()
        except PipeClosed:
            raise self._error or RuntimeError(f"the app ended without an answer to {step}") from None
