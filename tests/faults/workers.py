"""Workers as processes of their own: started, killed, and replaced one after the other."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.faults.gateway import Gateway
from tests.faults.waiting import within

ROOT = Path(__file__).resolve().parents[2]
LEDGER = "FUSEWIRE_FAULTS_LEDGER"
"""Names the file that gets a line for each execution. Not in Redis, which loses its data here."""
START_SECONDS = 60.0
STOP_SECONDS = 45.0


@dataclass(frozen=True)
class Worker:
    process: asyncio.subprocess.Process
    port: int


class Workers:
    """`gateways` lead to those that serve at the moment. What they log goes to `log`."""

    def __init__(self, redis_url: str, ledger: Path, log: Path, gateways: Sequence[Gateway]) -> None:
        self._environment = {**os.environ, "REDIS_URL": redis_url, LEDGER: str(ledger)}
        self._gateways = gateways
        self._log = log.open("ab")
        self.log = log
        self.serving: list[Worker] = []
        self._processes: list[asyncio.subprocess.Process] = []

    @asynccontextmanager
    async def running(self, count: int) -> AsyncIterator[Workers]:
        try:
            async with asyncio.TaskGroup() as tasks:
                for _ in range(count):
                    tasks.create_task(self.start_one())
            yield self
        finally:
            self.serving.clear()
            for process in self._processes:
                await _ended(process, signal.SIGKILL)
            self._log.close()

    async def kill(self, worker: Worker) -> None:
        self.serving.remove(worker)
        await _ended(worker.process, signal.SIGKILL)
        # Only now: whoever comes meanwhile finds nobody there, as behind a real gateway.
        self._route()

    async def start_one(self) -> Worker:
        worker = await self._started()
        self.serving.append(worker)
        self._route()
        return worker

    async def stop(self, worker: Worker) -> None:
        """As a deploy does: new connections go elsewhere, then it is told to stop, and finishes what it has."""
        self.serving.remove(worker)
        self._route()
        await _ended(worker.process, signal.SIGTERM)

    def _route(self) -> None:
        for gateway in self._gateways:
            gateway.ports = [worker.port for worker in self.serving]

    async def _started(self) -> Worker:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.faults.worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=self._log,
            cwd=ROOT,
            env=self._environment,
        )
        self._processes.append(process)
        assert process.stdout is not None
        async with within(START_SECONDS, "a worker that serves"):
            line = await process.stdout.readline()
        if not line:
            said = self.log.read_text()[-2000:]
            raise RuntimeError(f"a worker ended with {await process.wait()}: {said}")
        return Worker(process, int(line))


async def _ended(process: asyncio.subprocess.Process, with_signal: signal.Signals) -> None:
    if process.returncode is None:
        process.send_signal(with_signal)
    async with within(STOP_SECONDS, f"the end of a worker, after {with_signal.name}"):
        await process.wait()
    # What it left in its pipe is nobody's; without this the pipe is closed by the garbage collector, with a warning.
    process._transport.close()  # type: ignore[attr-defined]  # asyncio offers no other way
