"""From saving a Python file to the TypeScript on disk."""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakKeyDictionary

from benchmarks.bench import Bench
from benchmarks.harness import Figure
from benchmarks.processes import finished, stopped, unpinned
from benchmarks.projects import App
from benchmarks.toolchain import ephaptic_python

BURST = 5
"""Saves of one module in a row: the first may have to import the whole app, the others need not."""
PATIENCE_SECONDS = 60.0
_POLL_SECONDS = 0.001


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds of each save, in order."""

    values: tuple[float, ...]

    def p50(self) -> Figure:
        firsts = statistics.median(self.values[::BURST])
        others = statistics.median(v for n, v in enumerate(self.values) if n % BURST)
        said = f"first of a module {firsts:.0f} ms, the same again {others:.0f} ms"
        return Figure.of(self.values, f"{len(self.values)} saves; {said}")

    def p95(self) -> Figure:
        value = statistics.quantiles(self.values, n=20, method="inclusive")[-1]
        return Figure(value, min(self.values), max(self.values), "beside it the best and the worst")


_measured: WeakKeyDictionary[Bench, dict[int, Times]] = WeakKeyDictionary()


async def hundred_p50(bench: Bench) -> Figure:
    return (await _ours(bench, 100, modules=7, pause=2.0)).p50()


async def hundred_p95(bench: Bench) -> Figure:
    return (await _ours(bench, 100, modules=7, pause=2.0)).p95()


async def thousand_p50(bench: Bench) -> Figure:
    return (await _ours(bench, 1000, modules=3, pause=3.0)).p50()


async def ephaptic_three(bench: Bench) -> Figure:
    return await _theirs(bench, 3)


async def ephaptic_hundred(bench: Bench) -> Figure:
    return await _theirs(bench, 100)


async def three_p50(bench: Bench) -> Figure:
    return (await _ours(bench, 3, modules=1, pause=1.0)).p50()


async def generate(app: App) -> None:
    """Write the TypeScript of an app once."""
    with unpinned():
        await finished(_command(app), app.root)


async def _ours(bench: Bench, procedures: int, *, modules: int, pause: float) -> Times:
    known = _measured.setdefault(bench, {})
    if procedures not in known:
        with tempfile.TemporaryDirectory() as folder:
            app = App(Path(folder) / "app", procedures)
            command = [*_command(app), "--watch"]
            known[procedures] = await _saves(app, command, modules, pause, quiet=8.0)
    return known[procedures]


async def _theirs(bench: Bench, procedures: int) -> Figure:
    del bench
    command = (await ephaptic_python()).with_name("ephaptic")
    with tempfile.TemporaryDirectory() as folder:
        app = App(Path(folder) / "app", procedures, is_peer=True)
        arguments: list[str | Path] = [command, "generate", "shop.main:ephaptic", "-o", app.output, "--watch"]
        return (await _saves(app, arguments, 1, 0.5, quiet=1.0)).p50()


def _command(app: App) -> list[str | Path]:
    return [Path(sys.executable).with_name("fusewire"), "generate", "shop.main:app", "-o", app.output]


async def _saves(
    app: App, command: Sequence[str | Path], modules: int, pause: float, *, quiet: float
) -> Times:
    """Rename a field, wait until it is in the file, go on after a pause; `BURST` times in each of some modules.

    `pause` and `quiet` (after the first file) are in seconds.
    """
    times = []
    async with _watching(app, command):
        await _written(app, "weights")
        await asyncio.sleep(quiet)
        for number in range(modules * BURST):
            field = f"field_{number:03}"
            started = time.perf_counter()
            app.save(number // BURST * (app.parts // modules), field)
            await _written(app, field)
            times.append((time.perf_counter() - started) * 1000)
            await asyncio.sleep(pause)
    return Times(tuple(times))


@asynccontextmanager
async def _watching(app: App, command: Sequence[str | Path]) -> AsyncIterator[None]:
    # Without bytecode every import would compile: not what a developer's machine does.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with unpinned():
        process = await asyncio.create_subprocess_exec(
            *command, cwd=app.root, env=environment, stdout=asyncio.subprocess.DEVNULL
        )
    try:
        yield
    finally:
        await stopped(process)


async def _written(app: App, field: str) -> None:
    seen: object = None
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                found = app.output.stat()
                now = (found.st_ino, found.st_mtime_ns, found.st_size)
                if now != seen and f"{field}: " in app.output.read_text():
                    return
                seen = now
            except FileNotFoundError:
                pass
            await asyncio.sleep(_POLL_SECONDS)
