"""identify → authorise → limit → dependencies and arguments → run → hand over → close.

A transport decodes and finds the procedure, makes the `Call`, and gives a `Reply` to hand results to. It frames; nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any, Protocol

from fusewire.calls.failure import failure_of, shortened
from fusewire.calls.stopping import asked_to_stop, deadline
from fusewire.errors import Forbidden, InvalidArgument, RateLimited, Unauthenticated
from fusewire.procedures import threads
from fusewire.procedures.call import Call, current_call
from fusewire.procedures.callables import Flavour, run
from fusewire.procedures.procedure import Procedure
from fusewire.procedures.resolve import Resolution, Surroundings
from fusewire.quota import Limiter


class Reply(Protocol):
    """Where a call's outcome goes. Values are what the procedure returned; the transport encodes them by `procedure.output`."""

    async def result(self, value: Any) -> None: ...

    async def item(self, value: Any) -> None:
        """Returns when the next item may be produced: this is where a slow reader stops a generator."""
        ...

    async def end(self) -> None: ...


class Pipeline:
    """Runs calls. `limiter` counts rates; `overrides` is the app's `dependency_overrides`."""

    def __init__(self, limiter: Limiter, overrides: dict[Callable[..., Any], Callable[..., Any]]) -> None:
        self._limiter = limiter
        self._overrides = overrides

    async def run(self, procedure: Procedure, call: Call, around: Surroundings, reply: Reply) -> None:
        """Run one call to its end and hand the outcome to `reply`.

        Raises `RpcError` when the call failed before it was settled; a failure of clean-up afterwards is only logged, for the answer
        is out. `CancelledError` passes through when all clean-up has run.
        """
        settled = _Settled(reply)
        around.overrides = self._overrides
        token = current_call.set(call)
        try:
            async with around.request_stack:
                await self._within_deadline(procedure, call, around, settled)
                await around.background()
        except asyncio.CancelledError as error:
            if asked_to_stop():
                raise
            # Raised by the procedure's own doing, such as awaiting a task that was cancelled: nobody stopped this call.
            self._fail(error, procedure, settled)
        except (
            BaseException
        ) as error:  # whatever user code raises ends its call, never the connection or the server
            if asked_to_stop() and not isinstance(error, Exception):
                # A generator's TaskGroup turns being closed into a group of its own.
                raise asyncio.CancelledError from error
            self._fail(error, procedure, settled)
        else:
            if not settled.done:
                self._fail(RuntimeError("a dependency swallowed the exception"), procedure, settled)
        finally:
            current_call.reset(token)

    def _fail(self, error: BaseException, procedure: Procedure, settled: _Settled) -> None:
        failure = failure_of(error, procedure.name)
        if not settled.done:
            raise failure from error

    async def _within_deadline(
        self, procedure: Procedure, call: Call, around: Surroundings, reply: _Settled
    ) -> None:
        async with deadline(call.remaining_seconds):
            await self._admit(procedure, call)
            await self._execute(procedure, call, around, reply)

    async def _admit(self, procedure: Procedure, call: Call) -> None:
        identity = call.identity
        if (
            identity is not None
            and identity.expires_at is not None
            and identity.expires_at.timestamp() <= time.time()
        ):
            raise Unauthenticated(message="The identity has expired")
        if procedure.needs_identity:
            if identity is None:
                raise Unauthenticated(message="This procedure needs an identity")
            if missing := procedure.options.scopes - identity.scopes:
                raise Forbidden(message=f"Missing scope: {', '.join(sorted(missing))}")
        if procedure.rate is not None:
            # By user on every device and transport; an anonymous caller by address.
            who = f"user:{identity.id}" if identity is not None else f"ip:{call.client_ip}"
            wait = await self._limiter.hit(f"{procedure.name}|{who}", procedure.rate)
            if wait > 0:
                raise RateLimited(int(wait))

    async def _execute(self, procedure: Procedure, call: Call, around: Surroundings, reply: _Settled) -> None:
        async with around.function_stack:
            args, kwargs = await self._arguments(procedure, call, around)
            if procedure.streams:
                await _stream(procedure, args, kwargs, reply)
                value = None
            else:
                value = await run(procedure.root.call, procedure.root.flavour, args, kwargs)
        if procedure.streams:
            await reply.end()
        else:
            await reply.result(value)

    async def _arguments(
        self, procedure: Procedure, call: Call, around: Surroundings
    ) -> tuple[list[Any], dict[str, Any]]:
        resolution = Resolution(call, around, await around.read())
        for guard in procedure.guards:
            await resolution.run_guard(guard)
        filled = await resolution.arguments(procedure.root)
        if resolution.errors or filled is None:
            raise InvalidArgument(shortened(resolution.errors))
        return filled


class _Settled:
    """Remembers whether the answer is out. It counts from the moment the reply was asked to send it."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self.done = False
        self.item = reply.item

    async def result(self, value: Any) -> None:
        await self._reply.result(value)
        self.done = True

    async def end(self) -> None:
        await self._reply.end()
        self.done = True


async def _stream(procedure: Procedure, args: list[Any], kwargs: dict[str, Any], reply: _Settled) -> None:
    """Hand over item by item, whatever the function is: a generator, or one that returns an iterable (`stream=True`)."""
    root = procedure.root
    made = (
        root.call(*args, **kwargs)
        if root.flavour.streams
        else await run(root.call, root.flavour, args, kwargs)
    )
    is_async = root.flavour is not Flavour.GENERATOR and hasattr(made, "__aiter__")
    source: Any = aiter(made) if is_async else threads.iterate(iter(made))
    try:
        async for item in source:
            try:
                await reply.item(item)
            except asyncio.CancelledError as stop:
                # The generator waits at its `yield`: let it see what a coroutine sees, not only that it is closed.
                await _throw(source, stop)
                raise
    finally:
        if close := getattr(source, "aclose", None):
            await close()


async def _throw(source: Any, stop: asyncio.CancelledError) -> None:
    if throw := getattr(source, "athrow", None):
        with contextlib.suppress(StopAsyncIteration):
            await throw(stop)
