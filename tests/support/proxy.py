"""A TCP proxy that breaks things on purpose."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

CHUNK = 1 << 16


@dataclass
class Direction:
    """What happens to bytes that go one way, on every link."""

    open: asyncio.Event = field(default_factory=asyncio.Event)
    """Cleared: they wait, as in a stalled network."""
    delay_seconds: float = 0.0
    """Each chunk waits for this long, and those behind it too."""
    drop: Callable[[bytes], bool] | None = None
    """Chunks that vanish, and nobody is told."""
    dropped: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when one has vanished."""
    passed: int = 0
    """Bytes handed on so far."""

    def __post_init__(self) -> None:
        self.open.set()


@dataclass(eq=False)
class Link:
    ends: tuple[asyncio.StreamWriter, asyncio.StreamWriter]
    dead: bool = False
    left: int | None = None
    """Bytes that it still carries to the client before it is cut, in the middle of whatever they are."""


class Proxy:
    """`up`: towards the server, `down`: towards the clients. `refusing`: new links are ended at once; `stalling`: they are half open."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._server: asyncio.Server | None = None
        self._links: set[Link] = set()
        self._idle = asyncio.Event()
        self._idle.set()
        self.up = Direction()
        self.down = Direction()
        self.refusing = False
        self.stalling = False
        self.accepted = 0
        """How many links there have been."""

    @property
    def port(self) -> int:
        assert self._server is not None, "inside running()"
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def dead_links(self) -> int:
        """How many are half open, and were not given up yet."""
        return sum(link.dead for link in self._links)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Proxy]:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        try:
            yield self
        finally:
            self.refusing = True
            self._server.close()
            self.cut()
            await self._server.wait_closed()
            await self._idle.wait()

    def cut(self) -> None:
        """Reset every link, in the middle of whatever it carries."""
        for link in list(self._links):
            for end in link.ends:
                end.transport.abort()

    def half_open(self) -> None:
        """The links of now carry nothing any more, and neither end is told. New ones are sound."""
        for link in self._links:
            link.dead = True

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(*self._target)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        if self.refusing:
            writer.transport.abort()
            return
        try:
            up_reader, up_writer = await self._open()
        except OSError:
            writer.transport.abort()
            return
        link = Link((writer, up_writer), dead=self.stalling)
        self._links.add(link)
        self._linked(link)
        self._idle.clear()
        try:
            async with asyncio.TaskGroup() as tasks:
                pumps = [
                    tasks.create_task(self._pump(link, reader, up_writer, self.up)),
                    tasks.create_task(self._pump(link, up_reader, writer, self.down)),
                ]
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
                for pump in pumps:
                    pump.cancel()
        finally:
            self._links.discard(link)
            self._unlinked(link)
            for end in link.ends:
                end.transport.abort()
            if not self._links:
                self._idle.set()

    async def _pump(
        self, link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: Direction
    ) -> None:
        # RuntimeError is uvloop's word for a transport that was closed meanwhile.
        with contextlib.suppress(OSError, RuntimeError):
            while data := await reader.read(CHUNK):
                if way.delay_seconds:
                    await asyncio.sleep(way.delay_seconds)
                await way.open.wait()
                if link.dead or (way.drop is not None and way.drop(data)):
                    way.dropped.set()
                    continue
                data = self._passing(link, way, data)
                writer.write(data)
                await writer.drain()
                way.passed += len(data)
                if link.left == 0:
                    return

    def _linked(self, link: Link) -> None:
        """A link begins."""

    def _unlinked(self, link: Link) -> None:
        """It has ended."""

    def _passing(self, link: Link, way: Direction, data: bytes) -> bytes:
        """What becomes of a chunk on its way."""
        if way is self.down and link.left is not None:
            data = data[: link.left]
            link.left -= len(data)
        return data
