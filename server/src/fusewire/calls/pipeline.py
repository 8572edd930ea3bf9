"""identify → authorise → limit → dependencies and arguments → run → hand over → close.

A transport decodes and finds the procedure, makes the `Call`, and gives a `Reply` to hand results to. It frames; nothing else.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any, Protocol

from fusewire.calls.failure import failure_of
from fusewire.errors import DeadlineExceeded, Forbidden, InvalidArgument, RateLimited, Unauthenticated
from fusewire.procedures.call import Call, current_call
from fusewire.procedures.callables import Flavour, iterate, run
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
        except Exception as error:
            failure = failure_of(error, procedure.name)
            if not settled.done:
                raise failure from error
        finally:
            current_call.reset(token)

    async def _within_deadline(
        self, procedure: Procedure, call: Call, around: Surroundings, reply: _Settled
    ) -> None:
        left = call.remaining_seconds
        try:
            async with asyncio.timeout(left) as deadline:
                await self._admit(procedure, call)
                await self._execute(procedure, call, around, reply)
        except TimeoutError as error:
            if deadline.expired():
                raise DeadlineExceeded(message="The call's deadline passed") from error
            raise

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
                async with aclosing(_items(procedure, args, kwargs)) as items:
                    async for item in items:
                        await reply.item(item)
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
            raise InvalidArgument(resolution.errors)
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


async def _items(procedure: Procedure, args: list[Any], kwargs: dict[str, Any]) -> AsyncGenerator[Any]:
    """The items of a stream, whatever its function is: a generator, or a function that returns an iterable (`stream=True`)."""
    root = procedure.root
    made = (
        root.call(*args, **kwargs)
        if root.flavour.streams
        else await run(root.call, root.flavour, args, kwargs)
    )
    is_async = root.flavour is not Flavour.GENERATOR and hasattr(made, "__aiter__")
    source = aiter(made) if is_async else iterate(iter(made))
    try:
        async for item in source:
            yield item
    finally:
        if close := getattr(source, "aclose", None):
            await close()
