"""Workers whose streams can be resumed, and who reads them over many connections. As a program: one worker."""

from __future__ import annotations

import asyncio
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

from fusewire import Fuse
from fusewire.streams import streams as timing
from fusewire.wire import messages as m

from tests.support.apps import fuse_of_users
from tests.support.peer import Peer, call, connected, packed
from tests.support.server import serving


class Log:
    """What generators did."""

    def __init__(self) -> None:
        self.started = 0
        self.yielded = 0
        self.cleaned = asyncio.Event()


def worker(url: str | None, name: str, log: Log, resume: str) -> Fuse:
    fuse = fuse_of_users(broker=url, name=name, drain_seconds=0.2)

    @fuse.rpc.get("/count", resume=resume)
    async def count(n: int, pause: float = 0.0) -> AsyncIterator[int]:
        log.started += 1
        try:
            for each in range(n):
                log.yielded += 1
                yield each
                if pause:
                    await asyncio.sleep(pause)
        finally:
            log.cleaned.set()

    @fuse.rpc(resume=resume)
    async def fails() -> AsyncIterator[int]:
        yield 1
        raise ValueError("broken")

    @fuse.rpc(resume=resume)
    async def wide(n: int) -> AsyncIterator[bytes]:
        try:
            for each in range(n):
                log.yielded += 1
                yield each.to_bytes(4, "big") * 4096
        finally:
            log.cleaned.set()

    return fuse


class Crew:
    """Workers of one app: one when there is no broker between them, else two."""

    def __init__(self, url: str | None, resume: str = "1m") -> None:
        self.log = Log()
        name = uuid.uuid4().hex
        self.apps = [worker(url, name, self.log, resume) for _ in range(1 if url is None else 2)]
        self.hosts: list[str] = []

    async def __aenter__(self) -> Crew:
        self._stack = AsyncExitStack()
        for fuse in self.apps:
            self.hosts.append(await self._stack.enter_async_context(serving(fuse.app)))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()


class Reader:
    """Reads one stream over as many connections as it takes."""

    def __init__(self, hosts: list[str], token: str | None = "ann") -> None:
        self._hosts = hosts
        self._token = token
        self._stack = AsyncExitStack()
        self._connections = 0
        self.peer: Peer
        self.stream: str | None = None
        self.position: str | None = None
        self.got: list[object] = []
        self.ended: m.End | m.Error | None = None

    async def __aenter__(self) -> Reader:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def connect(self) -> Peer:
        host = self._hosts[self._connections % len(self._hosts)]
        self._connections += 1
        self.peer = await self._stack.enter_async_context(connected(host, token=self._token))
        return self.peer

    async def call(self, name: str, *args: object) -> None:
        await self.connect()
        await self.peer.send(call(1, name, *args))

    async def cut(self) -> None:
        """The network goes away, and what was on its way with it."""
        self.peer.cut()
        await self._stack.aclose()

    async def resume(self) -> None:
        await self.connect()
        assert self.stream is not None
        await self.peer.send(m.Resume(1, self.stream, self.position))

    async def read(self, most: int = 10**9) -> None:
        """So many items, or up to the end."""
        while most > 0 and self.ended is None:
            match await self.peer.next():
                case m.Stream(stream=stream):
                    assert self.stream in (None, stream)
                    self.stream = stream
                case m.Item(value=value, position=position):
                    assert position is not None
                    self.got.append(value)
                    self.position = position
                    most -= 1
                    await self.peer.send(m.Credit(1, 1, len(packed(value))))
                case m.End() | m.Error() as end:
                    self.ended = end


async def _serve(url: str, name: str) -> None:
    timing.LEASE_SECONDS, timing.BEAT_SECONDS = 1.5, 0.2
    async with serving(worker(url, name, Log(), "1m").app) as host:
        sys.stdout.write(f"{host}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(*sys.argv[1:]))
