"""What every row is given: the servers of this run, started when first asked for, and how long to measure."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from benchmarks.harness import Cores
from benchmarks.processes import Command, Server, python_server, serving
from benchmarks.toolchain import PEERS, ephaptic_python, node

Measured = TypeVar("Measured")


@dataclass(frozen=True, slots=True)
class Plan:
    """`pairs` of slices of `seconds` each. `long`: as a nightly run has it."""

    pairs: int
    seconds: float
    debug: bool = False
    long: bool = False


class Bench:
    def __init__(self, plan: Plan, cores: Cores, stack: AsyncExitStack) -> None:
        self.plan = plan
        self.cores = cores
        self._stack = stack
        self._servers: dict[str, Server] = {}
        self._done: dict[object, Any] = {}

    async def python(self, module: str) -> Server:
        """The server of an app in `benchmarks.servers`; one process for the whole run."""
        return await self._server(module, python_server(module))

    async def ephaptic(self) -> Server:
        return await self._server("ephaptic", python_server("ephaptic_app", await ephaptic_python()))

    async def trpc(self) -> Server:
        return await self._server("trpc", [node(), PEERS / "trpc-server.js"])

    def fresh(self, module: str) -> AbstractAsyncContextManager[Server]:
        """A process that nothing was asked of yet, for figures of memory."""
        return serving(python_server(module), self.cores.server)

    async def once(self, measure: Callable[[], Awaitable[Measured]]) -> Measured:
        """What several rows are taken from is measured once. What failed is not tried again."""
        if measure not in self._done:
            try:
                self._done[measure] = await measure()
            except Exception as error:
                self._done[measure] = error
                raise
        done = self._done[measure]
        if isinstance(done, Exception):
            raise done
        measured: Measured = done
        return measured

    async def _server(self, name: str, command: Command) -> Server:
        if name not in self._servers:
            self._servers[name] = await self._stack.enter_async_context(serving(command, self.cores.server))
        return self._servers[name]


@asynccontextmanager
async def benching(plan: Plan, cores: Cores) -> AsyncIterator[Bench]:
    async with AsyncExitStack() as stack:
        yield Bench(plan, cores, stack)
