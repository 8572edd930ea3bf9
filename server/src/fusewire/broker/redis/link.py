"""One connection to one node, on which sharded channels are heard."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Protocol

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import MovedError

from fusewire.broker.redis.nodes import Address

TURN = 64
"""After this many replies in a row others have their turn: a full buffer never makes the reader wait by itself."""


class Hears(Protocol):
    """Who is told what a link hears. None of it may block or raise."""

    def arrived(self, channel: str, frame: bytes) -> None: ...

    def confirmed(self, channel: str) -> None:
        """What is published on the channel from now on arrives."""
        ...

    def ended(self, channel: str) -> None:
        """The node itself ended the subscription: the slot is moving away."""
        ...

    def moved(self, slot: int, address: Address) -> None:
        """The node does not hold channels of this slot."""
        ...


class Link:
    """Asking for channels only queues; `run` sends, reads and watches until the connection is lost."""

    def __init__(self, connection: AbstractConnection, hears: Hears, *, idle_seconds: float) -> None:
        self._connection = connection
        self._hears = hears
        self._idle = idle_seconds
        self._outgoing: list[tuple[str, ...]] = []
        self._more = asyncio.Event()
        # How many replies about a channel are still to come: only the last one tells how things stand.
        self._pending: dict[str, int] = {}
        self._heard = 0.0

    def subscribe(self, channel: str) -> None:
        self._send("SSUBSCRIBE", channel)

    def unsubscribe(self, channel: str) -> None:
        self._send("SUNSUBSCRIBE", channel)

    def forget(self, which: Callable[[str], bool]) -> None:
        """Of these channels no replies are to come: the node refused, and a refusal does not say of which."""
        for channel in [channel for channel in self._pending if which(channel)]:
            del self._pending[channel]

    async def run(self) -> None:
        """Ends by raising: `RedisError`, `OSError`, or a group of them."""
        self._heard = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._write())
            tasks.create_task(self._watch())
            await self._read()

    def _send(self, command: str, channel: str) -> None:
        self._pending[channel] = self._pending.get(channel, 0) + 1
        self._outgoing.append((command, channel))
        self._more.set()

    async def _write(self) -> None:
        while True:
            await self._more.wait()
            self._more.clear()
            outgoing, self._outgoing = self._outgoing, []
            packed = self._connection.pack_commands(outgoing)
            await self._connection.send_packed_command(packed, check_health=False)

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            heard = self._heard
            silent = loop.time() - heard
            if silent < self._idle:
                await asyncio.sleep(self._idle - silent)
                continue
            self._outgoing.append(("PING",))
            self._more.set()
            await asyncio.sleep(self._idle)
            if self._heard == heard:
                raise TimeoutError("Redis fell silent")

    async def _read(self) -> None:
        loop = asyncio.get_running_loop()
        turn = 0
        while True:
            try:
                reply = await self._connection.read_response(timeout=math.inf, disconnect_on_error=False)
            except MovedError as error:
                self._hears.moved(error.slot_id, (error.host, error.port))
                continue
            self._heard = loop.time()
            if isinstance(reply, list):
                self._take(*reply)
            turn += 1
            if turn % TURN == 0:
                await asyncio.sleep(0)

    def _take(self, kind: bytes, channel: bytes, value: bytes | int = 0) -> None:
        if kind == b"smessage":
            assert isinstance(value, bytes)
            self._hears.arrived(channel.decode(), value)
        elif kind in (b"ssubscribe", b"sunsubscribe"):
            name = channel.decode()
            pending = self._pending.get(name, 0)
            if pending > 1:
                self._pending[name] = pending - 1
                return
            self._pending.pop(name, None)
            if kind == b"ssubscribe":
                self._hears.confirmed(name)
            elif pending == 0:
                self._hears.ended(name)
