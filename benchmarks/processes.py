"""Servers as processes on a core of their own, ended by their own pid; what they used, from /proc."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 30.0
STOP_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Server:
    pid: int
    port: int

    def cpu_seconds(self) -> float:
        """Time on a CPU, of all threads. From the scheduler: `stat` counts in ticks of 10 ms."""
        total = 0
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
        return total / 1e9

    def resident_bytes(self) -> int:
        for line in Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Private_Dirty:"):
                return int(line.split()[1]) * 1024
        raise RuntimeError(f"no figure of memory for process {self.pid}")


@asynccontextmanager
async def serving(command: Sequence[str | Path], core: int) -> AsyncIterator[Server]:
    """Start a server that prints its port, and stop it when the block ends. Raises RuntimeError if it does not start."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(START_SECONDS):
            line = await process.stdout.readline()
        if not line.strip().isdigit():
            raise RuntimeError(f"{' '.join(map(str, command))} did not say its port but {line!r}")
        yield Server(process.pid, int(line))
    finally:
        await _stop(process)


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def python_server(module: str, python: str | Path = sys.executable) -> list[str | Path]:
    return [python, "-m", "benchmarks.servers", module]
