"""Plays one conversation against a server, in the client's place, and says where the two part."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from typing import Any
from urllib.parse import urlsplit

import websockets

from tests.conformance.messages import Message, decode, encode, size_of
from tests.conformance.reading import Bound, Conversation, frame_of, message_fits, message_of, parts_of

SUBPROTOCOL = "fusewire.v1.msgpack"
STEP_SECONDS = 15.0
"""How long a step may take that says nothing else (`within_ms`)."""
HELD_BY = 100_000_000
"""Bytes of the largest frame from the server."""


class Mismatch(AssertionError):
    """The server said something else than the conversation does."""


class Line:
    """One connection: what came in and was not asked for yet, and the credit that the server granted."""

    def __init__(self, socket: websockets.ClientConnection, *, silent: bool) -> None:
        self._socket = socket
        self._silent = silent
        self._waiting: deque[Message] = deque()
        self.granted: Counter[tuple[int, str]] = Counter()
        self.sent: Counter[tuple[int, str]] = Counter()

    async def send(self, frame: bytes | str) -> None:
        try:
            await self._socket.send(frame)
        except websockets.ConnectionClosed as closed:
            raise Mismatch(f"the server closed before this could be sent: {closed}") from closed

    async def next(self, kind: str = "") -> Message:
        """The next message. Pings are answered and left out, and so is where topics stand (but for what is waited for: `kind`);
        credit is added up.

        Raises `websockets.ConnectionClosed`.
        """
        while True:
            while not self._waiting:
                frame = await self._socket.recv()
                if isinstance(frame, str):
                    raise Mismatch(f"the server sent a text frame: {frame[:80]!r}")
                self._waiting.extend(decode(frame))
            message = self._waiting.popleft()
            if message["kind"] == "credit":
                self._take_credit(message)
            elif message["kind"] == "ping":
                if not self._silent:
                    await self._socket.send(encode({"kind": "pong"}))
                if kind == "ping":
                    return message
            elif message["kind"] == "topic" and kind != "topic":
                continue
            else:
                return message

    async def until_granted(self, wanted: dict[str, int]) -> None:
        """Wait for so much credit in all; `wanted` has the `id`, and `items` or `bytes` or both."""
        least = {(wanted["id"], unit): wanted.get(unit, 0) for unit in ("items", "bytes")}
        while any(self.granted[key] < enough for key, enough in least.items()):
            while self._waiting and self._waiting[0]["kind"] not in ("credit", "ping", "topic"):
                raise Mismatch(f"{self._waiting[0]} where credit was expected")
            if self._waiting:
                message = self._waiting.popleft()
                if message["kind"] == "credit":
                    self._take_credit(message)
            else:
                frame = await self._socket.recv()
                assert isinstance(frame, bytes)
                self._waiting.extend(decode(frame))

    def _take_credit(self, message: Message) -> None:
        for unit in ("items", "bytes"):
            key = (message["id"], unit)
            self.granted[key] += message[unit]
            # What is granted is what was taken, and nothing can be taken that was not sent.
            if self.granted[key] > self.sent[key]:
                raise Mismatch(f"{message}: {self.granted[key]} granted in all, {self.sent[key]} sent")

    def note_item(self, item: Message) -> None:
        self.sent[item["id"], "items"] += 1
        self.sent[item["id"], "bytes"] += size_of(item.get("value"))

    async def close(self) -> None:
        await self._socket.close()


class Player:
    """`url`: such as `ws://localhost:8000/_ws`."""

    def __init__(self, url: str, conversation: Conversation) -> None:
        self._url = url
        self._conversation = conversation
        self._bound: Bound = {}
        self._line: Line | None = None
        self._refused: int | None = None

    async def play(self) -> None:
        """Raises `Mismatch`."""
        steps = list(enumerate(self._conversation.steps, 1))
        try:
            if self._conversation.start != "nothing":
                await self._connect({})
            if self._conversation.start == "welcome":
                await self._say_hello()
            for number, step in steps:
                await self._step(number, step)
            if steps and not steps[-1][1].keys() & {"close", "refused"}:
                await self._nothing_more()
        finally:
            if self._line is not None:
                await self._line.close()

    async def _step(self, number: int, step: dict[str, Any]) -> None:
        seconds = step.get("within_ms", STEP_SECONDS * 1000) / 1000
        try:
            async with asyncio.timeout(seconds):
                await self._perform(step)
        except TimeoutError as error:
            raise Mismatch(f"step {number}: nothing came within {seconds:g} s: {_short(step)}") from error
        except websockets.ConnectionClosed as closed:
            raise Mismatch(f"step {number}: {_code(closed)} at {_short(step)}") from closed
        except Mismatch as mismatch:
            raise Mismatch(f"step {number}: {mismatch}") from mismatch

    async def _perform(self, step: dict[str, Any]) -> None:
        match step:
            case {"connect": how}:
                await self._connect(how)
            case {"refused": status}:
                if self._refused != status:
                    raise Mismatch(f"the handshake got {self._refused or 'accepted'}, not {status}")
            case {"text": text}:
                await self._open.send(text)
            case {"client": parts}:
                await self._say(parts)
            case {"server": said}:
                await self._hear(list(parts_of(said)), any_order=step.get("order") == "any")
            case {"granted": granted}:
                await self._open.until_granted(granted)
            case {"close": code}:
                await self._hear_close(code, list(parts_of(step.get("perhaps", []))))
            case _:
                raise ValueError(f"no such step: {step}")

    @property
    def _open(self) -> Line:
        if self._line is None:
            raise Mismatch(f"not connected: the handshake got {self._refused}")
        return self._line

    async def _connect(self, how: dict[str, Any]) -> None:
        if self._line is not None:
            await self._line.close()
        own = "http://" + urlsplit(self._url).netloc
        headers = {"Origin": how["origin"].replace("$own", own)} if "origin" in how else {}
        offered = [websockets.Subprotocol(how.get("subprotocol", SUBPROTOCOL))]
        self._line = self._refused = None
        try:
            socket = await websockets.connect(
                self._url,
                subprotocols=offered if how.get("subprotocol", True) is not None else None,
                additional_headers=headers,
                compression=None,
                max_size=HELD_BY,
                ping_interval=None,
            )
        except websockets.InvalidStatus as refused:
            self._refused = refused.response.status_code
        else:
            if socket.subprotocol != SUBPROTOCOL:
                raise Mismatch(f"the server chose the subprotocol {socket.subprotocol}")
            self._line = Line(socket, silent=self._conversation.silent)

    async def _say_hello(self) -> None:
        await self._open.send(encode({"kind": "hello"}))
        async with asyncio.timeout(STEP_SECONDS):
            welcome = await self._open.next()
        if welcome["kind"] != "welcome":
            raise Mismatch(f"{welcome} where welcome was expected")

    async def _say(self, parts: list[Any]) -> None:
        frame = frame_of(parts, self._bound)
        for part in parts_of(parts):
            if isinstance(part, dict) and part.get("kind") == "item":
                self._open.note_item(message_of(part, self._bound))
        await self._open.send(frame)

    async def _hear(self, patterns: list[Message], *, any_order: bool) -> None:
        while patterns:
            if all(pattern.get("$maybe") for pattern in patterns):
                # Nothing that has to come is left; what may still come would be first behind a ping.
                return await self._nothing_more(patterns)
            message = await self._open.next(patterns[0]["kind"])
            self._take(message, patterns, any_order=any_order)
        return None

    def _take(self, message: Message, patterns: list[Message], *, any_order: bool) -> None:
        for index, pattern in enumerate(patterns):
            if any_order and _subject(pattern) != _subject(message):
                continue
            if message_fits(pattern, message, self._bound):
                del patterns[index]
                return
            if not pattern.get("$maybe"):
                raise Mismatch(f"{_short(message)} where {_short(pattern)} was expected")
        raise Mismatch(f"{_short(message)} was not expected")

    async def _nothing_more(self, perhaps: list[Message] | None = None) -> None:
        """Whatever the server had to say is said before its pong: a second answer would be seen here."""
        await self._open.send(encode({"kind": "ping"}))
        try:
            async with asyncio.timeout(STEP_SECONDS):
                while (message := await self._open.next())["kind"] != "pong":
                    self._take(message, perhaps or [], any_order=True)
        except websockets.ConnectionClosed as closed:
            raise Mismatch(f"at the end: {_code(closed)}") from closed
        except TimeoutError as error:
            raise Mismatch("at the end: a ping got no pong") from error

    async def _hear_close(self, code: int, perhaps: list[Message]) -> None:
        try:
            while perhaps:
                self._take(await self._open.next(), perhaps, any_order=True)
            message = await self._open.next()
        except websockets.ConnectionClosed as closed:
            if (got := closed.rcvd.code if closed.rcvd else 1006) != code:
                raise Mismatch(f"closed with {got}, not {code}") from closed
            return
        raise Mismatch(f"{_short(message)} where close {code} was expected")


def _subject(message: Message) -> Any:
    """Messages of one call keep their order, whatever comes between them."""
    return message["id"] if message.get("id") is not None else message["kind"]


def _code(closed: websockets.ConnectionClosed) -> str:
    return (
        f"the server closed with {closed.rcvd.code} {closed.rcvd.reason}" if closed.rcvd else "the line broke"
    )


def _short(said: Any) -> str:
    text = str(said)
    return text if len(text) < 200 else f"{text[:200]}…"
