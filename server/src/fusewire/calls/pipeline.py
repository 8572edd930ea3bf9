"""identify → authorise → limit → dependencies and arguments → middleware and run → hand over → close.

A transport decodes and finds the procedure, makes the `Call`, and gives a `Reply` to hand results to. It frames; nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any, Protocol

from fusewire.calls.deduplication import Deduplication
from fusewire.calls.failure import Failures, shortened
from fusewire.calls.outcome import Recorder
from fusewire.calls.running import asked_to_stop
from fusewire.errors import Forbidden, InvalidArgument, RateLimited, RpcError, Unauthenticated
from fusewire.identity import Identity
from fusewire.procedures import threads
from fusewire.procedures.call import Call, current_call
from fusewire.procedures.callables import Flavour, run
from fusewire.procedures.procedure import Procedure
from fusewire.procedures.resolve import Filled, Resolution, Surroundings, Values, checked
from fusewire.procedures.sources import Node
from fusewire.quota import Limiter

_NOTHING: dict[str, Any] = {}


class Reply(Protocol):
    """Where a call's outcome goes. Values are what the procedure returned; the transport encodes them by `procedure.output`."""

    @property
    def done(self) -> bool:
        """Whether the answer is out: it was handed over, whatever becomes of it."""
        ...

    async def result(self, value: Any) -> None: ...

    async def item(self, value: Any) -> None:
        """Returns when the next item may be produced: this is where a slow reader stops a generator."""
        ...

    async def end(self) -> None: ...

    async def error(self, error: RpcError[Any]) -> None: ...

    async def kept(self, packed: bytes, json: bytes) -> None:
        """A result that is encoded already: as msgpack, and as JSON."""
        ...


CallNext = Callable[[], Awaitable[Any]]
Innermost = Callable[[Node, list[Any], dict[str, Any]], Awaitable[Any]]
"""What calls the function, inside all middleware."""
Middleware = Callable[[Call, CallNext], Awaitable[Any]]
"""Gets the call and how to go on: `await call_next()` is the procedure's result, or of a stream its items as an async iterator. What it
returns takes that place."""


class Pipeline:
    """Runs calls. `limiter` counts rates; `overrides` is the app's `dependency_overrides`; `failures` says what an exception becomes."""

    def __init__(
        self,
        limiter: Limiter,
        overrides: dict[Callable[..., Any], Callable[..., Any]],
        failures: Failures,
        deduplication: Deduplication,
    ) -> None:
        self._limiter = limiter
        self.deduplication = deduplication
        self._overrides = overrides
        self._failures = failures
        self.middleware: list[Middleware] = []
        """Outermost first."""

    async def run(self, procedure: Procedure, call: Call, around: Surroundings, reply: Reply) -> None:
        """Run one call to its end and hand the outcome to `reply`. To be awaited in a context of the call's own.

        Raises nothing but `CancelledError`, when the call was stopped and all clean-up has run. A failure of clean-up after the answer
        is only logged, for the answer is out.
        """
        current_call.set(call)
        try:
            if procedure.needs_identity or call.identity is not None:
                authorise(procedure, call.identity)
            if procedure.dedupe_seconds is not None and call.key is not None:
                given = await _read(around.read())
                execute = partial(self._execute, procedure, call, around, given)
                await self.deduplication.run(procedure, call, around, given, reply, execute)
                return
            if procedure.rate is not None:
                await self._count(procedure, call)
            values = around.read()
            if type(values) is not dict:
                values = await _read(values)
            if not procedure.plain:
                await self._with_dependencies(procedure, call, around, values, reply)
            elif procedure.streams or self.middleware:
                finish = await self._produce(procedure, call, _plain(procedure, call, around, values), reply)
                await finish()
            else:
                # The way of most calls, without a detour.
                root = procedure.root
                args, kwargs = checked(procedure, values), _NOTHING
                if args is None:
                    args, kwargs = _plain(procedure, call, around, values)
                waits = root.flavour is Flavour.ASYNC
                made = root.call(*args, **kwargs) if waits else threads.call(root.call, args, kwargs)
                await reply.result(await made)
        except asyncio.CancelledError as error:
            if asked_to_stop():
                raise
            # Raised by the procedure's own doing, such as awaiting a task that was cancelled: nobody stopped this call.
            await self._fail(error, procedure, around, reply)
        except (
            BaseException
        ) as error:  # whatever user code raises ends its call, never the connection or the server
            if asked_to_stop() and not isinstance(error, Exception):
                # A generator's TaskGroup turns being closed into a group of its own.
                raise asyncio.CancelledError from error
            await self._fail(error, procedure, around, reply)

    async def _execute(
        self, procedure: Procedure, call: Call, around: Surroundings, values: Values, reply: Recorder
    ) -> None:
        """A call of which only the outcome is wanted."""
        try:
            if procedure.rate is not None:
                await self._count(procedure, call)
            innermost = partial(_begun, reply)
            await self._with_dependencies(procedure, call, around, values, reply, innermost)
        except BaseException as error:  # as in `run`
            if asked_to_stop():
                raise asyncio.CancelledError from error
            await self._fail(error, procedure, around, reply)

    async def _fail(
        self, error: BaseException, procedure: Procedure, around: Surroundings, reply: Reply
    ) -> None:
        failure = await self._failures.of(error, procedure.name, around.connection)
        if not reply.done:
            await reply.error(failure)

    async def _count(self, procedure: Procedure, call: Call) -> None:
        assert procedure.rate is not None
        # By user on every device and transport; an anonymous caller by address.
        who = f"user:{call.identity.id}" if call.identity is not None else f"ip:{call.client_ip}"
        wait = await self._limiter.hit(f"{procedure.name}|{who}", procedure.rate)
        if wait > 0:
            raise RateLimited(int(wait))

    async def _with_dependencies(
        self,
        procedure: Procedure,
        call: Call,
        around: Surroundings,
        values: Values,
        reply: Reply,
        innermost: Innermost | None = None,
    ) -> None:
        around.overrides = self._overrides
        after, before = around.open_stacks()
        async with after:
            async with before:
                filled = await _resolved(procedure, call, around, values)
                finish = await self._produce(procedure, call, filled, reply, innermost)
            await finish()
            await around.run_background()
        if not reply.done:
            raise RuntimeError("a dependency swallowed the exception")

    async def _produce(
        self,
        procedure: Procedure,
        call: Call,
        filled: Filled,
        reply: Reply,
        innermost: Innermost | None = None,
    ) -> Callable[[], Awaitable[None]]:
        """Run it, and hand over what a stream yields. Returns how to say the last word."""
        innermost = innermost or (_made if procedure.streams else _ran)
        outcome = await self._through_middleware(call, partial(innermost, procedure.root, *filled))()
        if not procedure.streams:
            return partial(reply.result, outcome)
        await _hand_over(outcome, reply)
        return reply.end

    def _through_middleware(self, call: Call, step: CallNext) -> CallNext:
        for middleware in reversed(self.middleware):
            step = partial(middleware, call, step)
        return step


def authorise(procedure: Procedure, identity: Identity | None) -> None:
    """Raises `Unauthenticated` or `Forbidden` for who may not call it."""
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


async def _read(values: Values | Awaitable[Values]) -> Values:
    return await values if isinstance(values, Awaitable) else values


def _plain(procedure: Procedure, call: Call, around: Surroundings, values: Values) -> Filled:
    resolution = Resolution(call, around, values)
    filled = resolution.plain_arguments(procedure.root)
    if resolution.errors:
        raise InvalidArgument(shortened(resolution.errors))
    return filled


async def _resolved(procedure: Procedure, call: Call, around: Surroundings, values: Values) -> Filled:
    resolution = Resolution(call, around, values)
    for guard in procedure.guards:
        await resolution.run_guard(guard)
    filled = await resolution.arguments(procedure.root)
    if resolution.errors or filled is None:
        raise InvalidArgument(shortened(resolution.errors))
    return filled


async def _begun(recorder: Recorder, root: Node, args: list[Any], kwargs: dict[str, Any]) -> Any:
    recorder.begun = True
    return await _ran(root, args, kwargs)


async def _ran(root: Node, args: list[Any], kwargs: dict[str, Any]) -> Any:
    return await run(root.call, root.flavour, args, kwargs)


async def _made(root: Node, args: list[Any], kwargs: dict[str, Any]) -> AsyncIterator[Any]:
    """The items, whatever the function is: a generator, or one that returns an iterable (`stream=True`)."""
    made = (
        root.call(*args, **kwargs)
        if root.flavour.streams
        else await run(root.call, root.flavour, args, kwargs)
    )
    is_async = root.flavour is not Flavour.GENERATOR and hasattr(made, "__aiter__")
    return aiter(made) if is_async else threads.iterate(iter(made))


async def _hand_over(source: AsyncIterator[Any], reply: Reply) -> None:
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
