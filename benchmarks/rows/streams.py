"""Items of streams per second of a core, beside ephaptic's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from benchmarks.bench import Bench
from benchmarks.harness import Figure, alternate
from benchmarks.load import Load, Socket, connect
from benchmarks.processes import Server
from benchmarks.rows.throughput import describe
from benchmarks.streams import EphapticStream, FusewireStream

CONNECTIONS, STREAMS, ITEMS = 8, 2, 250

StreamDialect = FusewireStream | EphapticStream


async def items_by_ephaptic(bench: Bench) -> Figure:
    """8 connections with 2 streams of 250 integers on each; a stream that has ended is asked for again."""
    seconds = bench.plan.seconds
    async with (
        _reading(await bench.python("fusewire_app"), lambda: FusewireStream("count", ITEMS)) as ours,
        _reading(await bench.ephaptic(), lambda: EphapticStream("count", ITEMS)) as theirs,
    ):
        pairs = await alternate(lambda: ours.run(seconds), lambda: theirs.run(seconds), bench.plan.pairs)
    # By CPU, which is what "per core" says: one of the two may wait for the reader.
    return Figure.of([b.cost / a.cost for a, b in pairs], describe(pairs))


class _Reader:
    """A socket whose count is that of the items."""

    def __init__(self, dialect: StreamDialect) -> None:
        self._dialect = dialect
        self.socket = Socket(dialect, STREAMS, 1)
        self.start, self.stop, self.drained = self.socket.start, self.socket.stop, self.socket.drained

    @property
    def count(self) -> int:
        return self._dialect.items


@asynccontextmanager
async def _reading(server: Server, dialect: Callable[[], StreamDialect]) -> AsyncIterator[Load]:
    async with AsyncExitStack() as stack:
        readers = [_Reader(dialect()) for _ in range(CONNECTIONS)]
        for reader in readers:
            await connect(server, reader.socket)
            stack.callback(reader.socket.close)
        yield Load(server, readers)
