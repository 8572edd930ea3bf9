"""The TypeScript client as it is: under Node beside tRPC's, and as a bundle."""

from __future__ import annotations

import asyncio
import gzip
import json
import urllib.request
from contextlib import AbstractAsyncContextManager, AsyncExitStack

from benchmarks.bench import Bench
from benchmarks.harness import Figure, Slice, alternate
from benchmarks.processes import Child, Server, running
from benchmarks.rows.throughput import describe
from benchmarks.toolchain import PEERS, build_client, bundle, node


async def in_flight(bench: Bench) -> Figure:
    """`add` over one connection with 64 calls in flight: our client and server, beside tRPC's client and server."""
    return await _beside_trpc(bench, depth=64)


async def one_at_a_time(bench: Bench) -> Figure:
    """The same, each call awaited before the next."""
    return await _beside_trpc(bench, depth=1)


async def fusewire_bundle(_bench: Bench) -> Figure:
    return await _bundled("bundle-fusewire.js")


async def recovery_bundle(_bench: Bench) -> Figure:
    return await _bundled("bundle-recovery.js")


async def trpc_bundle(_bench: Bench) -> Figure:
    return await _bundled("bundle-trpc.js")


async def _bundled(entry: str) -> Figure:
    """kB (1,000 bytes) of `esbuild --bundle --minify`, `gzip -9`."""
    minified = await bundle(entry)
    return Figure.of([len(gzip.compress(minified, 9, mtime=0)) / 1000], f"{len(minified):,} bytes minified")


async def _beside_trpc(bench: Bench, *, depth: int) -> Figure:
    await build_client()
    ours, theirs = await bench.python("fusewire_app"), await bench.trpc()
    async with AsyncExitStack() as stack:
        a = await stack.enter_async_context(_client(bench, "fusewire", ours, await _calls_hash(ours)))
        b = await stack.enter_async_context(_client(bench, "trpc", theirs))
        for client in (a, b):
            await client.read_line()
        pairs = await alternate(
            lambda: _slice(a, ours, depth, bench.plan.seconds),
            lambda: _slice(b, theirs, depth, bench.plan.seconds),
            bench.plan.pairs,
        )
    return Figure.of([x.rate / y.rate for x, y in pairs], describe(pairs))


def _client(bench: Bench, kind: str, server: Server, *more: str) -> AbstractAsyncContextManager[Child]:
    return running([node(), PEERS / "client.js", kind, str(server.port), *more], bench.cores.load)


async def _slice(client: Child, server: Server, depth: int, seconds: float) -> Slice:
    cpu = server.cpu_seconds()
    answer = json.loads(await client.ask(json.dumps({"depth": depth, "seconds": seconds})))
    return Slice(answer["count"], answer["seconds"], server.cpu_seconds() - cpu)


async def _calls_hash(server: Server) -> str:
    def get() -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/calls", timeout=10) as response:
            return str(json.load(response))

    return await asyncio.to_thread(get)
