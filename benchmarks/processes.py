"""Processes on a core of their own, ended by their own pid; what they used, from /proc."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 60.0
ANSWER_SECONDS = 30.0
STOP_SECONDS = 5.0
EVERY_CORE = os.sched_getaffinity(0)

ESTABLISHED = "01"  # in /proc/net/tcp

Command = Sequence[str | Path]


class Child:
    """A process that is talked to by lines."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.pid = process.pid

    async def read_line(self, seconds: float = ANSWER_SECONDS) -> str:
        """Raises RuntimeError when it ends instead, and TimeoutError."""
        assert self._process.stdout is not None
        async with asyncio.timeout(seconds):
            line = await self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"process {self.pid} ended with {await self._process.wait()}")
        return line.decode().strip()

    async def ask(self, line: str) -> str:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())
        return await self.read_line()


class Server:
    """A child that serves on `port`."""

    def __init__(self, child: Child, port: int) -> None:
        self._child = child
        self.pid = child.pid
        self.port = port

    def cpu_seconds(self) -> float:
        """Time on a CPU, of all threads. From the scheduler: `stat` counts in ticks of 10 ms."""
        total = 0
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
        return total / 1e9

    def resident_bytes(self) -> int:
        """Exact; the RSS of `status` lags behind."""
        for line in Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Rss:"):
                return int(line.split()[1]) * 1024
        raise RuntimeError(f"no figure of memory for process {self.pid}")

    def queued_bytes(self) -> list[int]:
        """What the kernel holds for each connection's peer: sent by the server, and not yet read."""
        port = f":{self.port:04X}"
        queues = []
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            _, local, remote, state, queued, *_ = line.split()
            if state == ESTABLISHED and local.endswith(port):
                queues.append((remote, int(queued.split(":")[0], 16)))
        return [size for _, size in sorted(queues)]

    async def collected_bytes(self) -> int:
        """Resident after a garbage collection; for a server of `benchmarks.servers`."""
        os.kill(self.pid, signal.SIGUSR1)
        if (said := await self._child.read_line()) != "collected":
            raise RuntimeError(f"process {self.pid} said {said!r}")
        return self.resident_bytes()


@asynccontextmanager
async def running(command: Command, core: int | None, **environment: str) -> AsyncIterator[Child]:
    """Start a process on a core, and stop it when the block ends.

    `core`: None for those that this process may use. `environment`: besides this process's own.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, **environment},
        # Before exec, so that every thread it starts inherits it.
        preexec_fn=None if core is None else lambda: os.sched_setaffinity(0, {core}),
    )
    try:
        yield Child(process)
    finally:
        await stopped(process)


@asynccontextmanager
async def serving(command: Command, core: int, **environment: str) -> AsyncIterator[Server]:
    """Start a server that prints its port, and stop it when the block ends. Raises RuntimeError if it does not start."""
    async with running(command, core, **environment) as child:
        line = await child.read_line(START_SECONDS)
        if not line.isdigit():
            raise RuntimeError(f"{' '.join(map(str, command))} did not say its port but {line!r}")
        yield Server(child, int(line))


@contextmanager
def unpinned() -> Iterator[None]:
    """What is started inside may use every core that this process was started with."""
    pinned = os.sched_getaffinity(0)
    os.sched_setaffinity(0, EVERY_CORE)
    try:
        yield
    finally:
        os.sched_setaffinity(0, pinned)


async def finished(command: Command, folder: Path = ROOT) -> bytes:
    """Run to the end. Returns the standard output; raises RuntimeError when it failed."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, cwd=folder
    )
    output, errors = await process.communicate()
    if process.returncode != 0:
        said = (output + errors).decode().split()
        raise RuntimeError(f"{' '.join(map(str, command))}: {' '.join(said)[:200]}")
    return output


def python_server(module: str, python: str | Path = sys.executable) -> list[str | Path]:
    return [python, "-m", "benchmarks.servers", module]


async def stopped(process: asyncio.subprocess.Process) -> None:
    """Ask a process to end, then insist."""
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
