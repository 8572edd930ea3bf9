"""A call that was written down: to be awaited, iterated or entered, once."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import AsyncIterator, Coroutine, Generator
from dataclasses import replace
from types import TracebackType
from typing import Any

from fusewire.client.errors import ConnectionLost
from fusewire.client.exchange import Exchange, Line, Request
from fusewire.client.retrying import retried
from fusewire.errors import RpcError
from fusewire.wire import messages as m


class RemoteCall(Coroutine[Any, Any, Any]):
    """What `client.fn(...)` returns; nothing is sent before it is used.

    `await` it for a result. `async for` it for the items of a stream; leaving the loop early cancels in Python. `async with` it to
    have the clean-up of a stream behind you at the end of the block. It is a coroutine, so a task can be made of it.
    """

    def __init__(self, line: Line, request: Request) -> None:
        self._line = line
        self._request = request
        self._used = False
        self._running: Coroutine[Any, Any, Any] | None = None
        self._items: Items | None = None

    def __repr__(self) -> str:
        return f"<call of {self._request.name}>"

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._result().__await__()

    def __aiter__(self) -> Items:
        return Items(self._line, self._use())

    async def __aenter__(self) -> Items:
        self._items = aiter(self)
        await self._items.start()
        return self._items

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._items is not None
        await self._items.aclose()

    def send(self, value: Any) -> Any:
        return self._coroutine().send(value)

    def throw(self, *error: Any) -> Any:
        coroutine = self._coroutine()
        # A task that was cancelled before its first step: used, though it never began.
        self._used = True
        return coroutine.throw(*error)

    def close(self) -> None:
        self._used = True
        if self._running is not None:
            self._running.close()

    def __del__(self) -> None:
        if not self._used:
            # As for any coroutine: a forgotten `await` would pass for a call.
            warnings.warn(f"{self!r} was never awaited", RuntimeWarning, source=self, stacklevel=2)

    def _coroutine(self) -> Coroutine[Any, Any, Any]:
        if self._running is None:
            self._running = self._result()
        return self._running

    def _use(self) -> Request:
        if self._used:
            raise RuntimeError(f"{self!r} was used already: a call is awaited or iterated once")
        self._used = True
        return self._request

    async def _result(self) -> Any:
        return await result_of(self._line, self._use())


async def result_of(line: Line, request: Request) -> Any:
    """Call, and wait for the result. Raises what the call failed with, and `TypeError` for a stream."""
    if request.retry:
        # Each attempt waits for the next connection by itself.
        return await retried(lambda: _answer(line, request))
    return await _answer(line, request)


async def _answer(line: Line, request: Request) -> Any:
    while True:
        exchange = await line.start(request, streams=False)
        carrier = exchange.carrier
        await carrier.next(exchange)
        if exchange.items:
            await carrier.leave(exchange)
            raise TypeError(f"{request.name} is a stream: use `async for`")
        # An upload that the procedure did not read to its end is stopped first.
        await exchange.settled()
        try:
            end = exchange.end()
        except RpcError:
            if line.unstarted(exchange, request):
                continue
            raise
        if isinstance(end, m.End):
            raise TypeError(f"{request.name} is a stream: use `async for`")
        return end.value


class Items(AsyncIterator[Any]):
    """The items of a streaming call, for one reader. Credit is granted as they are taken.

    A stream that can be resumed goes on when its connection is lost, behind the last item that was taken.
    """

    def __init__(self, line: Line, request: Request) -> None:
        self._line = line
        self._request = request
        self._exchange: Exchange | None = None
        self._cut: Exchange | None = None
        """What went before, while there is no connection to go on with."""
        self._over = False

    def __repr__(self) -> str:
        return f"<items of {self._request.name}>"

    @property
    def id(self) -> str | None:
        """The name under which it can be resumed. None until the server has told it, and when it cannot."""
        return (self._exchange or self._cut or self._request).stream

    @property
    def position(self) -> str | None:
        """Where it stands behind the last item that was taken."""
        return (self._exchange or self._cut or self._request).position

    async def start(self) -> Exchange:
        """Send the call, unless it was."""
        if self._exchange is None:
            try:
                self._exchange = await self._line.start(self._request, streams=True)
            except ConnectionLost as error:
                # What was never sent is only that it goes on.
                raise (
                    error if self._cut is None else ConnectionLost(str(error), maybe_executed=True)
                ) from None
            self._cut = None
        return self._exchange

    async def __anext__(self) -> Any:
        if self._over:
            raise StopAsyncIteration
        try:
            exchange = await self._ready()
        except BaseException:
            self._over = True
            self._end_cut()
            raise
        if exchange.items:
            item = exchange.items.popleft()
            exchange.carrier.taken(exchange, item)
            return item.value
        self._over = True
        await exchange.settled()
        if isinstance(exchange.end(), m.Result):
            raise TypeError(f"{self._request.name} is no stream: use `await`")
        raise StopAsyncIteration

    async def _ready(self) -> Exchange:
        """The exchange, when there is an item or the outcome."""
        while True:
            exchange = await self.start()
            await exchange.carrier.next(exchange)
            if exchange.items:
                return exchange
            if self._line.cut(exchange):
                self._request = replace(self._request, stream=exchange.stream, position=exchange.position)
                self._cut = exchange
            elif not self._line.unstarted(exchange, self._request):
                return exchange
            self._exchange = None

    async def aclose(self) -> None:
        """Cancel in Python, and wait until the clean-up has run there. Nothing when the stream is over.

        One that was cut is cancelled when there is a connection again; nobody waits for that.
        """
        if not self._over:
            self._over = True
            self._end_cut()
        if self._exchange is not None:
            await self._exchange.carrier.leave(self._exchange)

    def _end_cut(self) -> None:
        exchange = self._exchange or self._cut
        if exchange is not None and not exchange.left and self._line.cut(exchange):
            exchange.left = True
            self._line.end(exchange)

    def __del__(self) -> None:
        # `break` only drops the iterator. The cancel leaves in this tick, ahead of whatever is called next.
        exchange = self._exchange or self._cut
        if self._over or exchange is None or exchange.left:
            return
        loop = self._line.loop
        try:
            here = asyncio.get_running_loop() is loop
        except RuntimeError:
            here = False
        if here:
            _drop(self._line, exchange)
        elif not loop.is_closed():
            # A garbage collection in another thread.
            loop.call_soon_threadsafe(_drop, self._line, exchange)


def _drop(line: Line, exchange: Exchange) -> None:
    if exchange.outcome is None:
        exchange.carrier.abandon(exchange)
    elif line.cut(exchange):
        line.end(exchange)
