"""What every row is given: the servers of this run, started when first asked for, and how long to measure."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness import Cores
from benchmarks.processes import Server, python_server, serving


@dataclass(frozen=True, slots=True)
class Plan:
    """`pairs` of slices of `seconds` each."""

    pairs: int
    seconds: float
    debug: bool = False


class Bench:
    def __init__(self, plan: Plan, cores: Cores, stack: AsyncExitStack) -> None:
        self.plan = plan
        self.cores = cores
        self._stack = stack
        self._servers: dict[str, Server] = {}

    async def python(self, module: str) -> Server:
        """The server of an app in `benchmarks.servers`; one process for the whole run."""
        return await self._server(module, python_server(module))

    async def _server(self, name: str, command: Sequence[str | Path]) -> Server:
        if name not in self._servers:
            self._servers[name] = await self._stack.enter_async_context(serving(command, self.cores.server))
        return self._servers[name]


@asynccontextmanager
async def benching(plan: Plan, cores: Cores) -> AsyncIterator[Bench]:
    async with AsyncExitStack() as stack:
        yield Bench(plan, cores, stack)
