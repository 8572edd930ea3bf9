"""Events: what a delivery costs, and what a worker does not hear."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager

from benchmarks.bench import Bench
from benchmarks.harness import Figure, Slice, alternate
from benchmarks.hearing import Hearing, call
from benchmarks.load import Socket, client_frame, connect
from benchmarks.processes import Server, python_server, serving, unpinned
from benchmarks.rows.throughput import describe
from tests.support.proxy import Proxy
from tests.support.valkey import ValkeyServer

CONNECTIONS = 1_000
EVENTS = 30
"""Of a slice."""
ELSEWHERE = 1_000
"""Events to somebody whom another worker holds."""


class Audience:
    """So many connections to one server, all of which are told the same."""

    def __init__(
        self, server: Server, sockets: list[tuple[Socket, Hearing]], begin: Callable[[int], bytes]
    ) -> None:
        self._server = server
        self._sockets = sockets
        self._begin = begin

    @property
    def size(self) -> int:
        """Bytes of an event, as the first connection heard it."""
        return self._sockets[0][1].size

    async def run(self, events: int) -> Slice:
        """Until everybody has heard them all."""
        clock = asyncio.get_running_loop().time
        before = [dialect.heard for _, dialect in self._sockets]
        cpu, began = self._server.cpu_seconds(), clock()
        self._sockets[0][0].write(client_frame(self._begin(events), binary=True))
        for (socket, dialect), heard in zip(self._sockets, before, strict=True):
            await _heard(socket, dialect, heard + events)
        took, cpu = clock() - began, self._server.cpu_seconds() - cpu
        if any(
            dialect.heard != heard + events for (_, dialect), heard in zip(self._sockets, before, strict=True)
        ):
            raise RuntimeError("somebody heard more than was told")
        return Slice(events * len(self._sockets), took, cpu)


async def fan_out_in_memory(bench: Bench) -> Figure:
    return await _beside_raw(bench, await bench.python("events_app"))


async def fan_out_under_uvicorn(bench: Bench) -> Figure:
    """With nothing of ours below the app: what raw sends go through as well."""
    return await _beside_raw(bench, await bench.python("events_uvicorn"))


async def fan_out_over_redis(bench: Bench) -> Figure:
    async with _redis() as valkey, _worker(bench, valkey.url) as server:
        return await _beside_raw(bench, server)


async def raw_beside_raw(bench: Bench) -> Figure:
    """The noise."""
    async with bench.fresh("fanout") as one, bench.fresh("fanout") as other, AsyncExitStack() as stack:
        a, b = [await _audience(stack, server, ours=False) for server in (one, other)]
        return _per_cpu(await _alternate(bench, a, b))


async def heard_in_vain(bench: Bench) -> Figure:
    """Messages from Redis per event to a user whom another worker holds."""
    async with (
        _redis() as valkey,
        Proxy("127.0.0.1", valkey.port).running() as proxy,
        AsyncExitStack() as stack,
    ):
        pushed = _counting(proxy)
        holds = await stack.enter_async_context(_worker(bench, valkey.url))
        other = await stack.enter_async_context(_worker(bench, f"redis://127.0.0.1:{proxy.port}"))
        ann, heard_by_ann = await _connected(stack, holds, "ann")
        bob, heard_by_bob = await _connected(stack, other, "bob")
        # That the counter counts: these are for somebody there.
        ann.write(client_frame(call(1, "tell", "bob", 1), binary=True))
        await bob.until(lambda: heard_by_bob.heard == 1)
        before = pushed()
        if before == 0:
            raise RuntimeError("an event for somebody there was not counted")
        ann.write(client_frame(call(2, "tell", "ann", ELSEWHERE), binary=True))
        await ann.until(lambda: heard_by_ann.heard == ELSEWHERE)
        in_vain = pushed() - before
        # What was published after that came to it: so would have what came before.
        ann.write(client_frame(call(3, "tell", "bob", 1), binary=True))
        await bob.until(lambda: heard_by_bob.heard == 2)
        return Figure.of([in_vain / ELSEWHERE], f"{ELSEWHERE:,} events, {in_vain} messages")


def _counting(proxy: Proxy) -> Callable[[], int]:
    """How many messages of channels went to the worker."""
    count = 0

    def look(chunk: bytes) -> bool:
        nonlocal count
        count += chunk.count(b"smessage")
        return False

    proxy.down.drop = look
    return lambda: count


async def _beside_raw(bench: Bench, server: Server) -> Figure:
    async with AsyncExitStack() as stack:
        ours = await _audience(stack, server, ours=True)
        await ours.run(1)
        raw = await _audience(stack, await bench.python("fanout"), ours=False, size=ours.size)
        return _per_cpu(await _alternate(bench, ours, raw))


async def _alternate(bench: Bench, a: Audience, b: Audience) -> list[tuple[Slice, Slice]]:
    return await alternate(lambda: a.run(EVENTS), lambda: b.run(EVENTS), bench.plan.pairs)


def _per_cpu(pairs: list[tuple[Slice, Slice]]) -> Figure:
    return Figure.of([b.cost / a.cost for a, b in pairs], describe(pairs))


async def _audience(stack: AsyncExitStack, server: Server, *, ours: bool, size: int = 80) -> Audience:
    sockets = []
    for _ in range(CONNECTIONS):
        dialect = Hearing(ours=ours)
        socket = await connect(server, Socket(dialect, 1, 1))
        stack.callback(socket.close)
        sockets.append((socket, dialect))
    for socket, dialect in sockets:
        await _welcomed(socket, dialect)
    if ours:
        return Audience(server, sockets, lambda events: call(1, "tell_all", events))
    return Audience(server, sockets, lambda events: b"%d %d" % (events, size))


async def _connected(stack: AsyncExitStack, server: Server, user: str) -> tuple[Socket, Hearing]:
    dialect = Hearing(ours=True, user=user)
    socket = await connect(server, Socket(dialect, 1, 1))
    stack.callback(socket.close)
    await _welcomed(socket, dialect)
    return socket, dialect


async def _welcomed(socket: Socket, dialect: Hearing) -> None:
    await socket.until(lambda: dialect.welcomed)


async def _heard(socket: Socket, dialect: Hearing, count: int) -> None:
    await socket.until(lambda: dialect.heard >= count)


@asynccontextmanager
async def _redis() -> AsyncIterator[ValkeyServer]:
    with ExitStack() as stack:
        with unpinned():
            valkey = stack.enter_context(ValkeyServer())
        yield valkey


@asynccontextmanager
async def _worker(bench: Bench, redis_url: str) -> AsyncIterator[Server]:
    command = python_server("events_app")
    async with serving(command, bench.cores.server, REDIS_URL=redis_url) as server:
        yield server
