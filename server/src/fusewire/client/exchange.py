"""One call as its caller waits for it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from fusewire.client.incoming import Arrived, Named
from fusewire.errors import RpcError
from fusewire.wire import messages as m

Outcome = m.Result | m.End | RpcError[Any]

Timeout = float | Literal["default"] | None
"""Seconds, None for no deadline, or the default: the connection's for a unary call, none for a stream."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be called. `upload` feeds the parameter that is a stream."""

    name: str
    args: list[Any]
    kwargs: dict[str, Any]
    timeout: Timeout = "default"
    upload: AsyncIterable[Any] | None = None
    order: tuple[str, ...] = ()
    """Names of positional parameters: their values, given in `kwargs`, go by position when the server has the same contract."""
    upload_name: str | None = None
    retry: bool = False
    """Whether it is sent again when no answer came."""
    key: str | None = None
    """What names it over all attempts, where the server looks for that."""
    since: float | None = None
    """When it was asked for, on the loop's clock; the time counts from there. None: when it is begun."""
    stream: str | None = None
    """The stream to go on with, in place of a call."""
    position: str | None = None
    """Where to go on with it. None: from its first item on."""

    def times(self, implied: float | None, now: float) -> tuple[float | None, float, float | None]:
        """Its timeout, where `implied` is the default; when it was asked for; and its deadline."""
        timeout = implied if self.timeout == "default" else self.timeout
        since = now if self.since is None else self.since
        return timeout, since, None if timeout is None else since + timeout

    def arguments(self, *, same: bool) -> tuple[list[Any], dict[str, Any]]:
        """`args` and `kwargs` of the message (PROTOCOL §3): cut at the first one that is absent."""
        if not same or not self.order:
            return self.args, self.kwargs
        args, kwargs = [*self.args], {**self.kwargs}
        for name in self.order:
            if name == self.upload_name:
                args.append(None)
            elif name in kwargs:
                args.append(kwargs.pop(name))
            else:
                break
        return args, kwargs


class Carrier(Protocol):
    """The connection that a call was sent on."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """Where its tasks run."""

    @property
    def left(self) -> asyncio.Event:
        """Set when new calls have to go elsewhere."""

    async def next(self, exchange: Exchange) -> None:
        """Wait until there is an item or the outcome."""

    def taken(self, exchange: Exchange, item: Arrived) -> None:
        """The reader has an item."""

    def abandon(self, exchange: Exchange) -> None:
        """Cancel without waiting."""

    async def leave(self, exchange: Exchange) -> None:
        """Cancel, and wait until the server has settled."""


class Line(Protocol):
    """What sends calls: one connection, or a session that has one after the other."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """Where its tasks run."""

    async def start(self, request: Request, *, streams: bool) -> Exchange:
        """Send a call, when its turn has come."""

    def unstarted(self, exchange: Exchange, request: Request) -> bool:
        """Whether a call that has failed was certainly not started, and is to be sent again."""

    def cut(self, exchange: Exchange) -> bool:
        """Whether a stream has lost its connection, and can go on with the next one."""

    def end(self, exchange: Exchange) -> None:
        """Have the server end a stream that was cut, as soon as it can be told. Does not wait."""


@dataclass(slots=True, eq=False)
class Exchange:
    """A call that was begun: its items wait here, and then its outcome. `deadline` is on the loop's clock."""

    id: int
    name: str
    deadline: float | None
    carrier: Carrier
    release: Callable[[], None]
    """Gives the call's place to the next one."""
    items: deque[Arrived] = field(default_factory=deque)
    outcome: Outcome | None = None
    handed: bool = False
    """Whether its message was given to a connected socket."""
    left: bool = False
    """Whether its caller has gone: nobody looks at what comes."""
    stream: str | None = None
    """The name under which it can be resumed."""
    position: str | None = None
    """Where it stands behind the last item that its reader took."""
    uploader: asyncio.Task[None] | None = None
    source_error: Exception | None = None
    """What the source of the upload raised; the caller gets it instead of the cancellation that followed."""
    allowed: asyncio.Event = field(default_factory=asyncio.Event)
    """Whether the uploader may look again."""
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _settled: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def ready(self) -> bool:
        """Whether there is an item or the outcome."""
        return bool(self.items) or self.outcome is not None

    def arrived(self, what: Arrived | Named) -> None:
        if isinstance(what, Named):
            self.stream = what.stream
        else:
            self.items.append(what)
            self._changed.set()

    def settle(self, outcome: Outcome) -> None:
        """Once. The upload has nobody left to read it."""
        self.outcome = outcome
        self._changed.set()
        self._settled.set()
        if self.uploader is not None:
            self.uploader.cancel()
        self.release()

    async def changed(self) -> None:
        """Until it is `ready`."""
        while not self.ready:
            self._changed.clear()
            await self._changed.wait()

    async def settled(self) -> None:
        await self._settled.wait()
        if self.uploader is not None:
            await asyncio.wait({self.uploader})

    def end(self) -> m.Result | m.End:
        """How it ended. Raises what it failed with."""
        assert self.outcome is not None
        if self.source_error is not None:
            raise self.source_error
        if isinstance(self.outcome, RpcError):
            raise self.outcome
        return self.outcome
