"""A client as far as events go (PROTOCOL §4): it keeps its session and where its topics stand, and comes back with both."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import websockets
from fusewire.wire import messages as m

from tests.support.peer import PATIENCE_SECONDS, Peer, call, connected


class Listening:
    """`seen` is what an app would have got, `gaps` what it would have been told. A hole that nobody announced fails the test."""

    def __init__(self, token: str | None = None) -> None:
        self.session: str | None = None
        self.positions: dict[str, str] = {}
        self.recovered: dict[str, bool | None] = {}
        """What the last welcome, or a later word, said of each topic."""
        self.seen: list[Any] = []
        self.kinds: list[str] = []
        """The names of these."""
        self.gaps: list[str] = []
        self.token = token
        self._peer: Peer | None = None
        self._stack = AsyncExitStack()
        self._reading: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()
        self._answers: dict[int, Any] = {}
        self._next_id = 0

    async def connect(self, host: str, *, session: str | None = None) -> None:
        """Come back, to any worker, with what is known. `session`: another one than its own."""
        credentials = None if self.token is None else {"token": self.token}
        hello = m.Hello(None, session or self.session, None, credentials, self.positions or None)
        self.recovered.clear()
        peer = await self._stack.enter_async_context(connected(host, say_hello=False))
        await peer.send(hello)
        peer.show_topics()
        welcome = await peer.next()
        assert isinstance(welcome, m.Welcome), welcome
        self.session = welcome.session
        self._peer = peer
        self._reading = asyncio.create_task(self._read(peer))  # noqa: TID251  # `leave` waits for it

    async def leave(self, *, cut: bool = True) -> None:
        """Be gone, by default without a word."""
        if self._peer is not None and cut:
            self._peer.cut()
        await self._stack.aclose()
        if self._reading is not None:
            await self._reading
        self._peer = self._reading = None

    async def call(self, name: str, *args: Any) -> Any:
        answer = await self.answer(await self.send(name, *args))
        assert isinstance(answer, m.Result), answer
        return answer.value

    async def send(self, name: str, *args: Any) -> int:
        """Call, without waiting for the answer."""
        assert self._peer is not None
        self._next_id += 1
        await self._peer.send(call(self._next_id, name, *args))
        return self._next_id

    async def answer(self, call_id: int) -> m.Result | m.Error:
        await self.until(lambda: call_id in self._answers)
        answer: m.Result | m.Error = self._answers.pop(call_id)
        return answer

    async def become(self, token: str) -> None:
        """Say that it is somebody else now."""
        assert self._peer is not None
        self.token = token
        self._next_id += 1
        call_id = self._next_id
        await self._peer.send(m.Refresh(call_id, {"token": token}))
        await self.until(lambda: call_id in self._answers)
        assert isinstance(self._answers.pop(call_id), m.Result)

    async def until(self, holds: Any, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until what was received makes it true."""
        async with asyncio.timeout(seconds):
            while not holds():
                self._changed.clear()
                assert self._reading is not None
                if self._reading.done():
                    # What it raised is what went wrong.
                    self._reading.result()
                await self._changed.wait()

    async def saw(self, count: int) -> list[Any]:
        """What it has seen, once that is at least so much."""
        await self.until(lambda: len(self.seen) >= count)
        return self.seen

    async def _read(self, peer: Peer) -> None:
        try:
            while True:
                self._take(await peer.next(patiently=True))
                self._changed.set()
        except (websockets.ConnectionClosed, OSError):
            # It was cut, by whichever side.
            return
        finally:
            self._changed.set()

    def _take(self, message: m.Message) -> None:
        match message:
            case m.Topic(topic=topic, position=None, recovered=recovered):
                self.positions.pop(topic, None)
                self.recovered.pop(topic, None)
                if recovered is False:
                    self.gaps.append(topic)
            case m.Topic(topic=topic, position=str(position), recovered=recovered):
                assert recovered is not True or self.positions[topic] == position
                self.positions[topic] = position
                self.recovered[topic] = recovered
                if recovered is False:
                    self.gaps.append(topic)
            case m.Event(name=kind, value=value, topic=None):
                self.kinds.append(kind)
                self.seen.append(value)
            case m.Event(kind, value, str(topic), previous, str(position)):
                assert self.positions[topic] == previous, f"an unannounced hole before {value}"
                self.positions[topic] = position
                self.kinds.append(kind)
                self.seen.append(value)
            case m.Result(id=call_id) | m.Error(id=int(call_id)):
                self._answers[call_id] = message


@asynccontextmanager
async def listening(host: str, token: str | None = None) -> AsyncIterator[Listening]:
    listener = Listening(token)
    await listener.connect(host)
    try:
        yield listener
    finally:
        await listener.leave()
